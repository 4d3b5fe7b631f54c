"""The U-Net of this package as a system, to be trained for the same time as the others.

It predicts a mask between 0 and 1 from the magnitude of the spectrogram and keeps the noisy phase: milestone 2, and
Jansson et al., "Singing voice separation with deep U-Net convolutional networks", ISMIR 2017. The command `train`
without `--system` trains the same network with a falling learning rate; there is no published size to compare with,
so both sizes are the package's.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer

from speech_enhancement.losses import EnhancementLoss
from speech_enhancement.systems.sizes import Sizes
from speech_enhancement.systems.system import System


class MaskingUNet(System):
    """`MaskingEnhancer` around a `UNet`, with the loss of the command `train`.

    Args:
        channels, n_fft, hop_length: of the U-Net and its spectrogram.

    Shape:
        `(batch, 1, time)` -> the same
    """

    title = "masking U-Net"
    sizes = {name: {"channels": (8, 16, 48, 96, 128, 160)} for name in ("paper", "small")}

    def __init__(self, channels: Sequence[int], n_fft: int = 512, hop_length: int = 256):
        super().__init__()
        sizes = Sizes(tuple(channels), n_fft, hop_length)
        self.hop_length = hop_length
        self.enhancer = sizes.build()
        self.loss = EnhancementLoss()
        self.context, self.alignment, self.shortest = sizes.context, sizes.alignment, sizes.shortest

    def forward(self, noisy: Tensor) -> Tensor:
        # Whole hops, as the last samples after them are magnified by the inverse transform.
        padded = functional.pad(noisy, (0, -noisy.shape[-1] % self.hop_length), mode="reflect")
        return self.enhancer(padded)[..., : noisy.shape[-1]]

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return self.loss(self(noisy), clean)

    def optimizers(self) -> Sequence[Optimizer]:
        return [torch.optim.AdamW(self.parameters(), lr=2e-3)]
