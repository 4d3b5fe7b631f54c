"""MU-GAN: super-resolution whose results must be near the truth, in samples and in a code, and must look genuine.

The lower band does not determine the upper one, and the squared error asks for the mean of all upper bands that fit,
which sounds dull. Two more losses ask for one of those that fit. Source: Kim and Sathe, "Bandwidth extension on raw
audio via generative adversarial networks", arXiv 1903.09027, 2019.

**Feature loss.** An autoencoder E, D learns to send clean waveforms through a narrow code, for which it needs no
labels. The code keeps the essence of sounds, and the loss adds the distance of the codes to that of the samples:

    L_E = mean (D(E(s)) - s)^2
    L   = mean (e - s)^2 / w_1 + mean (E(e) - E(s))^2 / w_2

with e = G(y) the estimate from the interpolated waveform y, and w_1, w_2 the same distances with silence in place of e
(`feature_losses`), so that both are relative errors, whatever the level of recordings and the size of codes.

**Discriminator.** C learns to tell clean waveforms from estimates, and the generator learns to be taken for clean:

    L_C = mean softplus(-C(s)) + mean softplus(C(e)),    L_G = L + 0.01 mean softplus(-C(e))

These are the logarithmic losses of Goodfellow et al., "Generative adversarial nets", NIPS 2014, in the form that does
not saturate.

    generator      the U-Net of `super_resolution_unet`, degradation and all: 71.0 million parameters
    autoencoder    5 convolutions of kernel 9 and stride 2 with 32 channels and leaky ReLU, one of kernel 1 to a code
                   of 8 channels, a quarter as many numbers as samples; back by convolutions of kernel 9 and subpixel
                   shuffles
    discriminator  6 convolutions of kernel 15 and stride 2 with leaky ReLU, 16 to 256 channels, one of kernel 1 to one
                   channel, and its mean over time

The last two serve training alone. The paper's tables are not at hand: the sizes of autoencoder and discriminator, the
weights and the rates of Adam are chosen here. The paper's generator is a U-Net too, with convolutions of several
lengths side by side; here it is that of the predecessor, so that the two systems differ in the loss alone. Generator
and discriminator begin together at random; the generator is not trained by itself before. The autoencoder learns from
1000 batches, for "small" from 150.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from speech_enhancement.systems.blocks.feature_losses import FeatureLoss, FeatureNetwork
from speech_enhancement.systems.super_resolution_unet import SubpixelShuffle, SuperResolutionUNet
from speech_enhancement.systems.system import System, descend

ADVERSARIAL_WEIGHT = 0.01
SLOPE = 0.2


class Autoencoder(FeatureNetwork):
    """Waveform `(batch, 1, time)` -> the same, through a code `(batch, code_channels, ceil(time / 2^depth))`.

    Args:
        channels: of the layers between waveform and code.
        code_channels: of the code.
        depth: number of times that the rate is halved.
    """

    n_layers = 2

    def __init__(self, channels: int = 32, code_channels: int = 8, depth: int = 5):
        super().__init__()
        encoder, decoder = [], []
        for layer in range(depth):
            encoder += [
                nn.Conv1d(channels if layer else 1, channels, 9, stride=2, padding=4),
                nn.LeakyReLU(SLOPE),
            ]
            decoder += [
                nn.Conv1d(channels if layer else code_channels, 2 * channels, 9, padding=4),
                nn.LeakyReLU(SLOPE),
                SubpixelShuffle(),
            ]
        self.encoder = nn.Sequential(*encoder, nn.Conv1d(channels, code_channels, 1))
        self.decoder = nn.Sequential(*decoder, nn.Conv1d(channels, 1, 9, padding=4))

    def forward(self, waveform: Tensor) -> Tensor:
        return self.decoder(self.encoder(waveform))[..., : waveform.shape[-1]]

    def activations(self, waveform: Tensor) -> list[Tensor]:
        """Compute the activations to compare: the waveform itself, and its code."""
        return [waveform, self.encoder(waveform)]

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return functional.mse_loss(self(clean), clean)


class Discriminator(nn.Module):
    """Waveform `(batch, 1, time)` -> the log odds that it is genuine, `(batch,)`.

    Args:
        channels: after each layer.
    """

    def __init__(self, channels: Sequence[int]):
        super().__init__()
        layers = []
        for before, after in zip((1, *channels[:-1]), channels, strict=True):
            layers += [nn.Conv1d(before, after, 15, stride=2, padding=7), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Conv1d(channels[-1], 1, 1))

    def forward(self, waveform: Tensor) -> Tensor:
        return self.layers(waveform).mean(dim=(1, 2))


class MUGAN(System):
    """The super-resolution U-Net with a feature loss and a discriminator.

    Args:
        discriminator_channels: after each layer of the discriminator.
        pretraining_steps: number of batches that train the autoencoder.
        generator: arguments of `SuperResolutionUNet`.
    """

    title = "MU-GAN"
    task = SuperResolutionUNet.task
    needs_rumble_filter = False
    sizes = {
        "paper": SuperResolutionUNet.sizes["paper"],
        "small": {**SuperResolutionUNet.sizes["small"], "pretraining_steps": 150},
    }
    only_for_training = ("feature_loss", "discriminator")

    def __init__(
        self,
        discriminator_channels: Sequence[int] = (16, 32, 64, 128, 256, 256),
        pretraining_steps: int = 1000,
        **generator: Any,
    ):
        super().__init__()
        self.generator = SuperResolutionUNet(**generator)
        self.feature_loss = FeatureLoss(Autoencoder(), functional.mse_loss, pretraining_steps)
        self.discriminator = Discriminator(discriminator_channels)
        self.context = self.generator.context
        self.alignment = self.generator.alignment

    def forward(self, noisy: Tensor) -> Tensor:
        return self.generator(noisy)

    def received(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return self.generator.received(noisy, clean)

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Compute the loss of the generator, L_G, whose input is made from the clean waveform."""
        return self._generator_loss(self(self.received(noisy, clean)), clean)

    def validation_loss(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Compute the feature loss alone, since the discriminator changes from epoch to epoch."""
        return self.feature_loss(self(self.received(noisy, clean)), clean)

    def optimizers(self) -> list[Optimizer]:
        return [*self.generator.optimizers(), torch.optim.Adam(self.discriminator.parameters(), lr=1e-4)]

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        self.feature_loss.pretrain(batches)

    def training_step(self, noisy: Tensor, clean: Tensor, optimizers: Sequence[Optimizer]) -> float:
        """Train the discriminator and the generator by a step each, and return the loss of the generator."""
        of_generator, of_discriminator = optimizers
        estimate = self(self.received(noisy, clean))
        for_real, for_fake = self.discriminator(clean), self.discriminator(estimate.detach())
        descend(of_discriminator, functional.softplus(-for_real).mean() + functional.softplus(for_fake).mean())
        loss = self._generator_loss(estimate, clean)
        descend(of_generator, loss)
        return loss.item()

    def _generator_loss(self, estimate: Tensor, clean: Tensor) -> Tensor:
        adversarial = functional.softplus(-self.discriminator(estimate)).mean()
        return self.feature_loss(estimate, clean) + ADVERSARIAL_WEIGHT * adversarial
