"""Dual-path masking: causal but for its look-ahead, a mask on the compressed spectrum, and its loss."""

import pytest
import torch

from speech_enhancement.metrics import si_sdr
from speech_enhancement.systems.blocks.compressed_spectrum import COMPRESSION, compress, expand
from speech_enhancement.systems.blocks.compressed_spectrum_loss import compressed_spectrum_loss
from speech_enhancement.systems.blocks.compressed_spectrum_loss import si_sdr as finite_si_sdr
from speech_enhancement.systems.dual_path_masking import DualPathMasking
from tests.package.systems.checks import check_gradients_and_reload, check_shapes, losses_on_one_batch
from tests.package.systems.signals import batch

LOOK_AHEAD = 1024
"""Samples of 64 ms: a window, and as many of further frames."""


def tiny(hop_length: int = 256) -> DualPathMasking:
    torch.manual_seed(0)
    return DualPathMasking(channels=8, width=16, n_blocks=1, hop_length=hop_length)


def masking(mask: complex) -> DualPathMasking:
    """Make a system whose network gives this mask everywhere."""
    system = tiny().eval()
    system.mask = lambda compressed: (mask * compressed[:, 1:-2], [])
    return system


def test_sizes():
    assert DualPathMasking(**DualPathMasking.sizes["small"]).count_parameters() == pytest.approx(213e3, rel=0.01)


def test_shapes_of_odd_lengths():
    check_shapes(tiny())
    check_shapes(tiny(), lengths=(257, 1000))


def test_double_precision():
    noisy, clean = (waveform.double() for waveform in batch(0.1))
    system = tiny().double().eval()
    assert system(noisy).dtype == system.objective(noisy, clean).dtype == torch.float64


def test_gradients_and_weights():
    check_gradients_and_reload(tiny)


def test_learns_one_batch():
    losses = losses_on_one_batch(tiny(), *batch(0.5), steps=30)
    assert losses[-1] < losses[0] - 0.5


def test_attention_in_bfloat16_is_that_in_float32():
    block, x = tiny().eval().network.blocks[0], torch.randn(2, 3, 32, 16)
    with torch.no_grad():
        block.attention_in.weight.mul_(5)
        exact = block._over_bands(x)
        rounded = block.bfloat16()._over_bands(x.bfloat16()).float()
    assert (rounded - exact).norm() < 0.03 * exact.norm()


@pytest.mark.parametrize("hop_length", [256, 128, 96])
def test_nothing_further_than_the_look_ahead_counts(hop_length):
    """A result does not change when the input changes 64 ms later, and does when it changes a little later than now."""
    noisy, changed = batch(1.0)[0].double(), batch(1.0)[0].double()
    changed[..., 8000:] *= -1
    system = tiny(hop_length).double().eval()
    with torch.no_grad():
        difference = (system(noisy) - system(changed)).abs().amax(dim=(0, 1))
    assert difference[: 8000 - LOOK_AHEAD].max() < 1e-12
    assert difference[8000 - LOOK_AHEAD // 2 : 8000].max() > 1e-6


def test_a_mask_of_one_changes_nothing_but_the_highest_frequency():
    noisy = batch(0.5)[0]
    inside = slice(512, -512)
    assert torch.allclose(masking(1.0 + 0j)(noisy)[..., inside], noisy[..., inside], atol=0.02)
    tone = 0.1 * torch.sin(2 * torch.pi * 1000 * torch.arange(8000) / 16000).view(1, 1, -1)
    assert torch.allclose(masking(1.0 + 0j)(tone)[..., inside], tone[..., inside], atol=1e-5)


def test_a_mask_acts_on_the_compressed_spectrum():
    """A mask of 1/2 weakens a tone by 2 to the power 1 / 0.3, and a mask of -1 turns it round."""
    tone = 0.1 * torch.sin(2 * torch.pi * 1000 * torch.arange(8000) / 16000).view(1, 1, -1)
    inside = slice(512, -512)
    weaker = masking(0.5 + 0j)(tone)[..., inside]
    assert torch.allclose(weaker, 0.5 ** (1 / COMPRESSION) * tone[..., inside], atol=1e-4)
    assert torch.allclose(masking(-1.0 + 0j)(tone)[..., inside], -tone[..., inside], atol=1e-5)


def test_compression_keeps_the_phase():
    spectrum = torch.randn(4, 9, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))
    compressed = compress(spectrum)
    assert torch.allclose(compressed.abs(), spectrum.abs() ** COMPRESSION)
    assert torch.allclose(compressed.angle(), spectrum.angle(), atol=1e-5)
    assert torch.allclose(expand(compressed), spectrum, atol=1e-5)


def losses_of(factor: float) -> float:
    """Compute the loss of a spectrum that is a multiple of its target, without the ratio of the waveforms."""
    target = torch.polar(torch.ones(1, 5, 7), torch.linspace(0, 6, 35).view(1, 5, 7))
    silence = torch.zeros(1, 100)
    return float(compressed_spectrum_loss(factor * target, factor * target, target, silence, silence))


def test_speech_taken_away_counts_twice():
    assert losses_of(1.0) == pytest.approx(0)
    assert losses_of(0.9) == pytest.approx(2 * losses_of(1.1), rel=1e-4)
    assert losses_of(1.1) == pytest.approx(2 * (15 + 7.5) * 0.1**2 / 1.3, rel=1e-4)


def test_ratio_is_si_sdr_and_finite_for_silence():
    noisy, clean = (waveform[:, 0] for waveform in batch(0.5))
    clean = clean - clean.mean(-1, keepdim=True)
    noisy = noisy - noisy.mean(-1, keepdim=True)
    assert torch.allclose(finite_si_sdr(noisy, clean), si_sdr(noisy, clean), atol=0.01)
    silence = torch.zeros(2, 100)
    assert finite_si_sdr(silence, silence).isfinite().all()


def test_loss_of_silence_has_finite_gradients():
    silence = torch.zeros(1, 1, 4000)
    system = tiny()
    system.objective(silence, silence).backward()
    assert all(parameter.grad.isfinite().all() for parameter in system.parameters() if parameter.grad is not None)
