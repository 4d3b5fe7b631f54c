"""Scenarios for tests of milestone 2 that need more than a plain call: a known mask, training, processes.

Each function here runs beside the student's code, and takes and returns only tensors, numbers, texts, paths, and lists
and dictionaries of them. Only the tests say what is right, by computing it once more.
"""

import os
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


class KnownMask(nn.Module):
    """Stand-in for a U-Net, with a mask of `share * (magnitude / (1 + magnitude)) ** power`.

    Args:
        share: first value of the only parameter.
        power: 0 for a mask that does not depend on the magnitude.
        factor_in_training: factor on the mask in training mode.
    """

    def __init__(self, share: float, power: float = 0.0, factor_in_training: float = 1.0):
        super().__init__()
        self.share = nn.Parameter(torch.tensor(share))
        self.power = power
        self.factor_in_training = factor_in_training

    def forward(self, magnitude: Tensor) -> Tensor:
        shape = tuple(magnitude.shape)
        if len(shape) != 4 or shape[1] != 1:
            raise ValueError(f"the U-Net was given {shape}, expected (batch, 1, freq, frames)")
        if magnitude.dtype != self.share.dtype:
            raise ValueError(f"the U-Net was given {magnitude.dtype}, expected {self.share.dtype}")
        mask = self.share * (magnitude / (1 + magnitude)) ** self.power
        return self.factor_in_training * mask if self.training else mask


class Twice(nn.Module):
    """A module that is called twice with the same inputs, to see that the first call leaves them as they were."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, *inputs: Tensor | list) -> list:
        return [self.module(*inputs), self.module(*inputs)]


def train_once(data: dict, setup: dict, was_training: bool = True) -> dict:
    """Call `train_epoch` once; return its result, and the model's state afterwards.

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


def validate_once(
    data: dict, setup: dict, was_training: bool = True, probe: Tensor | None = None, old_gradient: float = 7.0
) -> dict:
    """Call `validate` once, and continue with the model as it is left.

    Args:
        data, setup, was_training: as in `train_once`; a submodule `frozen` is in evaluation mode in any case.
        probe: given to each submodule afterwards.
        old_gradient: value of each parameter's gradient before.

    Returns:
        `returned`; the model's `state` after it; `outputs` of the submodules for `probe`, by name, in the mode that
        each is in; and `stepped`, the model's state after a step on all data, whose gradients are added to the old.
    """
    from speech_enhancement.training import validate

    run = _Setup(**setup)
    run.model.train(was_training)
    for name, submodule in run.model.named_children():
        submodule.train(was_training and name != "frozen")
    for parameter in run.model.parameters():
        parameter.grad = torch.full_like(parameter, old_gradient)
    try:
        returned = validate(run.model, _loader(**data), run.loss_fn, "cpu")
        state = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
        with torch.no_grad():
            outputs = {} if probe is None else {name: part(probe) for name, part in run.model.named_children()}
        run.loss_fn(run.model(data["noisy"]), data["clean"]).backward()
    finally:
        torch.set_grad_enabled(True)
    run.optimizer.step()
    stepped = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    return {"returned": returned, "state": state, "outputs": outputs, "stepped": stepped}


def save(path, setup: dict, data: dict, steps: int, epoch: int, extra: dict) -> dict:
    """Take some steps, call `save_checkpoint`, take as many again; return the model's state when saved and at the end.

    The text "a generator" as an extra stands for a generator, which no format can hold; a path stands for an object
    that makes a folder there when it is unpickled.
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
        The returned `entries` of the given names; the model's state when `restored` and at the end; and under `held`
        the values, after loading, of the tensors that were the model's state before it.
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


def new_process() -> None:
    """Mark where a new process takes over.

    Here it does nothing. When your work is graded, what follows runs in a new process, so a file must hold all that is
    needed: nothing that the modules kept in memory is left.
    """


def fit_once(train: dict, validation: dict, setup: dict, epochs: int, resume=None, save_to=None, **arguments) -> dict:
    """Call `fit` once; return the history and the model's last state.

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
    return {"history": history, "state": dict(run.model.state_dict())}


