"""What ships does not need the modules that students write."""

import subprocess
import sys

import pytest
import soundfile
import torch

WITHOUT_MODULES = """
import sys

names = ("stft", "masking", "augmentation", "metrics", "data", "unet", "training")
sys.modules.update({f"speech_enhancement.{name}": None for name in names})  # importing one raises ImportError

import numpy
import speech_enhancement
from speech_enhancement.__main__ import main

assert speech_enhancement.enhance(numpy.ones(8000), 16000, speech_enhancement.load_model()).shape == (8000,)
raise SystemExit(main())
"""


@pytest.mark.slow
def test_enhance_imports_no_module_of_students(generator, tmp_path):
    """`enhance`, `load_model` and the command run where each import of such a module raises."""
    soundfile.write(tmp_path / "noisy.wav", 0.1 * torch.randn(16000, generator=generator).numpy(), 16000)
    words = ["enhance", str(tmp_path / "noisy.wav"), "--out", str(tmp_path / "clean")]
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_MODULES, *words], capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    assert soundfile.info(tmp_path / "clean" / "noisy.wav").frames == 16000
