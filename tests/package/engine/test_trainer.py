"""The command `train`, for the U-Net and for other systems: resuming, stopping, several processes, bad losses."""

import json
import resource
import shutil
import signal
import subprocess
import sys

import pytest
import torch

from speech_enhancement.configuration import Train
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.learners import SystemLearner, make_learner
from speech_enhancement.engine.loaders import make_batches
from speech_enhancement.engine.precision import autocast
from speech_enhancement.engine.progress import NonFiniteLossError
from speech_enhancement.engine.run_folder import RunFolder
from speech_enhancement.engine.trainer import Trainer, train
from speech_enhancement.files.state_file import read_state, write_state
from speech_enhancement.systems import registry
from speech_enhancement.systems.model_file import load_model
from tests.package.conftest import SMALL, command, tree

FILES = [".lock", "best.ckpt", "curves.png", "last.ckpt", "log.jsonl"]
ALONE = Process(0, 1, torch.device("cpu"))
KINDS = ("unet", "convolutional-autoencoder")


def configuration(corpus, out, system="unet", epochs=3, **options):
    own = {"channels": (8, 8), "learning_rate": 0.01} if system == "unet" else {}
    common = {"segment_seconds": 0.5, "crops_per_file": 2, "batch_size": 4, "workers": 0, "device": "cpu"}
    # Which precision is faster may differ from run to run for networks as small as these.
    common["precision"] = "float32"
    return Train(corpus, out, system=system, epochs=epochs, **{**common, **own, **options})


def trainer(*arguments, process=ALONE, **options):
    configured = configuration(*arguments, **options)
    learner = make_learner(configured, process)
    batches = [make_batches(configured, process, split) for split in ("train", "validation")]
    return Trainer(configured, process, learner, *batches, RunFolder(configured, process.is_first))


def log(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def weights(out):
    return read_state(out / "last.ckpt")["model"]


def assert_same_weights(first, second):
    for (name, a), b in zip(weights(first).items(), weights(second).values(), strict=True):
        assert torch.equal(a, b), name


def stop_after(run, epochs):
    """Interrupt a run, as Ctrl-C would, once it has kept `epochs` epochs."""
    keep = run.folder.keep

    def keep_and_stop(record, learner):
        keep(record, learner)
        if record["epoch"] + 1 == epochs:
            raise KeyboardInterrupt

    run.folder.keep = keep_and_stop
    with pytest.raises(KeyboardInterrupt):
        run.run()


@pytest.mark.slow
@pytest.mark.parametrize("system", KINDS)
def test_run_writes_its_files_and_learns(corpus, tmp_path, system):
    train(configuration(corpus, tmp_path / "run", system, epochs=6), ALONE)
    assert tree(tmp_path / "run") == FILES
    records = log(tmp_path / "run")
    assert [record["epoch"] for record in records] == list(range(6))
    lowest = min(records, key=lambda record: record["validation_loss"])
    assert lowest["validation_loss"] < records[0]["validation_loss"]
    assert 0 <= records[0]["waiting_share"] < 1
    assert read_state(tmp_path / "run" / "best.ckpt")["epoch"] == lowest["epoch"]
    load_model(tmp_path / "run" / "last.ckpt")


@pytest.mark.slow
@pytest.mark.parametrize("system", KINDS)
def test_learning_rate_falls_along_a_cosine(corpus, tmp_path, system):
    train(configuration(corpus, tmp_path / "run", system, epochs=3, learning_rate=0.01), ALONE)
    rates = [record["learning_rate"] for record in log(tmp_path / "run")]
    assert rates == pytest.approx([0.01, 0.0075, 0.0025])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "workers"),
    [
        ("unet", 0),
        ("convolutional-autoencoder", 0),
        ("packet-loss-filling", 0),
        ("packet-loss-filling", 1),
        ("dual-path", 0),
    ],
)
def test_resumed_run_ends_in_the_same_weights(corpus, tmp_path, system, workers):
    """This also holds for random numbers, for data mixed in another process, and for averaged weights."""
    train(configuration(corpus, tmp_path / "whole", system, workers=workers), ALONE)
    stop_after(trainer(corpus, tmp_path / "stopped", system, workers=workers), 1)
    assert len(log(tmp_path / "stopped")) == 1
    train(configuration(corpus, tmp_path / "stopped", system, workers=1), ALONE)
    assert_same_weights(tmp_path / "whole", tmp_path / "stopped")
    losses = [
        [{key: record[key] for key in ("epoch", "train_loss", "validation_loss")} for record in log(tmp_path / name)]
        for name in ("whole", "stopped")
    ]
    assert losses[0] == losses[1]


