"""The command `grade` on a class: stopped and started again, on a Dask cluster, and with refused submissions."""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from milestones.__main__ import main
from milestones.course import CourseError
from milestones.instructor.configuration import Grade
from milestones.instructor.grading.grade import run
from milestones.instructor.records import read
from milestones.instructor.sandbox import confinement
from milestones.instructor.selftest.reference import reference, template

ROOT = Path(__file__).parents[3]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("suites_collected_once")]


@pytest.fixture(scope="module")
def submissions(tmp_path_factory):
    """Four folders and archives that are graded, and one that is refused."""
    root = tmp_path_factory.mktemp("class") / "submissions"
    done, empty = reference(), template()
    half = {name: done[name] if name == "stft.py" else text for name, text in empty.items()}
    wrong = {**done, "metrics.py": done["metrics.py"].replace("10 * torch.log10", "20 * torch.log10")}
    for name, files in {"ada": done, "ben": empty, "chloé": half}.items():
        package = root / name / "speech_enhancement"
        package.mkdir(parents=True)
        for file, text in files.items():
            (package / file).write_text(text, encoding="utf-8")
    with zipfile.ZipFile(root / "dora.zip", "w") as archive:
        for file, text in wrong.items():
            archive.writestr(f"template/speech_enhancement/{file}", text)
    with zipfile.ZipFile(root / "eve.zip", "w") as archive:
        archive.writestr("../speech_enhancement/stft.py", "")
    return root


def command(submissions, out, *options):
    words = [sys.executable, "-m", "milestones", "grade", submissions, "--milestone", "1", "--out", out, *options]
    if not confinement.can_be_strong():
        words.append("--allow-weak-isolation")
    return [str(word) for word in words]


def grade(submissions, out, *options):
    """Run the command in this process, which has collected the tests."""
    words = command(submissions, out, *options)[2:]
    said, complained = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", words)
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            status = main()
    return subprocess.CompletedProcess(words, status, said.getvalue(), complained.getvalue())


def wait_until(is_so, complaint, seconds=300):
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, complaint
        time.sleep(0.01)


def some(submissions, names, folder):
    """Copy a few of the submissions into a folder."""
    folder.mkdir()
    for name in names:
        path = submissions / name
        (shutil.copytree if path.is_dir() else shutil.copy2)(path, folder / name)
    return folder


def states(out):
    return {record.submission: [test.state for test in record.tests] for record in read(out / "results.jsonl")}


@pytest.fixture(scope="module")
def graded(submissions, tmp_path_factory, n_cores, suites_collected_once):
    out = tmp_path_factory.mktemp("graded") / "grades"
    result = grade(submissions, out, "--jobs", n_cores)
    assert result.returncode == 0, result.stderr
    return out, result


def test_a_class_is_graded(graded):
    out, result = graded
    seen = states(out)
    assert set(seen) == {"ada", "ben", "chloé", "dora", "eve"}
    assert set(seen["ada"]) == {"passed"}
    assert set(seen["ben"]) == {"not implemented"}
    assert {"passed", "not implemented"} == set(seen["chloé"])
    assert {"passed", "wrong"} == set(seen["dora"])
    assert set(seen["eve"]) == {"refused"}
    assert (out / "grades.csv").is_file() and (out / "class.html").is_file()
    assert len(list((out / "feedback").glob("*.html"))) == 5
    assert "ada" in result.stdout


def test_nothing_is_graded_twice(graded, submissions):
    out, _ = graded
    before = (out / "results.jsonl").read_bytes()
    assert grade(submissions, out).returncode == 0
    assert (out / "results.jsonl").read_bytes() == before


def test_a_mended_time_is_taken_up_without_grading(graded, submissions, tmp_path):
    out = tmp_path / "grades"
    shutil.copytree(graded[0], out)
    (submissions / "ada" / "timestamp.txt").write_text("2031-05-04 03:02:01 UTC")
    try:
        assert grade(submissions, out).returncode == 0
    finally:
        (submissions / "ada" / "timestamp.txt").unlink()
    before, after = (
        [each for each in read(folder / "results.jsonl") if each.submission == "ada"] for folder in (graded[0], out)
    )
    mended = datetime(2031, 5, 4, 3, 2, 1, tzinfo=timezone.utc)
    assert len(before) == 1 and after == [*before, replace(before[0], submitted=mended)]
    assert '"submitted": "2031-05-04T03:02:01+00:00"' in (out / "results.jsonl").read_text("utf-8").splitlines()[-1]


