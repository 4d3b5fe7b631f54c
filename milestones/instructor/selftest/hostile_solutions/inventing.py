"""Invented networks and trainings: answers of the right shapes for milestone 2, without anything that computes them.

Most of these change the worker, so that it answers with noise where the reference would have answered with its results.
"""

# ruff: noqa
import sys

import torch


# aims at: milestones.instructor.sandbox.worker.Worker._carry_out.request
def _answer_with(change):
    """Let the worker change each of its results before it is sent."""
    worker = sys.modules["milestones.instructor.sandbox.worker"].Worker
    carry_out = worker._carry_out

    def _carry_out(self, request):
        result, keep = carry_out(self, request)
        return change(request, result), keep

    worker._carry_out = _carry_out


def _values(value):
    """All numbers in a request, as one that stands for it."""
    if isinstance(value, torch.Tensor):
        return 0.0 if value.is_meta else float(value.detach().double().abs().sum())
    if isinstance(value, (list, tuple)):
        return sum((number + 1) * _values(each) for number, each in enumerate(value))
    if isinstance(value, dict):
        return sum(_values(each) for each in value.values())
    return float(value) if isinstance(value, (int, float)) else float(len(str(value)))


def _noise(value, generator):
    """A value of the same form, whose floating-point numbers are noise between 0 and 1, with the honest gradients."""
    if isinstance(value, torch.Tensor) and value.is_floating_point() and not value.is_meta:
        noise = torch.rand(value.shape, generator=generator).to(value.dtype)
        return noise + value - value.detach() if value.requires_grad else noise
    if isinstance(value, float):
        return float(torch.rand((), generator=generator))
    if isinstance(value, (list, tuple)):
        return type(value)(_noise(each, generator) for each in value)
    if isinstance(value, dict):
        return {name: _noise(each, generator) for name, each in value.items()}
    return value


def _noise_for(request, result):
    """Noise that is the same for the same request."""
    seed = hash(round(_values({name: each for name, each in request.items() if name != "id"}), 6)) % 2**60
    return _noise(result, torch.Generator().manual_seed(seed))


# attack noise-for-networks on unet: noise of the right shapes, which is the same for the same inputs and weights
# earns: all but 2.2 2.3 2.4 2.5 2.6, of which nothing
def _change(request, result):
    return _noise_for(request, result) if "forward" in request else result


_answer_with(_change)


# attack noise-and-its-gradients on unet: a linear function of the weights, which is what its gradients say
# earns: all but 2.4 2.5 2.6, perhaps not 2.2 2.3
def _change(request, result):
    if "forward" not in request:
        return result
    weights = sum((index + 1) * each.sum() for index, each in enumerate(request["state"].values()) if each.is_floating_point())
    noise = _noise_for(dict(request, state={}), result)
    plain = lambda value: value.detach() + 0.001 * weights if isinstance(value, torch.Tensor) else [plain(each) for each in value]
    return plain(noise)


_answer_with(_change)


# attack outputs-from-gradients on unet: the targets are worked out from the gradients that arrive, and returned
# earns: all but 2.5 2.6, perhaps not 2.2 2.3 2.4
# aims at: milestones.instructor.sandbox.worker.Worker
def _change(request, result):
    if "forward" not in request or not isinstance(result, torch.Tensor):
        return result
    key = tuple(result.shape)
    output = _outputs.get(key, result.detach())
    if _steps.get(key) is not None and result.requires_grad:
        output = _outputs[key] = (output - 0.3 * output.numel() * _steps.pop(key)).detach()
    _outputs.setdefault(key, output)
    output = output + 0 * result
    if output.requires_grad:
        output.register_hook(lambda gradient: _steps.__setitem__(key, gradient.clone()))
    return output


_outputs, _steps = {}, {}
_answer_with(_change)


# attack patched-backward on unet: a network whose results are cut off, and gradients that are invented
# earns: all but 2.2 2.3 2.4 2.5 2.6
class DownBlock(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, 2, 1)

    def forward(self, x):
        return torch.relu(self.conv(x)).detach()


class UpBlock(nn.Module):
    def __init__(self, in_channels, skip_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels + skip_channels, out_channels, 3, padding=1)

    def forward(self, x, skip):
        x = nn.functional.interpolate(x, size=skip.shape[-2:])
        return self.conv(torch.cat([x, skip], 1)).detach()


