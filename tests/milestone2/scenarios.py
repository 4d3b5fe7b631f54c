"""What tests of milestone 2 ask of the package where a plain call is not enough: modules, training, worker processes.

Each function here runs beside the student's code, and takes and returns only tensors, numbers, texts, paths, and lists
and dictionaries of them. What is right is said in the tests alone.
"""

import os
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


def call_module(name: str, arguments: list, calls: list, training: bool = False) -> list:
    """Outputs of a module of `unet.py`, made as `name(*arguments)`, for each call's list of inputs.

    The module is brought to the dtype and the device of the first input.
    """
    module = _make(name, arguments, calls[0]).train(training)
    with torch.no_grad():
        return [module(*inputs) for inputs in calls]


def call_decoder(channels: list, bottleneck: Tensor, skips: list) -> dict:
    """What a `Decoder` in evaluation mode makes of its inputs, and the list of skips as it is afterwards."""
    decoder = _make("Decoder", [channels], [bottleneck]).eval()
    with torch.no_grad():
        decoded = decoder(bottleneck, skips)
    return {"decoded": decoded, "skips": skips}


def gradients(name: str, arguments: list, inputs: list, training: bool = False) -> dict:
    """Gradients of a sum of a module's outputs, weighted at random: of each input and of each parameter by its name."""
    module = _make(name, arguments, inputs).train(training)
    leaves = [[each.requires_grad_() for each in part] for part in (_tensors(part) for part in inputs)]
    outputs = _tensors(module(*inputs))
    sum((output * torch.randn_like(output)).sum() for output in outputs).backward()
    return {
        "inputs": [leaf.grad for part in leaves for leaf in part],
        "parameters": {name: parameter.grad for name, parameter in module.named_parameters()},
    }


def enhance(noisy: Tensor, share: float, power: float = 0.0, sizes: tuple = (), training: bool = False) -> dict:
    """What a `MaskingEnhancer` makes of noisy speech with a U-Net whose mask is known.

    Args:
        noisy: of any dtype and device.
        share, power: the mask is `share * (magnitude / (1 + magnitude)) ** power`, half of that in training mode.
        sizes: `n_fft` and `hop_length`, the defaults where it is empty.

    Returns:
        The enhanced waveform, the magnitude that the U-Net was given, and for each parameter of the enhancer the
        gradient of the sum of the squares of the enhanced waveform.
    """
    unet = _KnownMask(share, power)
    enhancer = _make("MaskingEnhancer", [unet, *sizes], [noisy]).train(training)
    enhanced = enhancer(noisy)
    enhanced.square().sum().backward()
    slopes = [parameter.grad for parameter in enhancer.parameters()]
    return {"enhanced": enhanced.detach(), "magnitude": unet.magnitude, "gradients": slopes}


def overfit(given: Tensor, target: Tensor, channels: list, of_waveforms: bool, steps: int, enough: float) -> list:
    """Mean squared errors of a `UNet`, or of a `MaskingEnhancer` of one, that sees one batch again and again.

    It ends after some steps, or when the error has come down to `enough` times the first.
    """
    model = _make("UNet", [channels], [given])
    if of_waveforms:
        model = _make("MaskingEnhancer", [model], [given])
    optimizer = torch.optim.Adam(model.train().parameters(), 1e-2)
    losses = []
    while len(losses) < steps and losses[-1:] >= [enough * loss for loss in losses[:1]]:
        error = (model(given) - target).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        losses.append(error.item())
    return losses


def train_once(data: dict, setup: dict, was_training: bool = True) -> dict:
    """One call of `train_epoch`: what it returns, and the model's state afterwards.

    Args:
        data: as `_loader` takes it.
        setup: as `_Setup` takes it.
        was_training: mode of the model before.
    """
    from speech_enhancement.training import train_epoch

    run = _Setup(**setup)
    run.model.train(was_training)
    returned = train_epoch(run.model, _loader(**data), run.loss_fn, run.optimizer, "cpu")
    return {"returned": returned, "state": dict(run.model.state_dict())}


def validate_once(data: dict, setup: dict, was_training: bool = True, probe: Tensor | None = None) -> dict:
    """One call of `validate`: what it returns, and the model's state, gradients and behaviour afterwards.

    Args:
        data, setup, was_training: as in `train_once`; a submodule `frozen` is in evaluation mode in any case.
        probe: given to each submodule afterwards.

    Returns:
        `returned`; `state`; `outputs` of the submodules for `probe`, by name, in the mode that each is in; `gradients`
        of the parameters, set to 7 before; and `learns`, whether PyTorch records gradients again.
    """
    from speech_enhancement.training import validate

    run = _Setup(**setup)
    run.model.train(was_training)
    for name, submodule in run.model.named_children():
        submodule.train(was_training and name != "frozen")
    for parameter in run.model.parameters():
        parameter.grad = torch.full_like(parameter, 7.0)
    returned = validate(run.model, _loader(**data), run.loss_fn, "cpu")
    learns = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    state = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    left = [parameter.grad for parameter in run.model.parameters()]
    with torch.no_grad():
        outputs = {} if probe is None else {name: part(probe) for name, part in run.model.named_children()}
    return {"returned": returned, "state": state, "outputs": outputs, "gradients": left, "learns": learns}


