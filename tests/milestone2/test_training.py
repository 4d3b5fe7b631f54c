"""Tasks 2.7 to 2.10: an epoch, a validation, checkpoints, and the whole training."""

import pytest
import torch
from torch import nn

from speech_enhancement.training import fit, load_checkpoint, save_checkpoint, train_epoch, validate


@pytest.fixture
def batches(generator):
    """Two batches, of three examples and of one, whose losses differ."""
    noisy = torch.randn(4, 1, 100, generator=generator)
    clean = noisy * torch.tensor([1.5, 1.5, 1.5, 5.0]).reshape(4, 1, 1)
    return [(noisy[:3], clean[:3]), (noisy[3:], clean[3:])]


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
def test_fit_keeps_the_best_epoch(tmp_path, batches, gain_model, loss_fn):
    """The history has a float an epoch; the file holds the epoch with the lowest validation loss."""
    model = gain_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.8)
    history = fit(model, batches, batches, loss_fn, optimizer, 8, checkpoint_path=tmp_path / "best.ckpt")
    assert [len(history[key]) for key in ("train_loss", "val_loss")] == [8, 8]
    best = gain_model()
    epoch = load_checkpoint(tmp_path / "best.ckpt", best)["epoch"]
    lowest = min(range(8), key=history["val_loss"].__getitem__)
    assert epoch == lowest, f"the file holds epoch {epoch}, the lowest validation loss was in epoch {lowest}"
    assert validate(best, batches, loss_fn, "cpu") == pytest.approx(history["val_loss"][lowest], rel=1e-5)


@pytest.mark.task("2.10", points=1)
def test_stopping_and_going_on_changes_nothing(tmp_path, batches, gain_model, loss_fn):
    """Two epochs, a checkpoint and two more give the weights of four in a row."""

    class Data(list):
        """Batches that depend on the epoch, as a loader's do."""

        def set_epoch(self, epoch):
            self.epoch = epoch

    class Loader:
        def __init__(self):
            self.dataset = Data()

        def __iter__(self):
            return iter([(noisy + self.dataset.epoch, clean) for noisy, clean in batches])

        def __len__(self):
            return len(batches)

    def start():
        model = gain_model()
        return model, torch.optim.Adam(model.parameters(), 0.01)

    model, optimizer = start()
    fit(model, Loader(), batches, loss_fn, optimizer, 4)
    first, first_optimizer = start()
    fit(first, Loader(), batches, loss_fn, first_optimizer, 2)
    save_checkpoint(tmp_path / "last.ckpt", first, first_optimizer, 1)
    second, second_optimizer = start()
    epoch = load_checkpoint(tmp_path / "last.ckpt", second, second_optimizer)["epoch"]
    history = fit(second, Loader(), batches, loss_fn, second_optimizer, 4, start_epoch=epoch + 1)
    assert len(history["train_loss"]) == 2, "epochs is the number of all epochs, those before start_epoch included"
    assert torch.equal(model.gain, second.gain), "the weights differ: is set_epoch called with the epoch's own number?"
