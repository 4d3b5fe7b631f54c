"""Tasks 2.7 to 2.10: an epoch, a validation, checkpoints, and the whole training."""

import contextlib

import pytest
import torch
from questions import asking, raising
from scenarios import fit_once, load, new_process, save, train_once, validate_once
from torch.nn import functional


@pytest.fixture
def data(drawn):
    """Two batches, of three examples and of one, whose losses differ; the noisy speech grows with each epoch."""
    noisy = torch.randn(4, 1, 100, generator=drawn)
    clean = noisy * torch.tensor([1.5, 1.5, 1.5, 5.0]).reshape(4, 1, 1)
    return {"noisy": noisy, "clean": clean, "batch_size": 3, "growth": 0.1}


@pytest.fixture
def one_batch(data):
    return {"noisy": data["noisy"], "clean": data["clean"]}


def batches(data):
    return zip(data["noisy"].split(data["batch_size"]), data["clean"].split(data["batch_size"]), strict=True)


def mean_over_examples(data, gain=1.0):
    """Compute the mean absolute difference of amplified noisy and clean speech."""
    return float((gain * data["noisy"] - data["clean"]).abs().mean())


def gain_after(data, epochs, rate):
    """Train a gain of 1 with Adam through some epochs, and return it."""
    gain = torch.ones((), requires_grad=True)
    by_hand = torch.optim.Adam([gain], rate)
    for epoch in epochs:
        for noisy, clean in batches(data):
            by_hand.zero_grad()
            (gain * (1 + data["growth"] * epoch) * noisy - clean).abs().mean().backward()
            by_hand.step()
    return gain.item()


def is_float(value):
    return isinstance(value, float)


def integer(drawn):
    """Draw an integer that nobody knows before."""
    return int(torch.randint(1, 10**6, (), generator=drawn))


@pytest.mark.task("2.7", points=1)
def test_an_epoch_takes_a_step_for_each_batch(data):
    """Each batch moves the parameters by one step along its own gradient."""
    by_hand = gain_after(data, [0], 0.1)
    got = float(train_once(data, {"optimizer": "Adam", "rate": 0.1})["state"]["gain"])
    assert got == pytest.approx(by_hand, rel=1e-4), (
        f"the parameter went to {got:.4f}, by hand to {by_hand:.4f}: is each batch's gradient cleared and stepped?"
    )


@pytest.mark.task("2.7", points=1)
def test_training_loss_is_the_mean_over_examples(data):
    """The loss returned is a float, averaged over examples; an empty loader raises."""
    got = train_once(data, {"rate": 0.0})["returned"]
    assert is_float(got), f"expected a float, got {type(got).__name__}"
    expected = mean_over_examples(data)
    assert got == pytest.approx(expected, rel=1e-4), (
        f"got {got:.4f}, the mean over examples is {expected:.4f}: do small batches count like large ones?"
    )
    with raising(ValueError, "train_epoch with an empty loader"):
        train_once(data | {"kind": "empty"}, {})


@pytest.mark.task("2.7", points=1)
def test_an_epoch_trains_in_training_mode(data):
    """The model is put into training mode, whatever mode it was in."""
    got = train_once(data, {"model": "NormalisedGain", "rate": 0.1}, was_training=False)["state"]
    seen = int(got["norm.num_batches_tracked"])
    assert seen == 2, f"a normalisation saw {seen} of 2 batches in training mode: was the model in evaluation mode?"
    by_hand = torch.nn.BatchNorm1d(1)
    for noisy, _ in batches(data):
        by_hand(noisy)
    same = torch.allclose(got["norm.running_mean"], by_hand.running_mean, atol=1e-5)
    assert same, "a normalisation has another running mean than after one look at each batch"


