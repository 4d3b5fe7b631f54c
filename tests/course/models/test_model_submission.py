"""The archive of a model: the same bytes each time, loaded in a fresh process, and checked as grading checks it."""

import json
import pickle
import re
import shutil
import zipfile

import pytest
import torch

from milestones.course import PACKAGE, ROOT, CourseError
from milestones.model_check import read_pairs
from milestones.model_submission import submit_model
from milestones.packing import packed, packed_bytes
from milestones.submit import Submit, run
from speech_enhancement import metrics
from speech_enhancement.files.state_file import write_state
from speech_enhancement.systems import registry
from tests.course.models.making import write_pairs, write_run

REPORT = "notebooks/milestone3.ipynb"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A folder with the package, the milestones and two short recordings, of which none is read elsewhere."""
    folder = tmp_path_factory.mktemp("template")
    modules = lambda _, names: [n for n in names if "." in n and not n.endswith(".py")]  # noqa: E731
    shutil.copytree(ROOT / PACKAGE, folder / PACKAGE, ignore=modules)
    for number in (1, 2, 3):
        name = f"milestones/milestone{number}/milestone.toml"
        (folder / name).parent.mkdir(parents=True)
        shutil.copyfile(ROOT / name, folder / name)
    write_pairs(folder / "milestones/milestone3/recordings")
    (folder / "notebooks").mkdir()
    (folder / REPORT).write_text("{}")
    return folder


@pytest.fixture(scope="module")
def wiener(tmp_path_factory):
    """The run of a system without parameters."""
    return write_run(tmp_path_factory.mktemp("runs") / "wiener", registry.build("wiener"))


def test_archive_holds_model_log_package_and_report(template, wiener, tmp_path, capsys):
    """The same files give the same bytes, and no file is a pickle."""
    archives = [tmp_path / "first.zip", tmp_path / "second.zip"]
    for archive in archives:
        submit_model(3, wiener, archive, check=False, root=template)
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with zipfile.ZipFile(archives[0]) as archive:
        names = archive.namelist()
        assert names[:4] == ["model.safetensors", "configuration.json", "log.jsonl", REPORT]
        assert all(name.startswith(f"{PACKAGE}/") and name.endswith(".py") for name in names[4:])
        assert archive.read("model.safetensors") == (wiener / "best.ckpt").read_bytes()
        assert json.loads(archive.read("configuration.json"))["model"]["system"] == "wiener"
        assert not [name for name in names if archive.read(name)[:1] == pickle.PROTO]
    assert "packed: model.safetensors, configuration.json, log.jsonl, " in capsys.readouterr().out


def test_check_prints_what_grading_measures(template, wiener, tmp_path, capsys):
    submit_model(3, wiener, tmp_path / "a.zip", check=True, root=template)
    said = capsys.readouterr().out
    assert "weights: 0.00 MB, 0 numbers" in said
    assert re.search(r"^real-time factor: \d+\.\d+ on one core of this machine; limit 2$", said, re.MULTILINE)
    assert re.search(r"^memory: \d{3,4} MiB in all", said, re.MULTILINE)
    rows = re.findall(r"^(00|01|mean|noisy, mean) +(\S+) +(\S+) +(\S+)$", said, re.MULTILINE)
    assert [row[0] for row in rows] == ["00", "01", "mean", "noisy, mean"]
    si_sdr = [float(row[2]) for row in rows]
    assert sum(si_sdr[:2]) / 2 == pytest.approx(si_sdr[2], abs=0.1), "rounded to a tenth"
    pairs = read_pairs(template / "milestones/milestone3/recordings").values()
    unprocessed = sum(metrics.si_sdr(*map(torch.from_numpy, pair)).item() for pair in pairs) / 2
    assert si_sdr[3] == pytest.approx(unprocessed, abs=0.1)
    assert "SI-SDR (dB) 12" in said, "the threshold"


def test_a_check_that_needs_a_stub_names_its_task(template, wiener, tmp_path, monkeypatch):
    """The archive is written all the same, since grading does not use the student's SI-SDR."""
    stub = NotImplementedError()
    stub.missing_task = "expected task 1.12 to be complete, got its stub"
    monkeypatch.setattr("milestones.model_submission.print_check", lambda *_: (_ for _ in ()).throw(stub))
    with pytest.raises(CourseError, match="^--check: expected task 1.12 to be complete, got its stub$"):
        submit_model(3, wiener, tmp_path / "a.zip", check=True, root=template)
    assert (tmp_path / "a.zip").exists()