def items_from_workers(speech_files: list, noise_files: list, length: int, epochs: list, seed: int) -> list:
    """Let two workers that live through all epochs make the pairs of a `NoisySpeechDataset` for each epoch."""
    from speech_enhancement.data import NoisySpeechDataset

    dataset = NoisySpeechDataset(speech_files, noise_files, length, seed=seed)
    loader = DataLoader(dataset, batch_size=1, num_workers=2, **_WORKERS)
    made = []
    for epoch in epochs:
        dataset.set_epoch(epoch)
        made.append([[torch.from_numpy(signal) for signal in pair] for (pair,) in loader])
    return made


def in_another_process(dataset: Dataset) -> "_InAnotherProcess":
    """Return the copy of a dataset in another process, which lives through all epochs."""
    return _InAnotherProcess(dataset)


class _InAnotherProcess:
    def __init__(self, dataset: Dataset):
        self._indices = [0]
        self._loader = DataLoader(dataset, batch_size=1, sampler=self._indices, num_workers=1, **_WORKERS)
        self[0]

    def __getitem__(self, index: int) -> list:
        self._indices[:] = [index]
        ((pair,),) = self._loader
        return [torch.from_numpy(signal) for signal in pair]


def _as_arrays(items: list) -> list:
    return [[signal.numpy() for signal in item] for item in items]


# Tensors would go from process to process through sockets or shared memory, arrays go through a plain pipe.
_WORKERS = {"persistent_workers": True, "collate_fn": _as_arrays, "timeout": 15}


class _Gain(nn.Module):
    """The smallest model there is: a factor on the waveform."""

    def __init__(self, gain: float):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, noisy: Tensor) -> Tensor:
        return self.gain * noisy


class _NormalisedGain(_Gain):
    """A gain behind a normalisation, which has another effect in training mode and updates its statistics there."""

    def __init__(self, gain: float):
        super().__init__(gain)
        self.norm = nn.BatchNorm1d(1)

    def forward(self, noisy: Tensor) -> Tensor:
        return self.gain * self.norm(noisy)


class _Watcher(_NormalisedGain):
    """A model that tells by a factor on its output what it sees: 1, times 3 in training mode, plus 4 with gradients."""

    def __init__(self, gain: float):
        super().__init__(gain)
        self.frozen = nn.BatchNorm1d(1)

    def forward(self, noisy: Tensor) -> Tensor:
        normalised = self.frozen(self.norm(noisy))
        factor = (3 if self.norm.training else 1) + (4 if torch.is_grad_enabled() else 0)
        return 0 * normalised + noisy * factor


class _Setup:
    """A model, its optimizer and a loss.

    Args:
        model: "Gain", "NormalisedGain" or "Watcher".
        gain: its factor at the beginning.
        optimizer, rate: name of a class of `torch.optim`, and its learning rate.
        target_factor, offset: the loss is the mean of `|estimate - target_factor * target|` minus `offset`.
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
    """Examples whose noisy speech grows by a share `growth` with each epoch."""

    def __init__(self, noisy: Tensor, clean: Tensor, growth: float):
        self.noisy, self.clean, self.growth = noisy, clean, growth
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.noisy)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.noisy[index] * (1 + self.growth * self.epoch), self.clean[index]

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch


class _Elsewhere:
    """A tensor that shows only its size before `to` is called, as if it were on another device."""

    def __init__(self, tensor: Tensor):
        self._tensor = tensor
        self.shape, self.size, self.dim, self.ndim = tensor.shape, tensor.size, tensor.dim, tensor.ndim

    def __len__(self) -> int:
        return len(self._tensor)

    def to(self, *_, **__) -> Tensor:
        return self._tensor


def _loader(noisy: Tensor, clean: Tensor, batch_size: int, kind: str = "DataLoader", growth: float = 0.0):
    """Make batches of examples.

    Args:
        noisy, clean: `(examples, 1, time)`.
        batch_size: examples a batch; the last may have fewer.
        kind: "DataLoader", of a dataset that is told the epoch; "drop last", one that leaves out a last smaller batch;
            "list"; "empty", a list too; "generator", which ends for good; "elsewhere", whose tensors must be moved.
        growth: of a "DataLoader": by which share the noisy speech grows with each epoch.
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
    return DataLoader(_Pairs(noisy, clean, growth), batch_size)