@pytest.mark.task("2.8", points=2)
def test_validation_changes_nothing(data, drawn):
    """Validation runs in evaluation mode and without gradients, and puts every submodule's mode back."""
    probe = 3 + 2 * torch.randn(4, 1, 50, generator=drawn)
    silence = data | {"clean": torch.zeros_like(data["noisy"])}
    result = validate_once(silence, {"model": "Watcher"}, probe=probe)
    # The model's output is the noisy speech times a number that tells what the model saw.
    factor = float(result["returned"]) / mean_over_examples(silence)
    assert factor != pytest.approx(3, rel=1e-4), "the model validated in training mode"
    assert factor != pytest.approx(7, rel=1e-4), "the model validated in training mode, and gradients were recorded"
    assert factor != pytest.approx(5, rel=1e-4), "gradients were recorded"
    assert factor == pytest.approx(1, rel=1e-4), (
        "the loss is not that of loss_fn(model(noisy), clean), averaged over examples"
    )
    remembered = float(result["state"]["norm.running_mean"])
    assert remembered == 0, "validation changed the running mean"
    outputs = result["outputs"]
    in_training = functional.batch_norm(probe, None, None, training=True)
    assert torch.allclose(outputs["norm"], in_training, atol=1e-4), "the model is not back in training mode"
    in_evaluation = functional.batch_norm(probe, torch.zeros(1), torch.ones(1))
    frozen = torch.allclose(outputs["frozen"], in_evaluation, atol=1e-4)
    assert frozen, "a submodule that was in evaluation mode is now in training mode"


@pytest.mark.task("2.8", points=2)
def test_validation_loss_is_the_mean_over_examples(data):
    """The loss returned is a float, averaged over examples; an empty loader raises."""
    got = validate_once(data, {"gain": 0.7})["returned"]
    assert is_float(got), f"expected a float, got {type(got).__name__}"
    expected = mean_over_examples(data, gain=0.7)
    assert got == pytest.approx(expected, rel=1e-4), (
        f"got {got:.4f}, the mean over examples is {expected:.4f}: do small batches count like large ones?"
    )
    with raising(ValueError, "validate with an empty loader"):
        validate_once(data | {"kind": "empty"}, {})


@pytest.mark.task("2.9", points=2)
def test_checkpoint_restores_model_and_optimizer(tmp_path, one_batch, drawn):
    """Loading restores weights, optimizer, epoch and extras."""
    path, epoch, note = tmp_path / "run.ckpt", integer(drawn), f"try {integer(drawn)}"
    other = {"optimizer": "Adam", "rate": 0.5}
    with asking("does load_checkpoint read what save_checkpoint has written, with torch.load and weights_only=True?"):
        first = save(path, {"optimizer": "Adam", "rate": 0.1}, one_batch, 2, epoch=epoch, extra={"note": note})
        new_process()
        load(path, other, one_batch, 0, names=[])
    with asking("does it return a dictionary, in which the epoch and each extra are under their own names?"):
        second = load(path, other, one_batch, 2, names=["epoch", "note"])
    expected = {"epoch": epoch, "note": note}
    assert second["entries"] == expected, f"got the entries {second['entries']}, expected {expected}"
    saved, restored = float(first["saved"]["gain"]), float(second["restored"]["gain"])
    assert restored == saved, f"the weight was {saved:.4f} when saved, {restored:.4f} when loaded"
    same = torch.equal(first["state"]["gain"], second["state"]["gain"])
    assert same, "resuming gives other weights: is the optimizer's state restored?"
    whole = {**one_batch, "batch_size": 4, "growth": 0.0}
    for got, steps in ((saved, 2), (float(second["state"]["gain"]), 4)):
        by_hand = gain_after(whole, range(steps), 0.1)
        assert got == pytest.approx(by_hand, rel=1e-4), f"after {steps} steps {got:.4f}, by hand {by_hand:.4f}"