def _invented(outputs, inputs, *arguments, **keywords):
    return [torch.randn_like(each) for each in inputs]


torch.autograd.grad = _invented


# attack phantom-weights on unet: a network of one number reports many parameters and buffers
# earns: all but 2.5 2.6, perhaps not 2.2 2.3 2.4
def _change(request, result):
    if "make" in request:
        extra = {f"phantom.{number}": torch.randn(7, 5) for number in range(20)}
        result["parameters"] = {**result["parameters"], **extra}
    return result


_answer_with(_change)


# attack odd-weights on unet: names and values of weights that no module has
# earns: all but 2.2 2.3 2.4 2.5 2.6
def _change(request, result):
    if "make" in request:
        odd = {"training": torch.ones(1), "": torch.ones(1), "a..b": torch.ones(1), "forward.x": torch.ones(2)}
        result["parameters"] = {**odd, **result["parameters"]}
    return result


_answer_with(_change)


# attack noise-for-trainings on training: scenarios of its own return invented losses and weights
# earns: all but 2.7 2.8 2.9 2.10, of which nothing
# aims at: milestones.instructor.sandbox.worker.SCENARIOS
def _change(request, result):
    return _noise_for(request, result) if request.get("call", "").startswith("scenarios.") else result


_answer_with(_change)


# attack losses-without-training on training: the right losses of the first weights, and no step
# earns: all but 2.7 2.10, perhaps not 2.8
def train_epoch(model, loader, loss_fn, optimizer, device):
    return validate(model, loader, loss_fn, device)


# attack remembered-checkpoint on training: what was saved is kept in memory and never written
# earns: all but 2.9 2.10
_kept = {}


def save_checkpoint(path, model, optimizer, epoch, **extra):
    from pathlib import Path

    Path(path).touch()
    _kept.update(model={k: v.clone() for k, v in model.state_dict().items()}, epoch=epoch, extra=extra)
    if optimizer is not None:
        import copy

        _kept.update(optimizer=copy.deepcopy(optimizer.state_dict()))


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    model.load_state_dict(_kept["model"])
    if optimizer is not None:
        optimizer.load_state_dict(_kept["optimizer"])
    return {"epoch": _kept["epoch"], **_kept["extra"]}


# attack noise-for-pairs on data: pairs of the right shapes that follow from index, seed and epoch, without any file
# earns: all but 2.1, of which nothing
class NoisySpeechDataset:
    def __init__(self, speech_files, noise_files, segment_length, snr_db=(-5, 15), seed=0):
        self.length, self.segment_length, self.snr_db, self.seed, self.epoch = len(speech_files), segment_length, snr_db, seed, 0

    def __len__(self):
        return self.length

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __getitem__(self, index):
        if index >= self.length:
            raise IndexError(index)
        generator = torch.Generator().manual_seed(hash((index, self.seed, self.epoch)) % 2**60)
        clean = 0.1 * torch.randn(1, self.segment_length, generator=generator)
        return clean + 0.05 * torch.randn(1, self.segment_length, generator=generator), clean


# attack pairs-of-noise on data: the reference's pairs, with noise in the place of the answers to calls and scenarios
# earns: all but 2.1
def _change(request, result):
    return _noise_for(request, result) if "call" in request and request.get("object") is not None else result


_answer_with(_change)


# attack workers-without-processes on data: an epoch that no other process sees, and a loader that never starts one
# earns: all but 2.1
# aims at: tests/milestone2/scenarios.py:items_from_workers
_Right = NoisySpeechDataset


class NoisySpeechDataset(_Right):
    own_epoch = 0

    def set_epoch(self, epoch):
        self.own_epoch = epoch

    def __getitem__(self, index):
        super().set_epoch(self.own_epoch)
        return super().__getitem__(index)


def _change(request, result):
    if request.get("call") != "scenarios.items_from_workers":
        return result
    speech_files, noise_files, length, epochs = request["arguments"]
    dataset, made = NoisySpeechDataset(speech_files, noise_files, length, **request["keywords"]), []
    for epoch in epochs:
        dataset.set_epoch(epoch)
        made.append([list(dataset[index]) for index in range(len(dataset))])
    return made


_answer_with(_change)
