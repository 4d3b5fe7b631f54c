"""What is left of the student modules when nbgrader has taken the solutions out."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.preprocessors import ClearSolutions

PACKAGE = Path(__file__).parents[2] / "speech_enhancement"
MODULES = ("stft", "masking", "augmentation", "metrics", "data", "unet", "training")
TASKS = [f"1.{n}" for n in range(1, 14)] + [f"2.{n}" for n in range(1, 11)]

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


def strip(source):
    metadata = {
        "grade": False,
        "grade_id": "module",
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    notebook = new_notebook(cells=[new_code_cell(source, metadata={"nbgrader": metadata})])
    return ClearSolutions().preprocess(notebook, {})[0].cells[0].source


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A copy of the package with the solutions taken out."""
    root = tmp_path_factory.mktemp("template")
    shutil.copytree(PACKAGE, root / "speech_enhancement", ignore=shutil.ignore_patterns("__pycache__"))
    for module in MODULES:
        path = root / "speech_enhancement" / f"{module}.py"
        path.write_text(strip(path.read_text(encoding="utf-8")), encoding="utf-8")
    return root


def test_every_stub_raises_not_implemented(template):
    result = subprocess.run(
        [sys.executable, "-c", CALL_EVERY_STUB], cwd=template, capture_output=True, text=True, timeout=300
    )
    assert result.stdout == "26 stubs\n", result.stderr


@pytest.mark.parametrize("module", MODULES)
def test_no_line_of_a_solution_is_left(template, module):
    source = (PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    stripped = (template / "speech_enhancement" / f"{module}.py").read_text(encoding="utf-8")
    ast.parse(stripped)
    regions = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", source, re.DOTALL)
    assert regions and len(regions) == source.count("### BEGIN SOLUTION") == source.count("### END SOLUTION")
    lines = {line.strip() for region in regions for line in region.splitlines() if len(line.strip()) > 20}
    assert not lines & {line.strip() for line in stripped.splitlines()}


def test_every_task_has_a_stub_and_tests():
    sources = "\n".join((PACKAGE / f"{module}.py").read_text(encoding="utf-8") for module in MODULES)
    stubs = re.findall(r'"""Task (\d+\.\d+)\.', sources)
    assert set(stubs) == set(TASKS)
    tests = "\n".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].glob("milestone*/test_*.py")
    )
    assert set(re.findall(r'mark\.task\("(\d+\.\d+)"', tests)) == set(TASKS)


@pytest.mark.slow
@pytest.mark.parametrize("milestone", ["milestone1", "milestone2"])
def test_visible_tests_of_stubs_fail_with_not_implemented_alone(template, milestone):
    shutil.copytree(Path(__file__).parents[1] / milestone, template / "tests" / milestone)
    shutil.copy(Path(__file__).parents[2] / "setup.cfg", template)
    words = [sys.executable, "-m", "pytest", f"tests/{milestone}", "--tb=line", "-q", "-p", "no:cacheprovider"]
    output = subprocess.run(words, cwd=template, capture_output=True, text=True, timeout=300).stdout
    (failed,) = re.fullmatch(r"(\d+) failed in .*", output.splitlines()[-1].strip("= ")).groups()
    assert output.count(": NotImplementedError\n") == int(failed) > 25, output