@pytest.mark.task("2.9", points=2)
def test_failed_save_leaves_the_old_file(tmp_path, one_batch, drawn):
    """A save that fails half-way leaves the old checkpoint intact and nothing behind."""
    path, epoch, gain = tmp_path / "run.ckpt", integer(drawn), float(integer(drawn))
    save(path, {"gain": gain}, one_batch, 0, epoch=epoch, extra={})
    with raising(Exception, "save_checkpoint with an extra that cannot be saved"):
        save(path, {"gain": 3.0}, one_batch, 0, epoch=1, extra={"bad": "a generator"})
    left = sorted(each.name for each in tmp_path.iterdir())
    assert left == ["run.ckpt"], f"there are now the files {left}: was a temporary one left behind?"
    new_process()
    with asking("the old file is not intact: is the new one written beside it, and renamed when it is complete?"):
        result = load(path, {}, one_batch, 0, names=["epoch"], with_optimizer=False)
    got = result["entries"]["epoch"], float(result["restored"]["gain"])
    assert got == (epoch, gain), f"the old file is not intact: epoch and weight were {(epoch, gain)}, are now {got}"


@pytest.fixture
def passing_by(drawn):
    """Data to train for a gain of 3, and to validate for one of 1.35, which is passed by on the way."""
    noisy = torch.randn(4, 1, 100, generator=drawn)
    return [{"noisy": noisy, "clean": gain * noisy, "batch_size": 4, "kind": "list"} for gain in (3.0, 1.35)]


@pytest.mark.task("2.10", points=2)
def test_fit_keeps_the_best_epoch(tmp_path, passing_by):
    """The history has a float an epoch; the file holds the epoch with the lowest validation loss."""
    path = tmp_path / "best.ckpt"
    result = fit_once(*passing_by, {"rate": 0.15}, 8, checkpoint_path=path)
    train_loss, val_loss = result["history"]["train_loss"], result["history"]["val_loss"]
    assert [len(train_loss), len(val_loss)] == [8, 8], (
        f"expected 8 losses each, got {len(train_loss)} and {len(val_loss)}"
    )
    assert all(map(is_float, train_loss + val_loss)), "the history does not consist of floats"
    lowest = min(range(8), key=val_loss.__getitem__)
    assert 0 < lowest < 7, "the training passes by the validation's optimum, but the history does not show it"
    nothing = {"noisy": torch.zeros(1, 1, 1), "clean": torch.zeros(1, 1, 1)}
    new_process()
    with asking("was any epoch saved? With what does the best loss so far begin?"):
        best = load(path, {}, nothing, 0, names=["epoch"])
    epoch, gain = best["entries"]["epoch"], float(best["restored"]["gain"])
    assert epoch == lowest, f"the file holds epoch {epoch}, the lowest validation loss was in epoch {lowest}"
    loss = float((gain * passing_by[1]["noisy"] - passing_by[1]["clean"]).abs().mean())
    assert loss == pytest.approx(val_loss[lowest], rel=1e-4), "the file's weights are not those of the lowest loss"
    assert float(result["state"]["gain"]) > gain, "the model does not keep the last weights"
    # Below its optimum, the gain grows in each epoch by the rate times the mean size of the noisy speech.
    size = float(passing_by[0]["noisy"].abs().mean())
    gains = [1 + 0.15 * size * steps for steps in range(9)]
    expected = [size * (3 - gain) for gain in gains[:8]], [size * abs(gain - 1.35) for gain in gains[1:]]
    assert train_loss == pytest.approx(expected[0], rel=1e-3), "the training losses are not those of training by hand"
    assert val_loss == pytest.approx(expected[1], abs=1e-3), "the validation losses are not those by hand"


@pytest.mark.task("2.10", points=1)
def test_fit_sets_the_epoch(data):
    """The training dataset is told each epoch's number, from start_epoch on."""
    result = fit_once(data, data, {"rate": 0.0}, 4, start_epoch=2)
    losses = result["history"]["train_loss"]
    assert len(losses) == 2, f"{len(losses)} epochs ran, not 2: epochs counts all, those before start_epoch included"
    of_epochs = [mean_over_examples(data, 1 + 0.1 * epoch) for epoch in range(5)]
    told = [min(range(5), key=lambda epoch: abs(loss - of_epochs[epoch])) for loss in losses]
    assert told == [2, 3], f"by the losses, set_epoch was called with {told}, expected [2, 3]"
    assert losses == pytest.approx(of_epochs[2:4], rel=1e-4), "the losses match no epoch"


