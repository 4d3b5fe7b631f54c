"""Tasks 2.7 to 2.10: an epoch, a validation, checkpoints, and the whole training."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from speech_enhancement.training import fit, load_checkpoint, save_checkpoint, train_epoch, validate


class Pairs(Dataset):
    """Examples that depend on the epoch, which records what `set_epoch` was called with."""

    def __init__(self, noisy, clean):
        self.noisy, self.clean = noisy, clean
        self.epochs = []

    def __len__(self):
        return len(self.noisy)

    def __getitem__(self, index):
        return self.noisy[index] + 0.1 * sum(self.epochs[-1:]), self.clean[index]

    def set_epoch(self, epoch):
        self.epochs.append(epoch)


@pytest.fixture
def batches(generator):
    """Two batches, of three examples and of one, whose losses differ."""
    noisy = torch.randn(4, 1, 100, generator=generator)
    clean = noisy * torch.tensor([1.5, 1.5, 1.5, 5.0]).reshape(4, 1, 1)
    return DataLoader(Pairs(noisy, clean), batch_size=3)


def mean_over_examples(model, batches, loss_fn):
    with torch.no_grad():
        return sum(float(loss_fn(model(noisy), clean)) * len(noisy) for noisy, clean in batches) / 4


@pytest.mark.task("2.7", points=1)
def test_an_epoch_takes_a_step_for_each_batch(batches, gain_model, loss_fn):
    """Each batch moves the parameters by one step along its own gradient."""
    model, expected = gain_model(), gain_model()
    train_epoch(model, batches, loss_fn, torch.optim.SGD(model.parameters(), 0.1), "cpu")
    by_hand = torch.optim.SGD(expected.parameters(), 0.1)
    for noisy, clean in batches:
        by_hand.zero_grad()
        loss_fn(expected(noisy), clean).backward()
        by_hand.step()
    assert model.gain.item() == pytest.approx(expected.gain.item(), rel=1e-4), (
        f"the parameter went to {model.gain.item():.4f}, by hand to {expected.gain.item():.4f}: are old gradients"
        " cleared?"
    )


@pytest.mark.task("2.7", points=1)
def test_training_loss_is_the_mean_over_examples(batches, gain_model, loss_fn):
    """The loss returned is a float, averaged over examples; an empty loader raises."""
    model = gain_model()
    expected = mean_over_examples(model, batches, loss_fn)
    got = train_epoch(model, batches, loss_fn, torch.optim.SGD(model.parameters(), 0.0), "cpu")
    assert isinstance(got, float), f"expected a float, got {type(got).__name__}"
    assert got == pytest.approx(expected, rel=1e-4), (
        "not the mean over examples: do small batches count like large ones?"
    )
    with pytest.raises(ValueError, match=r".*"):
        train_epoch(model, [], loss_fn, torch.optim.SGD(model.parameters(), 0.0), "cpu")


@pytest.mark.task("2.7", points=1)
def test_an_epoch_trains_in_training_mode(batches, gain_model, loss_fn):
    """The model is put into training mode, whatever mode it was in."""
    model = gain_model().eval()
    train_epoch(model, batches, loss_fn, torch.optim.SGD(model.parameters(), 0.1), "cpu")
    assert model.training, "the model stayed in evaluation mode"


@pytest.mark.task("2.8", points=1)
def test_validation_changes_nothing(batches, loss_fn):
    """Validation runs in evaluation mode and without gradients, and puts every submodule's mode back."""
    seen = []

    class Watcher(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(1)
            self.frozen = nn.BatchNorm1d(1).eval()

        def forward(self, noisy):
            seen.append((self.norm.training, torch.is_grad_enabled()))
            return self.frozen(self.norm(noisy))

    model = Watcher()
    model.frozen.eval()
    before = model.norm.running_mean.clone()
    validate(model, batches, loss_fn, "cpu")
    assert not any(training for training, _ in seen), "the model validated in training mode"
    assert not any(gradients for _, gradients in seen), "gradients were recorded"
    assert torch.equal(model.norm.running_mean, before), "validation changed the running mean"
    assert model.norm.training, "the model is not back in training mode"
    assert not model.frozen.training, "a submodule that was in evaluation mode is now in training mode"


@pytest.mark.task("2.8", points=1)
def test_validation_loss_is_the_mean_over_examples(batches, gain_model, loss_fn):
    """The loss returned is a float, averaged over examples."""
    model = gain_model()
    got = validate(model, batches, loss_fn, "cpu")
    assert isinstance(got, float)
    assert got == pytest.approx(mean_over_examples(model, batches, loss_fn), rel=1e-4), "not the mean over examples"


@pytest.mark.task("2.9", points=1)
def test_checkpoint_restores_model_and_optimizer(tmp_path, batches, gain_model, loss_fn):
    """Loading restores weights, optimizer, epoch and extras."""
    model = gain_model()
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    train_epoch(model, batches, loss_fn, optimizer, "cpu")
    save_checkpoint(tmp_path / "run.ckpt", model, optimizer, 3, note="first try")
    other = gain_model()
    other_optimizer = torch.optim.Adam(other.parameters(), 0.5)
    loaded = load_checkpoint(tmp_path / "run.ckpt", other, other_optimizer)
    assert loaded["epoch"] == 3 and loaded["note"] == "first try", f"got {loaded}"
    for net, optim in ((model, optimizer), (other, other_optimizer)):
        train_epoch(net, batches, loss_fn, optim, "cpu")
    assert torch.equal(model.gain, other.gain), "going on gives other weights: is the optimizer's state restored?"


@pytest.mark.task("2.9", points=1)
def test_failed_save_leaves_the_old_file(tmp_path, gain_model):
    """A save that fails half-way leaves the old checkpoint intact and nothing behind."""
    model = gain_model(2.0)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    save_checkpoint(tmp_path / "run.ckpt", model, optimizer, 0)
    with pytest.raises(Exception):  # noqa: B017, any error will do
        save_checkpoint(tmp_path / "run.ckpt", gain_model(3.0), optimizer, 1, bad=(i for i in range(3)))
    assert [path.name for path in tmp_path.iterdir()] == ["run.ckpt"], "a temporary file was left behind"
    restored = gain_model()
    assert load_checkpoint(tmp_path / "run.ckpt", restored)["epoch"] == 0
    assert restored.gain.item() == 2.0


@pytest.mark.task("2.10", points=1)
def test_fit_keeps_the_best_epoch(tmp_path, generator, gain_model, loss_fn):
    """The history has a float an epoch; the file holds the epoch with the lowest validation loss."""
    noisy = torch.randn(4, 1, 100, generator=generator)
    train, validation = ([(noisy, gain * noisy)] for gain in (3.0, 1.35))
    model = gain_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.15)
    history = fit(model, train, validation, loss_fn, optimizer, 8, checkpoint_path=tmp_path / "best.ckpt")
    assert [len(history[key]) for key in ("train_loss", "val_loss")] == [8, 8]
    lowest = min(range(8), key=history["val_loss"].__getitem__)
    assert 0 < lowest < 7, "the training passes by the validation's optimum, but the history does not show it"
    best = gain_model()
    epoch = load_checkpoint(tmp_path / "best.ckpt", best)["epoch"]
    assert epoch == lowest, f"the file holds epoch {epoch}, the lowest validation loss was in epoch {lowest}"
    assert validate(best, validation, loss_fn, "cpu") == pytest.approx(history["val_loss"][lowest], rel=1e-5)
    assert model.gain > best.gain, "the model does not keep the last weights"


