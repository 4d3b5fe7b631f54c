"""Losses that compare two waveforms by the activations of a network that was trained on something else.

Two recordings that sound alike may differ in every sample, and a click that spoils a recording hardly moves a mean. A
network that had to tell noises apart, or to fit sounds through a narrow code, keeps in its activations phi_l what
mattered for that, and the loss compares these:

    L = sum_l d(phi_l(estimate), phi_l(target)) / w_l,    w_l = mean d(phi_l(0), phi_l(clean))

with d the mean absolute or squared difference. The weights w_l bring layers to one scale, whatever the size of their
activations: each layer gives 1 if the estimate is silence.

    deep_feature_losses    activations of a classifier of noises
    mu_gan                 the waveform, and the code of an autoencoder
    `FeatureLossTraining`  any other system, with either

`pretrain` trains the network first. Then it stays as it is: its weights get no gradient, and its batch statistics are
those of its training.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from speech_enhancement.systems.system import System, descend

WEIGHING_BATCHES = 10


class FeatureNetwork(nn.Module):
    """The interface of a network whose activations a feature loss compares.

    Attributes:
        n_layers: number of activations.
    """

    n_layers: int

    def activations(self, waveform: Tensor) -> Sequence[Tensor]:
        """Compute the activations of a waveform `(batch, 1, time)`, one tensor for each layer."""
        raise NotImplementedError

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Compute the loss of the network's own training on a batch, a scalar."""
        raise NotImplementedError


class FeatureLoss(nn.Module):
    """The loss L of this module.

    Args:
        network: gives the activations.
        distance: d, of two tensors of one shape.
        pretraining_steps: number of batches that train the network.

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
        """Keep the network in evaluation mode, whatever the mode of the system around it."""
        return super().train(False)

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        return (self.distances(estimate, target) / self.weights).sum()

    def distances(self, estimate: Tensor, target: Tensor) -> Tensor:
        """Compute the distance in each layer, `(layers,)`."""
        with torch.no_grad():
            wanted = self.network.activations(target)
        return torch.stack(
            [self.distance(*pair) for pair in zip(self.network.activations(estimate), wanted, strict=True)]
        )

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Train the network on batches `(noisy, clean)`, then measure the weights on further batches."""
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
        system: for denoising; it is trained in place, and can be used without this class afterwards. It must learn by
            plain supervised steps.
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