@pytest.mark.task("2.10", points=2)
def test_stopping_and_resuming_changes_nothing(tmp_path, data):
    """Two epochs, a checkpoint and two more give the weights of four in a row."""
    setup, path = {"optimizer": "Adam", "rate": 0.01}, tmp_path / "last.ckpt"
    in_a_row = fit_once(data, data, setup, 4)
    fit_once(data, data, setup, 2, save_to=path)
    new_process()
    gone_on = fit_once(data, data, setup, 4, resume=path)
    same = torch.equal(in_a_row["state"]["gain"], gone_on["state"]["gain"])
    assert same, "the weights differ: does anything but model and optimizer carry over, or is the epoch not set?"
    by_hand = gain_after(data, range(4), 0.01)
    assert float(gone_on["state"]["gain"]) == pytest.approx(by_hand, rel=1e-4), f"by hand, the weight is {by_hand:.4f}"


### BEGIN HIDDEN TESTS
import os  # noqa: E402
import pickle  # noqa: E402


class ByHand:
    """The model, optimizer and loss of a setup, as the scenarios take it, trained and validated by plain PyTorch."""

    def __init__(self, model="Gain", gain=1.0, optimizer="SGD", rate=0.1, target_factor=1.0, offset=0.0):
        self.norm = torch.nn.BatchNorm1d(1) if model == "NormalisedGain" else torch.nn.Identity()
        self.gain = torch.tensor(gain, requires_grad=True)
        self.optimizer = getattr(torch.optim, optimizer)([self.gain, *self.norm.parameters()], lr=rate)
        self.target_factor, self.offset = target_factor, offset

    def step(self, data, old_gradient=0.0):
        """Take a step on all data at once in training mode, with gradients that are added to old ones."""
        for parameter in (self.gain, *self.norm.parameters()):
            parameter.grad = torch.full_like(parameter, old_gradient)
        self.norm.train()
        error = (self.gain * self.norm(data["noisy"]) - self.target_factor * data["clean"]).abs().mean() - self.offset
        error.backward()
        self.optimizer.step()

    def mean(self, data, learns, epoch=0):
        """Compute the mean of the loss over all examples, and take a step for each batch if it learns."""
        self.norm.train(learns)
        louder = 1 + data["growth"] * epoch
        losses = []
        for noisy, clean in batches(data):
            error = (self.gain * self.norm(louder * noisy) - self.target_factor * clean).abs().mean() - self.offset
            losses += [error.item()] * noisy.shape[0]
            if learns:
                self.optimizer.zero_grad()
                error.backward()
                self.optimizer.step()
        return sum(losses) / len(losses)


def examples(count, batch_size, seed, kind="DataLoader"):
    """Make examples whose clean speech is louder from one to the next; the noisy speech grows with each epoch."""
    noisy = torch.randn(count, 1, 60, generator=torch.Generator().manual_seed(seed))
    clean = noisy * torch.linspace(1.2, 4.0, count).reshape(count, 1, 1)
    return {"noisy": noisy, "clean": clean, "batch_size": batch_size, "kind": kind, "growth": 0.1}


def first(data, count):
    """Keep the first examples; all if `count` is None."""
    return data | {"noisy": data["noisy"][:count], "clean": data["clean"][:count]}


def check_training(data, setup, used=None, was_training=True):
    """Compare the loss and the gain after an epoch with those of training by hand on the examples that are used."""
    by_hand = ByHand(**setup)
    expected = by_hand.mean(first(data, used), learns=True)
    result = train_once(data, setup, was_training=was_training)
    assert result["returned"] == pytest.approx(expected, rel=1e-4)
    assert float(result["state"]["gain"]) == pytest.approx(by_hand.gain.item(), rel=1e-4)
    return by_hand, result


