"""The Wave-U-Net: sizes of the paper, chunks against one pass, reach at every phase, learning."""

import pytest
import torch
from torch.nn import functional

from speech_enhancement.systems.wave_unet import WaveUNet, crop, interpolate_between
from tests.package.systems.checks import check_gradients, check_reload, check_shapes, losses_on_one_batch, published
from tests.package.systems.receptive_field import reached, support
from tests.package.systems.signals import batch

TINY = {"levels": 3, "channels": 4}


@pytest.fixture
def tiny():
    torch.manual_seed(0)
    return WaveUNet(**TINY)


def test_has_the_parameters_of_the_paper():
    system = published(WaveUNet)
    down = sum(15 * (24 * (level - 1) or 1) * 24 * level + 24 * level for level in range(1, 14))
    up = sum(5 * 24 * (2 * level + 1) * 24 * level + 24 * level for level in range(1, 13))
    assert system.count_parameters() == down + up + 24 + 1 + 1 == 10_263_002


def test_makes_as_many_samples_of_as_many_as_published():
    system = WaveUNet(channels=1)
    with torch.no_grad():
        assert system.enhance_middle(torch.zeros(1, 1, 147_443)).shape == (1, 1, 16_389)
    assert system.margin == (147_443 - 16_389) / 2


@pytest.mark.parametrize("blocks", [0, 1, 7])
def test_margins_are_all_that_is_lost(tiny, blocks):
    length = 8 * blocks + 5
    assert tiny.enhance_middle(torch.zeros(1, 1, length + 2 * tiny.margin)).shape[-1] == length


def test_keeps_any_shape(tiny):
    check_shapes(tiny, lengths=(4097, 4096, 1001, 13, 5, 1))


def test_every_parameter_learns(tiny):
    check_gradients(tiny, seconds=0.1)


@pytest.mark.parametrize("length", [1, 5, 6, 800, 801, 804, 805, 806, 4097])
@pytest.mark.parametrize("blocks_at_once", [1, 20, 1000])
def test_chunks_give_what_one_pass_gives(tiny, length, blocks_at_once):
    noisy = batch(0.5)[0][..., :length].double()
    tiny.double().eval()
    with torch.no_grad():
        whole, chunks = tiny(noisy), tiny.enhance_in_chunks(noisy, blocks_at_once)
    torch.testing.assert_close(chunks, whole, rtol=1e-13, atol=1e-15)


def test_chunks_give_what_one_pass_gives_in_single_precision(tiny):
    noisy, _ = batch(1.0)
    with torch.no_grad():
        difference = tiny.eval().enhance_in_chunks(noisy, blocks_at_once=50) - tiny(noisy)
    assert difference.abs().max() < 1e-6


def test_chunks_need_every_sample_of_the_context(tiny):
    """Changing the outermost sample changes the result, so the margins hold nothing unnecessary."""
    tiny.double().eval()
    waveform = torch.randn(1, 1, 8 * 4 + 5 + 2 * tiny.margin, dtype=torch.float64)
    with torch.no_grad():
        enhanced = tiny.enhance_middle(waveform)
        for edge, touched in ((0, 0), (-1, -1)):
            changed = waveform.clone()
            changed[..., edge] += 1
            assert tiny.enhance_middle(changed)[..., touched] != enhanced[..., touched]


def test_sees_as_far_as_it_says(tiny):
    assert tiny.context == 17 * 8 - 10
    reaches = [support(WaveUNet(levels=3, channels=2), length=601, position=300 + phase) for phase in range(8)]
    assert (max(before for before, _ in reaches), max(after for _, after in reaches)) == (tiny.context, tiny.context)
    for phase in range(8):
        before, after = reached(tiny, length=601, position=300 + phase)
        assert max(before, after) <= tiny.context
        assert min(before, after) > 0.7 * tiny.context


def test_moves_with_the_signal_by_whole_steps(tiny):
    tiny.double().eval()
    signal = functional.pad(torch.randn(1, 1, 100, dtype=torch.float64), (300, 300))
    with torch.no_grad():
        enhanced = tiny(signal)
        torch.testing.assert_close(tiny(signal.roll(8, -1)), enhanced.roll(8, -1))
        assert not torch.allclose(tiny(signal.roll(4, -1)), enhanced.roll(4, -1))


def test_interpolates_as_torch_does():
    x = torch.randn(2, 3, 17, dtype=torch.float64)
    expected = functional.interpolate(x, size=33, mode="linear", align_corners=True)
    torch.testing.assert_close(interpolate_between(x), expected)
    torch.testing.assert_close(interpolate_between(x)[..., ::2], x, rtol=0, atol=0)


def test_crops_the_middle():
    assert crop(torch.arange(9), 5).tolist() == [2, 3, 4, 5, 6]


@pytest.mark.slow
def test_learns_to_leave_speech_as_it_is(tiny):
    _, clean = batch(0.1)
    losses = losses_on_one_batch(tiny, clean, clean, steps=250)
    # Zeros would cost the mean magnitude of speech.
    assert losses[-1] < 0.4 * clean.abs().mean()


@pytest.mark.slow
def test_learns_to_remove_noise(tiny):
    noisy, clean = batch(0.1)
    losses = losses_on_one_batch(tiny, noisy, clean, steps=120)
    # Harmonics fill the lowest 2 kHz of 8: one low-pass filter halves the amplitude of white noise, sqrt(2 / 8).
    assert losses[-1] < 0.7 * (noisy - clean).abs().mean()


def test_reads_its_weights_again(tiny):
    check_reload(tiny, WaveUNet(**TINY))
