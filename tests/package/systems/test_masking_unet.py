"""The package's U-Net as a system."""

import pytest
import torch

from speech_enhancement.systems.masking_unet import MaskingUNet
from tests.package.systems.checks import check_gradients, check_reload, check_shapes, losses_on_one_batch
from tests.package.systems.receptive_field import reached
from tests.package.systems.signals import batch


def small() -> MaskingUNet:
    torch.manual_seed(0)
    return MaskingUNet((8, 8, 8))


def test_shapes():
    check_shapes(small(), lengths=(16000, 16001, 257))


def test_gradients():
    check_gradients(small())


@pytest.mark.slow
def test_overfits_one_batch():
    losses = losses_on_one_batch(small(), *batch(0.5), steps=40)
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.slow
def test_receptive_field_is_within_the_context():
    system = small()
    before, after = reached(system, 80000, 40000)
    assert system.context / 10 < max(before, after) <= system.context


def test_reload():
    check_reload(small(), MaskingUNet((8, 8, 8)))