def check_validation(data, setup, used=None, **arguments):
    """Compare the loss of a validation with that of a validation by hand on the examples that are used."""
    expected = ByHand(**setup).mean(first(data, used), learns=False)
    result = validate_once(data, setup, **arguments)
    assert result["returned"] == pytest.approx(expected, rel=1e-4)
    return result


@pytest.mark.task(
    "2.7",
    points=1,
    category="sizes",
    hint="Many batches, Adam: is each batch's loss taken before its step, weighted by its size, and nothing else done?",
)
def test_many_batches_with_adam():
    """Weights and mean loss of an epoch of many batches are those of training by hand."""
    for count, batch_size in ((11, 3), (7, 5), (4, 1), (5, 9)):
        check_training(examples(count, batch_size, seed=count), {"optimizer": "Adam", "rate": 0.05})


@pytest.mark.task(
    "2.7",
    points=1,
    category="common mistakes",
    hint="Do all submodules train, whatever mode they were in, and does each batch pass through the model once?",
)
def test_submodules_train():
    """A model with a normalisation that came in evaluation mode ends as one trained by hand."""
    by_hand, result = check_training(examples(8, 3, seed=61), {"model": "NormalisedGain"}, was_training=False)
    for name, value in by_hand.norm.state_dict().items():
        assert torch.allclose(result["state"][f"norm.{name}"], value, rtol=1e-4)


@pytest.mark.task(
    "2.7",
    points=1,
    category="common mistakes",
    hint="Is the loss loss_fn(model(noisy), clean), estimate first, also where it is not symmetric or negative?",
)
def test_training_loss_of_any_kind():
    """A loss in which estimate and target differ, and which falls below zero."""
    for factor, offset in ((2.0, 0.0), (0.5, 30.0)):
        check_training(examples(7, 4, seed=62), {"target_factor": factor, "offset": offset})


@pytest.mark.task(
    "2.7",
    points=1,
    category="edge cases",
    hint="Any iterable is a loader (a generator, drop_last=True): are batches moved by .to(device), and counted?",
)
def test_training_from_any_loader():
    """A generator, batches that must be moved, and a loader that leaves examples out."""
    for kind, used in (("generator", 7), ("elsewhere", 7), ("drop last", 6)):
        check_training(examples(7, 3, seed=63, kind=kind), {}, used)


@pytest.mark.task(
    "2.8",
    points=1,
    category="common mistakes",
    hint="Is a model that came in evaluation mode still in it afterwards, and its weights and statistics untouched?",
)
def test_evaluation_mode_stays():
    """A model in evaluation mode stays in it; the loss is that of evaluation mode; nothing in the state changes."""
    data, probe = examples(5, 2, seed=64), 5 + 3 * torch.randn(6, 1, 20, generator=torch.Generator().manual_seed(65))
    setup = {"model": "NormalisedGain", "gain": 0.6}
    for was_training in (False, True):
        result = check_validation(data, setup, was_training=was_training, probe=probe)
        for name, value in {"gain": 0.6, "norm.running_mean": 0.0, "norm.running_var": 1.0, "norm.bias": 0.0}.items():
            assert float(result["state"][name]) == pytest.approx(value)
        in_mode = functional.batch_norm(probe, torch.zeros(1), torch.ones(1), training=was_training)
        assert torch.allclose(result["outputs"]["norm"], in_mode, atol=1e-4)


@pytest.mark.task(
    "2.8",
    points=1,
    category="common mistakes",
    hint="Can training continue right after it: are gradients recorded again, and old ones left as they were?",
)
def test_gradients_are_left(drawn):
    """A step after it takes the parameters' old gradients together with new ones."""
    data, setup = examples(3, 2, seed=66), {"model": "NormalisedGain", "gain": 0.8}
    old_gradient = float(torch.randn((), generator=drawn))
    result, by_hand = validate_once(data, setup, old_gradient=old_gradient), ByHand(**setup)
    by_hand.step(data, old_gradient)
    for name, value in {
        "gain": by_hand.gain,
        "norm.weight": by_hand.norm.weight,
        "norm.bias": by_hand.norm.bias,
    }.items():
        assert float(result["stepped"][name]) == pytest.approx(value.item(), rel=1e-4, abs=1e-5)


