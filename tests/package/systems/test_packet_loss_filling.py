"""Filling of lost packets: losses that are drawn and found again, and everything else left alone."""

import pytest
import torch
from torch.nn import functional

from speech_enhancement.metrics import snr
from speech_enhancement.systems.packet_loss_filling import (
    PACKET,
    STRIDES,
    PacketLossFilling,
    draw_losses,
    find_missing,
)
from tests.package.systems.checks import check_gradients, check_reload, check_shapes, published
from tests.package.systems.signals import batch


def tiny() -> PacketLossFilling:
    torch.manual_seed(0)
    return PacketLossFilling(channels=(8, 16, 24, 32))


def with_gap(waveform: torch.Tensor, start: int = 4000, packets: int = 2) -> tuple[torch.Tensor, slice]:
    gap = slice(start, start + packets * PACKET)
    received = waveform.clone()
    received[..., gap] = 0
    return received, gap


def runs(flags: torch.Tensor) -> list[tuple[int, int]]:
    """List start and end of each stretch of True in `(time,)`."""
    edges = torch.diff(flags.int(), prepend=torch.zeros(1), append=torch.zeros(1))
    return list(zip((edges > 0).nonzero().flatten().tolist(), (edges < 0).nonzero().flatten().tolist(), strict=True))


def test_sizes():
    widths = (64, 128, 256, 512)
    down = sum(2 * s * a * b + b for s, a, b in zip(STRIDES, (2, 64, 128, 256), widths, strict=True))
    up = sum(2 * s * a * b + b for s, a, b in zip(STRIDES, widths, (1, 64, 128, 256), strict=True))
    lstm = 2 * 4 * (2 * 512 * 512 + 2 * 512) + (2 * 512 * 512 + 512)
    paper = published(PacketLossFilling)
    assert paper.count_parameters() == down + up + lstm == pytest.approx(7.6e6, rel=0.005)
    assert PacketLossFilling(**PacketLossFilling.sizes["small"]).count_parameters() <= 2_000_000


def test_shapes_of_odd_lengths():
    check_shapes(tiny())
    check_shapes(tiny(), lengths=(1, 319, 320))


@pytest.mark.parametrize("length", [320, 1000, 4097])
def test_guesses_every_sample(length):
    missing = torch.ones(2, 1, length, dtype=torch.bool)
    filled = tiny().eval()(torch.zeros(2, 1, length))
    assert filled.shape == missing.shape and filled.isfinite().all() and filled.abs().max() < 1e-3, "silence is loud"


def test_double_precision():
    noisy, clean = (waveform.double() for waveform in batch(0.3))
    system = tiny().double()
    received, _ = with_gap(noisy, start=2000)
    assert system(received).dtype == system.objective(noisy, clean).dtype == torch.float64


def test_gradient_reaches_every_parameter():
    check_gradients(tiny())


def test_reload():
    trained = tiny()
    trained.training_step(*batch(0.1), trained.optimizers())
    fresh = tiny()
    check_reload(trained, fresh)
    received, _ = with_gap(batch(0.5)[0])
    assert torch.equal(trained(received), fresh(received))


def test_losses_have_their_rate_and_come_in_bursts():
    torch.manual_seed(0)
    lost = draw_losses(40, 300 * PACKET, rate=0.3, burst=3)
    assert lost.shape == (40, 1, 300 * PACKET) and lost.dtype == torch.bool
    assert lost.float().mean() == pytest.approx(0.3, abs=0.02)
    lengths = [end - start for row in lost for start, end in runs(row[0]) if start > 0 and end < 300 * PACKET]
    assert all(length % PACKET == 0 for length in lengths), "not whole packets"
    assert sum(lengths) / len(lengths) / PACKET == pytest.approx(3, abs=0.25)
    assert len({start % PACKET for row in lost for start, _ in runs(row[0])[1:]}) > 30, "one grid for all"
    torch.manual_seed(0)
    assert torch.equal(draw_losses(40, 300 * PACKET, rate=0.3, burst=3), lost)
    assert draw_losses(3000, 1, rate=0.3, burst=3).float().mean() == pytest.approx(0.3, abs=0.03), "at the beginning"


def test_finds_whole_packets_of_zeros():
    """Compare with known gaps; a gap shorter than a packet may be silence between two words."""
    waveform, _ = batch(1.0)
    for start, length in ((0, 320), (1000, 319), (2000, 320), (3001, 700), (5000, 12), (15680, 320)):
        waveform[0, 0, start : start + length] = 0
    found = find_missing(waveform)
    assert found.shape == waveform.shape and not found[1].any()
    assert runs(found[0, 0]) == [(0, 320), (2000, 2320), (3001, 3701), (15680, 16000)]
    assert not find_missing(torch.zeros(1, 1, 319)).any()


def test_nothing_changes_where_nothing_is_missing():
    system, (noisy, _) = tiny().eval(), batch(1.0)
    assert torch.equal(system(noisy), noisy)
    received, gap = with_gap(noisy)
    filled = system(received)
    changed = filled != received
    assert changed[..., gap].float().mean() > 0.99
    changed[..., gap] = False
    assert not changed.any()


