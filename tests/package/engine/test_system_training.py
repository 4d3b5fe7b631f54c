"""`train --system`: a system of the literature by its own steps; and its checkpoint in the other commands."""

import json
import shutil

import pytest
import torch

from speech_enhancement.audio import load, save
from speech_enhancement.configuration import Train
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.progress import NonFiniteLossError
from speech_enhancement.engine.system_training import SystemTraining
from speech_enhancement.enhancement import FileEnhancer
from speech_enhancement.systems.model_file import load_system
from speech_enhancement.files.state_file import StateFileError, read_state, write_state
from speech_enhancement.systems.model_file import load_model
from tests.package.conftest import tree

ALONE = Process(0, 1, torch.device("cpu"))


def training(corpus, out, epochs=3, process=ALONE, **options):
    options = {"system": "convolutional-autoencoder", "segment_seconds": 0.5, "batch_size": 4, "workers": 0, **options}
    return SystemTraining(Train(corpus, out, epochs=epochs, crops_per_file=1, device="cpu", **options), process)


def log(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_run_writes_its_files_and_learns(corpus, tmp_path):
    training(corpus, tmp_path / "run", epochs=6).run()
    assert tree(tmp_path / "run") == ["best.ckpt", "curves.png", "last.ckpt", "log.jsonl"]
    losses = [record["validation_loss"] for record in log(tmp_path / "run")]
    assert len(losses) == 6 and min(losses) < losses[0]
    assert read_state(tmp_path / "run" / "best.ckpt")["epoch"] == losses.index(min(losses))


@pytest.mark.parametrize(
    ("system", "workers"), [("convolutional-autoencoder", 0), ("packet-loss-filling", 0), ("packet-loss-filling", 1)]
)
def test_resumed_run_ends_in_the_same_weights(corpus, tmp_path, system, workers):
    """Where a system draws random numbers itself, and where a process of its own mixes the data, too."""
    training(corpus, tmp_path / "whole", epochs=2, system=system, workers=workers).run()
    stopped = training(corpus, tmp_path / "parts", epochs=2, system=system, workers=workers)
    keep = stopped._keep

    def keep_and_stop(record):
        keep(record)
        raise KeyboardInterrupt

    stopped._keep = keep_and_stop
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    training(corpus, tmp_path / "parts", epochs=2, system=system, workers=workers).run()
    whole, parts = (read_state(tmp_path / name / "last.ckpt")["model"] for name in ("whole", "parts"))
    assert all(torch.equal(tensor, parts[name]) for name, tensor in whole.items())


def test_time_budget_ends_after_the_epoch(corpus, tmp_path):
    training(corpus, tmp_path / "run", epochs=50, minutes=1e-6).run()
    assert len(log(tmp_path / "run")) == 1
    training(corpus, tmp_path / "run", epochs=50, minutes=1e-6).run()
    assert len(log(tmp_path / "run")) == 1, "the used-up time of a resumed run counts"
    training(corpus, tmp_path / "run", epochs=2).run()
    assert len(log(tmp_path / "run")) == 2, "a run may go on to more epochs"
    training(corpus, tmp_path / "long", epochs=1, minutes=0.01).run()
    assert len(log(tmp_path / "long")) > 1, "what counts is the time"


def test_validation_draws_the_same_in_each_epoch(corpus, tmp_path):
    """Losses of packets, here: an epoch must not be the best because it was easier."""
    run = training(corpus, tmp_path / "run", system="packet-loss-filling")
    before = run._validate()
    torch.rand(1)
    assert run._validate() == before


def test_what_cannot_be_trained_is_refused(corpus, tmp_path):
    with pytest.raises(ValueError, match="--system: expected one that learns, got wiener"):
        training(corpus, tmp_path / "run", system="wiener")
    with pytest.raises(ValueError, match="system: expected one of .*, got winer"):
        training(corpus, tmp_path / "run", system="winer")
    with pytest.raises(ValueError, match="--system: expected one process, got 2"):
        training(corpus, tmp_path / "run", process=Process(0, 2, torch.device("cpu")))
    for name, value in {"minutes": 1, "size": "paper", "checkpoint": tmp_path, "noisy_targets": True}.items():
        with pytest.raises(ValueError, match=f"--{name.replace('_', '-')}: expected with another --system"):
            Train(corpus, tmp_path / "run", **{name: value})
    for system in ("noise2noise", "packet-loss-filling"):
        with pytest.raises(ValueError, match=f"--noisy-targets: expected .* from clean targets, got {system}"):
            training(corpus, tmp_path / "run", system=system, noisy_targets=True)


def test_fine_tuning_goes_on_from_a_model_with_noisy_targets(corpus, tmp_path, monkeypatch):
    """What is trained is never shown a clean target, not pre-trained again, and a model as any other afterwards."""
    system = "deep-denoising-autoencoder"
    first = training(corpus, tmp_path / "first", epochs=1, system=system)
    monkeypatch.setattr(type(first.system), "pretrain", lambda self, batches: None)
    first.run()
    best = tmp_path / "first" / "best.ckpt"
    tuning = training(corpus, tmp_path / "tuned", epochs=1, system=system, checkpoint=best, noisy_targets=True)
    assert all(
        torch.equal(tensor, first.system.state_dict()[name]) for name, tensor in tuning.system.state_dict().items()
    )
    monkeypatch.setattr(type(first.system), "pretrain", None)
    seen = []
    objective = type(first.system).objective
    monkeypatch.setattr(type(first.system), "objective", lambda *given: seen.append(given[1:]) or objective(*given))
    clean = [batch[1] for batch in tuning.validation_batches]
    tuning.run()
    shown = [target for _, target in seen]
    assert len(shown) > len(clean) and not any(
        torch.equal(one, other) for one in shown for other in clean if one.shape == other.shape
    )
    enhanced = load_model(tmp_path / "tuned" / "best.ckpt")[0]
    assert all(torch.equal(tensor, tuning.system.state_dict()[name]) for name, tensor in enhanced.state_dict().items())
    assert not all(
        torch.equal(tensor, load_model(best)[0].state_dict()[name]) for name, tensor in enhanced.state_dict().items()
    )


def test_a_model_of_another_system_to_go_on_from_is_refused(corpus, tmp_path):
    training(corpus, tmp_path / "run", epochs=1).run()
    with pytest.raises(ValueError, match="--checkpoint: expected a model of wave-unet, small; .*convolutional-auto"):
        training(corpus, tmp_path / "other", system="wave-unet", checkpoint=tmp_path / "run" / "best.ckpt")


def test_a_run_from_before_there_was_an_option_goes_on(corpus, tmp_path):
    training(corpus, tmp_path / "run", epochs=1).run()
    state = read_state(tmp_path / "run" / "last.ckpt")
    del state["configuration"]["noisy_targets"]
    write_state(tmp_path / "run" / "last.ckpt", state)
    training(corpus, tmp_path / "run", epochs=2).run()
    with pytest.raises(ValueError, match="--noisy-targets: .*last.ckpt has False, got True"):
        training(corpus, tmp_path / "run", epochs=3, noisy_targets=True).run()


def test_another_configuration_is_refused(corpus, tmp_path):
    training(corpus, tmp_path / "run", epochs=1).run()
    with pytest.raises(ValueError, match="--batch-size: .*last.ckpt has 4, got 2"):
        training(corpus, tmp_path / "run", epochs=1, batch_size=2).run()


def test_another_corpus_is_refused_and_a_moved_one_is_not(corpus, tmp_path):
    shutil.copytree(corpus, tmp_path / "moved")
    training(corpus, tmp_path / "run", epochs=1).run()
    training(tmp_path / "moved", tmp_path / "run", epochs=2).run()
    manifest = tmp_path / "moved" / "manifest.csv"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[:-1]))
    with pytest.raises(ValueError, match="--corpus: .*last.ckpt was trained on other files"):
        training(tmp_path / "moved", tmp_path / "run", epochs=3).run()