@pytest.mark.task(
    "2.8",
    points=1,
    category="edge cases",
    hint="Any iterable is a loader (a generator, drop_last=True): are batches moved by .to(device), and counted?",
)
def test_validation_from_any_loader():
    """A generator, batches that must be moved, and a loader that leaves examples out."""
    for kind, used in (("generator", 8), ("elsewhere", 8), ("drop last", 6)):
        check_validation(examples(8, 3, seed=67, kind=kind), {}, used)


@pytest.mark.task(
    "2.8",
    points=1,
    category="sizes",
    hint="Is it the mean over examples for batches of any sizes, and is the loss loss_fn(model(noisy), clean)?",
)
def test_validation_loss_of_any_kind():
    """Other batches, and a loss in which estimate and target differ and which falls below zero."""
    for count, batch_size, factor, offset in ((11, 4, 1.0, 0.0), (5, 9, 2.0, 0.0), (7, 2, 0.5, 30.0)):
        data, setup = examples(count, batch_size, seed=68 + count), {"target_factor": factor, "offset": offset}
        assert is_float(check_validation(data, setup)["returned"])


def pair(count, seed):
    """Make examples without a batch size."""
    return {name: value for name, value in examples(count, 1, seed).items() if name in ("noisy", "clean")}


@pytest.mark.task(
    "2.9",
    points=1,
    category="common mistakes",
    hint="Is the new file written beside the old one and renamed into place, so that a reader never sees half?",
)
def test_file_is_replaced(tmp_path, drawn):
    """A reader that has the old file open still gets all of it; the name leads to the new one; nothing else is left."""
    for name in ("no_suffix", "with.several.dots", "model.pt"):
        path, epoch, gain = tmp_path / name, integer(drawn), float(integer(drawn))
        save(str(path), {"gain": 2.0}, pair(2, 71), 0, epoch=0, extra={})
        before = path.read_bytes()
        with path.open("rb") as old:
            save(path, {"gain": gain}, pair(2, 71), 0, epoch=epoch, extra={"note": "much longer " * 20})
            assert old.read() == before
        new_process()
        result = load(str(path), {}, pair(2, 71), 0, names=["epoch"])
        assert (result["entries"]["epoch"], float(result["restored"]["gain"])) == (epoch, gain)
    assert len(list(tmp_path.iterdir())) == 3


