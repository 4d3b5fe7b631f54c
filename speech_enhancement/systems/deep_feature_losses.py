"""Dilated convolutions on the waveform, trained by the activations of a sound classifier instead of by sample errors.

A regression loss counts energy: a faint hiss in a pause costs next to nothing, though a listener notices it. A network
that has learned to recognise sounds keeps in its first layers what tells them apart, and the loss compares those
activations of estimate and clean speech. Source: Germain, Chen and Koltun, "Speech denoising with deep feature losses",
Interspeech 2019 (arXiv 1806.10522, 2018). Details below follow the program that its authors published.

**Network**, a context aggregation network. All layers have 64 channels, kernel 3, adaptive normalisation, leaky ReLU of
slope 0.2, and zeros beyond the ends:

    13 layers of dilation 1, 2, 4 ... 4096;  one of dilation 1;  a convolution of kernel 1 to one channel

    norm(x) = a x + b (BN(x) + s),  numbers a and b, one s a channel; a = 1, b = 0 at first
    parameters  3 * 64 + 13 * 3 * 64^2 + 14 * (64 + 2) + 64 + 1 = 160,925
    context     1 + 2 + ... + 4096 + 1 = 8192 samples on either side, 2^14 + 1 in all, about a second

**Loss** (`feature_losses`). A classifier of 14 convolutions of kernel 3 and stride 2, the last without the stride, with
batch normalisation and leaky ReLU; 32 channels, doubled after every 5 layers; the mean over time and a linear layer.
The mean absolute differences in its first 6 layers are summed, each divided by a weight.

**Differences from the paper and its program.**

- The classifier of the paper was trained on recordings of acoustic scenes and of sounds at home. This one is trained on
  the noises of `corpora.noises`: it is given clean speech with one of them added, at an SNR between -5 and 15 dB, and
  learns to name the noise. It therefore hears speech and noise together, as it will in the loss.
- The weights of the layers are measured before training, as the distances between silence and clean speech; the
  authors used ones for ten epochs, and then the mean losses of the tenth.
- The network begins near the identity, as Yu and Koltun advise for such networks ("Multi-scale context aggregation by
  dilated convolutions", ICLR 2016, equation 4). Even channels pass on the waveform and odd ones its negative, because
  each leaky ReLU passes only one half of a signal. From the authors' random weights a short training does not get away
  from silence.
- In the authors' program batch normalisation uses the statistics of the recording in enhancement too. Here it uses
  those of training, so that distant samples have no influence.
- "small" has 16 channels, and its classifier learns from 150 batches instead of 1000. The rate of Adam is 1e-3 instead
  of the authors' 1e-4, since training here is short.
"""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from speech_enhancement.augmentation import mix_at_snr
from speech_enhancement.corpora.noises import KINDS
from speech_enhancement.systems.blocks.feature_losses import FeatureLoss, FeatureLossTraining, FeatureNetwork
from speech_enhancement.systems.system import System, zero_biases

SLOPE = 0.2
LOWEST_SNR, HIGHEST_SNR = -5.0, 15.0


