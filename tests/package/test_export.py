"""The command `export`: a file with which onnxruntime does what torch does, and what refuses to be one."""

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch.nn import functional

from speech_enhancement.commands import export
from speech_enhancement.configuration import Export
from speech_enhancement.files import atomic
from speech_enhancement.systems import onnx_file, registry
from speech_enhancement.systems.model_file import load_model
from tests.package.conftest import tree
from tests.package.systems.signals import batch
from tests.package.systems.test_dual_path_masking import LOOK_AHEAD
from tests.package.systems.test_dual_path_stream import system_of

onnxruntime = pytest.importorskip("onnxruntime")

EXAMPLE = Path(__file__).parents[2] / "docs" / "onnx_example.py"


@pytest.fixture(scope="module")
def packaged(tmp_path_factory):
    """The packaged model, exported."""
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    assert export.run(Export(path)) == 0
    assert tree(path.parent) == ["model.onnx"]
    return path


@pytest.fixture(scope="module")
def noisy():
    """Three seconds of noisy voices, and what the packaged model makes of them if silence follows."""
    waveform = batch(3.0, 1)[0]
    with torch.no_grad():
        enhanced = load_model()(functional.pad(waveform, (0, LOOK_AHEAD)))[..., : waveform.shape[-1]]
    return waveform[0, 0].numpy(), enhanced[0, 0].numpy()


def test_onnxruntime_gives_the_result_of_torch(packaged, noisy, tmp_path):
    """By the example of the documentation, in a process that cannot import torch; two channels, one turned round."""
    waveform, enhanced = noisy
    soundfile.write(tmp_path / "noisy.wav", np.stack([waveform, waveform[::-1]], axis=1), 16000, subtype="FLOAT")
    code = "import runpy, sys; sys.modules['torch'] = None; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    words = [sys.executable, "-c", code, EXAMPLE, packaged, tmp_path / "noisy.wav", tmp_path / "enhanced.flac"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    written, rate = soundfile.read(tmp_path / "enhanced.flac", dtype="float32")
    assert rate == 16000 and written.shape == (len(waveform), 2)
    # 16 bits round to 1.5e-5; the results themselves differ by 1e-6.
    assert np.abs(written[:, 0] - enhanced).max() < 1e-4
    assert np.abs(written[:, 1] - enhanced).max() > 1e-2


def test_example_refuses_another_rate(packaged, tmp_path):
    soundfile.write(tmp_path / "noisy.wav", np.zeros(800), 8000)
    words = [sys.executable, EXAMPLE, packaged, tmp_path / "noisy.wav", tmp_path / "enhanced.wav"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert result.returncode == 1
    assert result.stderr == f"{tmp_path / 'noisy.wav'}: expected 16000 Hz, got 8000\n"


def test_file_says_what_it_holds(packaged):
    session = onnxruntime.InferenceSession(packaged)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    assert [each.name for each in inputs] == ["hop", "count", "samples", "frames", "hidden", "cell", "sums"]
    assert [each.name for each in outputs] == ["enhanced", *(f"next_{each.name}" for each in inputs[1:])]
    assert [each.shape for each in outputs] == [each.shape for each in inputs]
    assert {each.type for each in [*inputs, *outputs]} == {"tensor(float)"}
    about = session.get_modelmeta().custom_metadata_map
    licence = about.pop("licence")
    assert "CC BY 4.0" in licence and "The speech-enhancement course" in licence
    assert about == {
        "title": "Dual-path masking",
        "sample_rate": "16000",
        "hop_length": "128",
        "delay": "896",
        "latency_ms": "64.0",
    }


def exported_by(run, checkpoint, out, *words):
    return run("export", "--checkpoint", checkpoint, "--out", out, *words)


@pytest.fixture
def own(tmp_path):
    """A model of dual-path masking that is not the packaged one."""
    system = system_of(256).float()
    system.description = {
        "system": "dual-path",
        "size": "small",
        "arguments": {"channels": 8, "width": 16, "n_blocks": 2, "hop_length": 256},
    }
    system.save(tmp_path / "own.ckpt", epoch=0)
    return tmp_path / "own.ckpt"


def test_own_model(run, own, tmp_path):
    """It has no licence that the package could know."""
    out = tmp_path / "new" / "own.onnx"
    result = exported_by(run, own, out)
    assert result.returncode == 0 and not result.stderr
    assert result.stdout == f"{out}: Dual-path masking, 2.2 MB, hops of 256 samples at 16000 Hz\n"
    about = onnxruntime.InferenceSession(out).get_modelmeta().custom_metadata_map
    assert about["hop_length"] == "256" and "licence" not in about


def test_existing_file_is_kept(run, own, tmp_path):
    out = tmp_path / "own.onnx"
    out.write_text("kept")
    result = exported_by(run, own, out)
    assert result.returncode == 1 and out.read_text() == "kept"
    assert result.stderr == f"error: --out: expected a new file, got {out}, which exists; --overwrite replaces it\n"
    assert exported_by(run, own, out, "--overwrite").returncode == 0
    onnxruntime.InferenceSession(out)


def test_system_without_a_stream_is_refused(run, tmp_path):
    registry.build("unet", channels=(4, 8)).save(tmp_path / "unet.ckpt", epoch=0)
    result = exported_by(run, tmp_path / "unet.ckpt", tmp_path / "unet.onnx")
    assert result.returncode == 1 and tree(tmp_path) == ["unet.ckpt"]
    reason = "expected a system that runs block by block, as dual-path, got U-Net"
    assert result.stderr == f"error: --checkpoint: {reason}\n"


def test_nothing_is_left_of_a_file_that_fails(run, own, tmp_path, monkeypatch):
    class Full(type(Path())):
        def write_bytes(self, data):
            super().write_bytes(data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "_temporary", lambda path: Full(path.with_name(".part")))
    result = exported_by(run, own, tmp_path / "own.onnx")
    assert result.returncode == 1 and tree(tmp_path) == ["own.ckpt"]
    assert result.stderr == f"error: {tmp_path / 'own.onnx'}: could not be written: No space left on device\n"


def test_missing_package_is_named(run, own, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, onnx_file.__name__)
    monkeypatch.delitem(sys.modules, "speech_enhancement.commands.export", raising=False)
    result = exported_by(run, own, tmp_path / "own.onnx")
    assert result.returncode == 1
    install = "pip install 'speech-enhancement[onnx]' adds it"
    assert result.stderr == f"error: export: expected the package onnx, got none; {install}\n"
