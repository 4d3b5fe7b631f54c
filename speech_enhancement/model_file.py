"""A trained model in one file: its weights and the sizes to build it from."""

from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path

import torch

from speech_enhancement.audio import replacing
from speech_enhancement.state_file import StateFileError, read_state, write_state
from speech_enhancement.unet import MaskingEnhancer, UNet


@dataclass(frozen=True)
class Sizes:
    """What a `MaskingEnhancer` around a `UNet` is built from."""

    channels: tuple[int, ...]
    n_fft: int
    hop_length: int

    @property
    def reach(self) -> int:
        """How many samples before and after it a sample of the result can depend on.

        In frames: the level's window, the first convolution, and at each of the encoder's and decoder's sizes three
        convolutions and the repetition of frames; and the window of the spectrogram.
        """
        frames = 64 + 1 + 5 * (2 ** (len(self.channels) - 1) - 1)
        return (frames + 1) * self.hop_length + self.n_fft

    def build(self) -> MaskingEnhancer:
        return MaskingEnhancer(UNet(self.channels), self.n_fft, self.hop_length)


def save_model(path: str | Path, model: MaskingEnhancer, sizes: Sizes, epoch: int) -> None:
    """Write weights and sizes, for `load_model`; the file appears whole or not at all."""
    with replacing(path) as temporary:
        write_state(temporary, {"model": model.state_dict(), "epoch": epoch, "extra": {"sizes": asdict(sizes)}})


def load_model(path: str | Path | None = None, device: torch.device | str = "cpu") -> tuple[MaskingEnhancer, Sizes]:
    """A model in evaluation mode with its sizes; without `path`, the one that comes with the package.

    Raises:
        StateFileError: the file is no such model.
    """
    if path is None:
        with as_file(files("speech_enhancement") / "weights" / "default.ckpt") as packaged:
            return load_model(packaged, device)
    state = read_state(path, device)
    try:
        sizes = Sizes(**state["extra"]["sizes"])
        model = sizes.build()
        model.load_state_dict(state["model"])
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise StateFileError(f"{path}: expected a model of this package, got another one ({reason})") from None
    return model.to(device).eval(), sizes
