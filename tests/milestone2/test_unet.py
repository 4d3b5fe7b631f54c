"""Tasks 2.2 to 2.6: blocks, encoder, decoder, U-Net, enhancer."""

import pytest
import torch
from derivatives import check_is_computed, flatten
from questions import asking
from scenarios import KnownMask, Twice

from speech_enhancement.unet import Decoder, DownBlock, Encoder, MaskingEnhancer, UNet, UpBlock


def half(size):
    return [-(-length // 2) for length in size]


def run(module, *inputs, training=False):
    """Return a module's output, in evaluation mode unless asked otherwise, without recording gradients.

    Lists are given as copies, so that a module that changes them spoils no later call.
    """
    copies = [[*each] if isinstance(each, list) else each for each in inputs]
    with torch.no_grad():
        return module.train(training)(*copies)


def gradients(module, *inputs, training=False):
    """Weight a module's outputs at random, and differentiate their sum by each input and each parameter."""
    leaves = [
        [each.clone().requires_grad_() for each in part] if isinstance(part, list) else part.clone().requires_grad_()
        for part in inputs
    ]
    outputs = flatten(module.train(training)(*leaves))
    sum((output * torch.randn_like(output)).sum() for output in outputs).backward()
    return {
        "inputs": [leaf.grad for leaf in flatten(leaves)],
        "parameters": {name: parameter.grad for name, parameter in module.named_parameters()},
    }


def parameters_of(module, *inputs):
    """Return the gradient of each parameter by name in training mode."""
    return gradients(module, *inputs, training=True)["parameters"]


def to_meta(inputs):
    """Give the inputs of a module, tensors and lists of tensors, to the device meta, where they have no values."""
    return [to_meta(each) if isinstance(each, list) else each.to("meta", torch.float32) for each in inputs]


def silent(parameters):
    """Name the parameters that the output does not depend on; a bias before a normalisation may have gradient 0."""
    return [name for name, grad in parameters.items() if grad is None or not (grad.any() or name.endswith("bias"))]


@pytest.mark.task("2.2", points=1)
@pytest.mark.parametrize(("size", "halved"), [((16, 12), (8, 6)), ((257, 63), (129, 32)), ((1, 1), (1, 1))])
def test_down_block_halves(size, halved, drawn):
    """Both dimensions are halved, rounding up."""
    block = DownBlock(3, 5)
    with asking("do the layers take in_channels, and can each take a single pixel? nn.InstanceNorm2d cannot"):
        got = tuple(run(block, torch.rand(2, 3, *size)).shape)
    assert got == (2, 5, *halved), f"{size} became {got[2:]}: which padding goes with the kernel and stride 2?"
    check_is_computed(block, [torch.rand(2, 3, 16, 12)], drawn)


@pytest.mark.task("2.3", points=1)
@pytest.mark.parametrize("size", [(16, 12), (257, 63), (1, 1)])
def test_up_block_has_the_size_of_the_skip(size, drawn):
    """The result has the size of the skip connection, odd ones too."""
    block, inputs = UpBlock(8, 3, 5), [torch.rand(2, 8, *half(size)), torch.rand(2, 3, *size)]
    # Where every way of upsampling gives the right size, an error has another reason.
    with asking("are x and skip concatenated along dimension 1, and does the convolution take the channels of both?"):
        channels = run(block, torch.rand(2, 8, 8, 8), torch.rand(2, 3, 16, 16)).shape[1]
    assert channels == 5, f"got {channels} channels, expected out_channels, 5"
    question = "is x upsampled to the size of skip, not by a factor of 2?"
    if size == (1, 1):
        question += " Can padding and normalisation take a single pixel?"
    with asking(question):
        got = tuple(run(block, *inputs).shape)
    assert got == (2, 5, *size), f"got {got}, expected {(2, 5, *size)}: {question}"
    check_is_computed(block, [torch.rand(2, 8, 8, 6), torch.rand(2, 3, 16, 12)], drawn)


@pytest.mark.task("2.3", points=1)
def test_up_block_uses_both_inputs(generator, drawn):
    """The result depends on what comes from below and on the skip connection."""
    inputs = [torch.rand(1, 8, 4, 4, generator=generator), torch.rand(1, 3, 8, 8, generator=generator)]
    block = UpBlock(8, 3, 16)
    x, skip = gradients(block, *inputs)["inputs"]
    assert x is not None and x.any(), "nothing depends on x"
    assert skip is not None and skip.any(), "nothing depends on skip: is it concatenated?"
    check_is_computed(block, inputs, drawn)


@pytest.mark.task("2.4", points=1)
def test_blocks_are_registered(generator, drawn):
    """Every block's parameters are those of the encoder or decoder, and .double() and .to(device) reach them."""
    question = "are blocks in a plain list? Those in an nn.ModuleList are registered"
    x, finer, coarser, bottleneck = (
        torch.rand(shape, generator=generator, dtype=torch.float64)
        for shape in ((2, 4, 17, 12), (2, 4, 17, 12), (2, 6, 9, 6), (2, 8, 5, 3))
    )
    for kind, inputs in ((Encoder, [x]), (Decoder, [bottleneck, [finer, coarser]])):
        numbers = [sum(each.numel() for each in kind((4, 6, 8)[:n]).parameters()) for n in (2, 3)]
        assert 0 < numbers[0] < numbers[1], (
            f"with one block the {kind.__name__} has {numbers[0]} parameters, with two {numbers[1]}: {question}"
        )
        module = kind((4, 6, 8))
        with asking(f"is there anything that .double() does not reach? {question}"):
            outputs = flatten(run(module.double(), *inputs))
        dtypes = {output.dtype for output in outputs}
        assert dtypes == {torch.float64}, f"after .double() and for float64 the {kind.__name__} returns {dtypes}"
        unused = silent(parameters_of(module, *inputs))
        assert not unused, f"no gradient at {', '.join(unused)}: was a block made and not used?"
        check_is_computed(module.eval(), inputs, drawn)
        with asking(f"is there anything that .to(device) does not reach? {question}"):
            outputs = flatten(run(kind((4, 6, 8)).to("meta"), *to_meta(inputs)))
        devices = {output.device.type for output in outputs}
        assert devices == {"meta"}, f"after .to('meta') the {kind.__name__} returns tensors on {devices}"


@pytest.mark.task("2.4", points=2)
def test_encoder_returns_the_inputs_of_its_blocks(generator, drawn):
    """The skips are the inputs of the blocks, finest first; the bottleneck is the output of the last."""
    x = torch.rand(2, 4, 33, 20, generator=generator)
    encoder = Encoder((4, 6, 8))
    bottleneck, skips = run(encoder, x)
    shapes = [tuple(skip.shape) for skip in skips]
    if len(shapes) > 2:
        question = "there is one too many, is the bottleneck among them?"
    else:
        question = "are they the blocks' inputs, not outputs, finest first?"
    assert shapes == [(2, 4, 33, 20), (2, 6, 17, 10)], f"the skips have the shapes {shapes}: {question}"
    assert torch.equal(skips[0], x), "the finest skip is not the encoder's input"
    got = tuple(bottleneck.shape)
    assert got == (2, 8, 9, 5), f"the bottleneck has the shape {got}: is it the output of the last block?"
    check_is_computed(encoder, [x], drawn)


@pytest.mark.task("2.4", points=2)
def test_decoder_leads_back(drawn):
    """The decoder returns the finest skip's size and leaves the list of skips as it is."""
    decoder, skips = Decoder((4, 6, 8)), [torch.rand(2, 4, 33, 20), torch.rand(2, 6, 17, 10)]
    bottleneck = torch.rand(2, 8, 9, 5)
    got = tuple(run(decoder, bottleneck, skips).shape)
    assert got == (2, 4, 33, 20), f"got {got}, expected the finest skip's size and channels[0] channels"
    check_is_computed(decoder, [bottleneck, [*skips]], drawn)
    with asking("called again with the same list, it fails: do pop() or reverse() change the caller's list?"):
        first, again = run(Twice(decoder), bottleneck, skips)
    assert torch.equal(first, again), "called again with the same list, it returned something else: was it changed?"


def check_is_not_cut_off(mask):
    """Require that a fresh network's mask lies between 0 and 1, and reaches neither."""
    assert mask.min() >= 0 and mask.max() <= 1, "a mask lies between 0 and 1: where is the sigmoid?"
    assert mask.min() > 0 and mask.max() < 1, (
        "the mask of a fresh network is exactly 0 or 1 in places: is the last layer a sigmoid? ReLU or clamp cuts"
        " values off"
    )


@pytest.mark.task("2.5", points=1)
@pytest.mark.parametrize("size", [(257, 194), (129, 37), (1, 1)])
def test_mask_has_the_shape_of_the_magnitude(size, drawn):
    """A magnitude of any size becomes a mask of the same size, between 0 and 1."""
    unet = UNet()
    mask = run(unet, torch.rand(2, 1, *size))
    got = tuple(mask.shape)
    assert got == (2, 1, *size), f"the mask has the shape {got}, the magnitude {(2, 1, *size)}"
    check_is_not_cut_off(mask)
    check_is_computed(unet, [torch.rand(2, 1, 40, 30)], drawn)


@pytest.mark.task("2.5", points=1)
def test_gradient_reaches_every_parameter(generator, drawn):
    """Every parameter of the U-Net takes part."""
    unet, magnitude = UNet(), torch.rand(2, 1, 65, 64, generator=generator)
    check_is_not_cut_off(run(unet, magnitude, training=True))
    unused = silent(parameters_of(unet, magnitude))
    assert not unused, f"no gradient at {', '.join(unused)}: was a layer made and not used?"
    check_is_computed(unet.eval(), [magnitude], drawn)


@pytest.mark.task("2.5", points=1)
def test_items_of_a_batch_are_independent(generator, drawn):
    """In evaluation mode an item's mask does not depend on the others in its batch, loud or quiet."""
    magnitude = torch.rand(3, 1, 65, 40, generator=generator) * torch.tensor([1.0, 30.0, 0.03]).reshape(3, 1, 1, 1)
    unet = UNet()
    together, again, *each_alone = (run(unet, each) for each in (magnitude, magnitude, *magnitude.split(1)))
    check_is_not_cut_off(together)
    for item, alone in enumerate(each_alone):
        same = torch.allclose(together[item], alone[0], atol=1e-5)
        assert same, "an item's mask depends on its batch: is anything averaged over the batch in evaluation mode?"
    assert torch.equal(together, again), "two calls gave different masks: dropout in evaluation mode?"
    check_is_computed(unet, [magnitude], drawn)


def by_hand(noisy, share, n_fft=512, hop_length=128):
    """Compute the waveform that noisy speech becomes by the mask of `KnownMask` with a power of 1."""
    sizes = {"n_fft": n_fft, "hop_length": hop_length, "window": torch.hann_window(n_fft, dtype=noisy.dtype)}
    spectrum = torch.stft(noisy[:, 0], **sizes, return_complex=True)
    mask = share * spectrum.abs() / (1 + spectrum.abs())
    return torch.istft(mask * spectrum, **sizes, length=noisy.shape[-1])[:, None]


@pytest.mark.task("2.6", points=1)
@pytest.mark.parametrize("time", [16000, 12345])
def test_half_a_mask_is_half_the_waveform(generator, time):
    """With a mask of 1/2 everywhere the enhanced waveform is half the noisy one, to the last sample."""
    noisy = torch.randn(2, 1, time, generator=generator)
    enhanced = run(MaskingEnhancer(KnownMask(0.5)), noisy)
    got = tuple(enhanced.shape)
    assert got == (2, 1, time), f"got the shape {got}, expected (2, 1, {time}): is the length given to istft?"
    error = float((enhanced - noisy / 2).abs().max())
    assert error < 1e-5, f"off by up to {error:.2g}: is the noisy phase kept, and the mask applied once?"


@pytest.mark.task("2.6", points=1)
def test_unet_sees_the_magnitude(generator):
    """The U-Net is called with the uncompressed magnitude, and is a registered submodule."""
    noisy = torch.randn(2, 1, 8000, generator=generator)
    enhancer = MaskingEnhancer(KnownMask(0.5, power=1.0))
    enhanced = run(enhancer, noisy)
    got = tuple(enhanced.shape)
    assert got == (2, 1, 8000), f"got the shape {got}, expected (2, 1, 8000): is the length given to istft?"
    error = float((enhanced - by_hand(noisy, 0.5)).abs().max())
    assert error < 1e-4, (
        f"for a mask that depends on the magnitude, off by up to {error:.2g}: not the magnitude, but power, logarithm,"
        " or dB?"
    )
    assert [*enhancer.parameters()], "the U-Net is not a submodule: its parameters would not be trained"


def train(model, given, target, steps, enough):
    """Train a model on one batch again and again; return its mean squared errors.

    It ends after `steps` steps, or when the error has come down to `enough` times the first.
    """
    optimizer = torch.optim.Adam(model.train().parameters(), 1e-2)
    losses = []
    while len(losses) < steps and losses[-1:] >= [enough * loss for loss in losses[:1]]:
        error = (model(given) - target).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        losses.append(error.item())
    return losses


@pytest.mark.task("2.6", points=1)
def test_overfits_one_batch(generator, drawn):
    """Given one batch again and again, the model learns to take its noise away."""
    time = torch.arange(5000) / 16000
    clean = torch.sin(2 * torch.pi * 500 * time).expand(2, 1, -1)
    noisy, other = (clean + 0.5 * torch.randn(2, 1, 5000, generator=each) for each in (generator, drawn))
    model = MaskingEnhancer(UNet((6, 8, 8)))
    before = float((run(model, other, training=True) - clean).square().mean())
    with asking("is the mask, or the result, detached or computed without gradients?"):
        losses = train(model, noisy, clean, steps=100, enough=0.3)
    assert losses[-1] < 0.3 * losses[0], (
        f"the loss went from {losses[0]:.3f} to {min(losses):.3f} in {len(losses)} steps, not to 0.3 times:"
        " does it learn?"
    )
    check_is_computed(model.eval(), [noisy], drawn)
    after = float((run(model, other, training=True) - clean).square().mean())
    assert after < 0.5 * before, f"for other noise, the loss went from {before:.3f} to {after:.3f}, not to 0.5 times"


### BEGIN HIDDEN TESTS
def noise(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def shapes_of(tensors):
    return [tuple(tensor.shape) for tensor in tensors]


def check_dtype_and_device(make, inputs, shape, drawn):
    """Call a module with float64 inputs, and with inputs on the device meta."""
    module, doubles = make().double(), [each.double() for each in inputs]
    output = run(module, *doubles)
    assert output.dtype == torch.float64 and output.shape == shape
    check_is_computed(module, doubles, drawn)
    output = run(make().to("meta"), *to_meta(inputs))
    assert output.device.type == "meta" and output.shape == shape


@pytest.mark.task("2.2", points=1, category="sizes", hint="Does DownBlock work for one pixel, one row, one channel?")
def test_down_block_of_other_sizes(drawn):
    """Other sizes and numbers of channels."""
    sizes = [(7, 1), (1, 9), (2, 2), (34, 51)]
    for before, after in ((1, 4), (6, 2)):
        block, inputs = DownBlock(before, after), [noise(3, before, *size, seed=3) for size in sizes]
        assert shapes_of([run(block, x) for x in inputs]) == [(3, after, *half(size)) for size in sizes]
        check_is_computed(block, [inputs[-1]], drawn)


@pytest.mark.task(
    "2.2",
    points=1,
    category="dtypes and devices",
    hint="Does DownBlock follow its input's dtype and device, after .double() and .to(device)?",
)
def test_down_block_of_other_dtypes(drawn):
    """float64 and the device meta."""
    check_dtype_and_device(lambda: DownBlock(2, 3), [noise(2, 2, 9, 6, seed=4)], (2, 3, 5, 3), drawn)


@pytest.mark.task(
    "2.2",
    points=1,
    category="common mistakes",
    hint="Is it a convolution with a stride that learns, not a pooling, and does it leave its input as it was?",
)
def test_down_block_learns_and_leaves_its_input(drawn):
    """A strided convolution tells the four pixels that it joins apart, and the input is not changed in place."""
    x = noise(2, 3, 12, 8, seed=5)
    before = x.clone()
    swapped = x.unflatten(3, (4, 2)).flip(4).flatten(3)
    block = DownBlock(3, 16)
    output, other = run(block, x), run(block, swapped)
    assert torch.equal(x, before), "the input was changed in place"
    assert not torch.allclose(output, other, atol=1e-5), "neighbouring pixels are interchangeable: pooling?"
    slopes = gradients(block, x)
    assert slopes["inputs"][0] is not None and slopes["inputs"][0].any()
    assert any(grad is not None and grad.any() for grad in slopes["parameters"].values())
    check_is_computed(block, [x], drawn)


@pytest.mark.task(
    "2.3",
    points=1,
    category="sizes",
    hint="Does UpBlock work for other sizes, and where x has fewer channels than skip, or more?",
)
def test_up_block_of_other_sizes(drawn):
    """Other sizes and numbers of channels."""
    for below, beside, after in ((2, 7, 1), (5, 1, 12), (4, 4, 4)):
        sizes = [(1, 8), (5, 1), (2, 2), (35, 18)]
        calls = [[noise(2, below, *half(size), seed=6), noise(2, beside, *size, seed=7)] for size in sizes]
        block = UpBlock(below, beside, after)
        assert shapes_of([run(block, *inputs) for inputs in calls]) == [(2, after, *size) for size in sizes]
        check_is_computed(block, calls[-1], drawn)


@pytest.mark.task(
    "2.3",
    points=1,
    category="dtypes and devices",
    hint="Does UpBlock follow its inputs' dtype and device, after .double() and .to(device)?",
)
def test_up_block_of_other_dtypes(drawn):
    """float64 and the device meta."""
    inputs = [noise(2, 4, 5, 3, seed=8), noise(2, 2, 9, 6, seed=9)]
    check_dtype_and_device(lambda: UpBlock(4, 2, 3), inputs, (2, 3, 9, 6), drawn)


@pytest.mark.task(
    "2.3",
    points=1,
    category="common mistakes",
    hint="Is x spread over the whole image, its last pixel to the end, not padded; is the skip left where it was?",
)
@pytest.mark.parametrize("size", [(12, 8), (11, 9)])
def test_up_block_keeps_places(size, drawn):
    """The corners of x and of the skip decide the same corners of the result; the inputs are not changed."""
    x, skip = noise(1, 4, *half(size), seed=10), noise(1, 3, *size, seed=11)
    before, block = (x.clone(), skip.clone()), UpBlock(4, 3, 32)
    for corner in (0, -1):
        other_x, other_skip = x.clone(), skip.clone()
        other_x[..., corner, corner] += 5
        other_skip[..., corner, corner] += 5
        output, of_x, of_skip = (run(block, *each) for each in ((x, skip), (other_x, skip), (x, other_skip)))
        near = slice(0, 2) if corner == 0 else slice(-2, None)
        for changed in (of_x, of_skip):
            assert not torch.allclose(output[..., near, near], changed[..., near, near], atol=1e-6)
    assert torch.equal(x, before[0]) and torch.equal(skip, before[1]), "an input was changed in place"
    check_is_computed(block, [x, skip], drawn)


@pytest.mark.task(
    "2.4",
    points=1,
    category="sizes",
    hint="Do Encoder and Decoder work for one block, four blocks, and a single pixel?",
)
def test_other_depths(drawn):
    """Any number of blocks, and sizes down to one pixel."""
    for channels, size in (((3, 5), (7, 10)), ((2, 3, 4, 5, 6), (37, 50)), ((4, 4, 4), (1, 1)), ([1, 6, 2], (20, 3))):
        sizes = [size]
        for _ in channels[1:]:
            sizes.append(half(sizes[-1]))
        shapes = [(3, n_channels, *each) for n_channels, each in zip(channels, sizes, strict=True)]
        encoder, decoder, x = Encoder(channels), Decoder(channels), noise(*shapes[0], seed=12)
        bottleneck, skips = run(encoder, x)
        assert shapes_of([*skips, bottleneck]) == shapes
        skips, bottleneck = [noise(*shape, seed=13) for shape in shapes[:-1]], noise(*shapes[-1], seed=14)
        assert run(decoder, bottleneck, [*skips]).shape == shapes[0]
        if min(shapes[-1][2:]) > 1:
            check_is_computed(encoder, [x], drawn)
            check_is_computed(decoder, [bottleneck, skips], drawn)


@pytest.mark.task(
    "2.4",
    points=1,
    category="common mistakes",
    hint="Does the decoder leave order and contents of the list of skips as they were? The encoder its input?",
)
def test_skips_are_left_alone(drawn):
    """Neither the order of the list nor a tensor in it is changed; the encoder's input is its first skip."""
    channels, shapes = (4, 4, 4, 4), [(1, 4, 21, 16), (1, 4, 11, 8), (1, 4, 6, 4)]
    skips, bottleneck = [noise(*shape, seed=16) for shape in shapes], noise(1, 4, 3, 2, seed=17)
    copies, decoder, encoder = [skip.clone() for skip in skips], Decoder(channels), Encoder(channels)
    check_is_computed(decoder, [bottleneck, [*copies]], drawn)
    first, again = run(Twice(decoder), bottleneck, skips)
    assert torch.equal(first, again), "the list was reversed or shortened"
    assert all(map(torch.equal, skips, copies)), "a skip was changed in place"
    x = copies[0].clone()
    _, found = run(encoder, x)
    assert torch.equal(x, copies[0]) and torch.equal(found[0], copies[0]), "the input was changed in place"
    check_is_computed(encoder, [x], drawn)


@pytest.mark.task(
    "2.4",
    points=1,
    category="common mistakes",
    hint="Does each level have its own block and its own skip, and does the decoder use the bottleneck and all skips?",
)
def test_every_level_takes_part(drawn):
    """The decoder's result depends on the bottleneck and on each skip; each level has weights of its own."""
    shapes = [(1, 6, 24, 16), (1, 6, 12, 8), (1, 6, 6, 4)]
    skips, bottleneck = [noise(*shape, seed=18) for shape in shapes], noise(1, 6, 3, 2, seed=19)
    slopes = gradients(Decoder((6, 6, 6, 6)), bottleneck, skips)["inputs"]
    assert all(slope is not None and slope.any() for slope in slopes), "the bottleneck or a skip is not used"
    x = noise(1, 6, 24, 16, seed=20)
    for kind, of_one, of_three in ((Encoder, [x], [x]), (Decoder, [skips[1], skips[:1]], [bottleneck, skips])):
        one, three = kind([6] * 2), kind([6] * 4)
        n_of_one, n_of_three = count(gradients(one, *of_one)), count(gradients(three, *of_three))
        assert n_of_three >= 2 * n_of_one, "the levels share their weights"
        check_is_computed(three, of_three, drawn)


def count(slopes):
    """Count the parameters on which the output depends."""
    return sum(grad.numel() for grad in slopes["parameters"].values() if grad is not None and grad.any())


@pytest.mark.task(
    "2.5",
    points=1,
    category="sizes",
    hint="Are `channels` followed at any depth, and sizes from one pixel or a batch of one?",
)
def test_other_unets(drawn):
    """Other channels, and a batch of one."""
    shapes = [(2, 1, 2, 3), (3, 1, 1, 70), (2, 1, 100, 1), (1, 1, 257, 90)]
    for channels in ((2, 3), (4, 6, 8, 5), [3, 3, 3, 3, 3, 3]):
        unet, magnitudes = UNet(channels), [noise(*shape, seed=21).abs() for shape in shapes]
        assert shapes_of([run(unet, each) for each in magnitudes]) == shapes
        check_is_computed(unet, [magnitudes[-1]], drawn)
    assert run(UNet(), torch.ones(1, 1, 1, 1)).shape == (1, 1, 1, 1)
    magnitude = noise(2, 1, 33, 32, seed=22).abs()
    small, large = (count(gradients(UNet(each), magnitude)) for each in ((2, 3), (8, 16, 24)))
    assert small < large / 4, "the argument channels does not decide the size"


@pytest.mark.task(
    "2.5",
    points=1,
    category="dtypes and devices",
    hint="Does the U-Net follow its input's dtype and device, after .double() and .to(device)?",
)
def test_unet_of_other_dtypes(drawn):
    """float64 and the device meta."""
    check_dtype_and_device(lambda: UNet((3, 5, 7)), [noise(2, 1, 40, 21, seed=23).abs()], (2, 1, 40, 21), drawn)


@pytest.mark.task(
    "2.5",
    points=1,
    category="edge cases",
    hint="What is the mask of silence, and of very loud or very quiet speech: finite, between 0 and 1?",
)
def test_mask_of_silence(drawn):
    """Silence, also beside speech, and extreme levels give masks from 0 to 1, never NaN."""
    speech = noise(3, 1, 60, 47, seed=24).abs() * torch.tensor([1.0, 0.0, 1.0]).reshape(3, 1, 1, 1)
    unet = UNet()
    for magnitude in (torch.zeros(1, 1, 33, 20), speech, speech * 1e4, speech * 1e-6):
        mask = run(unet, magnitude)
        assert bool(((mask >= 0) & (mask <= 1)).all()), "NaN, or outside of 0 to 1"
    check_is_computed(unet, [noise(2, 1, 60, 47, seed=30).abs()], drawn)


@pytest.mark.task(
    "2.5",
    points=1,
    category="common mistakes",
    hint="Is the last step a sigmoid of each pixel, so that a fresh U-Net's mask is above 0 and below 1 everywhere?",
)
def test_mask_is_a_sigmoid(drawn):
    """A fresh U-Net's mask lies strictly between 0 and 1, in both modes, and the magnitude is left as it was."""
    magnitude = noise(2, 1, 64, 48, seed=25).abs()
    before = magnitude.clone()
    for channels in ((4, 8), (6, 6, 6)):
        unet = UNet(channels)
        check_is_computed(unet.eval(), [magnitude], drawn)
        for training in (False, True):
            mask = run(unet, magnitude, training=training)
            assert mask.min() > 0 and mask.max() < 1, "cut off at 0 or 1: a ReLU or clamp instead of a sigmoid?"
            assert mask.std() > 0, "the mask is the same everywhere"
    pixel = run(UNet((4, 8)), torch.ones(2, 1, 1, 1))
    assert 0 < float(pixel[0]) < 1, "exactly 0 or 1 for one pixel: a softmax instead of a sigmoid?"
    assert torch.equal(magnitude, before), "the magnitude was changed in place"


@pytest.mark.task(
    "2.5",
    points=1,
    category="common mistakes",
    hint="Can it be trained at every depth: is each parameter used, and do the items of a batch keep their places?",
)
def test_every_depth_can_be_trained(drawn):
    """Every parameter takes part at other depths, and items keep their places."""
    magnitude = noise(2, 1, 48, 40, seed=26).abs()
    for channels in ((4, 6), (3, 4, 5, 6)):
        unet = UNet(channels)
        assert not silent(parameters_of(unet, magnitude)), "some parameters take no part"
        check_is_computed(unet.eval(), [magnitude], drawn)
    forth, back = run(unet, magnitude), run(unet, magnitude.flip(0))
    assert torch.allclose(forth.flip(0), back, atol=1e-5), "items of a batch are mixed up"


@pytest.mark.task(
    "2.5",
    points=1,
    category="common mistakes",
    hint="Can it learn a mask near 0 and 1, pixel by pixel: is there one sigmoid, and do the skips reach the decoder?",
)
def test_learns_a_mask(drawn):
    """Shown one batch again and again, it learns to pass the loud pixels and to stop the quiet ones, others too."""
    target = (noise(1, 1, 64, 48, seed=27) > 0).float()
    other = (torch.randn(1, 1, 64, 48, generator=drawn) > 0).float()
    unet = UNet((8, 12, 16, 16))
    losses = train(unet, 0.1 + 2 * target, target, steps=70, enough=0.25)
    assert losses[-1] < 0.25 * losses[0]
    check_is_computed(unet.eval(), [0.1 + 2 * target], drawn)
    assert (run(unet, 0.1 + 2 * other, training=True) - other).square().mean() < 0.5 * losses[0]


@pytest.mark.task(
    "2.6",
    points=1,
    category="sizes",
    hint="Are n_fft and hop_length given to both stft and istft, whatever the length?",
)
def test_other_transforms():
    """Other transforms and lengths, with a mask that depends on the magnitude."""
    for n_fft, hop_length, time in ((256, 64, 4001), (400, 160, 3333), (640, 200, 5000), (512, 128, 257)):
        noisy = noise(3, 1, time, seed=n_fft + time)
        enhanced = run(MaskingEnhancer(KnownMask(0.8, power=1.0), n_fft, hop_length), noisy)
        expected = by_hand(noisy, 0.8, n_fft, hop_length)
        assert enhanced.shape == expected.shape
        assert torch.allclose(enhanced, expected, atol=1e-4)


@pytest.mark.task(
    "2.6", points=1, category="dtypes and devices", hint="Does float64 stay float64, through spectrogram and mask?"
)
def test_enhancer_in_float64():
    """A float64 waveform becomes a float64 one, by a float64 magnitude."""
    noisy = noise(2, 1, 2000, seed=27).double()
    enhanced = run(MaskingEnhancer(KnownMask(0.6, power=1.0)).double(), noisy)
    assert enhanced.dtype == torch.float64
    assert torch.allclose(enhanced, by_hand(noisy, 0.6), atol=1e-4)


@pytest.mark.task(
    "2.6",
    points=1,
    category="common mistakes",
    hint="Is the U-Net a submodule that train(), eval() and the optimizer reach, and do gradients flow to it?",
)
def test_unet_is_reached():
    """The mode reaches the U-Net, its parameters are the enhancer's, and their gradient is right."""
    noisy = noise(2, 1, 3000, seed=28)
    for training, factor in ((False, 1.0), (True, 0.5)):
        enhancer = MaskingEnhancer(KnownMask(0.7, factor_in_training=0.5)).train(training)
        enhanced = enhancer(noisy)
        assert torch.allclose(enhanced, factor * 0.7 * noisy, atol=1e-4), "the mode does not reach the U-Net"
        enhanced.square().sum().backward()
        (slope,) = (parameter.grad for parameter in enhancer.parameters())
        expected = 2 * 0.7 * factor**2 * float(noisy.square().sum())
        assert slope is not None and float(slope) == pytest.approx(expected, rel=1e-2), "the gradient is not right"


@pytest.mark.task(
    "2.6",
    points=1,
    category="edge cases",
    hint="Are silence, a quiet item beside a loud one, and the noisy waveform itself left as they are?",
)
def test_levels_are_kept():
    """Silence stays silence, items keep their own levels, and the input is not changed in place."""
    noisy = noise(3, 1, 2500, seed=29) * torch.tensor([1e-3, 0.0, 20.0]).reshape(3, 1, 1)
    before = noisy.clone()
    enhanced = run(MaskingEnhancer(KnownMask(0.9)), noisy)
    assert torch.equal(noisy, before), "the noisy waveform was changed in place"
    for item, level in enumerate((1e-3, 1.0, 20.0)):
        assert torch.allclose(enhanced[item], 0.9 * before[item], atol=1e-5 * level), "levels were changed"


### END HIDDEN TESTS