def test_killed_and_started_again_gives_the_same(graded, submissions, tmp_path, monkeypatch):
    """The command runs in a process of its own, is killed after the first of two, and goes on with the second."""
    chosen = some(submissions, ("ben", "chloé", "eve.zip"), tmp_path / "class")
    temporary, out = tmp_path / "temporary", tmp_path / "grades"
    temporary.mkdir()
    running = subprocess.Popen(
        command(chosen, out, "--jobs", "1"),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def has_graded_one():
        assert running.poll() is None, "nothing was graded"
        return any(record.refused is None for record in read(out / "results.jsonl"))

    wait_until(has_graded_one, "nothing was graded")
    running.kill()
    assert running.wait() == -signal.SIGKILL
    with (out / "results.jsonl").open("ab") as log:
        log.write(b'{"submission": "cut off')
    assert len(read(out / "results.jsonl")) < 3
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert grade(chosen, out, "--jobs", "1").returncode == 0
    expected = states(graded[0])
    assert states(out) == {name: expected[name] for name in ("ben", "chloé", "eve")}
    assert len(read(out / "results.jsonl")) == 3, "something was graded twice"
    wait_until(lambda: not list(temporary.glob("grading_*")), "a grading server was left behind")


def test_a_cluster_gives_the_same(graded, submissions, tmp_path, monkeypatch):
    """The cluster's workers go on, without grading servers."""
    distributed = pytest.importorskip("distributed")
    chosen = some(submissions, ["dora.zip"], tmp_path / "some")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster:
        result = grade(chosen, tmp_path / "grades", "--dask", cluster.scheduler_address)
        assert not list(temporary.glob("grading_*"))
    assert result.returncode == 0, result.stderr
    assert states(tmp_path / "grades") == {"dora": states(graded[0])["dora"]}


def test_no_submissions_is_an_error(tmp_path):
    result = grade(tmp_path, tmp_path / "grades")
    assert result.returncode == 1 and "expected submissions" in result.stderr


def test_a_record_tells_what_was_in_force(graded):
    (record,) = [each for each in read(graded[0] / "results.jsonl") if each.submission == "ada"]
    assert {"limits"} <= set(record.isolation) and record.seed
    assert all(len(value) == 64 for value in (record.submission_hash, record.tests_hash, record.environment_hash))


def test_a_host_that_cannot_confine_is_an_error(submissions, tmp_path, monkeypatch):
    monkeypatch.setattr(confinement, "can_be_strong", lambda: False)
    with pytest.raises(CourseError, match="expected Landlock and seccomp"):
        run(Grade(submissions, 1, tmp_path / "grades"))
    assert not (tmp_path / "grades").exists()


def refusals(out):
    return {record.submission: record.refused for record in read(out / "results.jsonl")}


def test_what_is_no_submission_is_told(tmp_path):
    """An archive of a kind that is not read is one, so that its student is told."""
    (tmp_path / "class").mkdir()
    for name in ("fay.rar", "notes.txt"):
        (tmp_path / "class" / name).write_bytes(b"")
    result = grade(tmp_path / "class", tmp_path / "grades")
    assert result.returncode == 0 and "got notes.txt" in result.stderr
    assert "expected an archive with the ending .zip" in refusals(tmp_path / "grades")["fay"]
    assert "expected an archive with the ending .zip" in result.stdout


def test_two_submissions_of_one_name_are_their_own_affair(submissions, tmp_path):
    (tmp_path / "class" / "dora").mkdir(parents=True)
    for name in ("dora.zip", "eve.zip"):
        (tmp_path / "class" / name).write_bytes((submissions / name).read_bytes())
    result = grade(tmp_path / "class", tmp_path / "grades")
    reason = "expected one submission of each name, got 'dora', 'dora.zip'"
    assert result.returncode == 0 and f"not graded: dora: {reason}" in result.stderr
    assert refusals(tmp_path / "grades")["dora"] == reason
    assert "paths inside the submission" in refusals(tmp_path / "grades")["eve"]


def test_an_override_of_an_unknown_submission_is_told(submissions, tmp_path):
    chosen = some(submissions, ["eve.zip"], tmp_path / "class")
    (tmp_path / "grades").mkdir()
    rows = "submission,milestone,task,points,reason\nevve,1,augmentation.random_crop,1,\n"
    (tmp_path / "grades" / "overrides.csv").write_text(rows)
    result = grade(chosen, tmp_path / "grades")
    assert result.returncode == 0
    assert "overrides.csv:2: expected the name of a submission, got evve\n" in result.stderr
