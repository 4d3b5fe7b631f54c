"""Dual-path masking block by block: at any rate the blocks do not show in the result, and it comes in time."""

import doctest

import numpy as np
import pytest
import torch

from speech_enhancement.systems import system as contract
from speech_enhancement.systems.blocks.channels_last import ChannelNorm
from speech_enhancement.systems.dual_path_masking import DualPathMasking
from speech_enhancement.systems.dual_path_stream import common_gains

RATES = [1000, 8000, 11025, 16000, 44100, 47952, 48000]


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


def constant(gain: float) -> DualPathMasking:
    """A system whose mask is the same everywhere, so that it only scales."""
    system = system_of(128)
    with torch.no_grad():
        system.network.last.weight.zero_()
        system.network.last.bias.zero_()
        # Real and imaginary parts take turns; the spectrum is compressed to the power 0.3.
        system.network.last.bias[::2] = gain**0.3
    return system


def noise(*shape: int) -> torch.Tensor:
    return 0.1 * torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(shape[-1]))


def streamed(system: DualPathMasking, waveform: torch.Tensor, *lengths: int, **options) -> torch.Tensor:
    """Enhance a waveform in blocks of these lengths, and the rest in one."""
    stream = system.stream(channels=1 if waveform.dim() == 1 else len(waveform), **options)
    return through(stream, waveform, *lengths)


def through(stream: contract.Stream, waveform: torch.Tensor, *lengths: int) -> torch.Tensor:
    blocks = waveform.split([*lengths, waveform.shape[-1] - sum(lengths)], dim=-1)
    results = [stream.process(block) for block in blocks]
    for result, block in zip(results, blocks, strict=True):
        assert result.shape == block.shape
    rest = stream.flush()
    assert rest.shape[-1] == stream.latency
    late, enhanced = torch.cat([*results, rest], dim=-1).tensor_split([stream.latency], dim=-1)
    assert not late.any()
    return enhanced


def random_lengths(length: int, longest: int) -> list[int]:
    generator, lengths = torch.Generator().manual_seed(length), []
    while sum(lengths) < length - longest:
        lengths.append(int(torch.randint(longest, (), generator=generator)))
    return lengths


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


@pytest.mark.parametrize("rate", RATES)
def test_random_blocks_at_any_rate_equal_one_block(rate):
    system, waveform = system_of(128), noise(2, rate // 6 + 77)
    options = {"sample_rate": rate, "keep_rumble": True, "attenuation_limit": 12}
    whole = streamed(system, waveform, **options)
    assert whole.abs().max() > 0.001
    lengths = random_lengths(waveform.shape[-1], rate // 50)
    torch.testing.assert_close(streamed(system, waveform, *lengths, **options), whole, rtol=0, atol=1e-13)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hop_length", [256, 128])
def test_the_result_is_at_most_64_ms_late(rate, hop_length):
    stream = system_of(hop_length).stream(rate)
    assert stream.latency_seconds == stream.latency / rate <= 0.064


def test_memory_holds_only_the_last_frames():
    stream = system_of(128).stream()
    stream.process(noise(20000))
    assert stream._spectra.shape[1] + len(stream._states) < 10 and stream._windows._waiting.shape[-1] < 512


def test_what_has_come_out_does_not_depend_on_what_follows():
    first, second = (system_of(256).stream() for _ in range(2))
    past = noise(8000)
    assert torch.equal(first.process(past), second.process(past))
    assert not torch.equal(first.process(noise(3000)), second.process(noise(3001)[:3000]))


@pytest.mark.parametrize("end", ["flush", "reset"])
def test_a_stream_can_begin_anew(end):
    stream = system_of(128).stream(keep_rumble=True)
    first = through(stream, noise(3000))
    stream.process(noise(5000))
    getattr(stream, end)()
    assert torch.equal(through(stream, noise(3000)), first)


def test_blocks_come_back_as_they_were():
    for channels, shape in ((1, (700,)), (1, (1, 700)), (2, (2, 700))):
        stream = system_of(128).stream(channels=channels)
        for block in (noise(*shape).float(), noise(*shape).numpy(), noise(*shape).numpy().astype(np.float32)):
            for result in (stream.process(block), stream.flush()):
                assert type(result) is type(block) and result.dtype == block.dtype
                assert result.shape[:-1] == block.shape[:-1]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (torch.zeros(100), r"block: expected 2 channels \(channels, time\), got \(100,\)"),
        (torch.zeros(3, 100), r"block: expected 2 channels \(channels, time\), got \(3, 100\)"),
        (torch.full((2, 100), torch.nan), "block: expected finite samples, got NaN or infinity"),
    ],
)
def test_wrong_blocks_are_named_and_leave_the_stream_as_it_was(block, message):
    stream = system_of(128).stream(channels=2)
    with pytest.raises(ValueError, match=message):
        stream.process(block)
    torch.testing.assert_close(through(stream, noise(2, 900)), streamed(system_of(128), noise(2, 900)))