@pytest.fixture(scope="module")
def undisturbed(corpus, tmp_path_factory):
    """A run of the U-Net that nothing interrupted."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    train(configuration(corpus, out, epochs=4), ALONE)
    return out


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_killed_run_resumes(corpus, tmp_path, undisturbed, stop):
    """The command in a process of its own is killed in its third epoch or later, and resumed in this one."""
    words = command("train", "--corpus", corpus, "--epochs", 4, *SMALL, "--workers", 0, "--out", tmp_path / "killed")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("epoch 2/4"):
                process.send_signal(stop)
                break
        errors = process.communicate(timeout=300)[1]
    assert process.returncode == (130 if stop == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in errors
    assert 2 <= len(log(tmp_path / "killed")) < 4
    train(configuration(corpus, tmp_path / "killed", epochs=4), ALONE)
    assert len(log(tmp_path / "killed")) == 4
    assert_same_weights(undisturbed, tmp_path / "killed")
    assert tree(tmp_path / "killed") == FILES


IN_EACH_PROCESS = """
import sys
from pathlib import Path

import torch
from torch import nn

from speech_enhancement.configuration import Train
from speech_enhancement.engine.distributed import process_group
from speech_enhancement.engine.trainer import train

corpus, out = map(Path, sys.argv[1:])
common = {"epochs": 4, "segment_seconds": 0.5, "crops_per_file": 2, "batch_size": 4, "learning_rate": 0.01}
common["precision"] = "float32"
with process_group("cpu") as process:
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    parallel = process.parallel(model)
    parallel(torch.full((1, 1), 1.0 + process.rank)).sum().backward()
    assert process.world_size == 2
    assert model.weight.grad.item() == 1.5, model.weight.grad
    assert abs(process.mean(10.0 * process.rank, 1 + process.rank) - 20 / 3) < 1e-9
    train(Train(corpus, out / "unet", channels=(8, 8), workers=0, device="cpu", **common), process)
    system = "convolutional-autoencoder"
    train(Train(corpus, out / system, system=system, workers=0, device="cpu", **common), process)
"""


@pytest.mark.slow
def test_two_processes_average_their_gradients_and_train_both_kinds(corpus, tmp_path):
    (tmp_path / "script.py").write_text(IN_EACH_PROCESS)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = [*launcher, tmp_path / "script.py", corpus, tmp_path]
    result = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("best epoch") == 2, "the first process alone writes and prints"
    for system in KINDS:
        assert tree(tmp_path / system) == FILES
        losses = [record["validation_loss"] for record in log(tmp_path / system)]
        assert len(losses) == 4 and min(losses) < losses[0]


def test_processes_share_the_data(corpus, tmp_path):
    seen = []
    for rank in range(2):
        shared = make_batches(configuration(corpus, tmp_path / "run"), Process(rank, 2, torch.device("cpu")), "train")
        seen.append({index for batch in shared.loader.batch_sampler for index in batch})
    assert not seen[0] & seen[1] and len(seen[0] | seen[1]) == 12


PLAIN = [name for name in registry.NAMES if name != "unet" and registry.build(name).learns_by_plain_steps()]


@pytest.mark.parametrize("name", [name for name in PLAIN if registry.build(name).count_parameters()])
def test_plain_steps_are_possible_in_bfloat16(name):
    """A GPU runs them in bfloat16; here the CPU's autocast stands for it."""
    torch.manual_seed(0)
    learner = SystemLearner(registry.build(name), ALONE, noisy_targets=False)
    learner.system.train()
    clean = 0.1 * torch.randn(2, 1, 8192)
    noisy = learner.system.received(clean + 0.05 * torch.randn(2, 1, 8192), clean)
    with autocast(learner.device, "bfloat16"):
        loss = learner.objective(noisy, clean)
    loss.backward()
    gradients = [parameter.grad for parameter in learner.system.parameters() if parameter.grad is not None]
    assert loss.isfinite() and gradients and all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.slow