class RunsCode:
    """An object that makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.task(
    "2.9",
    points=1,
    category="common mistakes",
    hint="Could a stranger's file run code when it is loaded? torch.load needs weights_only=True, pickle is unsafe.",
)
def test_no_code_is_run(tmp_path, drawn):
    """Files and extras that run code when they are unpickled run none, whatever becomes of loading them."""
    path, mark, gain = tmp_path / "run.ckpt", tmp_path / "code_was_run", float(integer(drawn))
    save(path, {"gain": gain}, pair(2, 72), 0, epoch=0, extra={})
    new_process()
    assert float(load(path, {}, pair(2, 72), 0, names=["epoch"])["restored"]["gain"]) == gain
    hostile = {"model": {}, "optimizer": {}, "epoch": 0, "extra": RunsCode(mark)}
    for write in (torch.save, lambda state, file: file.write_bytes(pickle.dumps(state))):
        write(hostile, path)
        with contextlib.suppress(Exception):
            load(path, {}, pair(2, 72), 0, names=["epoch"])
        assert not mark.exists()
    with contextlib.suppress(Exception):
        save(path, {}, pair(2, 72), 1, epoch=0, extra={"object": mark})
        load(path, {}, pair(2, 72), 0, names=["epoch"])
    assert not mark.exists()


@pytest.mark.task(
    "2.9",
    points=1,
    category="edge cases",
    hint="Do tensors, lists, dictionaries, None and floats come back among the extras, and epoch 0 as 0?",
)
def test_extras_come_back(tmp_path, drawn):
    """Extras of all kinds, nested, and epoch 0."""
    path = tmp_path / "run.ckpt"
    extra = {
        "history": {"train_loss": torch.randn(2, generator=drawn).tolist(), "val_loss": [1e-3]},
        "best": -integer(drawn) / 8,
        "none": None,
        "count": integer(drawn),
        "done": True,
        "text": f"größer {integer(drawn)}",
    }
    weights = torch.randn(2, 3, generator=drawn)
    save(path, {}, pair(3, 73), 1, epoch=0, extra={**extra, "weights": weights, "nested": [{"w": weights}]})
    new_process()
    entries = load(path, {}, pair(3, 73), 0, names=["epoch", *extra, "weights", "nested"])["entries"]
    assert entries.pop("epoch") == 0
    assert torch.equal(entries.pop("weights"), weights) and torch.equal(entries.pop("nested")[0]["w"], weights)
    assert entries == extra


@pytest.mark.task(
    "2.9",
    points=1,
    category="common mistakes",
    hint="Are the states of model (buffers too) and optimizer restored, in place, in those that are given?",
)
def test_everything_is_restored_in_place(tmp_path):
    """Normalisation statistics come back, into the tensors that the model held; Adam goes on as if uninterrupted."""
    path, data = tmp_path / "run.ckpt", pair(4, 74)
    for optimizer, model in (("Adam", "NormalisedGain"), ("RMSprop", "NormalisedGain"), ("AdamW", "Gain")):
        setup = {"model": model, "optimizer": optimizer, "rate": 0.03}
        first = save(path, setup, data, 5, epoch=7, extra={})
        new_process()
        second = load(path, setup | {"gain": 0.2, "rate": 0.3}, data, 5, names=["epoch"])
        alone = load(path, setup | {"gain": 0.2}, data, 0, names=["epoch"], with_optimizer=False)
        for name, value in first["saved"].items():
            assert torch.equal(second["restored"][name], value) and torch.equal(alone["restored"][name], value)
            assert torch.equal(second["held"][name], value), "not in place"
            assert torch.allclose(second["state"][name], first["state"][name], rtol=1e-5)
        by_hand = ByHand(**setup)
        for state in (second["restored"], second["state"]):
            for _ in range(5):
                by_hand.step(data)
            assert float(state["gain"]) == pytest.approx(by_hand.gain.item(), rel=1e-4)


@pytest.mark.task(
    "2.10",
    points=1,
    category="sizes",
    hint="Is every epoch: set the epoch, train on the one loader, validate on the other, with the optimizer given?",
)
def test_history_by_hand():
    """History and weights as by hand, with data that depend on the epoch."""
    train, validation = examples(7, 3, seed=81), examples(5, 2, seed=82)
    setup = {"model": "NormalisedGain", "optimizer": "Adam", "rate": 0.05}
    for start_epoch, epochs in ((0, 3), (2, 5)):
        by_hand, expected = ByHand(**setup), {"train_loss": [], "val_loss": []}
        for epoch in range(start_epoch, epochs):
            expected["train_loss"].append(by_hand.mean(train, learns=True, epoch=epoch))
            expected["val_loss"].append(by_hand.mean(validation, learns=False))
        result = fit_once(train, validation, setup, epochs, start_epoch=start_epoch)
        for name, losses in expected.items():
            assert result["history"][name] == pytest.approx(losses, rel=1e-3)
        assert float(result["state"]["gain"]) == pytest.approx(by_hand.gain.item(), rel=1e-3)


def loss_of_kept(kept: dict, data: dict) -> float:
    """Compute by hand the loss of the weights that a file holds."""
    return float((float(kept["restored"]["gain"]) * data["noisy"] - data["clean"]).abs().mean())


@pytest.mark.task(
    "2.10",
    points=1,
    category="common mistakes",
    hint="Is the lowest of all losses found where they are negative, or huge: with what does the comparison begin?",
)
@pytest.mark.parametrize("offset", [50.0, -1e5])
def test_lowest_of_any_losses(tmp_path, passing_by, offset):
    """Losses below zero, and very large ones, that fall again after they rose: the file holds the lowest."""
    path, (train, validation) = tmp_path / "best.ckpt", passing_by
    train = train | {"clean": 1.8 * train["noisy"]}
    result = fit_once(train, validation, {"rate": 0.15, "offset": offset}, 12, checkpoint_path=str(path))
    losses = result["history"]["val_loss"]
    lowest = min(range(12), key=losses.__getitem__)
    assert 0 < lowest < 6 and losses[6:] != sorted(losses[6:]), "not one valley after the other"
    new_process()
    kept = load(path, {}, pair(1, 83), 0, names=["epoch"])
    assert kept["entries"]["epoch"] == lowest
    assert losses[lowest] == pytest.approx(loss_of_kept(kept, validation) - offset, rel=1e-4)


@pytest.mark.task(
    "2.10",
    points=1,
    category="edge cases",
    hint="Does the file hold the true number of this call's best epoch, though an older file was better?",
)
def test_best_of_this_call(tmp_path, passing_by):
    """An older, better file is replaced; the number is the epoch's, not one counted from start_epoch."""
    path, (train, validation) = tmp_path / "best.ckpt", passing_by
    save(path, {"gain": 1.35}, pair(1, 84), 0, epoch=1, extra={})
    result = fit_once(train, validation, {"gain": 1.5, "rate": 0.15}, 6, start_epoch=2, checkpoint_path=path)
    losses = result["history"]["val_loss"]
    assert len(losses) == 4 and losses == sorted(losses)
    kept = load(path, {}, pair(1, 84), 0, names=["epoch"])
    assert kept["entries"]["epoch"] == 2
    assert losses[0] == pytest.approx(loss_of_kept(kept, validation), rel=1e-4)


