"""Noise2Noise: learning to remove noise from noisy targets alone.

A network is asked for a second noisy version of its input, with a noise that is independent of the first. It cannot
predict that noise, so the best it can give is the middle of all targets that fit its input: under the squared error
their mean, under the absolute error, which is the loss here, their median. Noise of zero mean leaves the mean at the
clean signal, noise of zero median the median, so the network learns to give the clean signal without ever being shown
it. Source: Lehtinen et al., "Noise2Noise: learning image restoration without clean data", ICML 2018; for speech
Kashyap, Tambwekar, Manohara and Natarajan, "Speech denoising without clean training data: a Noise2Noise approach",
Interspeech 2021.

**Target.** `noisy_target` adds to each item's speech the noise of another item of the batch. With two recordings of the
same speech, nothing but noisy recordings would be needed; `noisy_target` makes such pairs from a corpus of mixtures,
and uses the clean waveform for nothing else. `NoisyTargetTuning` trains any other system in this way.

**Network.** Défossez, Synnaeve and Adi, "Real time speech enhancement in the waveform domain", Interspeech 2020. The
waveform is divided by its standard deviation, sampled U times as densely, and goes through L layers down, an LSTM, and
L layers up. There are H channels after the first layer and twice as many after each further one:

    down    convolution, kernel 8, stride 4 -> ReLU -> convolution 1, twice the channels -> GLU
    LSTM    2 layers forward in time, with as many cells as the deepest layer has channels
    up      (+ output of the layer down of that depth) -> convolution 1, twice the channels -> GLU
            -> transposed convolution, kernel 8, stride 4 -> ReLU, but for the last

"paper" has L = 5, H = 48 and U = 4, which makes 18.9 million parameters; "small" has L = 4, H = 24 and U = 2. The paper
trains this network with clean targets, a spectral loss and augmentation; here the loss is the L1 distance of the
waveforms. Resampling is torchaudio's. The weights begin as in PyTorch, without the authors' rescaling.

The LSTM remembers the whole past. Of the future, `network` needs at most `network.lookahead` samples, which are 38 ms
for "paper"; only the division by the standard deviation looks at the whole waveform.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torchaudio.functional import resample

from speech_enhancement.systems.system import System

KERNEL = 8
STRIDE = 4


def noisy_target(noisy: Tensor, clean: Tensor) -> Tensor:
    """Add to each item's speech the noise of another item, drawn at random.

    A single item keeps its own noise, rolled by half of its length.

    Args:
        noisy, clean: shape `(batch, 1, time)`.
    """
    size = len(noisy)
    if size == 1:
        return clean + (noisy - clean).roll(noisy.shape[-1] // 2, dims=-1)
    # Each item takes the noise of its successor in a random order, so no item keeps its own.
    order = torch.randperm(size)
    other = torch.empty_like(order)
    other[order] = order.roll(-1)
    return clean + (noisy - clean)[other.to(noisy.device)]


class WaveformNetwork(nn.Module):
    """Convolutional encoder and decoder around an LSTM.

    Args:
        depth: L.
        hidden: H.
        resampling: U.

    Shape:
        `(batch, 1, time)` -> the same, any time from 1.
    """

    def __init__(self, depth: int, hidden: int, resampling: int):
        super().__init__()
        self.resampling = resampling
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for index in range(depth):
            before, after = hidden * 2 ** (index - 1) if index else 1, hidden * 2**index
            self.down.append(
                nn.Sequential(
                    nn.Conv1d(before, after, KERNEL, STRIDE), nn.ReLU(), nn.Conv1d(after, 2 * after, 1), nn.GLU(dim=1)
                )
            )
            self.up.insert(
                0,
                nn.Sequential(
                    nn.Conv1d(after, 2 * after, 1),
                    nn.GLU(dim=1),
                    nn.ConvTranspose1d(after, before, KERNEL, STRIDE),
                    nn.ReLU() if index else nn.Identity(),
                ),
            )
        self.lstm = nn.LSTM(after, after, num_layers=2, batch_first=True)
        # Samples that make one frame of the deepest layer.
        self.frame = (KERNEL - STRIDE) * sum(STRIDE**index for index in range(depth)) + STRIDE**depth
        # Each of torchaudio's two filters reaches 6 / 0.99 samples of the slower rate to either side.
        self.lookahead = -(-(self.frame - 1) // resampling) + (2 * 7 if resampling > 1 else 0)

    def forward(self, x: Tensor) -> Tensor:
        time = x.shape[-1]
        x = resample(x, 1, self.resampling)
        # Pad so that every layer's stride comes out even.
        hop = STRIDE ** len(self.down)
        n_hops = max(-(-(x.shape[-1] - self.frame) // hop), 0)
        x = functional.pad(x, (0, self.frame + n_hops * hop - x.shape[-1]))
        skips = []
        for layer in self.down:
            x = layer(x)
            skips.append(x)
        x = self.lstm(x.mT)[0].mT  # (batch, channels, frames)
        for layer in self.up:
            x = layer(x + skips.pop())
        return resample(x, self.resampling, 1)[..., :time]


class Noise2Noise(System):
    """Noise2Noise.

    Args:
        depth: L, the number of layers down.
        hidden: H, the number of channels after the first layer.
        resampling: U, the factor by which the waveform is sampled more densely.
    """

    title = "Noise2Noise"
    sizes = {
        "paper": {"depth": 5, "hidden": 48, "resampling": 4},
        "small": {"depth": 4, "hidden": 24, "resampling": 2},
    }

    def __init__(self, depth: int, hidden: int, resampling: int):
        super().__init__()
        self.network = WaveformNetwork(depth, hidden, resampling)

    def forward(self, noisy: Tensor) -> Tensor:
        level = noisy.std(dim=-1, keepdim=True) + 1e-3
        return level * self.network(noisy / level)

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return super().objective(noisy, noisy_target(noisy, clean))


class NoisyTargetTuning(System):
    """Another system, trained or not, that learns from noisy targets by its own loss and its own steps.

    Its loss should be one whose best answer to scattered targets is their middle, as losses of the waveform are.

    Args:
        system: for denoising; it is trained in place, and can be used without this class afterwards.
    """

    title = "noisy targets"

    def __init__(self, system: System):
        super().__init__()
        self.system = system
        self.title = f"{system.title}, noisy targets"
        self.context = system.context
        self.alignment = system.alignment
        self.only_for_training = tuple(f"system.{name}" for name in system.only_for_training)

    def forward(self, noisy: Tensor) -> Tensor:
        return self.system(noisy)

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return self.system.objective(noisy, noisy_target(noisy, clean))

    def validation_loss(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return self.system.validation_loss(noisy, noisy_target(noisy, clean))

    def optimizers(self) -> Sequence[Optimizer]:
        return self.system.optimizers()

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        self.system.pretrain((noisy, noisy_target(noisy, clean)) for noisy, clean in batches)

    def training_step(self, noisy: Tensor, clean: Tensor, optimizers: Sequence[Optimizer]) -> float:
        return self.system.training_step(noisy, noisy_target(noisy, clean), optimizers)

    def count_parameters(self) -> int:
        return self.system.count_parameters()
