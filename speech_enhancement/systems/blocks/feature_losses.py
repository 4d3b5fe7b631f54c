"""Losses that compare two waveforms by what a network, trained on something else, makes of them.

Two recordings that sound alike may differ in every sample, and a click that spoils one hardly moves a mean. A network
that had to tell noises apart, or to fit sounds through a narrow code, keeps in its activations phi_l what mattered
there, and the distance is taken between those:

    L = sum_l d(phi_l(estimate), phi_l(target)) / w_l,    w_l = mean d(phi_l(0), phi_l(clean))

with d the mean absolute or squared difference. The weights w_l bring layers to one scale, whatever the size of their
activations: each gives 1 where the estimate is silence.

    deep_feature_losses    activations of a classifier of noises
    mu_gan                 the waveform, and the code of an autoencoder
    `FeatureLossTraining`  any other system, with either

The network is trained first, by `pretrain`, and then stays as it is: its weights get no gradient, and its batch
statistics are those of its training.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from speech_enhancement.systems.system import System, descend

WEIGHING_BATCHES = 10


class FeatureNetwork(nn.Module):
    """What a feature loss needs of a network.

    Attributes:
        n_layers: how many activations are compared.
    """

    n_layers: int

    def activations(self, waveform: Tensor) -> Sequence[Tensor]:
        """Waveform `(batch, 1, time)` -> what is compared, one tensor a layer."""
        raise NotImplementedError

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """The loss of the network's own training on a batch, a scalar."""
        raise NotImplementedError


class FeatureLoss(nn.Module):
    """The loss L above.

    Args:
        network: gives the activations.
        distance: d, of two tensors of one shape.
        pretraining_steps: batches that the network is trained with.

    Shape:
        estimate and target `(batch, 1, time)` -> a number
    """

    def __init__(self, network: FeatureNetwork, distance: Callable[[Tensor, Tensor], Tensor], pretraining_steps: int):
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.distance = distance
        self.pretraining_steps = pretraining_steps
        self.register_buffer("weights", torch.ones(network.n_layers))

    def train(self, mode: bool = True) -> "FeatureLoss":
        """The network stays in evaluation, whatever the system around it does."""
        return super().train(False)

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        return (self.distances(estimate, target) / self.weights).sum()

    def distances(self, estimate: Tensor, target: Tensor) -> Tensor:
        """The distance in each layer, `(layers,)`."""
        with torch.no_grad():
            wanted = self.network.activations(target)
        return torch.stack(
            [self.distance(*pair) for pair in zip(self.network.activations(estimate), wanted, strict=True)]
        )

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Train the network on batches `(noisy, clean)`, then measure the weights on some more."""
        batches = iter(batches)
        self.network.train().requires_grad_(True)
        optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)
        for noisy, clean in islice(batches, self.pretraining_steps):
            descend(optimizer, self.network.objective(noisy, clean))
        optimizer.zero_grad()
        self.network.eval().requires_grad_(False)
        with torch.no_grad():
            measured = [
                self.distances(torch.zeros_like(clean), clean) for _, clean in islice(batches, WEIGHING_BATCHES)
            ]
        self.weights.copy_(torch.stack(measured).mean(dim=0))


class FeatureLossTraining(System):
    """Another system that learns by a feature loss in place of its own.

    Args:
        system: the system, for denoising; it is the one that is trained, and can be used without this class afterwards.
            It must learn by plain steps.
        feature_loss: the loss; `pretrain` trains its network.
    """

    title = "feature loss"
    only_for_training = ("feature_loss",)

    def __init__(self, system: System, feature_loss: FeatureLoss):
        super().__init__()
        self.system = system
        self.feature_loss = feature_loss
        self.title = f"{system.title}, feature loss"
        self.context = system.context
        self.alignment = system.alignment

    def forward(self, noisy: Tensor) -> Tensor:
        return self.system(noisy)

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        return self.feature_loss(self.system(noisy), clean)

    def optimizers(self) -> Sequence[Optimizer]:
        return self.system.optimizers()

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        batches = iter(batches)
        self.system.pretrain(batches)
        self.feature_loss.pretrain(batches)
