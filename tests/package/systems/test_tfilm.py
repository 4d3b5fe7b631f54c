"""TFiLM: the modulation against a loop over blocks, and its effect in the U-Net."""

import pytest
import torch
from torch import nn

from speech_enhancement.metrics import snr
from speech_enhancement.systems.super_resolution_unet import SuperResolutionUNet, remove_upper_band
from speech_enhancement.systems.tfilm import TemporalModulation, TFiLM
from tests.package.systems.checks import check_gradients_and_reload, check_shapes, losses_on_one_batch, published
from tests.package.systems.receptive_field import reached
from tests.package.systems.signals import batch, wide_band_voices

TINY = {"channels": (8, 16), "kernels": (17, 9), "dropout": 0.0, "ratio": 8}


def tiny() -> TFiLM:
    torch.manual_seed(0)
    return TFiLM(**TINY)


def modulations(system: TFiLM) -> list[TemporalModulation]:
    return [module for module in system.modules() if isinstance(module, TemporalModulation)]


def test_sizes():
    paper, small = published(TFiLM), TFiLM(**TFiLM.sizes["small"])
    assert paper.count_parameters() == pytest.approx(91.9e6, rel=0.02)
    assert small.count_parameters() <= 2_000_000
    # From 128 values at half the rate to 8 at the bottom, a block is 256 samples of the waveform.
    assert [module.block for module in modulations(paper)] == [128, 64, 32, 16, 16, 32, 64, 128, 8]


def test_shapes_of_odd_lengths():
    check_shapes(tiny())
    check_shapes(tiny(), lengths=(1, 31))


def test_double_precision():
    assert tiny().double()(batch(0.1)[0].double()).dtype == torch.float64


def test_gradients_and_weights():
    check_gradients_and_reload(tiny)


def test_modulation_follows_the_formula():
    """Compare with an LSTM cell, block after block; the last block is shorter."""
    torch.manual_seed(0)
    modulation = TemporalModulation(3, block=4).double()
    x = torch.randn(2, 3, 14, dtype=torch.float64)
    cell = nn.LSTMCell(3, 6).double()
    weights = modulation.lstm.state_dict()
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in weights.items()})
    state, parts = None, []
    for part in x.split(4, dim=2):
        state = cell(part.max(dim=2).values, state)
        parts.append(state[0][:, :3, None] * part + state[0][:, 3:, None])
    assert torch.allclose(modulation(x), torch.cat(parts, dim=2))


def test_without_modulation_it_is_the_super_resolution_unet():
    system, noisy = tiny().eval(), batch(0.2)[0]
    plain = SuperResolutionUNet(**TINY).eval()
    plain.load_state_dict({name: value for name, value in system.state_dict().items() if "lstm" not in name})
    nn.init.normal_(plain.outlet.weight)
    system.outlet.load_state_dict(plain.outlet.state_dict())
    assert not torch.allclose(system(noisy), plain(noisy))
    for module in modulations(system):
        module.forward = lambda x: x
    assert torch.equal(system(noisy), plain(noisy))


def test_remembers_the_past_and_looks_ahead_no_further_than_its_blocks():
    system = tiny()
    assert system.context is None
    nn.init.normal_(system.outlet.weight)
    for module in modulations(system):
        nn.init.normal_(module.lstm.weight_hh_l0)  # a memory that lasts
    before, after = reached(system, length=8000, position=4000)
    convolutions = SuperResolutionUNet(**TINY).context
    assert after > convolutions + 10 * 256, "the past beyond the convolutions is not heard"
    # Each of the 5 modulations sees at most the rest of its block, 255 samples.
    assert before <= convolutions + 5 * 255, before


@pytest.mark.slow
def test_learns_the_upper_band():
    """On one batch, more than a quarter of the missing power is learned; gains near 0 make the start slow."""
    clean = wide_band_voices()
    torch.manual_seed(0)
    system = TFiLM(**{**TINY, "ratio": 4})
    losses = losses_on_one_batch(system, clean, clean, steps=150)
    assert losses[-1] < 0.75 * losses[0], losses[::20]
    degraded = remove_upper_band(clean, 4)
    with torch.no_grad():
        assert (snr(system.eval()(degraded), clean) > snr(degraded, clean) + 1.25).all()