def test_a_best_model_alone_is_not_replaced(corpus, tmp_path):
    training(corpus, tmp_path / "run", epochs=3).run()
    state = read_state(tmp_path / "run" / "best.ckpt")
    write_state(tmp_path / "run" / "best.ckpt", {**state, "epoch": 2})
    (tmp_path / "run" / "last.ckpt").unlink()
    with pytest.raises(ValueError, match="expected last.ckpt beside it"):
        training(corpus, tmp_path / "run").run()


def test_a_log_that_was_not_written_is_written_again(corpus, tmp_path):
    training(corpus, tmp_path / "run", epochs=2).run()
    before = log(tmp_path / "run")
    (tmp_path / "run" / "log.jsonl").unlink()
    training(corpus, tmp_path / "run", epochs=2).run()
    assert log(tmp_path / "run") == before


def test_non_finite_loss_names_its_batch(corpus, tmp_path):
    broken = training(corpus, tmp_path / "run")
    with torch.no_grad():
        next(broken.system.parameters()).fill_(torch.inf)
    with pytest.raises(NonFiniteLossError, match=r"the loss is not finite, in a batch of .*\.wav"):
        broken.run()


@pytest.fixture
def checkpoint(corpus, tmp_path):
    training(corpus, tmp_path / "run", epochs=1).run()
    return tmp_path / "run" / "best.ckpt"


