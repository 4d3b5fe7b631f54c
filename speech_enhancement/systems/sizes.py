"""The sizes of the package's U-Net, and what follows from them for enhancing in chunks."""

from dataclasses import dataclass

from speech_enhancement.unet import MaskingEnhancer, UNet


@dataclass(frozen=True)
class Sizes:
    """What a `MaskingEnhancer` around a `UNet` is built from."""

    channels: tuple[int, ...]
    n_fft: int
    hop_length: int

    @property
    def alignment(self) -> int:
        """Samples by which an input may be shifted so that the result is shifted alike: the coarsest level's step."""
        return self.hop_length * 2 ** (len(self.channels) - 1)

    @property
    def context(self) -> int:
        """How many samples before and after it a sample of the result can depend on.

        In frames: the level's window, the first convolution, and at each of the encoder's and decoder's sizes three
        convolutions and the repetition of frames; and the window of the spectrogram.
        """
        frames = 64 + 1 + 5 * (2 ** (len(self.channels) - 1) - 1)
        return (frames + 1) * self.hop_length + self.n_fft

    @property
    def shortest(self) -> int:
        """Samples that an input has at least: what the spectrogram's padding mirrors."""
        return self.n_fft // 2 + 1

    def build(self) -> MaskingEnhancer:
        return MaskingEnhancer(UNet(self.channels), self.n_fft, self.hop_length)