def test_the_docstrings_example():
    (example,) = doctest.DocTestFinder(recurse=False).find(contract.Stream, "Stream")
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example).failed == 0


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_constant_mask_scales_the_whole_band(rate, channels):
    """Above 8 kHz the gain goes on, without a seam. At 16 kHz and below, the highest frequency alone is left out."""
    waveform = noise(channels, rate // 2)
    enhanced = streamed(constant(0.3), waveform, sample_rate=rate)
    torch.testing.assert_close(enhanced, 0.3 * waveform, rtol=0, atol=0.01 if rate == 16000 else 1e-12)


@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize("limit", [0, 6, 20])
def test_with_a_limit_the_noisy_recording_stays_at_that_level(rate, limit):
    system, waveform = system_of(128), noise(2, 9000)
    free, limited = (streamed(system, waveform, sample_rate=rate, attenuation_limit=each) for each in (None, limit))
    kept = 10 ** (-limit / 20)
    torch.testing.assert_close(limited, kept * waveform + (1 - kept) * free, rtol=0, atol=1e-13)


@pytest.mark.parametrize("limit", [-1, float("nan")])
def test_a_limit_below_zero_is_refused(limit):
    with pytest.raises(ValueError, match="attenuation_limit: expected a number of decibels from 0 up, got"):
        system_of(128).stream(attenuation_limit=limit)


@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize("level", [1.0, 0.3, -1.0, 0.0])
def test_channels_together_keep_their_levels(rate, level):
    """This holds for opposite phases too, which do not cancel."""
    system, waveform = system_of(128), noise(9000)
    left, right = streamed(system, torch.stack([waveform, level * waveform]), sample_rate=rate)
    torch.testing.assert_close(right, level * left, rtol=0, atol=1e-13)
    alone = streamed(system, waveform, sample_rate=rate)
    assert (left - alone).square().mean() < 0.3 * alone.square().mean()
    if level == 1 or (level == 0 and rate == 16000):
        torch.testing.assert_close(left, alone, rtol=0, atol=1e-13)


def test_channels_apart_are_each_enhanced_alone():
    system, waveform = system_of(128), noise(2, 9000)
    apart = streamed(system, waveform, apart=True, sample_rate=48000)
    alone = torch.stack([streamed(system, channel, sample_rate=48000) for channel in waveform])
    torch.testing.assert_close(apart, alone, rtol=0, atol=1e-13)
    assert (streamed(system, waveform, sample_rate=48000) - alone).abs().max() > 1e-4


def test_common_gains_are_those_of_least_squares():
    generator = torch.Generator().manual_seed(0)
    noisy, enhanced = torch.randn(2, 3, 4, 5, dtype=torch.complex128, generator=generator)
    solved = torch.linalg.lstsq(noisy.permute(1, 2, 0)[..., None], enhanced.permute(1, 2, 0)[..., None]).solution
    torch.testing.assert_close(common_gains(noisy, enhanced), solved[None, :, :, 0, 0])


@pytest.mark.parametrize("rate", [16000, 44100])
def test_rumble_is_kept_on_demand(rate):
    """The system takes everything away, and what lies below 50 Hz is in the result nevertheless."""
    time = torch.arange(rate, dtype=torch.float64) / rate
    low, voice = 0.3 + 0.2 * torch.sin(2 * torch.pi * 20 * time), 0.1 * torch.sin(2 * torch.pi * 200 * time)
    kept = streamed(constant(1e-6), low + voice, *random_lengths(rate, 2000), sample_rate=rate, keep_rumble=True)
    middle = slice(rate // 10, -rate // 10)
    assert (kept - low)[middle].abs().max() < 0.01