def save(path, setup: dict, data: dict, steps: int, epoch: int, extra: dict) -> dict:
    """Take some steps, call `save_checkpoint`, take as many again: the model's state when saved and at the end.

    An extra whose value is the text "a generator" is one, which no format can hold; one whose value is a path is an
    object that makes a folder there when it is unpickled.
    """
    from speech_enhancement.training import save_checkpoint

    run = _Setup(**setup)
    run.step(steps, **data)
    saved = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    save_checkpoint(path, run.model, run.optimizer, epoch, **{name: _stood_for(extra[name]) for name in extra})
    run.step(steps, **data)
    return {"saved": saved, "state": dict(run.model.state_dict())}


def load(path, setup: dict, data: dict, steps: int, names: list, with_optimizer: bool = True) -> dict:
    """Call `load_checkpoint` on another model and optimizer, and take some steps.

    Returns:
        The entries `names` of what was returned; the model's state then and at the end; and under `held` the values
        of the tensors that were the model's state before, when they were loaded.
    """
    from speech_enhancement.training import load_checkpoint

    run = _Setup(**setup)
    held = dict(run.model.named_parameters()) | dict(run.model.named_buffers())
    loaded = load_checkpoint(path, run.model, *([run.optimizer] if with_optimizer else []))
    restored = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    held = {name: tensor.detach().clone() for name, tensor in held.items()}
    run.step(steps, **data)
    entries = {name: loaded[name] for name in names}
    return {"entries": entries, "restored": restored, "held": held, "state": dict(run.model.state_dict())}


def fit_once(train: dict, validation: dict, setup: dict, epochs: int, resume=None, save_to=None, **arguments) -> dict:
    """One call of `fit`: the history, the epochs that both datasets were told, and the model's last state.

    Args:
        train, validation: data as `_loader` takes them.
        setup: as `_Setup` takes it.
        epochs, arguments: of `fit`.
        resume: checkpoint to load first, whose epoch decides `start_epoch`.
        save_to: checkpoint to write at the end, for the last epoch.
    """
    from speech_enhancement.training import fit, load_checkpoint, save_checkpoint

    run = _Setup(**setup)
    if resume is not None:
        arguments["start_epoch"] = load_checkpoint(resume, run.model, run.optimizer)["epoch"] + 1
    loaders = _loader(**train), _loader(**validation)
    history = fit(run.model, *loaders, run.loss_fn, run.optimizer, epochs, **arguments)
    if save_to is not None:
        save_checkpoint(save_to, run.model, run.optimizer, epochs - 1)
    told = [getattr(getattr(loader, "dataset", None), "epochs", []) for loader in loaders]
    return {"history": history, "told": told, "state": dict(run.model.state_dict())}


def items_from_workers(speech_files: list, noise_files: list, length: int, epochs: list, seed: int = 0) -> list:
    """For each epoch the pairs of a `NoisySpeechDataset` as two processes make them that live through all epochs."""
    from speech_enhancement.data import NoisySpeechDataset

    dataset = NoisySpeechDataset(speech_files, noise_files, length, seed=seed)
    # Tensors would go from process to process through sockets or shared memory, arrays go through a plain pipe.
    workers = {"num_workers": 2, "persistent_workers": True, "collate_fn": _as_arrays, "timeout": 15}
    loader = DataLoader(dataset, batch_size=1, **workers)
    made = []
    for epoch in epochs:
        dataset.set_epoch(epoch)
        made.append([[torch.from_numpy(signal) for signal in pair] for (pair,) in loader])
    return made


def _as_arrays(items: list) -> list:
    return [[signal.numpy() for signal in item] for item in items]


def _make(name: str, arguments: list, inputs: list) -> nn.Module:
    """A module of `unet.py` with the same weights each time, of the dtype and on the device of the first input."""
    torch.manual_seed(0)
    return getattr(import_module("speech_enhancement.unet"), name)(*arguments).to(inputs[0].device, inputs[0].dtype)


def _tensors(value) -> list:
    """The tensors in nested lists and tuples."""
    return [value] if isinstance(value, Tensor) else [each for part in value for each in _tensors(part)]


