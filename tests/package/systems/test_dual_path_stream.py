"""Dual-path masking block by block: the blocks do not show in the result, and it comes in time."""

import pytest
import torch

from speech_enhancement.systems.blocks.channels_last import ChannelNorm
from speech_enhancement.systems.dual_path_masking import DualPathMasking

LOOK_AHEAD = 1024
"""Samples of 64 ms."""


def system_of(hop_length: int) -> DualPathMasking:
    torch.manual_seed(0)
    system = DualPathMasking(channels=8, width=16, n_blocks=2, hop_length=hop_length).double().eval()
    with torch.no_grad():
        system.network.last.bias.fill_(0.5)
        # As after training, so that folding the norms away changes the layers.
        for norm in (module for module in system.modules() if isinstance(module, ChannelNorm)):
            norm.running_mean.normal_(0, 0.1)
            norm.running_var.uniform_(0.5, 2)
    return system


def noise(length: int) -> torch.Tensor:
    return 0.1 * torch.randn(length, dtype=torch.float64, generator=torch.Generator().manual_seed(length))


def streamed(system: DualPathMasking, waveform: torch.Tensor, *lengths: int) -> torch.Tensor:
    """Enhance a waveform in blocks of these lengths, and the rest in one."""
    stream = system.stream()
    blocks = waveform.split([*lengths, len(waveform) - sum(lengths)])
    return torch.cat([*map(stream.process, blocks), stream.finish()])


@pytest.mark.parametrize("hop_length", [256, 128, 96])
@pytest.mark.parametrize("length", [257, 4095, 4096, 5000])
def test_blocks_of_any_length_equal_one_pass(hop_length, length):
    system, waveform = system_of(hop_length), noise(length)
    with torch.no_grad():
        whole = system(waveform[None, None])[0, 0]
    assert whole.abs().max() > 0.001
    for lengths in ((), (1,) * 256, (200, 0, 57), (256,) * (length // 256), (700,) * (length // 700)):
        torch.testing.assert_close(streamed(system, waveform, *lengths), whole, rtol=0, atol=1e-13)


@pytest.mark.parametrize("length", [0, 1, 100, 256])
def test_shorter_than_a_window(length):
    system, waveform = system_of(128), noise(length)
    filled = torch.nn.functional.pad(waveform, (0, system.shortest - length))
    with torch.no_grad():
        whole = system(filled[None, None])[0, 0, :length]
    torch.testing.assert_close(streamed(system, waveform, length // 2), whole, rtol=0, atol=1e-13)


@pytest.mark.parametrize("hop_length", [256, 128])
def test_samples_come_after_the_look_ahead(hop_length):
    """Of all input but the last 64 ms, the result is out as soon as a hop is full; memory holds no more than that."""
    stream, returned = system_of(hop_length).stream(), 0
    for received in range(hop_length, 40 * hop_length, hop_length):
        returned += len(stream.process(noise(hop_length)))
        assert returned >= received - LOOK_AHEAD + hop_length
    assert stream._frames.shape[1] + len(stream._states) < 10 and len(stream._windows._waiting) < 512


def test_what_has_come_out_does_not_depend_on_what_follows():
    first, second = (system_of(256).stream() for _ in range(2))
    past = noise(8000)
    assert torch.equal(first.process(past), second.process(past))
    assert not torch.equal(first.process(noise(3000)), second.process(noise(3001)[:3000]))