class AdaptiveNorm(nn.Module):
    """A learned mixture of the input and the normalised input: `(batch, channels, time)` -> the same."""

    def __init__(self, channels: int):
        super().__init__()
        self.plain = nn.Parameter(torch.ones(()))
        self.normalised = nn.Parameter(torch.zeros(()))
        self.shift = nn.Parameter(torch.zeros(channels, 1))
        self.norm = nn.BatchNorm1d(channels, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.plain * x + self.normalised * (self.norm(x) + self.shift)


class ContextAggregation(System):
    """The context aggregation network; by itself it learns by the mean absolute error.

    Args:
        channels: of every layer.
        dilated_layers: number of layers whose dilations double from 1.
    """

    title = "context aggregation"
    sizes = {"paper": {}, "small": {"channels": 16}}

    def __init__(self, channels: int = 64, dilated_layers: int = 13):
        super().__init__()
        dilations = [*(2**layer for layer in range(dilated_layers)), 1]
        self.context = sum(dilations)
        layers = []
        for index, dilation in enumerate(dilations):
            convolution = nn.Conv1d(
                channels if index else 1, channels, 3, padding="same", dilation=dilation, bias=False
            )
            layers += [convolution, AdaptiveNorm(channels), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Conv1d(channels, 1, 1))
        self._begin_near_identity(channels)

    @torch.no_grad()
    def _begin_near_identity(self, channels: int) -> None:
        zero_biases(self)
        first, *others, last = (layer for layer in self.layers if isinstance(layer, nn.Conv1d))
        signs = 1 - 2 * (torch.arange(channels) % 2)
        for layer in (first, *others):
            nn.init.xavier_uniform_(layer.weight, gain=0.1)
        first.weight[:, 0, 1] += signs
        for layer in others:
            layer.weight[..., 1] += torch.eye(channels)
        last.weight[0, :, 0] = 2 / channels * signs

    def forward(self, noisy: Tensor) -> Tensor:
        return self.layers(noisy)


class NoiseClassifier(FeatureNetwork):
    """A classifier of noises: waveform `(batch, 1, time)` -> a logit for each of `KINDS`, `(batch, kinds)`.

    Args:
        channels: of the first layers.
        layers: number of layers, the last without a stride.
        n_layers: number of layers, from the first, that the loss compares.
    """

    def __init__(self, channels: int = 32, layers: int = 14, n_layers: int = 6):
        super().__init__()
        self.n_layers = n_layers
        widths = [1, *(channels * 2 ** (layer // 5) for layer in range(layers))]
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(before, after, 3, stride=1 if index == layers - 1 else 2, padding=1, bias=False),
                nn.BatchNorm1d(after),
                nn.LeakyReLU(SLOPE),
            )
            for index, (before, after) in enumerate(zip(widths[:-1], widths[1:], strict=True))
        )
        self.head = nn.Linear(widths[-1], len(KINDS))

    def forward(self, waveform: Tensor) -> Tensor:
        return self.head(self._run(waveform, len(self.layers))[-1].mean(dim=-1))

    def activations(self, waveform: Tensor) -> list[Tensor]:
        return self._run(waveform, self.n_layers)

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Compute the cross entropy for the clean speech with noises added to it; `noisy` is not used."""
        mixture, kinds = add_noises(clean)
        return functional.cross_entropy(self(mixture), kinds)

    def _run(self, x: Tensor, n_layers: int) -> list[Tensor]:
        outputs = []
        for layer in self.layers[:n_layers]:
            x = layer(x)
            outputs.append(x)
        return outputs


def add_noises(clean: Tensor) -> tuple[Tensor, Tensor]:
    """Add a noise of a random kind to each item of speech `(batch, 1, time)`; return it with the kinds, `(batch,)`."""
    makers = list(KINDS.values())
    generator = Generator().manual_seed(int(torch.randint(2**31, ())))
    kinds = torch.randint(len(makers), (len(clean),), generator=generator)
    noises = torch.stack([makers[kind](clean.shape[-1], generator) for kind in kinds.tolist()])
    snr_db = LOWEST_SNR + (HIGHEST_SNR - LOWEST_SNR) * torch.rand(len(clean), generator=generator)
    return mix_at_snr(clean, noises.unsqueeze(1).to(clean), snr_db), kinds.to(clean.device)


class DeepFeatureLosses(FeatureLossTraining):
    """Context aggregation network, trained by the activations of a classifier of noises.

    Args:
        channels, dilated_layers: of the network.
        classifier_channels, classifier_layers: channels of the classifier's first layers, and number of its layers.
        pretraining_steps: number of batches that train the classifier.
    """

    title = "deep feature losses"
    sizes = {"paper": {}, "small": {"channels": 16, "pretraining_steps": 150}}

    def __init__(
        self,
        channels: int = 64,
        dilated_layers: int = 13,
        classifier_channels: int = 32,
        classifier_layers: int = 14,
        pretraining_steps: int = 1000,
    ):
        classifier = NoiseClassifier(classifier_channels, classifier_layers)
        super().__init__(
            ContextAggregation(channels, dilated_layers),
            FeatureLoss(classifier, functional.l1_loss, pretraining_steps),
        )
        self.title = DeepFeatureLosses.title