def test_checkpoint_serves_enhance_and_evaluate(run, checkpoint, corpus, tmp_path):
    noisy, clean = (corpus / "pairs" / side for side in ("noisy", "clean"))
    done = run("enhance", noisy, "--checkpoint", checkpoint, "--out", tmp_path / "enhanced")
    assert done.returncode == 0 and len(tree(tmp_path / "enhanced")) == len(tree(noisy)), done.stderr
    options = ("--noisy", noisy, "--clean", clean, "--out", tmp_path / "report", "--players", 1)
    done = run("evaluate", "--checkpoint", checkpoint, *options)
    assert done.returncode == 0 and "| convolutional autoencoder |" in done.stdout, done.stderr


def test_system_that_needs_no_training_by_its_name(run, corpus, tmp_path):
    noisy = corpus / "pairs" / "noisy"
    done = run("enhance", noisy, "--system", "moving-average", "--out", tmp_path / "enhanced")
    assert done.returncode == 0 and len(tree(tmp_path / "enhanced")) == len(tree(noisy)), done.stderr
    with pytest.raises(ValueError, match="expected one that needs no training, got segan"):
        load_system("segan", None)
    with pytest.raises(ValueError, match="expected it without --checkpoint"):
        load_system("wiener", tmp_path / "best.ckpt")


def test_chunks_join(checkpoint, tmp_path):
    torch.manual_seed(0)
    save(tmp_path / "long.wav", 0.1 * torch.randn(1, 100000))
    for chunking in (load_model(checkpoint), load_system("moving-average", None), load_system("wiener", None)):
        pieces = FileEnhancer(*chunking, chunk_seconds=1)
        pieces.enhance_file(tmp_path / "long.wav", tmp_path / "joined.wav")
        whole = FileEnhancer(*chunking).enhance(load(tmp_path / "long.wav")[0])
        # 16-bit files.
        assert (load(tmp_path / "joined.wav")[0] - whole.clamp(-1, 1)).abs().max() < 2e-4


@pytest.mark.parametrize(
    "extra", [{"system": "wiener", "size": "huge"}, {"system": "os", "size": "small"}, {"system": []}]
)
def test_forged_checkpoint_is_refused(checkpoint, tmp_path, extra):
    write_state(tmp_path / "forged.ckpt", {**read_state(checkpoint), "extra": extra})
    with pytest.raises(StateFileError, match="expected a model of this package"):
        load_model(tmp_path / "forged.ckpt")
