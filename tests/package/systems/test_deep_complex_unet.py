"""Deep complex U-Net: the complex layers against complex arithmetic, the mask, the loss, the counts."""

import pytest
import torch
from torch.nn import functional

from speech_enhancement.metrics import weighted_sdr
from speech_enhancement.systems.deep_complex_unet import (
    DCUNET_16,
    DCUNET_20,
    ComplexBatchNorm,
    ComplexConvolution,
    DeepComplexUNet,
    TransposedComplexConvolution,
    bound_magnitude,
    dcunet_10,
)
from tests.package.systems.checks import check_gradients, check_reload, check_shapes, losses_on_one_batch
from tests.package.systems.receptive_field import reached
from tests.package.systems.signals import batch

TINY = [(4, (5, 3), (2, 2)), (8, (5, 3), (2, 2)), (8, (3, 3), (2, 1))]


def tiny() -> DeepComplexUNet:
    torch.manual_seed(0)
    return DeepComplexUNet(TINY, n_fft=256, hop_length=64)


def as_complex(x: torch.Tensor) -> torch.Tensor:
    """Join neighbouring channels to complex ones."""
    return torch.complex(x[:, 0::2], x[:, 1::2])


@pytest.mark.parametrize("layers, millions", [(dcunet_10(32, 64), 1.42), (DCUNET_16, 2.38), (DCUNET_20, 3.53)])
def test_published_parameter_counts(layers, millions):
    count = DeepComplexUNet(layers).count_parameters()
    assert count == pytest.approx(millions * 1e6, abs=0.005e6), f"{2 * len(layers)} layers: {count}"


def test_sizes():
    paper, small = (DeepComplexUNet(**DeepComplexUNet.sizes[size]) for size in ("paper", "small"))
    assert len(paper.down) + len(paper.up) == 20 and len(small.down) + len(small.up) == 10
    assert small.count_parameters() <= 2_000_000


def test_shapes_of_odd_lengths():
    check_shapes(tiny())
    check_shapes(tiny(), lengths=(129, 1000))


def test_double_precision():
    system = tiny().double().eval()
    noisy = batch(0.3)[0].double()
    assert system(noisy).dtype == torch.float64


def test_gradient_reaches_every_parameter():
    check_gradients(tiny())


def test_reload():
    trained = tiny()
    losses_on_one_batch(trained, *batch(0.3), steps=2)
    check_reload(trained, tiny())


@pytest.mark.parametrize("position", [20000, 20032, 20100, 20511])
def test_receptive_field_is_the_context(position):
    system = tiny()
    # In frames: 2 * (1 * 1 + 1 * 2 + 1 * 4), with a kernel of 3 everywhere.
    assert system.context == 14 * 64 + 255
    before, after = reached(system, length=40000, position=position)
    assert max(before, after) <= system.context, (before, after)
    assert before + after > 1.5 * system.context, f"the bound is not tight: {before} and {after} of {system.context}"


def test_skip_connections_carry_the_input_past_the_bottom():
    system = tiny().eval()
    system.down[-1].weight.data.zero_()
    first, second = torch.randn(2, 1, 2, 129, 20)
    with torch.no_grad():
        assert not torch.allclose(system.estimate_mask(first), system.estimate_mask(second))
        system.down[0].weight.data.zero_()
        assert torch.equal(system.estimate_mask(first), system.estimate_mask(second)), (
            "the spectrogram is used as a skip"
        )


def test_convolution_is_that_of_complex_numbers():
    torch.manual_seed(0)
    convolution = ComplexConvolution(3, 5, (7, 5), (2, 1)).double()
    x = torch.randn(2, 6, 20, 13, dtype=torch.float64)
    weight = torch.complex(*convolution.weight)
    expected = functional.conv2d(as_complex(x), weight, stride=(2, 1), padding=(3, 2))
    assert torch.allclose(as_complex(convolution(x)), expected)