def test_time_budget_ends_after_the_epoch(corpus, tmp_path, a_second_an_epoch):
    for system in KINDS:
        budget = configuration(corpus, tmp_path / system, system, epochs=50, minutes=1e-6)
        train(budget, ALONE)
        assert len(log(tmp_path / system)) == 1
        train(budget, ALONE)
        assert len(log(tmp_path / system)) == 1, "the used-up time of a resumed run counts"
    constant = {"schedule": "constant", "learning_rate": 0.01}
    train(configuration(corpus, tmp_path / "constant", system, epochs=1, **constant), ALONE)
    train(configuration(corpus, tmp_path / "constant", system, epochs=2, **constant), ALONE)
    rates = [record["learning_rate"] for record in log(tmp_path / "constant")]
    assert rates == [0.01, 0.01], "a run whose learning rate does not fall may get more epochs"
    train(configuration(corpus, tmp_path / "long", system, epochs=1, minutes=2 / 60, learning_rate=0.01), ALONE)
    assert len(log(tmp_path / "long")) == 2, "the time decides, not the epochs"
    rates = [record["learning_rate"] for record in log(tmp_path / "long")]
    assert rates == pytest.approx([0.01, 0.005]), "the rate falls with the time that is left"


@pytest.mark.slow
def test_validation_draws_the_same_in_each_epoch(corpus, tmp_path):
    """An epoch must not be the best because it was easier, here because fewer packets were lost."""
    run = trainer(corpus, tmp_path / "run", "packet-loss-filling", epochs=2, learning_rate=1e-30)
    run.run()
    first, second = log(tmp_path / "run")
    assert first["validation_loss"] == second["validation_loss"]
    assert first["train_loss"] != second["train_loss"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"system": "wiener"}, "--system: expected one that learns, got wiener"),
        ({"system": "winer"}, "system: expected one of .*, got winer"),
        (
            {"system": "segan", "process": Process(0, 2, torch.device("cpu"))},
            "--system: expected one process .*, got 2",
        ),
        (
            {"system": "noise2noise", "noisy_targets": True},
            "--noisy-targets: expected .* clean targets, got noise2noise",
        ),
        ({"system": "packet-loss-filling", "noisy_targets": True}, "--noisy-targets: .*, got packet-loss-filling"),
        ({"system": "segan", "learning_rate": 0.1}, "--learning-rate: expected none for segan, .*, got 0.1"),
    ],
)
def test_what_cannot_be_trained_is_refused(corpus, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        trainer(corpus, tmp_path / "run", **options)


@pytest.mark.parametrize(
    "option", [{"channels": (8, 8)}, {"n_fft": 256, "hop_length": 64}, {"hop_length": 128}], ids=str
)
def test_options_of_the_unet_are_refused_for_others(corpus, tmp_path, option):
    with pytest.raises(ValueError, match="expected with --system unet, got segan"):
        Train(corpus, tmp_path / "run", system="segan", **option)


@pytest.mark.slow
@pytest.mark.parametrize("system", ["unet", "deep-denoising-autoencoder"])
def test_fine_tuning_starts_from_a_model_and_shows_noisy_targets(corpus, tmp_path, monkeypatch, system):
    """The model never sees a clean target, is not pre-trained again, and is afterwards a model like any other."""
    kind = type(registry.build(system))
    monkeypatch.setattr(kind, "pretrain", lambda self, batches: None)
    train(configuration(corpus, tmp_path / "first", system, epochs=1), ALONE)
    best = tmp_path / "first" / "best.ckpt"
    tuning = trainer(corpus, tmp_path / "tuned", system, epochs=1, checkpoint=best, noisy_targets=True)
    for name, tensor in load_model(best).state_dict().items():
        assert torch.equal(tensor, tuning.learner.system.state_dict()[name]), name
    monkeypatch.setattr(kind, "pretrain", None)
    shown = []
    if system == "unet":
        loss = tuning.learner.system.loss.forward
        tuning.learner.system.loss.forward = lambda estimate, target: shown.append(target) or loss(estimate, target)
    else:
        objective = kind.objective
        monkeypatch.setattr(kind, "objective", lambda self, *pair: shown.append(pair[1]) or objective(self, *pair))
    clean = [batch[1] for batch in tuning.validation_batches]
    tuning.run()
    assert len(shown) > len(clean)
    assert not any(torch.equal(one, other) for one in shown for other in clean if one.shape == other.shape)
    before, after = (load_model(tmp_path / name / "best.ckpt").state_dict() for name in ("first", "tuned"))
    assert any(not torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_a_model_of_another_system_to_start_from_is_refused(corpus, tmp_path):
    train(configuration(corpus, tmp_path / "run", "convolutional-autoencoder", epochs=1), ALONE)
    with pytest.raises(ValueError, match="--checkpoint: .* a model of wave-unet, small, got convolutional-auto"):
        trainer(corpus, tmp_path / "other", "wave-unet", checkpoint=tmp_path / "run" / "best.ckpt")


def test_a_run_from_before_there_was_an_option_resumes(corpus, tmp_path):
    system = "convolutional-autoencoder"
    stop_after(trainer(corpus, tmp_path / "run", system, epochs=2), 1)
    state = read_state(tmp_path / "run" / "last.ckpt")
    del state["configuration"]["noisy_targets"]
    write_state(tmp_path / "run" / "last.ckpt", state)
    train(configuration(corpus, tmp_path / "run", system, epochs=2), ALONE)
    assert len(log(tmp_path / "run")) == 2
    with pytest.raises(ValueError, match="--noisy-targets: .*last.ckpt has False, got True"):
        train(configuration(corpus, tmp_path / "run", system, noisy_targets=True), ALONE)


@pytest.mark.slow
@pytest.mark.parametrize("system", KINDS)
def test_a_run_of_version_0_1_resumes(corpus, tmp_path, system):
    """Its last checkpoint has another shape, and its configuration has numbers for options that systems now set."""
    options = {"learning_rate": None, "epochs": 2}
    train(configuration(corpus, tmp_path / "whole", system, **options), ALONE)
    stop_after(trainer(corpus, tmp_path / "run", system, **options), 1)
    state = read_state(tmp_path / "run" / "last.ckpt")
    configured = state["configuration"] | {"learning_rate": 2e-3, "clip_norm": 1.0}
    old = {"model": state["model"], "optimizers": state["optimizers"], "log": state["log"], "configuration": configured}
    if system == "unet":
        records = [{name: value for name, value in record.items() if name != "seconds"} for record in state["log"]]
        old = {
            "model": {name.removeprefix("enhancer."): tensor for name, tensor in state["model"].items()},
            "optimizer": state["optimizers"][0],
            "epoch": 0,
            "extra": {"sizes": state["extra"]["arguments"], "configuration": configured, "log": records},
        }
    write_state(tmp_path / "run" / "last.ckpt", old)
    train(configuration(corpus, tmp_path / "run", system, **options), ALONE)
    assert_same_weights(tmp_path / "whole", tmp_path / "run")


@pytest.mark.parametrize("system", KINDS)
def test_another_configuration_is_refused(corpus, tmp_path, system):
    train(configuration(corpus, tmp_path / "run", system, epochs=1), ALONE)
    before = (tmp_path / "run" / "last.ckpt").read_bytes()
    with pytest.raises(ValueError, match="--batch-size: .*last.ckpt has 4, got 2"):
        train(configuration(corpus, tmp_path / "run", system, epochs=1, batch_size=2), ALONE)
    assert (tmp_path / "run" / "last.ckpt").read_bytes() == before


def test_another_system_is_refused(corpus, tmp_path):
    train(configuration(corpus, tmp_path / "run", epochs=1), ALONE)
    state = read_state(tmp_path / "run" / "last.ckpt")
    write_state(tmp_path / "run" / "last.ckpt", {**state, "model": {}})
    with pytest.raises(ValueError, match="last.ckpt: expected a checkpoint of this system, got another"):
        train(configuration(corpus, tmp_path / "run", epochs=1), ALONE)


@pytest.mark.parametrize("extra", [{}, {"extra": {"val_loss": 0.5}}], ids=["no extra", "an own extra"])
def test_a_checkpoint_of_milestone_2_is_refused(corpus, tmp_path, extra):
    """It holds the model and the optimizer, and what its author has put beside them."""
    (tmp_path / "run").mkdir()
    state = {"model": {"weight": torch.zeros(1)}, "optimizer": {"state": {}, "param_groups": []}, "epoch": 0, **extra}
    write_state(tmp_path / "run" / "last.ckpt", state)
    with pytest.raises(ValueError, match="last.ckpt: expected a checkpoint of this system, got another"):
        train(configuration(corpus, tmp_path / "run", epochs=1), ALONE)
    with pytest.raises(ValueError, match="--checkpoint: .*last.ckpt: expected a model of unet.*, got none"):
        train(configuration(corpus, tmp_path / "new", epochs=1, checkpoint=tmp_path / "run" / "last.ckpt"), ALONE)


def test_a_run_that_another_process_trains_is_refused(corpus, tmp_path):
    """It would write its checkpoints over those of the other; once that one has ended, the run resumes."""
    out = tmp_path / "run"
    expected = f"--out: expected a run that nobody trains, got {out}, which is trained"
    with RunFolder(configuration(corpus, out), True).held(), pytest.raises(ValueError, match=expected):
        train(configuration(corpus, out, epochs=1), ALONE)
    train(configuration(corpus, out, epochs=1), ALONE)


def test_another_corpus_is_refused_and_a_moved_one_is_not(corpus, tmp_path):
    system = "convolutional-autoencoder"
    shutil.copytree(corpus, tmp_path / "moved")
    stop_after(trainer(corpus, tmp_path / "run", system, epochs=2), 1)
    train(configuration(tmp_path / "moved", tmp_path / "run", system, epochs=2), ALONE)
    assert len(log(tmp_path / "run")) == 2
    manifest = tmp_path / "moved" / "manifest.csv"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[:-1]))
    with pytest.raises(ValueError, match="--corpus: .*last.ckpt was trained on other files"):
        train(configuration(tmp_path / "moved", tmp_path / "run", system, epochs=2), ALONE)


