"""The loader of models that are handed in: `submit 3 --check` and grading both run a model by this file alone.

It runs beside the package that was handed in, and imports nothing else of the course.
"""

from pathlib import Path

from torch import Tensor

from speech_enhancement.enhancement import Enhancer
from speech_enhancement.systems.model_file import load_model

_loaded: list[Enhancer] = []


def load(path: Path) -> None:
    """Load the model that `enhance` uses.

    Args:
        path: file that `System.save` wrote, such as `best.ckpt` of a run.
    """
    _loaded[:] = [Enhancer(load_model(path))]


def enhance(noisy: Tensor) -> Tensor:
    """Enhance a recording of 16 kHz, full scale at 1: float32, `(time,)` -> `(time,)`."""
    return _loaded[0].enhance(noisy)
