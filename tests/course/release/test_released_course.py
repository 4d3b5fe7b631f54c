"""The template of the real course: its files follow the rule, its stubs raise, and its first table is calm."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from milestones.instructor.release.template import release
from tests.course.mini_course import ROOT, contents

pytestmark = pytest.mark.slow

CALL_EVERY_STUB = """
import torch
from speech_enhancement import augmentation, data, masking, metrics, stft, training, unet

x = torch.zeros(1, 1, 1000)
calls = [
    lambda: stft.stft(x),
    lambda: stft.istft(x),
    lambda: masking.apply_mask(x, x),
    lambda: masking.wiener_mask(x, x),
    lambda: masking.estimate_noise_power(x),
    lambda: masking.spectral_subtraction(x, x),
    lambda: augmentation.white_noise(3, generator=None),
    lambda: augmentation.pink_noise(3, generator=None),
    lambda: augmentation.babble_noise([], 3, 1, None),
    lambda: augmentation.mix_at_snr(x, x, 0),
    lambda: augmentation.random_crop(x, length=3, generator=None),
    lambda: metrics.snr(x, x),
    lambda: metrics.si_sdr(x, x),
    lambda: metrics.log_spectral_distance(x, x),
    lambda: data.NoisySpeechDataset([], [], 3),
    lambda: unet.DownBlock(1, 2),
    lambda: unet.UpBlock(1, 2, 3),
    lambda: unet.Encoder((1, 2)),
    lambda: unet.Decoder((1, 2)),
    lambda: unet.UNet(),
    lambda: unet.MaskingEnhancer(None),
    lambda: training.train_epoch(None, [], None, None, None),
    lambda: training.validate(None, [], None, None),
    lambda: training.save_checkpoint("", None, None, 0),
    lambda: training.load_checkpoint("", None),
    lambda: training.fit(None, [], [], None, None, 1),
]
done = 0
for number, call in enumerate(calls):
    try:
        call()
    except NotImplementedError:
        done += 1
    else:
        raise SystemExit(f"stub {number} returned")
print(done, "stubs")
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory, suites_collected_once):
    out = tmp_path_factory.mktemp("release") / "template"
    release(out)
    return out


def released(template):
    """Read the template without the files that tests leave in it."""
    return {name: each for name, each in contents(template).items() if not re.search("__pycache__|zip$", name)}


def run(folder, *words):
    return subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=300)


def test_command_gives_the_same_bytes(template, tmp_path):
    """Another process, with other hash values, writes the same template."""
    result = run(ROOT, "-m", "milestones", "release", str(tmp_path / "again"))
    assert result.returncode == 0, result.stderr
    assert contents(tmp_path / "again") == released(template)


def test_few_files_lie_beside_the_four_folders(template):
    folders = ("speech_enhancement/", "milestones/", "notebooks/", "tests/milestone1/", "tests/milestone2/")
    files = {name for name, (_, content) in released(template).items() if content is not None}
    settings = {".gitignore", "pyproject.toml", "setup.cfg", "tests/__init__.py", "tests/conftest.py"}
    texts = {"LICENSE", "README.md", "docs/corpora.md"}
    assert {name for name in files if not name.startswith(folders)} == settings | texts


def test_no_file_needs_the_tools_of_instructors(template):
    """No released file imports or names `milestones.instructor`."""
    tools = re.compile(
        rb"milestones[./]instructor|from milestones import .*\binstructor\b|^\s*instructor/", re.MULTILINE
    )
    assert not [name for name, (_, content) in released(template).items() if tools.search(content or b"")]


def test_the_first_milestone_alone(tmp_path, suites_collected_once):
    release(tmp_path / "template", last=1)
    names = set(contents(tmp_path / "template"))
    assert {"tests/milestone1", "milestones/milestone1/README.md", "notebooks/milestone1.ipynb"} <= names
    assert not [name for name in names if "milestone2" in name]


def test_every_stub_raises_not_implemented(template):
    result = run(template, "-c", CALL_EVERY_STUB)
    assert result.stdout == "26 stubs\n", result.stderr


@pytest.mark.parametrize(("number", "tasks"), [(1, 13), (2, 10)])
def test_every_task_is_not_implemented(template, number, tasks):
    """No test passes or fails in another way, and the table says so of each task."""
    folder = f"tests/milestone{number}"
    output = run(template, "-m", "pytest", folder, "-p", "no:cacheprovider").stdout
    assert re.fullmatch(r"=+ \d+ not implemented in .*", output.splitlines()[-1]), output
    assert len(re.findall(rf"(?m)^{number}\.\d+ +0/\d+ +\d+  not implemented$", output)) == tasks
    assert re.search(r"(?m)^visible tests: 0 of \d+ points; hidden tests are run by your instructor$", output)


def test_template_is_packed(template):
    """An untouched template can be handed in, with a warning."""
    result = run(template, "-m", "milestones", "submit", "2")
    assert result.returncode == 0, result.stderr
    assert "warning: 10 of 10 tasks of milestone 2 are not implemented" in result.stdout


@pytest.fixture
def noise(tmp_path):
    """A folder with a second of noise."""
    samples = 0.1 * np.random.default_rng(0).standard_normal(16000)
    (tmp_path / "noise").mkdir()
    soundfile.write(tmp_path / "noise" / "hiss.wav", samples, 16000)
    return tmp_path / "noise"


def test_enhance_works_among_stubs(template, noise, tmp_path):
    """The model that comes with the package needs nothing that students write: it makes noise quieter."""
    result = run(template, "-m", "speech_enhancement", "enhance", str(noise), "--out", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    before, after = (soundfile.read(folder / "hiss.wav")[0] for folder in (noise, tmp_path / "out"))
    assert 0 < np.square(after).mean() < 0.5 * np.square(before).mean()


def test_train_names_the_task_that_it_needs(template, tmp_path):
    """So it does if another process would call the stub, which the dataset of a later task does."""
    begun = tmp_path / "begun"
    shutil.copytree(template, begun)
    shutil.copy(ROOT / "speech_enhancement" / "data.py", begun / "speech_enhancement")
    words = ("prepare", "voices", "--out", str(tmp_path / "corpus"), "--hours", "0.02")
    assert run(ROOT, "-m", "speech_enhancement", *words).returncode == 0
    words = ("train", "--system", "convolutional-autoencoder", "--corpus", str(tmp_path / "corpus"))
    for workers in "01":
        result = run(begun, "-m", "speech_enhancement", *words, "--out", str(tmp_path / "run"), "--workers", workers)
        assert result.returncode == 1 and "Traceback" not in result.stderr
        assert result.stderr.splitlines()[-1].startswith("error: train: expected task 1.")


def test_evaluate_names_the_task_that_it_needs(template, noise, tmp_path):
    words = ("--noisy", str(noise), "--clean", str(noise), "--out", str(tmp_path / "out"))
    result = run(template, "-m", "speech_enhancement", "evaluate", *words)
    assert result.returncode == 1
    needed = "evaluate: expected task 1.13 of milestone 1, metrics.log_spectral_distance, to be complete, got its stub"
    assert result.stderr.splitlines()[-1] == f"error: {needed}"
    assert "Traceback" not in result.stderr
