"""Tasks 2.2 to 2.6: blocks, encoder, decoder, U-Net, enhancer."""

import pytest
import torch
from torch import nn

from speech_enhancement.stft import stft
from speech_enhancement.unet import Decoder, DownBlock, Encoder, MaskingEnhancer, UNet, UpBlock


def silent_parameters(module, loss):
    """Names of the parameters that a loss does not depend on; a bias before a normalisation may have gradient 0."""
    loss.backward()
    parameters = module.named_parameters()
    return [name for name, p in parameters if p.grad is None or not (p.grad.any() or name.endswith("bias"))]


@pytest.mark.task("2.2", points=1)
@pytest.mark.parametrize(("size", "halved"), [((16, 12), (8, 6)), ((257, 63), (129, 32)), ((1, 1), (1, 1))])
def test_down_block_halves(size, halved):
    """Both dimensions are halved, rounding up."""
    got = DownBlock(3, 5).eval()(torch.rand(2, 3, *size)).shape
    assert got == (2, 5, *halved), f"{size} became {tuple(got[2:])}: which padding goes with the kernel and stride 2?"


@pytest.mark.task("2.3", points=1)
@pytest.mark.parametrize("size", [(16, 12), (257, 63), (1, 1)])
def test_up_block_has_the_size_of_the_skip(size):
    """The result has the size of the skip connection, odd ones too."""
    x = torch.rand(2, 8, -(-size[0] // 2), -(-size[1] // 2))
    got = UpBlock(8, 3, 5).eval()(x, torch.rand(2, 3, *size)).shape
    assert got == (2, 5, *size), f"got {tuple(got)}: is it upsampled to the size of skip, not by a factor of 2?"


@pytest.mark.task("2.3", points=1)
def test_up_block_uses_both_inputs(generator):
    """The result depends on what comes from below and on the skip connection."""
    block = UpBlock(8, 3, 16).eval()
    x, skip = (torch.rand(shape, generator=generator, requires_grad=True) for shape in ((1, 8, 4, 4), (1, 3, 8, 8)))
    block(x, skip).square().sum().backward()
    assert x.grad is not None and x.grad.any(), "nothing depends on x"
    assert skip.grad is not None and skip.grad.any(), "nothing depends on skip: is it concatenated?"


@pytest.mark.task("2.4", points=1)
def test_encoder_returns_the_inputs_of_its_blocks(generator):
    """The skips are the inputs of the blocks, finest first; the bottleneck is the output of the last."""
    x = torch.rand(2, 4, 33, 20, generator=generator)
    bottleneck, skips = Encoder((4, 6, 8)).eval()(x)
    shapes = [tuple(skip.shape) for skip in skips]
    assert shapes == [(2, 4, 33, 20), (2, 6, 17, 10)], f"the skips have the shapes {shapes}: inputs, not outputs?"
    assert torch.equal(skips[0], x), "the finest skip is not the encoder's input"
    assert bottleneck.shape == (2, 8, 9, 5)


@pytest.mark.task("2.4", points=1)
def test_decoder_leads_back():
    """The decoder returns the finest skip's size and leaves the list of skips as it is."""
    bottleneck, skips = Encoder((4, 6, 8)).eval()(torch.rand(2, 4, 33, 20))
    decoded = Decoder((4, 6, 8)).eval()(bottleneck, skips)
    assert decoded.shape == (2, 4, 33, 20)
    assert len(skips) == 2, "the list of skips was changed: pop() empties the caller's list"


@pytest.mark.task("2.5", points=1)
@pytest.mark.parametrize("size", [(257, 194), (129, 37), (1, 1)])
def test_mask_has_the_shape_of_the_magnitude(size):
    """A magnitude of any size becomes a mask of the same size, between 0 and 1."""
    mask = UNet().eval()(torch.rand(2, 1, *size))
    assert mask.shape == (2, 1, *size)
    assert mask.min() >= 0 and mask.max() <= 1, "a mask lies between 0 and 1: where is the sigmoid?"


@pytest.mark.task("2.5", points=1)
def test_gradient_reaches_every_parameter(generator):
    """Every parameter of the U-Net takes part."""
    unet = UNet()
    silent = silent_parameters(unet, unet(torch.rand(2, 1, 65, 64, generator=generator)).square().sum())
    assert not silent, f"no gradient at {', '.join(silent)}: was a layer made and not used?"


@pytest.mark.task("2.5", points=1)
def test_items_of_a_batch_are_independent(generator):
    """In evaluation mode an item's mask does not depend on the others in its batch, loud or quiet."""
    unet = UNet().eval()
    magnitude = torch.rand(3, 1, 65, 40, generator=generator) * torch.tensor([1.0, 30.0, 0.03]).reshape(3, 1, 1, 1)
    together = unet(magnitude)
    for item in range(3):
        alone = unet(magnitude[item : item + 1])
        assert torch.allclose(together[item], alone[0], atol=1e-5), "normalised over the batch in evaluation mode?"
    assert torch.equal(unet(magnitude), together), "two calls gave different masks: dropout in evaluation mode?"


class HalfMask(nn.Module):
    """A mask of a half everywhere, which remembers what it was given."""

    def forward(self, magnitude):
        self.magnitude = magnitude
        return torch.full_like(magnitude, 0.5)


@pytest.mark.task("2.6", points=1)
@pytest.mark.parametrize("time", [16000, 12345])
def test_half_a_mask_is_half_the_waveform(generator, time):
    """With a mask of 1/2 everywhere the enhanced waveform is half the noisy one, to the last sample."""
    noisy = torch.randn(2, 1, time, generator=generator)
    enhanced = MaskingEnhancer(HalfMask())(noisy)
    assert enhanced.shape == noisy.shape
    error = float((enhanced - noisy / 2).abs().max())
    assert error < 1e-5, f"off by up to {error:.2g}: is the noisy phase kept, and the length given to istft?"


@pytest.mark.task("2.6", points=1)
def test_unet_sees_the_magnitude(generator):
    """The U-Net is called with the uncompressed magnitude, and is a registered submodule."""
    noisy = torch.randn(2, 1, 8000, generator=generator)
    unet = HalfMask()
    enhancer = MaskingEnhancer(unet)
    enhancer(noisy)
    assert torch.allclose(unet.magnitude, stft(noisy).abs(), atol=1e-4), "not the magnitude: power, logarithm, or dB?"
    assert unet in list(enhancer.modules()), "the U-Net is not a submodule: its parameters would not be trained"


@pytest.mark.task("2.6", points=1)
def test_overfits_one_batch(generator):
    """Given one batch again and again, the model learns to take its noise away."""
    time = torch.arange(8000) / 16000
    clean = torch.sin(2 * torch.pi * 500 * time).expand(2, 1, -1)
    noisy = clean + 0.5 * torch.randn(2, 1, 8000, generator=generator)
    model = MaskingEnhancer(UNet((8, 16, 16)))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(150):
        loss = (model(noisy) - clean).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if losses[-1] < 0.3 * losses[0]:
            return
    pytest.fail(
        f"the loss went from {losses[0]:.3f} to {min(losses):.3f} in 150 steps, not to 0.3 times: does it learn?"
    )