@pytest.mark.task("2.10", points=1)
def test_fit_sets_the_epoch(batches, gain_model, loss_fn):
    """The training dataset is told each epoch's number, from start_epoch on."""
    model = gain_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    history = fit(model, batches, [(torch.ones(1, 1, 9),) * 2], loss_fn, optimizer, 4, start_epoch=2)
    assert len(history["train_loss"]) == 2, "epochs is the number of all epochs, those before start_epoch included"
    assert batches.dataset.epochs == [2, 3], f"set_epoch was called with {batches.dataset.epochs}, expected 2 and 3"


@pytest.mark.task("2.10", points=1)
def test_stopping_and_going_on_changes_nothing(tmp_path, batches, gain_model, loss_fn):
    """Two epochs, a checkpoint and two more give the weights of four in a row."""
    validation = [(torch.ones(1, 1, 9), torch.ones(1, 1, 9))]

    def start():
        model = gain_model()
        return model, torch.optim.Adam(model.parameters(), 0.01)

    model, optimizer = start()
    fit(model, batches, validation, loss_fn, optimizer, 4)
    first, first_optimizer = start()
    fit(first, batches, validation, loss_fn, first_optimizer, 2)
    save_checkpoint(tmp_path / "last.ckpt", first, first_optimizer, 1)
    second, second_optimizer = start()
    epoch = load_checkpoint(tmp_path / "last.ckpt", second, second_optimizer)["epoch"]
    fit(second, batches, validation, loss_fn, second_optimizer, 4, start_epoch=epoch + 1)
    assert torch.equal(model.gain, second.gain), "the weights differ: is anything but model and optimizer kept between?"
