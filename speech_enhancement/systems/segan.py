"""A generator that cleans slices of a waveform, and a discriminator that learns to tell them from clean speech.

The discriminator sees pairs and is trained to give 1 for (clean, noisy) and 0 for (enhanced, noisy). The generator is
trained to be given 1, and to stay near the clean slice. Whatever the discriminator notices, for instance hiss that a
mean absolute error hardly counts, becomes a loss that nobody wrote down. Squared errors in place of logarithms keep the
gradient alive when the discriminator is sure (least-squares GAN: Mao et al., ICCV 2017):

    L_D = 1/2 mean (D(s, y) - 1)^2 + 1/2 mean D(G(y), y)^2
    L_G = 1/2 mean (D(G(y), y) - 1)^2 + 100 mean |G(y) - s|

Source: Pascual, Bonafonte and Serra, "SEGAN: speech enhancement generative adversarial network", Interspeech 2017.

    generator      11 convolutions of kernel 31 and stride 2, PReLU, from 16384 x 1 to 8 x 1024 (16, 32, 32, 64, 64,
                   128, 128, 256, 256, 512 channels between); noise z, 8 x 1024, is joined; transposed convolutions
                   back, each of which also reads the encoder's output at its rate; tanh: 73,100,049 parameters
    discriminator  the same encoder with 2 channels in, virtual batch normalisation, leaky ReLU of slope 0.3, one
                   channel of one tap, and a linear layer of 8 values: for training alone; with it 97,470,619

Waveforms pass a pre-emphasis e[n] = x[n] - 0.95 x[n - 1] first, and its inverse last. A waveform of any length is cut
into slices of 16,384 samples, the last of which is filled with zeros. As in the paper, slices are enhanced on their own
and joined as they are. A sample thus depends on those of its slice, and through the recursion of the inverse on all
earlier ones.

Batch normalisation would let the discriminator judge a slice by its batch. Virtual batch normalisation (Salimans et
al., "Improved techniques for training GANs", NIPS 2016) takes mean and variance from a batch that is chosen once, the
reference, and from the slice itself, which weighs as much as each slice of the reference.

Simplified: the paper trains with batches of 400 slices that overlap by half; here the crops of the training are cut,
and the reference is the first 8 pairs seen. In training z is drawn; in enhancement z is its mean 0, so that the same
recording always gives the same result. The small size has the 11 layers with 8 to 64 channels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torchaudio.functional import lfilter, preemphasis

from speech_enhancement.systems.system import System, descend, zero_biases

EMPHASIS = 0.95
L1_WEIGHT = 100
SLICES_AT_ONCE = 16
BOTTOM_SAMPLES = 8


def undo_emphasis(waveform: Tensor) -> Tensor:
    """Invert `preemphasis`, `(..., time)`; torchaudio's own inverse clips beyond 1."""
    recursion = waveform.new_tensor([1, -EMPHASIS])
    return lfilter(waveform, recursion, waveform.new_tensor([1, 0]), clamp=False)


def halving(in_channels: int, out_channels: int, bias: bool = True) -> nn.Conv1d:
    """Make the convolution of both encoders: `(batch, in_channels, time)` -> `(batch, out_channels, time / 2)`."""
    return nn.Conv1d(in_channels, out_channels, 31, stride=2, padding=15, bias=bias)


class Generator(nn.Module):
    """Slices `(slices, 1, 8 * 2^layers)` -> enhanced slices of the same shape."""

    def __init__(self, channels: Sequence[int]):
        super().__init__()
        widths = [1, *channels]
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.down = nn.ModuleList(nn.Sequential(halving(wide, narrow), nn.PReLU(narrow)) for wide, narrow in pairs)
        self.up = nn.ModuleList(
            nn.Sequential(
                nn.ConvTranspose1d(2 * narrow, wide, 31, stride=2, padding=15, output_padding=1),
                nn.PReLU(wide) if wide > 1 else nn.Tanh(),
            )
            for wide, narrow in reversed(pairs)
        )
        zero_biases(self)

    def forward(self, noisy: Tensor) -> Tensor:
        x = noisy
        skips = []
        for layer in self.down:
            x = layer(x)  # (slices, channels, half the time)
            skips.append(x)
        skips[-1] = torch.randn_like(x) if self.training else torch.zeros_like(x)  # z
        for layer, skip in zip(self.up, reversed(skips), strict=True):
            x = layer(torch.cat([x, skip], dim=1))  # (slices, channels, twice the time)
        return x