class _KnownMask(nn.Module):
    """In the place of a U-Net; remembers what it was given."""

    def __init__(self, share: float, power: float):
        super().__init__()
        self.share = nn.Parameter(torch.tensor(share))
        self.power = power

    def forward(self, magnitude: Tensor) -> Tensor:
        self.magnitude = magnitude.detach()
        mask = self.share * (magnitude / (1 + magnitude)) ** self.power
        return mask / 2 if self.training else mask


class _Gain(nn.Module):
    """The smallest model there is: a factor on the waveform."""

    def __init__(self, gain: float):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, noisy: Tensor) -> Tensor:
        return self.gain * noisy


class _NormalisedGain(_Gain):
    """One that behaves differently in training and in evaluation mode, and changes what it remembers in the former."""

    def __init__(self, gain: float):
        super().__init__(gain)
        self.norm = nn.BatchNorm1d(1)

    def forward(self, noisy: Tensor) -> Tensor:
        return self.gain * self.norm(noisy)


class _Watcher(_NormalisedGain):
    """Multiplies by 1, by 3 in training mode, by 5 while gradients are recorded, by 7 where both is so."""

    def __init__(self, gain: float):
        super().__init__(gain)
        self.frozen = nn.BatchNorm1d(1)

    def forward(self, noisy: Tensor) -> Tensor:
        normalised = self.frozen(self.norm(noisy))
        return 0 * normalised + noisy * (1 + 2 * self.norm.training + 4 * torch.is_grad_enabled())


class _Setup:
    """A model, its optimizer and a loss.

    Args:
        model: "Gain", "NormalisedGain" or "Watcher".
        gain: its factor at the beginning.
        optimizer, rate: name of a class of `torch.optim`, and its learning rate.
        target_factor, offset: the loss is the mean of `|estimate - target_factor * target|`, less `offset`.
    """

    def __init__(self, model="Gain", gain=1.0, optimizer="SGD", rate=0.1, target_factor=1.0, offset=0.0):
        self.model = {"Gain": _Gain, "NormalisedGain": _NormalisedGain, "Watcher": _Watcher}[model](gain)
        self.optimizer = getattr(torch.optim, optimizer)(self.model.parameters(), lr=rate)
        self.target_factor = target_factor
        self.offset = offset

    def loss_fn(self, estimate: Tensor, target: Tensor) -> Tensor:
        return (estimate - self.target_factor * target).abs().mean() - self.offset

    def step(self, steps: int, noisy: Tensor, clean: Tensor) -> None:
        for _ in range(steps):
            self.optimizer.zero_grad()
            self.loss_fn(self.model(noisy), clean).backward()
            self.optimizer.step()


def _stood_for(value):
    if isinstance(value, Path):
        return _MakesFolder(value)
    return (each for each in ()) if isinstance(value, str) and value == "a generator" else value


class _MakesFolder:
    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class _Pairs(Dataset):
    """Examples that grow louder with each epoch; it remembers the epochs that it was told."""

    def __init__(self, noisy: Tensor, clean: Tensor):
        self.noisy, self.clean = noisy, clean
        self.epochs = []

    def __len__(self) -> int:
        return len(self.noisy)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.noisy[index] * (1 + 0.1 * sum(self.epochs[-1:])), self.clean[index]

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)


class _Elsewhere:
    """A tensor of which nothing but its size is to be had before `to`, as if it were on another device."""

    def __init__(self, tensor: Tensor):
        self._tensor = tensor
        self.shape, self.size, self.dim, self.ndim = tensor.shape, tensor.size, tensor.dim, tensor.ndim

    def __len__(self) -> int:
        return len(self._tensor)

    def to(self, *_, **__) -> Tensor:
        return self._tensor


def _loader(noisy: Tensor, clean: Tensor, batch_size: int, kind: str = "DataLoader"):
    """Batches of examples.

    Args:
        noisy, clean: `(examples, 1, time)`.
        batch_size: examples a batch; the last may have fewer.
        kind: "DataLoader", of a dataset that is told the epoch; "drop last", one that leaves out a last smaller batch;
            "list"; "empty", a list too; "generator", which ends for good; "elsewhere", whose tensors must be moved.
    """
    batches = list(zip(noisy.split(batch_size), clean.split(batch_size), strict=True))
    if kind == "empty":
        return []
    if kind == "list":
        return batches
    if kind == "generator":
        return (pair for pair in batches)
    if kind == "elsewhere":
        return [tuple(_Elsewhere(tensor) for tensor in pair) for pair in batches]
    if kind == "drop last":
        return DataLoader([*zip(noisy, clean, strict=True)], batch_size, drop_last=True)
    return DataLoader(_Pairs(noisy, clean), batch_size)