def test_gap_hears_both_sides():
    """The samples lie beyond the reach of the convolutions; only a sign is changed, which keeps the level."""
    system = tiny().double().eval()
    assert system.context is None
    received, gap = with_gap(batch(0.5, size=1)[0].double(), start=3840)
    with torch.no_grad():
        filled = system(received)[..., gap]
        for position in (100, 7900):
            changed = received.clone()
            changed[..., position] *= -1
            difference = (system(changed)[..., gap] - filled).abs()
            assert difference.mean() > 1e-12, f"a change at {position} is not heard"


def test_network_is_told_what_is_missing():
    received, first = with_gap(batch(0.5)[0], start=2000)
    received, second = with_gap(received, start=6000)
    guesses = []
    for gap in (first, second):
        missing = torch.zeros_like(received, dtype=torch.bool)
        missing[..., gap] = True
        guesses.append(tiny().predict(received, missing))
    assert not torch.allclose(*guesses)


def test_convolutions_give_back_what_they_took_at_the_same_place():
    """Averaged over all places in a packet, an impulse reaches as far back as ahead without the LSTM."""
    system = tiny().eval()
    for name, parameter in system.named_parameters():
        parameter.data = torch.zeros_like(parameter) if "linear" in name or "bias" in name else parameter.data.abs()
    impulses = torch.eye(PACKET).unsqueeze(1)
    impulses = functional.pad(impulses, (4 * PACKET, 4 * PACKET))
    with torch.no_grad():
        response = system.predict(impulses, torch.zeros_like(impulses, dtype=torch.bool)).squeeze(1) > 0
    positions = torch.arange(4 * PACKET, 5 * PACKET)
    before = positions - response.int().argmax(dim=1)
    after = response.shape[1] - 1 - response.flip(1).int().argmax(dim=1) - positions
    assert (before.float().mean() - after.float().mean()).abs() <= 16, "not in the middle of a step of 16 samples"


def test_volume_does_not_matter():
    noisy, clean = (waveform.double() for waveform in batch(0.5))
    system = tiny().double().eval()
    received, _ = with_gap(noisy)
    assert torch.allclose(system(8 * received), 8 * system(received))
    losses = []
    for scale in (1, 8):
        torch.manual_seed(0)
        losses.append(system.objective(scale * noisy, scale * clean).item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_objective_hides_what_it_asks_for():
    """The network gets zeros and their places; the noisy input that they replace does not enter the loss."""
    noisy, clean = batch(1.0)
    system, seen = tiny(), []
    predict = system.predict
    system.predict = lambda received, missing: seen.append((received, missing)) or predict(received, missing)
    losses = []
    for given in (noisy, noisy):
        torch.manual_seed(3)
        if seen:
            given = torch.where(seen[0][1], 100.0, given)
        losses.append(system.objective(given, clean).item())
    received, missing = seen[0]
    assert 0.02 < missing.float().mean() < 0.6
    assert not received[missing].any() and torch.equal(received[~missing], noisy[~missing])
    assert losses[0] == losses[1]


def test_objective_by_hand():
    """The loss is the mean error of missing samples, relative to the level, and of spectra; 0 if the guess is right."""
    _, clean = batch(1.0)
    system = tiny()
    system.predict = lambda received, missing: clean
    torch.manual_seed(3)
    assert system.objective(clean, clean).item() == pytest.approx(0, abs=1e-4)
    torch.manual_seed(3)
    missing = draw_losses(2, 16000)
    received = clean.masked_fill(missing, 0)
    level = torch.stack([one[~lost].square().mean().sqrt() for one, lost in zip(received, missing, strict=True)])
    error = torch.cat([(0.1 / level[i]).expand(int(missing[i].sum())) for i in range(2)]).mean()
    system.predict = lambda received, missing: clean + 0.1
    expected = error + system.spectral_loss(clean + 0.1 * missing, clean)
    torch.manual_seed(3)
    assert system.objective(clean, clean).item() == pytest.approx(expected.item(), rel=1e-4)


def test_packets_that_were_missing_already_are_to_be_filled_too():
    _, clean = batch(1.0)
    received, gap = with_gap(clean, packets=10)
    system, seen = tiny(), []
    system.predict = lambda _, missing: seen.append(missing) or torch.where(missing, clean, 100.0)
    assert system.objective(received, clean).item() == pytest.approx(0, abs=1e-4)
    assert seen[0][..., gap].all()


@pytest.mark.slow
def test_learns_to_fill_one_batch():
    """Silence scores 0 dB in the gaps; on one batch, more than a quarter of the power comes back, with its phase."""
    _, clean = batch(0.5)
    system = tiny()
    optimizer = torch.optim.Adam(system.parameters(), lr=4e-3)
    for _ in range(200):
        system.training_step(clean, clean, [optimizer])
    several = clean.repeat(8, 1, 1)
    lost = draw_losses(16, 8000)
    with torch.no_grad():
        filled = system.eval()(several.masked_fill(lost, 0))
    assert snr(filled[lost], several[lost]) > 1.25