def test_the_package_that_is_packed_is_the_one_that_is_tried(template, wiener, tmp_path):
    """A model whose code fails is told in one line, and an earlier archive stays."""
    broken = tmp_path / "template"
    shutil.copytree(template, broken)
    path = broken / PACKAGE / "systems/wiener.py"
    path.write_text(path.read_text() + "\n\nraise RuntimeError('worn out')\n")
    out = tmp_path / "a.zip"
    out.write_text("earlier")
    with pytest.raises(CourseError) as caught:
        submit_model(3, wiener, out, check=False, root=broken)
    expected = "model: expected one that loads and enhances in a fresh process, got StateFileError: .*worn out"
    assert re.match(expected, str(caught.value)) and out.read_text() == "earlier"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("best.ckpt", None, "best.ckpt: expected the model that training writes after its first epoch, got none"),
        ("best.ckpt", pickle.dumps({"model": {}}), "best.ckpt: expected a model that training .* such as a pickle"),
        ("last.ckpt", pickle.dumps({"model": {}}), "last.ckpt: expected a model that training .* such as a pickle"),
        ("log.jsonl", None, "log.jsonl: expected the log that training writes beside the model, got none"),
    ],
)
def test_a_run_without_a_model_is_refused(template, wiener, tmp_path, name, content, expected):
    folder = tmp_path / "run"
    shutil.copytree(wiener, folder)
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    with pytest.raises(CourseError, match=expected):
        submit_model(3, folder, tmp_path / "a.zip", check=False, root=template)
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wiener/best.ckpt", "got the file {}/wiener/best.ckpt; its folder is {}/wiener"),
        ("", "got {}, which holds 1: {}/wiener"),
        ("weiner", "got no folder of the name {}/weiner"),
    ],
)
def test_another_path_than_that_of_a_run_is_refused(template, wiener, tmp_path, name, expected):
    runs = wiener.parent
    with pytest.raises(CourseError) as caught:
        submit_model(3, runs / name, tmp_path / "a.zip", check=False, root=template)
    assert str(caught.value) == f"--model: expected the folder of a training run, {expected.format(runs, runs)}"


def test_an_archive_that_is_too_large_is_refused(template, wiener, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(wiener, folder)
    (folder / "log.jsonl").write_bytes(b" " * (64 * 2**20))
    expected = r"a.zip: expected at most 64 MiB, 67,108,864 bytes, got 67,\d\d\d,\d\d\d bytes, 64.0 MiB of it in log"
    with pytest.raises(CourseError, match=expected):
        submit_model(3, folder, tmp_path / "a.zip", check=False, root=template)


def test_what_counts_is_the_size_of_the_archive(tmp_path):
    """That is what grading limits, headers and all."""
    contents = {"a": b"", "folder/model.safetensors": bytes(1000), "größe.py": b"\n"}
    with packed(tmp_path / "a.zip", contents):
        pass
    assert packed_bytes(contents) == (tmp_path / "a.zip").stat().st_size


def test_doubts_are_told(template, wiener, tmp_path, capsys):
    """One recording is enhanced even without the check; the archive is written all the same."""
    mine, folder = tmp_path / "template", tmp_path / "run"
    shutil.copytree(template, mine)
    shutil.copytree(wiener, folder)
    path = mine / PACKAGE / "systems/wiener.py"
    signature = "def forward(self, noisy: Tensor) -> Tensor:\n"
    assert signature in path.read_text()
    path.write_text(path.read_text().replace(signature, f"{signature}        return noisy * float('nan')\n"))
    (mine / REPORT).write_text(json.dumps({"cells": [{"cell_type": "code", "source": "a", "execution_count": None}]}))
    write_state(folder / "last.ckpt", {"configuration": {"minutes": None, "epochs": 3}})
    submit_model(3, folder, tmp_path / "a.zip", check=False, root=mine)
    told = re.findall(r"^warning: (.*)$", capsys.readouterr().out, re.MULTILINE)
    expected = (
        "results of 1 of 1 public recordings: expected finite samples",
        f"{folder}: expected a training of 3 epochs, got 1",
        f"{REPORT}: expected cells that were run",
    )
    assert len(told) == len(expected) and all(map(str.startswith, told, expected))
    assert (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"milestone": 3}, "--model: expected the folder of a training run for milestone 3, got none"),
        ({"milestone": 1, "check": True}, "--check: expected a milestone whose work is a model, got 1"),
        ({"milestone": 2, "model": ROOT}, "--model: expected a milestone whose work is a model, got 2"),
    ],
)
def test_options_of_another_milestone_are_refused(options, expected):
    with pytest.raises(CourseError) as caught:
        run(Submit(**options))
    assert str(caught.value) == expected
