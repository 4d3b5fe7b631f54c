"""SEGAN: the sizes of the paper, slices and emphasis, virtual batch normalisation, the losses, and learning."""

import pytest
import scipy.signal
import torch
from torch import nn
from torch.nn import functional
from torchaudio.functional import preemphasis

from speech_enhancement.systems.segan import EMPHASIS, SEGAN, Discriminator, VirtualBatchNorm, undo_emphasis
from tests.package.systems.checks import check_gradients, check_reload, check_shapes, losses_on_one_batch, published
from tests.package.systems.receptive_field import reached
from tests.package.systems.signals import batch

SLICE = 8 * 2**3


@pytest.fixture
def tiny():
    torch.manual_seed(0)
    return SEGAN(channels=(4, 6, 8))


def loud(noise: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Make noisy and clean with scaled noise: 1024 samples at the level of a recording that fills its range."""
    noisy, clean = batch(0.064)
    return 5 * (clean + noise * (noisy - clean)), 5 * clean


def emphasised_error(estimate: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return functional.l1_loss(preemphasis(estimate, EMPHASIS), preemphasis(target, EMPHASIS))


class Constant(nn.Module):
    """A discriminator that always gives the same verdict, and keeps the pairs that it was asked about."""

    def __init__(self, verdict: float):
        super().__init__()
        self.verdict = verdict

    def forward(self, pairs):
        self.asked = pairs
        return torch.full((len(pairs), 1), self.verdict)


def test_has_the_parameters_of_the_paper():
    system = published(SEGAN)
    widths = [1, 16, 32, 32, 64, 64, 128, 128, 256, 256, 512, 1024]
    pairs = list(zip(widths[:-1], widths[1:], strict=True))
    down = sum(31 * before * after + 2 * after for before, after in pairs)  # bias and slope
    up = sum(31 * 2 * after * before + 2 * before for before, after in pairs) - 1  # tanh has no slope
    assert system.count_parameters() == down + up == 73_100_049
    # There is one more channel in, and a scale and a shift for each channel; then one tap, and 8 weights and a bias.
    judge = sum(31 * before * after + 2 * after for before, after in pairs) + 31 * 16 + 1024 + 1 + 8 + 1
    assert sum(parameter.numel() for parameter in system.parameters()) == down + up + judge
    assert down + up + judge == pytest.approx(97.47e6, rel=0.001)


def test_halves_a_slice_eleven_times():
    system = SEGAN(channels=(1,) * 10 + (3,))
    shapes = []
    system.generator.up[0].register_forward_hook(lambda layer, inputs, output: shapes.append(inputs[0].shape))
    with torch.no_grad():
        assert system(torch.zeros(1, 1, 16384)).shape == (1, 1, 16384)
        system(torch.zeros(1, 1, 16385))
    assert shapes == [(1, 2 * 3, 8), (2, 2 * 3, 8)], "the bottom and z, for one slice and for two"


def test_keeps_any_shape(tiny):
    check_shapes(tiny, lengths=(4097, SLICE, SLICE + 1, 5, 1))


def test_double_precision(tiny):
    noisy, clean = (waveform[..., :SLICE].double() for waveform in loud())
    tiny.double()
    assert tiny(noisy).dtype == tiny.objective(noisy, clean).dtype == torch.float64
    tiny.training_step(noisy, clean, tiny.optimizers())


def test_every_parameter_learns(tiny):
    check_gradients(tiny, seconds=0.1)


def test_emphasis_is_undone():
    waveform = 3 * torch.randn(2, 1, 500, dtype=torch.float64)
    emphasised = preemphasis(waveform, EMPHASIS)
    torch.testing.assert_close(undo_emphasis(emphasised), waveform)
    expected = scipy.signal.lfilter([1], [1, -0.95], emphasised.numpy())
    torch.testing.assert_close(undo_emphasis(emphasised), torch.from_numpy(expected))


def test_slices_are_enhanced_on_their_own(tiny):
    noisy = batch(0.1)[0][..., : 20 * SLICE + 7]
    tiny.eval()
    with torch.no_grad():
        emphasised = functional.pad(preemphasis(noisy, EMPHASIS), (0, SLICE - 7))
        slices = [tiny.generator(each) for each in emphasised.split(SLICE, dim=-1)]
        expected = undo_emphasis(torch.cat(slices, dim=-1))[..., : noisy.shape[-1]]
        torch.testing.assert_close(tiny(noisy), expected)


@pytest.mark.parametrize("place", [0, 20, SLICE - 1])
def test_reaches_its_slice_and_what_comes_later(tiny, place):
    assert tiny.context is None
    before, after = reached(tiny, length=6 * SLICE, position=2 * SLICE + place)
    assert before == place, "the beginning of the slice is not where the change begins"
    assert after == 4 * SLICE - 1 - place, "the recursion forgets"


def test_noise_is_drawn_in_training_alone(tiny):
    noisy, _ = loud()
    with torch.no_grad():
        assert not torch.equal(tiny(noisy), tiny(noisy))
        tiny.eval()
        assert torch.equal(tiny(noisy), tiny(noisy))


def test_virtual_batch_norm_is_batch_norm_with_the_reference():
    """An item comes out as from a batch of the reference and itself, whatever the other items are."""
    norm = VirtualBatchNorm(channels=3, references=4).double()
    nn.init.normal_(norm.scale)
    nn.init.normal_(norm.shift)
    reference, items = (1 + torch.randn(4, 3, 10, dtype=torch.float64), 5 * torch.randn(2, 3, 10, dtype=torch.float64))
    result = norm(torch.cat([reference, items]))
    affine = {"weight": norm.scale.flatten(), "bias": norm.shift.flatten(), "training": True}
    torch.testing.assert_close(result[:4], functional.batch_norm(reference, None, None, **affine))
    for item, normalised in zip(items, result[4:], strict=True):
        together = torch.cat([reference, item.unsqueeze(0)])
        torch.testing.assert_close(normalised, functional.batch_norm(together, None, None, **affine)[-1])


def test_first_pairs_become_the_reference():
    discriminator = Discriminator(channels=(2, 2, 2), references=5)
    first, later = torch.randn(2, 2, SLICE), torch.randn(7, 2, SLICE)
    discriminator.remember(first)
    discriminator.remember(later)
    assert torch.equal(discriminator.reference, first[[0, 1, 0, 1, 0]])
    with torch.no_grad():
        torch.testing.assert_close(discriminator(later)[:3], discriminator(later[:3]))


def test_loss_of_the_generator(tiny):
    noisy, clean = (waveform[..., :SLICE] for waveform in loud())
    tiny.eval().discriminator = Constant(0.4)
    enhanced = tiny(noisy)
    expected = 0.5 * 0.6**2 + 100 * emphasised_error(enhanced, clean)
    torch.testing.assert_close(tiny.objective(noisy, clean), expected)
    asked = [preemphasis(waveform, EMPHASIS) for waveform in (enhanced, noisy)]
    torch.testing.assert_close(tiny.discriminator.asked, torch.cat(asked, dim=1))


@pytest.mark.slow
def test_discriminator_learns_to_tell_clean_from_enhanced(tiny):
    noisy, clean = loud()
    of_generator, of_discriminator = tiny.optimizers()
    of_generator.param_groups[0]["lr"] = 0
    before = [parameter.clone() for parameter in tiny.generator.parameters()]
    for _ in range(60):
        tiny.training_step(noisy, clean, [of_generator, of_discriminator])
    assert all(torch.equal(*pair) for pair in zip(before, tiny.generator.parameters(), strict=True))
    cut = [tiny._cut(waveform) for waveform in (clean, noisy)]
    with torch.no_grad():
        for_real = tiny.discriminator(torch.cat(cut, dim=1))
        for_fake = tiny.discriminator(torch.cat([tiny.generator(cut[1]), cut[1]], dim=1))
    # The same verdict for both would be half right at best.
    assert for_real.mean() > 0.75 and for_fake.mean() < 0.25, (for_real.mean(), for_fake.mean())


def test_each_part_has_its_own_optimizer(tiny):
    optimizers = tiny.optimizers()
    held = [{id(parameter) for parameter in optimizer.param_groups[0]["params"]} for optimizer in optimizers]
    assert held == [{id(parameter) for parameter in part.parameters()} for part in (tiny.generator, tiny.discriminator)]
    optimizers[1].param_groups[0]["lr"] = 0
    before = [parameter.clone() for parameter in tiny.discriminator.parameters()]
    tiny.training_step(*loud(), optimizers)
    assert all(torch.equal(*pair) for pair in zip(before, tiny.discriminator.parameters(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.3], ids=["identity", "denoising"])
def test_overfits_one_batch(noise):
    """The result is nearer than silence and than the input; the rate is five times as high, for 45 steps only."""
    torch.manual_seed(0)
    system = SEGAN(channels=(8, 8, 8))
    noisy, clean = loud(noise)
    optimizers = system.optimizers()
    optimizers[0].param_groups[0]["lr"] *= 5
    losses = [system.training_step(noisy, clean, optimizers) for _ in range(45)]
    # At first most of the loss is due to z, which is audible until the generator learns to leave it out.
    assert losses[-1] < 0.3 * losses[0], losses[::10]
    with torch.no_grad():
        error = emphasised_error(system.eval()(noisy), clean)
    alternatives = {"silence": emphasised_error(0 * clean, clean), "the noisy one": emphasised_error(noisy, clean)}
    for name, other in alternatives.items():
        assert error < 0.6 * other or not other, f"hardly better than {name}: {error:.4f} of {other:.4f}"


def test_reads_its_weights_again(tiny):
    losses_on_one_batch(tiny, *loud(), steps=2)
    fresh = SEGAN(channels=(4, 6, 8))
    check_reload(tiny, fresh)
    assert (
        torch.equal(fresh.discriminator.reference, tiny.discriminator.reference) and fresh.discriminator.reference.any()
    )


def test_epochs_are_compared_without_the_discriminator(tiny):
    noisy, clean = loud()
    tiny.eval()
    losses = []
    for verdict in (0.0, 1.0):
        tiny.discriminator = Constant(verdict)
        losses.append(tiny.validation_loss(noisy, clean))
    assert losses[0] == losses[1]
    assert losses[0].item() == pytest.approx(emphasised_error(tiny(noisy), clean).item(), rel=1e-3)
