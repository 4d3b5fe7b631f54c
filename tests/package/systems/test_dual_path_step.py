"""The step of dual-path masking: hop by hop and without complex numbers, the result of one pass."""

import pytest
import torch
from torch.nn import functional

from speech_enhancement.systems.dual_path_masking import DualPathMasking
from speech_enhancement.systems.system import StreamingStep
from tests.package.systems.signals import batch
from tests.package.systems.test_dual_path_masking import LOOK_AHEAD
from tests.package.systems.test_dual_path_stream import system_of


def stepped(step: StreamingStep, waveform: torch.Tensor) -> torch.Tensor:
    """Enhance a waveform of whole hops, with the step's delay."""
    states, results = [torch.zeros(shape).to(waveform) for shape in step.states.values()], []
    for hop in waveform.split(step.hop_length):
        with torch.no_grad():
            result, *states = step(hop, *states)
        results.append(result)
    assert [tuple(state.shape) for state in states] == list(step.states.values())
    return torch.cat(results)


@pytest.mark.parametrize("hop_length", [256, 128, 64])
def test_hops_equal_one_pass(hop_length):
    """Also at the beginning, which one pass mirrors; the end is one that silence follows."""
    system, waveform = system_of(hop_length), batch(0.512, 1)[0][0, 0].double()
    step = system.streaming_step()
    followed = functional.pad(waveform, (0, LOOK_AHEAD))
    with torch.no_grad():
        whole = system(followed[None, None])[0, 0, : len(waveform)]
    assert whole.abs().max() > 0.001
    result = stepped(step, followed)
    # The step's matrices and the transform of one pass round differently.
    torch.testing.assert_close(result[step.delay :][: len(waveform)], whole, rtol=0, atol=1e-12)
    assert not result[: step.delay].any()


@pytest.mark.parametrize("hop_length", [256, 128])
def test_result_comes_in_time(hop_length):
    step = system_of(hop_length).streaming_step()
    assert step.delay + step.hop_length == LOOK_AHEAD


def test_goes_on_for_long():
    """The count of hops, which float32 could not count for ever, stays where nothing depends on it any more."""
    step = system_of(256).streaming_step()
    counts, states = [], [torch.zeros(shape, dtype=torch.float64) for shape in step.states.values()]
    for _ in range(20):
        with torch.no_grad():
            _, *states = step(torch.zeros(256, dtype=torch.float64), *states)
        counts.append(int(states[0]))
    assert counts[:3] == [1, 2, 3] and len(set(counts[-10:])) == 1


def test_windows_whose_middle_is_between_hops_are_refused():
    with pytest.raises(ValueError, match="hop_length: expected a divisor of 256 for a step, got 96"):
        DualPathMasking(channels=8, width=16, n_blocks=1, hop_length=96).streaming_step()