class VirtualBatchNorm(nn.Module):
    """Normalise channels by the first `references` items and the item itself, then scale and shift them.

    Shape:
        `(references + batch, channels, time)` -> the same
    """

    def __init__(self, channels: int, references: int):
        super().__init__()
        self.references = references
        self.scale = nn.Parameter(torch.ones(channels, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        own_share = x.new_full((len(x), 1, 1), 1 / (self.references + 1))
        own_share[: self.references] = 0
        moments = torch.stack([x, x.square()])  # (2, references + batch, channels, time)
        of_reference = moments[:, : self.references].mean(dim=(1, 3), keepdim=True)
        of_item = moments.mean(dim=3, keepdim=True)
        mean, square = torch.lerp(of_reference, of_item, own_share)  # each (references + batch, channels, 1)
        deviation = (square - mean.square()).clamp_min(0).add(1e-5).sqrt()
        return self.scale * (x - mean) / deviation + self.shift


class Discriminator(nn.Module):
    """Pairs of slices `(pairs, 2, 8 * 2^layers)` -> a verdict on each, 1 for clean and 0 for enhanced, `(pairs, 1)`."""

    def __init__(self, channels: Sequence[int], references: int = 8):
        super().__init__()
        widths = [2, *channels]
        blocks = []
        for wide, narrow in zip(widths[:-1], widths[1:], strict=True):
            blocks += [halving(wide, narrow, bias=False), VirtualBatchNorm(narrow, references), nn.LeakyReLU(0.3)]
        self.layers = nn.Sequential(*blocks, nn.Conv1d(widths[-1], 1, 1), nn.Flatten(), nn.Linear(BOTTOM_SAMPLES, 1))
        self.register_buffer("reference", torch.zeros(references, 2, BOTTOM_SAMPLES * 2 ** len(channels)))

    def remember(self, pairs: Tensor) -> None:
        """Make these pairs the reference if there is none yet, repeated if they are too few."""
        if not self.reference.any():
            self.reference.copy_(pairs[torch.arange(len(self.reference)) % len(pairs)])

    def forward(self, pairs: Tensor) -> Tensor:
        return self.layers(torch.cat([self.reference, pairs]))[len(self.reference) :]


class SEGAN(System):
    """Generator and discriminator, with a layer for each number of channels.

    Args:
        channels: channels after each layer of the encoders.
    """

    title = "SEGAN"
    sizes = {
        "paper": {},
        "small": {"channels": (8, 16, 16, 32, 32, 48, 48, 64, 64, 64, 64)},
    }
    only_for_training = ("discriminator",)

    def __init__(self, channels: Sequence[int] = (16, 32, 32, 64, 64, 128, 128, 256, 256, 512, 1024)):
        super().__init__()
        self.slice_length = BOTTOM_SAMPLES * 2 ** len(channels)
        self.alignment = self.slice_length
        self.generator = Generator(channels)
        self.discriminator = Discriminator(channels)

    def forward(self, noisy: Tensor) -> Tensor:
        groups = self._cut(noisy).split(SLICES_AT_ONCE)
        slices = torch.cat([self.generator(group) for group in groups])
        return undo_emphasis(slices.reshape(len(noisy), 1, -1)[..., : noisy.shape[-1]])

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Compute the loss of the generator."""
        noisy, clean = self._cut(noisy), self._cut(clean)
        return self._generator_loss(self.generator(noisy), noisy, clean)

    def validation_loss(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Compute the mean absolute error alone, since the discriminator changes from epoch to epoch."""
        return functional.l1_loss(self.generator(self._cut(noisy)), self._cut(clean))

    def optimizers(self) -> list[Optimizer]:
        return [torch.optim.RMSprop(part.parameters(), lr=2e-4) for part in (self.generator, self.discriminator)]

    def training_step(self, noisy: Tensor, clean: Tensor, optimizers: Sequence[Optimizer]) -> float:
        """Train the discriminator and the generator by a step each, and return the loss of the generator."""
        of_generator, of_discriminator = optimizers
        noisy, clean = self._cut(noisy), self._cut(clean)
        enhanced = self.generator(noisy)
        real = torch.cat([clean, noisy], dim=1)
        self.discriminator.remember(real)
        fake = torch.cat([enhanced.detach(), noisy], dim=1)
        for_real, for_fake = self.discriminator(torch.cat([real, fake])).chunk(2)
        descend(of_discriminator, ((for_real - 1).square().mean() + for_fake.square().mean()) / 2)
        loss = self._generator_loss(enhanced, noisy, clean)
        descend(of_generator, loss)
        return loss.item()

    def _generator_loss(self, enhanced: Tensor, noisy: Tensor, clean: Tensor) -> Tensor:
        verdict = self.discriminator(torch.cat([enhanced, noisy], dim=1))
        return (verdict - 1).square().mean() / 2 + L1_WEIGHT * functional.l1_loss(enhanced, clean)

    def _cut(self, waveform: Tensor) -> Tensor:
        """Emphasise a waveform `(batch, 1, time)` and cut it into slices, `(slices, 1, slice_length)`."""
        filling = -waveform.shape[-1] % self.slice_length
        return functional.pad(preemphasis(waveform, EMPHASIS), (0, filling)).reshape(-1, 1, self.slice_length)
