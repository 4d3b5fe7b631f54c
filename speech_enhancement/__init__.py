"""Speech enhancement with denoising autoencoders: a tool, and the course that teaches how it works.

    import speech_enhancement
    clean = speech_enhancement.enhance(noisy, sample_rate)  # NumPy array or tensor, (time,) or (channels, time)
    model = speech_enhancement.load_model()                 # or load_model("runs/mine/best.ckpt")

On the command line: `python -m speech_enhancement enhance noisy.wav --out clean/`.

The modules that students complete are `stft`, `masking`, `augmentation` and `metrics` (milestone 1), and `data`,
`unet` and `training` (milestone 2). Signals are tensors whose last dimension is time, sampled at 16 kHz;
spectrograms end in `(freq, frames)`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speech_enhancement.enhancement import enhance as enhance
    from speech_enhancement.systems.model_file import load_model as load_model

__all__ = ["enhance", "load_model"]

_MODULES = {"enhance": "speech_enhancement.enhancement", "load_model": "speech_enhancement.systems.model_file"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, since torch takes seconds to import."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
