"""Deep network prior: a network is fitted to one noisy file, and where its output keeps changing there is noise.

There is no training data. A network with random weights is given random numbers and learns to put out the noisy file
itself. It learns structured sound first, which then stays; noise has no structure that the network could use, so that
part of the output keeps changing from step to step. With X_i the spectrogram of the output after step i,

    D_i[k, m] = | |X_i[k, m]| - |X_{i-1}[k, m]| | / |X_i[k, m]|,    A = sum_i clip(D_i),    i = 51 ... last

accumulates these changes, each clipped to its 10th and 90th percentile over all bins. The mask

    M = (max A - A) / (max A - min A),    at least 10^(-18 / 10)

is near 1 where the output held still. The output itself is not used: M is the gain on the spectrogram of the noisy
file. Nothing is kept below 94 Hz and at 8 kHz.

The network is a U-Net over samples (Wave-U-Net). Each of 6 levels is a convolution over 15 samples, batch normalisation
and leaky ReLU, of which every second sample goes on. One such layer is in the middle. On the way back, each level is a
linear interpolation, a concatenation with the output of that level on the way down, and a convolution over 5. At the
end the input is concatenated, and a convolution over 1 and tanh follow. Level i has i times `filters` channels: 9.3
million parameters with 60. The input is uniform noise in [-1, 1], one number a sample, the same in all steps. The loss
is the mean squared error of the waveform; Adam runs at 1e-3 for 5000 steps.

Sources: Michelashvili and Wolf, "Speech denoising by accumulating per-frequency modeling fluctuations", arXiv
1904.07612, 2019. The text leaves details open; those above follow the code that its authors published beside the
recordings of their demonstration page. Later code of theirs clips the sum instead of each change, and turns M into
log-MMSE gains. The idea of the network is Ulyanov, Vedaldi and Lempitsky, "Deep image prior", CVPR 2018. Ours: every
file is first scaled to an RMS of 0.1, so that its volume does not matter, and padded, not cut, to a multiple of 64
samples. M squared, also ours, removes more: it leaves less noise after thousands of steps, and too little speech after
hundreds; a benchmark measures both.

"small" has 12 filters and 600 steps; "paper" takes hours without a GPU. Because it is fitted to every file, it is
slower than real time.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_enhancement.masking import apply_mask
from speech_enhancement.stft import istft, stft
from speech_enhancement.systems.system import System

FIRST_STEP = 50
LOWEST_MASK = 10 ** (-18 / 10)
LEVELS = 6
LEVEL = 0.1
"""RMS to which a file is scaled."""


class PriorNetwork(nn.Module):
    """The network that is fitted to a file.

    Args:
        filters: channels of the first level, and difference in channels from level to level.

    Shape:
        `(batch, 1, time)`, time a multiple of 64 -> the same, between -1 and 1
    """

    def __init__(self, filters: int):
        super().__init__()
        widths = [filters * level for level in range(1, LEVELS + 1)]
        self.down = nn.ModuleList(
            _layer(before, width, 15) for before, width in zip([1, *widths], widths, strict=False)
        )
        self.middle = _layer(widths[-1], widths[-1], 15)
        self.up = nn.ModuleList(
            _layer(below + width, width, 5) for below, width in zip([*widths[1:], widths[-1]], widths, strict=True)
        )
        self.outlet = nn.Conv1d(filters + 1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        given, skips = x, []
        for layer in self.down:
            skips.append(layer(x))
            x = skips[-1][..., ::2]
        x = self.middle(x)
        for layer, skip in zip(reversed(self.up), reversed(skips), strict=True):
            x = functional.interpolate(x, scale_factor=2, mode="linear", align_corners=False)
            x = layer(torch.cat([x, skip], dim=1))
        x = torch.cat([x, given], dim=1)
        with torch.autocast(x.device.type, enabled=False):  # rounding would count as change
            return torch.tanh(self.outlet(x))


def _layer(in_channels: int, out_channels: int, kernel_size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(in_channels, out_channels, kernel_size, padding=kernel_size // 2),
        nn.BatchNorm1d(out_channels),
        nn.LeakyReLU(0.1),
    )


def fit(network: nn.Module, target: Tensor, iterations: int) -> Iterator[Tensor]:
    """Fit a network to one waveform `(1, 1, time)`, and yield its output at every step."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    noise = 2 * torch.rand_like(target) - 1
    for _ in range(iterations):
        output = network(noise)
        optimizer.zero_grad()
        functional.mse_loss(output, target).backward()
        optimizer.step()
        yield output.detach()


