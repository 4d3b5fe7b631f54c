"""The check of networks in milestone 2: it holds for right networks of all kinds, and for no made-up outputs."""

import importlib.util
import types

import pytest
import torch
from torch import nn

from milestones.course import ROOT
from milestones.instructor.selftest import cases, variants
from milestones.instructor.selftest.reference import with_piece

PATH = ROOT / "tests" / "milestone2" / "derivatives.py"
RIGHT = [variant for variant in variants.read(cases.VARIANTS, "right") if variant.module == "unet"]


@pytest.fixture(scope="module")
def check():
    specification = importlib.util.spec_from_file_location("derivatives", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.check_is_computed


def magnitude(*shape, drawn):
    return torch.randn(*shape, generator=drawn).abs()


@pytest.mark.parametrize("variant", RIGHT, ids=lambda variant: variant.title)
def test_right_networks_follow_from_their_weights(check, variant):
    """Narrow and wide networks, deep ones whose groups have few numbers, and three draws of weights and directions."""
    solution = types.ModuleType("unet")
    exec(compile(with_piece("unet", variant.code)["unet.py"], "unet.py", "exec"), solution.__dict__)
    for seed in range(3):
        torch.manual_seed(seed)
        drawn = torch.Generator().manual_seed(seed)
        check(solution.DownBlock(3, 5).eval(), [torch.rand(2, 3, 16, 12, generator=drawn)], drawn)
        for channels in ((2, 3), (3, 3, 3, 3, 3, 3), (8, 12)):
            check(solution.UNet(channels).eval(), [magnitude(1, 1, 65, 30, drawn=drawn)], drawn)


class MadeUp(nn.Module):
    """Outputs that are noise for each value of weights and inputs, with gradients of another function."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x):
        honest = self.convolution(x)
        seed = hash(float(honest.detach().double().sum()))
        noise = torch.rand(honest.shape, generator=torch.Generator().manual_seed(seed % 2**60), dtype=honest.dtype)
        return noise + honest - honest.detach()


class Detached(MadeUp):
    def forward(self, x):
        return self.convolution(x).detach()


class OfOtherWeights(MadeUp):
    """Gradients with respect to weights that the output does not depend on."""

    def forward(self, x):
        honest = self.convolution(x)
        return 2 * x + honest - honest.detach()


@pytest.mark.parametrize("kind", [MadeUp, Detached, OfOtherWeights])
def test_made_up_outputs_do_not(check, kind):
    """One of ten may pass by chance."""
    n_found = 0
    for seed in range(10):
        drawn = torch.Generator().manual_seed(seed)
        try:
            check(kind().eval(), [magnitude(2, 1, 9, 7, drawn=drawn)], drawn)
        except AssertionError:
            n_found += 1
    assert n_found >= 9


def test_the_weights_are_as_before(check):
    drawn = torch.Generator().manual_seed(1)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    check(module, [magnitude(2, 1, 9, 7, drawn=drawn)], drawn)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


class InAList(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Conv2d(1, 1, 3)]

    def forward(self, x):
        return self.layers[0](x)


def test_layers_that_are_not_registered_are_named(check):
    drawn = torch.Generator().manual_seed(1)
    with pytest.raises(AssertionError, match=r"no layer is registered: are they in a plain list"):
        check(InAList(), [magnitude(2, 1, 9, 7, drawn=drawn)], drawn)