@pytest.mark.parametrize("system", KINDS)
def test_a_best_model_alone_is_not_replaced(corpus, tmp_path, system):
    train(configuration(corpus, tmp_path / "run", system, epochs=1), ALONE)
    load_model(tmp_path / "run" / "best.ckpt").save(tmp_path / "run" / "best.ckpt", epoch=3)
    (tmp_path / "run" / "last.ckpt").unlink()
    with pytest.raises(ValueError, match="expected last.ckpt beside it"):
        train(configuration(corpus, tmp_path / "run", system), ALONE)
    assert tree(tmp_path / "run") == [".lock", "best.ckpt", "curves.png", "log.jsonl"]


@pytest.mark.slow
def test_a_log_that_was_not_written_is_written_again(corpus, tmp_path):
    train(configuration(corpus, tmp_path / "run", epochs=2), ALONE)
    before = log(tmp_path / "run")
    (tmp_path / "run" / "log.jsonl").unlink()
    train(configuration(corpus, tmp_path / "run", epochs=2), ALONE)
    assert log(tmp_path / "run") == before


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_non_finite_loss_names_epoch_files_and_checkpoint(corpus, tmp_path, what):
    run = trainer(corpus, tmp_path / "run", epochs=2)
    good = run.learner.system.loss.forward
    calls = []

    def sometimes_bad(estimate, target):
        calls.append(len(estimate))
        # An epoch has three batches to learn from and one to validate on.
        if len(calls) == 6:
            return good(estimate, target) * float("nan") if what == "loss" else (estimate * 0).abs().sqrt().sum()
        return good(estimate, target)

    run.learner.system.loss.forward = sometimes_bad
    with pytest.raises(NonFiniteLossError) as raised:
        run.run()
    message = str(raised.value)
    assert message.startswith(f"epoch 2: the {what} is not finite, in a batch of ")
    assert message.count(".wav") == 4 and str(corpus / "speech" / "train") in message
    assert message.endswith(f"last good checkpoint: {tmp_path / 'run' / 'last.ckpt'}")
    assert all(value.isfinite().all() for value in weights(tmp_path / "run").values())


