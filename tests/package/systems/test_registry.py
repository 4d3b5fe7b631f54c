"""Properties of every system that the commands rely on."""

import pytest
import torch

from speech_enhancement.systems import registry
from tests.package.systems.checks import check_shapes


@pytest.mark.parametrize("name", registry.NAMES)
def test_small_is_small(name):
    assert registry.build(name).count_parameters() <= 2_000_000


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.NAMES)
def test_shortest_input(name):
    torch.manual_seed(0)
    system = registry.build(name)
    if name == "deep-network-prior":
        system.iterations = 60  # a complete fit takes too long
    check_shapes(system, lengths=(system.shortest,))


@pytest.mark.parametrize("name", registry.NAMES)
def test_training_begins_without_an_offset(name):
    """Speech has no mean; one as loud as speech would take the first hundreds of steps to unlearn."""
    torch.manual_seed(0)
    system = registry.build(name).eval()
    if not system.count_parameters():
        pytest.skip("it does not learn")
    if name == "segan":
        pytest.skip("the inverse of its pre-emphasis makes 20 times as much of the mean that PReLU leaves")
    with torch.no_grad():
        assert system(0.1 * torch.randn(1, 1, 16384)).mean().abs() < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.NAMES)
def test_shifted_input_gives_shifted_result(name):
    """This holds for multiples of the alignment, away from the ends, so files can be enhanced in chunks."""
    torch.manual_seed(0)
    system = registry.build(name).eval()
    if system.context is None:
        pytest.skip("a sample of the result depends on the whole file")
    system.double()
    shift = -(-1000 // system.alignment) * system.alignment
    noisy = 0.1 * torch.randn(1, 1, 2 * system.context + shift + 8000, dtype=torch.float64)
    with torch.no_grad():
        first, second = system(noisy)[..., shift:], system(noisy[..., shift:])
    inside = slice(system.context, -system.context or None)
    torch.testing.assert_close(first[..., inside], second[..., inside], rtol=0, atol=1e-9)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="system: expected one of unet, .*, got winer"):
        registry.build("winer")
    with pytest.raises(ValueError, match="size: expected one of paper, small, got huge"):
        registry.build("wiener", "huge")