@pytest.mark.parametrize("size", [(39, 14), (40, 13)])
def test_transposed_convolution_is_that_of_complex_numbers(size):
    torch.manual_seed(0)
    up = TransposedComplexConvolution(4, 3, (5, 3), (2, 2)).double()
    y = torch.randn(2, 8, 20, 7, dtype=torch.float64)
    weight = torch.complex(*up.weight).transpose(0, 1)
    longer = [(length + 1) % 2 for length in size]
    expected = functional.conv_transpose2d(as_complex(y), weight, stride=2, padding=(2, 1), output_padding=longer)
    assert expected.shape[2:] == size
    assert torch.allclose(as_complex(up(y, size)), expected)


def test_batch_norm_whitens():
    torch.manual_seed(0)
    norm = ComplexBatchNorm(2, epsilon=0).double()
    x = torch.randn(8, 4, 10, 11, dtype=torch.float64)
    x = torch.stack([x[:, 0] + 3, 2 * x[:, 1] + x[:, 0], x[:, 2], 0.5 * x[:, 2] - 0.1 * x[:, 3]], dim=1)
    y = norm(x).movedim(1, 0).flatten(1)
    assert torch.allclose(y.mean(dim=1), torch.zeros(4).double(), atol=1e-12)
    for pair in (y[:2], y[2:]):
        assert torch.allclose(torch.cov(pair, correction=0), torch.eye(2).double() / 2), "covariance: not I / 2"
    norm.scale.data = torch.tensor([[2.0, 1.0, 0.5]]).double().repeat(2, 1)
    gain = torch.tensor([[2.0, 0.5], [0.5, 1.0]]).double()
    scaled = norm(x).movedim(1, 0).flatten(1)
    assert torch.allclose(scaled[:2], gain @ (y[:2] * 2**0.5))


def test_batch_norm_remembers():
    torch.manual_seed(0)
    norm = ComplexBatchNorm(1).double()
    x = torch.randn(8, 2, 10, 11, dtype=torch.float64) * torch.tensor([2.0, 0.3]).view(1, 2, 1, 1) + 1
    for _ in range(200):
        training = norm(x)
    assert torch.allclose(norm.eval()(x), training), "the running statistics do not reach those of the batch"


def test_mask_is_bounded_and_keeps_the_phase():
    torch.manual_seed(0)
    output = 3 * torch.randn(2, 2, 5, 7, dtype=torch.float64)
    output[0, :, 0, 0] = 0
    output.requires_grad_()
    mask = bound_magnitude(output)
    mask.sum().backward()
    assert output.grad.isfinite().all()
    given, bounded = as_complex(output.detach()), as_complex(mask.detach())
    assert (bounded.abs() < 1).all()
    assert torch.allclose(bounded.abs(), given.abs().tanh())
    assert torch.allclose(bounded * given.abs(), given * bounded.abs()), "the phase was changed"


def test_loss_falls_to_minus_one_for_the_clean_waveform():
    noisy, clean = batch(0.3)
    system = tiny()
    system.forward = lambda waveform: clean
    assert system.objective(noisy, clean).item() == pytest.approx(-1, abs=1e-5)
    system.forward = lambda waveform: noisy - clean
    assert system.objective(noisy, clean) > -0.5


@pytest.mark.slow
def test_learns_the_identity():
    _, clean = batch(0.25)
    losses = losses_on_one_batch(tiny(), clean, clean, steps=40)
    # Learning is slow at the end, because the hyperbolic tangent reaches a magnitude of 1 only at infinity.
    assert 1 + losses[-1] < 0.1, losses[::10]


@pytest.mark.slow
def test_learns_to_denoise():
    noisy, clean = batch(0.25)
    losses = losses_on_one_batch(tiny(), noisy, clean, steps=80)
    untouched = -weighted_sdr(0.999 * noisy, clean, noisy).mean()
    assert 1 + losses[-1] < (1 + untouched) / 3, losses[::20]
