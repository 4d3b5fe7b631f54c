"""The U-Net of the course as a system, built from the modules of milestone 2.

It predicts a mask between 0 and 1 from the magnitude of the spectrogram and keeps the noisy phase: Jansson et al.,
"Singing voice separation with deep U-Net convolutional networks", ISMIR 2017. There is no published size to compare
with, so both sizes are this package's own.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer

from speech_enhancement.losses import EnhancementLoss
from speech_enhancement.systems.blocks.receptive_field import measure_context
from speech_enhancement.systems.system import System
from speech_enhancement.unet import MaskingEnhancer, UNet


class MaskingUNet(System):
    """`MaskingEnhancer` around a `UNet`.

    Kernels and normalisation of the `UNet` are the student's choice, so its context is measured when it is first asked
    for, and kept in the model's file.

    Args:
        channels, n_fft, hop_length: of the U-Net and its spectrogram.

    Shape:
        `(batch, 1, time)` -> the same
    """

    title = "U-Net"
    sizes = {name: {"channels": (8, 16, 48, 96, 128, 160)} for name in ("paper", "small")}

    def __init__(self, channels: Sequence[int], n_fft: int = 512, hop_length: int = 256):
        super().__init__()
        self.hop_length = hop_length
        self.enhancer = MaskingEnhancer(UNet(channels), n_fft, hop_length)
        self.loss = EnhancementLoss()
        # Each `DownBlock` halves the frames, by the contract of task 2.2.
        self.alignment = hop_length * 2 ** (len(channels) - 1)
        # Reflection needs one sample more than it mirrors.
        self.shortest = n_fft // 2 + 1
        self._context: int | None = None
        self._has_context = False

    @property
    def context(self) -> int | None:
        """Samples on either side on which a sample of the result can depend; None for the whole input."""
        if not self._has_context:
            self.context = measure_context(self)
        return self._context

    @context.setter
    def context(self, context: int | None) -> None:
        self._context, self._has_context = context, True

    def forward(self, noisy: Tensor) -> Tensor:
        # Only whole hops: after the last one a single window fades out, and dividing by it would magnify the result.
        padded = functional.pad(noisy, (0, -noisy.shape[-1] % self.hop_length), mode="reflect")
        return self.enhancer(padded)[..., : noisy.shape[-1]]

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return self.loss(self(noisy), clean)

    def optimizers(self) -> Sequence[Optimizer]:
        return [torch.optim.AdamW(self.parameters(), lr=2e-3)]
