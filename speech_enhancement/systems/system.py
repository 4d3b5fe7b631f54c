"""The contract of a system: a noisy waveform in, an enhanced waveform of the same shape out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.state_file import write_state

Samples = TypeVar("Samples", np.ndarray, Tensor)


class Stream(ABC):
    """A recording that passes through a system block by block, at its own sample rate.

    The result comes `latency` samples late: that many zeros go before it, and `flush` returns as many at the end.
    Without them it is the result of the whole recording, but for rounding. An input shorter than the system's
    `shortest` is filled up with zeros.

    Attributes:
        sample_rate: Hz.
        channels: of each block.
        latency, latency_seconds: delay of the result; computing time is not in it.

    Example:
        >>> import torch, speech_enhancement
        >>> stream = speech_enhancement.load_model().stream(sample_rate=48000)
        >>> stream.latency_seconds
        0.0639...
        >>> enhanced = [stream.process(block) for block in torch.zeros(4800).split(480)] + [stream.flush()]
        >>> sum(map(len, enhanced)) - stream.latency
        4800
    """

    def __init__(self, sample_rate: int, channels: int, latency: int):
        self.sample_rate, self.channels, self.latency = sample_rate, channels, latency
        self._block: Samples = torch.zeros(channels, 0)
        self.reset()

    @property
    def latency_seconds(self) -> float:
        return self.latency / self.sample_rate

    def process(self, block: Samples) -> Samples:
        """Take the next samples and return as many of the result.

        Args:
            block: tensor or NumPy array, full scale at 1, of any length: `(channels, time)`, or `(time,)` of one
                channel.

        Returns:
            Samples of the same type and shape.

        Raises:
            ValueError: the block has another shape, or holds NaN or infinity.
        """
        samples = block.detach() if isinstance(block, Tensor) else torch.as_tensor(block)
        if samples.dim() == 1 and self.channels == 1:
            samples = samples[None]
        if samples.dim() != 2 or len(samples) != self.channels:
            raise ValueError(f"block: expected {self.channels} channels (channels, time), got {tuple(block.shape)}")
        # What is not finite would stay in the states for ever.
        if not samples.isfinite().all():
            raise ValueError("block: expected finite samples, got NaN or infinity")
        self._block = block
        with torch.inference_mode():
            self._add(self._advance(samples))
        enhanced, self._result = self._result.tensor_split([samples.shape[-1]], dim=-1)
        return self._as_given(enhanced)

    def flush(self) -> Samples:
        """Return the last `latency` samples of the result, as blocks were given, and begin anew."""
        with torch.inference_mode():
            self._add(self._end())
        rest = self._as_given(self._result)
        self.reset()
        return rest

    def reset(self) -> None:
        """Forget everything, to begin with another recording."""
        self._result = torch.zeros(self.channels, self.latency)
        self._begin()

    def _add(self, result: Tensor) -> None:
        self._result = torch.cat([self._result.to(result), result], dim=-1)

    def _as_given(self, samples: Tensor) -> Samples:
        """Give samples `(channels, time)` the type and the dimensions of the last block."""
        samples = samples[0] if self._block.ndim == 1 else samples
        if isinstance(self._block, Tensor):
            return samples.to(self._block)
        return samples.numpy().astype(self._block.dtype, copy=False)

    @abstractmethod
    def _begin(self) -> None:
        """Set the states at the beginning of a recording."""

    @abstractmethod
    def _advance(self, samples: Tensor) -> Tensor:
        """Take samples `(channels, time)`; return the further samples of the result, of which none is later."""

    @abstractmethod
    def _end(self) -> Tensor:
        """Return the rest of the result, which then has as many samples as the input."""


class StreamingStep(nn.Module):
    """A stream as a function without memory: a hop of samples and states in, a hop of the result and states out.

    Attributes:
        sample_rate: Hz.
        hop_length: samples that it takes and returns.
        delay: samples by which the result is late.
        states: shapes by name, in the order in which `forward` takes and returns them; all are zero at the beginning.
    """

    sample_rate: int
    hop_length: int
    delay: int
    states: Mapping[str, tuple[int, ...]]


class System(nn.Module):
    """A model: `system(noisy)` maps `(batch, 1, time)` to the enhanced waveform of the same shape.

    A system that learns by plain supervised steps defines an `objective`; one with two optimizers or pre-training has
    its own `training_step` or `pretrain`. A system that does not learn has no parameters, or fits them in `forward`.

    Attributes:
        title: name in tables.
        task: purpose, as tables name it.
        sample_rate: of input and result, Hz.
        sizes: keyword arguments of the constructor by the name of a size: "paper" as published, "small" of at most
            2 million parameters.
        context: number of samples, before and after its own position, on which a sample of the result can depend; None
            for the whole input.
        alignment: if the input is shifted by a multiple of this many samples, the result is shifted by as much.
        shortest: least number of samples of an input.
        needs_rumble_filter: True if the input should hold nothing below 50 Hz; False for a system that has learnt to
            remove it, and for tasks that need their input as it is, the zeros of lost packets for instance.
        only_for_training: names of submodules that enhancing does not need, a discriminator for instance.
        clip_norm: norm to which `train` clips the gradients unless told otherwise.
        average_decay: decay, per step, of the moving average of the weights that `train` validates and keeps instead of
            the weights themselves; None for no average.
        stream_kind: class of its streams, which gets the system and the arguments of `stream`; None if it has none.
        description: name in the registry, size and further arguments, from which `registry.build` made the system.
    """

    title: ClassVar[str]
    task: ClassVar[str] = "denoising"
    sample_rate: ClassVar[int] = SAMPLE_RATE
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {"paper": {}, "small": {}}
    context: int | None = None
    alignment: int = 1
    shortest: int = 4096
    needs_rumble_filter: ClassVar[bool] = True
    only_for_training: ClassVar[tuple[str, ...]] = ()
    clip_norm: ClassVar[float] = 1.0
    average_decay: ClassVar[float | None] = None
    stream_kind: ClassVar[Callable[..., Stream] | None] = None
    description: Mapping[str, Any]

    def received(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Make the system's input from a pair: the noisy waveform or, for other tasks, a degraded clean one."""
        return noisy

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Compute the loss of a batch, a scalar; by default the mean absolute error of the waveform."""
        return functional.l1_loss(self(noisy), clean)

    def validation_loss(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Compute the loss by which epochs are compared; by default the objective."""
        return self.objective(noisy, clean)

    def optimizers(self) -> Sequence[Optimizer]:
        """Make the optimizers that `training_step` gets; by default one Adam for all parameters."""
        return [torch.optim.Adam(self.parameters(), lr=1e-3)]

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Prepare for the first step, with endless batches `(noisy, clean)`; by default do nothing."""

    def training_step(self, noisy: Tensor, clean: Tensor, optimizers: Sequence[Optimizer]) -> float:
        """Take one step of training on a batch; return the loss."""
        loss = self.objective(noisy, clean)
        (optimizer,) = optimizers
        descend(optimizer, loss)
        return loss.item()

    def learns_by_plain_steps(self) -> bool:
        """Return True if the objective's gradient and one optimizer are all that training needs."""
        kind = type(self)
        return kind.training_step is System.training_step and kind.pretrain is System.pretrain

    def stream(
        self,
        sample_rate: int = SAMPLE_RATE,
        channels: int = 1,
        attenuation_limit: float | None = None,
        apart: bool = False,
        keep_rumble: bool = False,
    ) -> Stream | None:
        """Begin a stream, in evaluation mode; None if the system cannot run block by block.

        Args:
            sample_rate: of the recording, Hz.
            channels: of the recording.
            attenuation_limit: most that is taken away, dB; None for no limit.
            apart: True if the channels have nothing to do with each other; otherwise all get the same gains.
            keep_rumble: True to keep what lies below 50 Hz.
        """
        kind = self.stream_kind
        return None if kind is None else kind(self, sample_rate, channels, attenuation_limit, apart, keep_rumble)

    def streaming_step(self) -> StreamingStep | None:
        """Make the step of a stream, for runtimes without torch; None if the system cannot run block by block."""
        return None

    def count_parameters(self) -> int:
        """Count the learnt numbers that enhancing needs."""
        left_out = {id(parameter) for name in self.only_for_training for parameter in getattr(self, name).parameters()}
        return sum(parameter.numel() for parameter in self.parameters() if id(parameter) not in left_out)

    def state(self, epoch: int) -> dict[str, Any]:
        """Return the state that `model_file.load_model` reads from a file; `epoch` is the last finished one."""
        return {
            "model": self.state_dict(),
            "epoch": epoch,
            "extra": {**self.description, "context": self.context},
        }

    def save(self, path: str | Path, epoch: int) -> None:
        """Write the system for `load_model`; the file appears whole or not at all."""
        with replacing(path) as temporary:
            write_state(temporary, self.state(epoch))


def kept_share(attenuation_limit: float | None) -> float:
    """Compute the share of a noisy recording that a limit of attenuation, in dB, leaves in the result.

    Raises:
        ValueError: the limit is not a number from 0 up.
    """
    if attenuation_limit is None:
        return 0.0
    if not attenuation_limit >= 0:
        raise ValueError(f"attenuation_limit: expected a number of decibels from 0 up, got {attenuation_limit}")
    return 10 ** (-attenuation_limit / 20)


def zero_biases(module: nn.Module) -> None:
    """Set all biases to zero, as TensorFlow does.

    PyTorch draws them at random, which can give the result an offset several times as loud as speech.
    """
    for name, parameter in module.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)


def descend(optimizer: Optimizer, loss: Tensor) -> None:
    """Take one step of an optimizer down the gradient of a loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
