"""The costs of a system: multiply-adds, real-time factor on one core, and latency."""

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterator
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.systems.system import System

SECONDS = 4


def count_multiply_adds(system: System) -> float:
    """Count the multiply-adds of convolutions and matrix products for a second of audio, without Fourier transforms.

    The count is made on four seconds, with all padding that the system adds.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="TF32 acceleration", category=UserWarning)
        # A fused LSTM or attention is one operation, which cannot be counted; these are then made of matrix products.
        with (
            torch.backends.mkldnn.flags(enabled=False),
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
        ):
            _enhance(system, _signal())
    return counter.get_total_flops() / 2 / SECONDS


def real_time_factor(enhance: Callable[[Tensor], object]) -> float:
    """Measure the seconds on one core in which a function enhances a second of audio, given a waveform `(time,)`.

    The result is that of the fastest of three passes, or of the first if it is slow.
    """
    noisy = _signal()[0, 0]
    with _one_thread():
        first = _seconds(enhance, noisy)
        passes = [first] if first > SECONDS else [_seconds(enhance, noisy) for _ in range(3)]
    return min(passes) / SECONDS


def latency(system: System) -> float | None:
    """Measure how long the result waits for the input, in seconds: how far before a changed sample the result changes.

    A change counts if it is above -120 dB. The largest value is taken over samples spread over the system's coarsest
    step, since a frame is known only when its last sample is, and over soft and loud changes, since all bins may depend
    on the loudest one of a file. The result is None if nothing changes, or if the whole file must be known.
    """
    reach = system.context or SAMPLE_RATE
    first = max(SECONDS * SAMPLE_RATE // 2, reach + SAMPLE_RATE)
    changed = range(first, first + max(512, system.alignment), max(512, system.alignment) // 8)
    signal = _signal(2 * first)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        noisy = system.received(signal, signal).double()
    expected = _enhance(system.double(), noisy).flatten()
    ahead = []
    for position, amount in itertools.product(changed, (1, 100)):
        other = noisy.clone()
        other[0, 0, position] += amount
        differs = (_enhance(system, other).flatten() - expected).abs() > 1e-6 * amount
        ahead += [position - index for index in differs.nonzero().flatten()[:1].tolist()]
    system.float()
    return None if not ahead or max(ahead) > reach else max(0, *ahead) / SAMPLE_RATE


def _signal(length: int = SECONDS * SAMPLE_RATE) -> Tensor:
    """Make a tone in noise, `(1, 1, time)`."""
    time = torch.arange(length) / SAMPLE_RATE
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(0))
    return (0.1 * torch.sin(2 * torch.pi * 440 * time) + 0.05 * noise)[None, None]


def _seconds(enhance: Callable[[Tensor], object], noisy: Tensor) -> float:
    begin = perf_counter()
    enhance(noisy)
    return perf_counter() - begin


def _enhance(system: System, noisy: Tensor) -> Tensor:
    with torch.inference_mode():
        return system(noisy)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