def test_non_finite_loss_of_another_system_names_its_batch(corpus, tmp_path):
    broken = trainer(corpus, tmp_path / "run", "convolutional-autoencoder")
    with torch.no_grad():
        next(broken.learner.system.parameters()).fill_(torch.inf)
    with pytest.raises(NonFiniteLossError, match=r"epoch 1: the gradient is not finite, .* .*\.wav; .* none"):
        broken.run()


@pytest.mark.slow
def test_full_disk_keeps_the_old_checkpoint(corpus, tmp_path):
    """A limit on the size of files stands for the full disk: writing fails half-way in both cases."""
    stop_after(trainer(corpus, tmp_path / "run", epochs=2), 1)
    before = (tmp_path / "run" / "last.ckpt").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match=f"{tmp_path / 'run'}.*could not be written: File too large"):
            train(configuration(corpus, tmp_path / "run", epochs=2), ALONE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "run" / "last.ckpt").read_bytes() == before
    assert not [name for name in tree(tmp_path / "run") if name.endswith(".part")]
    train(configuration(corpus, tmp_path / "run", epochs=2), ALONE)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"epochs": 0}, "--epochs: expected a number above 0, got 0"),
        ({"learning_rate": 0.0}, "--learning-rate: expected a number above 0, got 0.0"),
        ({"snr_db": (5.0, 0.0)}, "--snr-db: expected the lowest ratio first, got 5.0 0.0"),
        ({"workers": -1}, "--workers: expected 0 or more, got -1"),
    ],
)
def test_wrong_options(corpus, tmp_path, option, message):
    with pytest.raises(ValueError, match=message):
        Train(corpus, tmp_path / "run", **option)


def test_corpus_that_is_none(tmp_path, run):
    result = run("train", "--corpus", tmp_path, "--out", tmp_path / "run", "--epochs", 0)
    assert result.returncode != 0 and "--epochs: expected a number above 0, got 0" in result.stderr + result.stdout
    result = run("train", "--corpus", tmp_path, "--out", tmp_path / "run")
    assert result.returncode == 1
    missing = tmp_path / "manifest.csv"
    assert result.stderr == f"error: {missing}: expected the manifest of a prepared corpus, got nothing there\n"
    assert not (tmp_path / "run").exists()
