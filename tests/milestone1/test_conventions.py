"""Conventions for every task that stays in torch: the result has the input's dtype, and inputs are left as they are."""

import pytest
import torch

from speech_enhancement.augmentation import mix_at_snr
from speech_enhancement.masking import apply_mask, spectral_subtraction, wiener_mask
from speech_enhancement.metrics import si_sdr, snr
from speech_enhancement.stft import istft, stft

REAL, COMPLEX = torch.float64, torch.complex128


def signal(generator):
    return torch.rand(2, 1, 2000, generator=generator, dtype=REAL)


def spectrogram(generator):
    return torch.randn(2, 257, 9, generator=generator, dtype=COMPLEX)


def mask(generator):
    return torch.rand(2, 257, 9, generator=generator, dtype=REAL)


def mix(speech, noise):
    return mix_at_snr(speech, noise, 5.0)


@pytest.mark.parametrize(
    ("function", "makers", "dtype"),
    [
        pytest.param(stft, [signal], COMPLEX, marks=pytest.mark.task("1.1", points=1)),
        pytest.param(istft, [spectrogram], REAL, marks=pytest.mark.task("1.2", points=1)),
        pytest.param(apply_mask, [spectrogram, mask], COMPLEX, marks=pytest.mark.task("1.3", points=1)),
        pytest.param(wiener_mask, [mask, mask], REAL, marks=pytest.mark.task("1.4", points=1)),
        pytest.param(spectral_subtraction, [mask, mask], REAL, marks=pytest.mark.task("1.6", points=1)),
        pytest.param(mix, [signal, signal], REAL, marks=pytest.mark.task("1.9", points=1)),
        pytest.param(snr, [signal, signal], REAL, marks=pytest.mark.task("1.11", points=1)),
        pytest.param(si_sdr, [signal, signal], REAL, marks=pytest.mark.task("1.12", points=1)),
    ],
)
def test_dtype_is_kept_and_inputs_are_untouched(function, makers, dtype, generator):
    """Double precision in gives double precision out, and no input is changed in place."""
    inputs = [make(generator) for make in makers]
    copies = [each.clone() for each in inputs]
    result = function(*inputs)
    question = ", as if a tensor were made without dtype=" if result.dtype in (torch.float32, torch.complex64) else ""
    assert result.dtype == dtype, f"got {result.dtype}, expected {dtype}{question}"
    assert all(torch.equal(each, copy) for each, copy in zip(inputs, copies, strict=True)), (
        "an input was changed in place"
    )


def check_stays_on_the_device(function, makers, shape, generator):
    """Call a function with tensors on the device meta, which have no values, so that nothing can leave the device."""
    single = {torch.float64: torch.float32, torch.complex128: torch.complex64}
    inputs = [make(generator) for make in makers]
    inputs = [each.to("meta", single[each.dtype]) for each in inputs]
    try:
        result = function(*inputs)
    except (NotImplementedError, RuntimeError, TypeError) as error:
        # To look at values is right on every other device.
        if "nonzero" in str(error) or "cannot be called on meta tensors" in str(error):
            return
        if "meta" not in str(error):
            raise
        pytest.fail(f"NumPy, or a tensor made without device=, moves data off the input's device: {error}")
    assert result.device.type == "meta", f"the result lies on {result.device}, like a tensor made without device="
    assert result.shape == shape, f"got the shape {tuple(result.shape)}, expected {shape}"
    assert result.dtype in single.values(), (
        f"got {result.dtype} from single precision, as if a tensor were made as double"
    )


@pytest.mark.parametrize(
    ("function", "makers", "shape"),
    [
        pytest.param(stft, [signal], (2, 1, 257, 16), id="1.1", marks=pytest.mark.task("1.1", points=1)),
        pytest.param(wiener_mask, [mask, mask], (2, 257, 9), id="1.4", marks=pytest.mark.task("1.4", points=1)),
        pytest.param(mix, [signal, signal], (2, 1, 2000), id="1.9", marks=pytest.mark.task("1.9", points=1)),
        pytest.param(snr, [signal, signal], (2, 1), id="1.11", marks=pytest.mark.task("1.11", points=1)),
    ],
)
def test_stays_on_the_device(function, makers, shape, generator):
    """The result lies on the input's device, on a GPU as on a CPU."""
    check_stays_on_the_device(function, makers, shape, generator)


### BEGIN HIDDEN TESTS
CATEGORY = "dtypes and devices"
HINT = (
    "Does it stay in torch, without NumPy, and make new tensors (a window, a constant) on the device of the input and"
    " in its precision?"
)


@pytest.mark.parametrize(
    ("function", "makers", "shape"),
    [
        pytest.param(
            function, makers, shape, id=task, marks=pytest.mark.task(task, points=1, category=CATEGORY, hint=HINT)
        )
        for task, function, makers, shape in [
            ("1.3", apply_mask, [spectrogram, mask], (2, 257, 9)),
            ("1.6", spectral_subtraction, [mask, mask], (2, 257, 9)),
            ("1.12", si_sdr, [signal, signal], (2, 1)),
        ]
    ],
)
def test_other_tasks_stay_on_the_device(function, makers, shape, generator):
    """The result lies on the input's device."""
    check_stays_on_the_device(function, makers, shape, generator)


### END HIDDEN TESTS