def accumulate(magnitudes: Iterable[Tensor]) -> Iterator[Tensor]:
    """Add up the changes of magnitudes `(..., freq, frames)` from each step to the next.

    Yields:
        The sum A so far, of the same shape, from the second magnitude on.
    """
    total, before = 0, None
    for magnitude in magnitudes:
        if before is not None:
            change = (magnitude - before).abs() / magnitude.clamp_min(1e-12)
            # `torch.quantile` accepts at most 9 minutes of sound.
            low, high = (change.flatten().kthvalue(1 + round(share * (change.numel() - 1)))[0] for share in (0.1, 0.9))
            total = total + change.clamp(low, high)
            yield total
        before = magnitude


def changes(noisy: Tensor, filters: int, iterations: int) -> Iterator[Tensor]:
    """Fit a network to a waveform `(1, 1, time)`, and yield the sum A `(1, 1, freq, frames)` from the 51st step on."""
    time = noisy.shape[-1]
    target = LEVEL * noisy / noisy.square().mean().sqrt().clamp_min(1e-8)
    target = functional.pad(target, (0, -time % 2**LEVELS))
    outputs = fit(PriorNetwork(filters).to(noisy), target, iterations)
    steady = itertools.islice(outputs, FIRST_STEP - 1, None)
    return accumulate(stft(output[..., :time]).abs() for output in steady)


def mask_of_changes(total: Tensor) -> Tensor:
    """Compute the mask M from the sum A, of the same shape."""
    highest, lowest = total.max(), total.min()
    mask = ((highest - total) / (highest - lowest).clamp_min(1e-12)).clamp_min(LOWEST_MASK)
    mask[..., :3, :] = 0
    mask[..., -1:, :] = 0
    return mask


class DeepNetworkPrior(System):
    """A network fitted to each file, which takes minutes to hours; nothing is learned from one file for the next.

    Args:
        filters: of the network.
        iterations: steps of the fit, more than `FIRST_STEP`.
        exponent: of M in the gain; 1 as published.
        seed: of weights and input.

    Shape:
        `(batch, 1, time)` -> the same

    Raises:
        ValueError: there are too few iterations.
    """

    title = "deep network prior"
    sizes = {
        "paper": {"filters": 60, "iterations": 5000},
        "small": {"filters": 12, "iterations": 600},
    }

    def __init__(self, filters: int = 60, iterations: int = 5000, exponent: float = 1, seed: int = 0):
        super().__init__()
        if iterations <= FIRST_STEP:
            raise ValueError(f"iterations: expected more than {FIRST_STEP}, which are not counted, got {iterations}")
        self.filters = filters
        self.iterations = iterations
        self.exponent = exponent
        self.seed = seed

    def forward(self, noisy: Tensor) -> Tensor:
        return torch.cat([self._denoise(waveform) for waveform in noisy.split(1)])

    @torch.inference_mode(False)
    def _denoise(self, noisy: Tensor) -> Tensor:
        noisy = noisy.clone()  # the original may come from inference mode, which allows no gradients
        with torch.random.fork_rng(), torch.enable_grad():
            torch.manual_seed(self.seed)
            (total,) = deque(changes(noisy, self.filters, self.iterations), maxlen=1)
        return istft(apply_mask(stft(noisy), mask_of_changes(total) ** self.exponent), length=noisy.shape[-1])