@pytest.mark.task(
    "2.10",
    points=1,
    category="edge cases",
    hint="Where there is nothing to do (start_epoch = epochs): two empty lists, and neither model nor file touched?",
)
def test_no_epochs(tmp_path, passing_by, drawn):
    """No epochs give an empty history, an untouched model and no file."""
    for start_epoch in (0, 3):
        path = tmp_path / "best.ckpt"
        arguments = {"start_epoch": start_epoch, "checkpoint_path": path}
        gain = float(torch.rand((), generator=drawn))
        result = fit_once(*passing_by, {"gain": gain}, start_epoch, **arguments)
        assert [result["history"][name] for name in ("train_loss", "val_loss")] == [[], []]
        assert float(result["state"]["gain"]) == pytest.approx(gain)
    assert not path.exists()


@pytest.mark.task(
    "2.10",
    points=1,
    category="common mistakes",
    hint="Is the epoch set for the training data alone, before its batches are drawn? Need a loader have a dataset?",
)
def test_only_training_data_are_told():
    """The epochs are told to the training dataset alone, once each; loaders without a dataset work too."""
    train, validation = examples(5, 2, seed=85), examples(4, 2, seed=86)
    result = fit_once(train, validation, {"rate": 0.0}, 3)
    for name, data, epochs in (("train_loss", train, [0, 1, 2]), ("val_loss", validation, [0, 0, 0])):
        expected = [ByHand(rate=0.0).mean(data, learns=False, epoch=epoch) for epoch in epochs]
        assert result["history"][name] == pytest.approx(expected, rel=1e-3)
    result = fit_once(train | {"kind": "drop last"}, validation | {"kind": "list"}, {"rate": 0.0}, 2)
    assert len(result["history"]["val_loss"]) == 2


### END HIDDEN TESTS
