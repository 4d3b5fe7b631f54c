"""The command `train`: resuming, stopping, several processes, and what can go wrong."""

import json
import resource
import signal
import subprocess
import sys

import pytest
import torch

from speech_enhancement.configuration import Train
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.loaders import batches
from speech_enhancement.engine.progress import NonFiniteLossError
from speech_enhancement.engine.trainer import Experiment
from speech_enhancement.files.state_file import read_state
from speech_enhancement.systems.model_file import load_model, save_model
from speech_enhancement.systems.sizes import Sizes
from tests.package.conftest import SMALL, command, tree

FILES = ["best.ckpt", "curves.png", "last.ckpt", "log.jsonl"]


def configuration(corpus, out, epochs=3, **options):
    options = {"channels": (8, 8), "segment_seconds": 0.5, "crops_per_file": 2, "batch_size": 4, **options}
    return Train(corpus, out, epochs=epochs, learning_rate=0.01, device="cpu", **options)


def experiment(*arguments, **options):
    return Experiment(configuration(*arguments, **options), Process(0, 1, torch.device("cpu")))


def log(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def weights(out):
    return read_state(out / "last.ckpt")["model"]


def assert_same_weights(first, second):
    for (name, a), b in zip(weights(first).items(), weights(second).values(), strict=True):
        assert torch.equal(a, b), name


def test_run_writes_its_files_and_learns(corpus, tmp_path):
    experiment(corpus, tmp_path / "run", epochs=6).run()
    assert tree(tmp_path / "run") == FILES
    records = log(tmp_path / "run")
    assert [record["epoch"] for record in records] == list(range(6))
    assert min(record["validation_loss"] for record in records) < records[0]["validation_loss"]
    assert 0 <= records[0]["waiting_share"] < 1
    lowest = min(records, key=lambda record: record["validation_loss"])
    assert read_state(tmp_path / "run" / "best.ckpt")["epoch"] == lowest["epoch"]
    load_model(tmp_path / "run" / "last.ckpt")


def test_resumed_run_ends_in_the_same_weights(corpus, tmp_path):
    """Stopped in an epoch, as by Ctrl-C or a crash, and started again."""
    experiment(corpus, tmp_path / "whole").run()
    stopped = experiment(corpus, tmp_path / "stopped")
    original = stopped._epoch

    def stop_in_the_second(epoch):
        if epoch == 1:
            stopped.train_loss.loss_fn = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        return original(epoch)

    stopped._epoch = stop_in_the_second
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    assert len(log(tmp_path / "stopped")) == 1
    experiment(corpus, tmp_path / "stopped", workers=1).run()
    assert_same_weights(tmp_path / "whole", tmp_path / "stopped")
    without_times = [
        [{key: record[key] for key in ("epoch", "train_loss", "validation_loss")} for record in log(tmp_path / name)]
        for name in ("whole", "stopped")
    ]
    assert without_times[0] == without_times[1]


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_killed_run_goes_on(corpus, tmp_path, stop):
    arguments = ("train", "--corpus", corpus, "--epochs", 8, *SMALL, "--out")
    words = command(*arguments, tmp_path / "killed")
    # A suite that runs in the background ignores SIGINT, and what it starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("epoch 2/8"):
                process.send_signal(stop)
                break
        errors = process.communicate(timeout=300)[1]
    assert process.returncode == (130 if stop == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in errors
    done = len(log(tmp_path / "killed"))
    assert 2 <= done < 8
    subprocess.run(words, check=True, capture_output=True, timeout=300)
    assert len(log(tmp_path / "killed")) == 8
    subprocess.run(command(*arguments, tmp_path / "whole"), check=True, capture_output=True, timeout=300)
    assert_same_weights(tmp_path / "whole", tmp_path / "killed")
    assert tree(tmp_path / "killed") == FILES


@pytest.mark.slow
def test_two_processes(corpus, tmp_path):
    out = tmp_path / "two"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = command("train", "--corpus", corpus, "--out", out, "--epochs", 5, *SMALL)[1:]
    result = subprocess.run(launcher + words, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert tree(out) == FILES
    records = log(out)
    assert len(records) == 5
    assert min(record["validation_loss"] for record in records) < records[0]["validation_loss"]
    assert result.stdout.count("best epoch") == 1


IN_EACH_PROCESS = """
import torch
from torch import distributed, nn
from speech_enhancement.engine.distributed import process_group

with process_group("cpu") as process:
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    parallel = process.parallel(model)
    parallel(torch.full((1, 1), 1.0 + process.rank)).sum().backward()
    assert process.world_size == 2
    assert model.weight.grad.item() == 1.5, model.weight.grad
    assert abs(process.mean(10.0 * process.rank, 1 + process.rank) - 20 / 3) < 1e-9
    if process.is_first:
        print("both agree")
"""


@pytest.mark.slow
def test_gradients_are_averaged_over_processes(tmp_path):
    (tmp_path / "script.py").write_text(IN_EACH_PROCESS)
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    result = subprocess.run([*words, str(tmp_path / "script.py")], capture_output=True, text=True, timeout=300)
    assert result.stdout == "both agree\n", result.stderr


def test_processes_share_the_data(corpus, tmp_path):
    seen = []
    for rank in range(2):
        configured = configuration(corpus, tmp_path / "run")
        shared = batches(configured, Process(rank, 2, torch.device("cpu")), "train")
        seen.append({index for batch in shared.loader.batch_sampler for index in batch})
    assert not seen[0] & seen[1] and len(seen[0] | seen[1]) == 12


def test_another_configuration_is_refused(corpus, tmp_path):
    experiment(corpus, tmp_path / "run", epochs=1).run()
    before = (tmp_path / "run" / "last.ckpt").read_bytes()
    with pytest.raises(ValueError, match="--batch-size: .*last.ckpt has 4, got 2"):
        experiment(corpus, tmp_path / "run", epochs=1, batch_size=2).run()
    with pytest.raises(ValueError, match="last.ckpt: expected a checkpoint of this model"):
        experiment(corpus, tmp_path / "run", epochs=1, channels=(8, 16)).run()
    assert (tmp_path / "run" / "last.ckpt").read_bytes() == before
    (tmp_path / "run" / "last.ckpt").unlink()
    experiment(corpus, tmp_path / "run", epochs=1).run()
    save_model(tmp_path / "run" / "best.ckpt", Sizes((8, 8), 512, 256).build(), Sizes((8, 8), 512, 256), 3)
    (tmp_path / "run" / "last.ckpt").unlink()
    with pytest.raises(ValueError, match="expected last.ckpt beside it"):
        experiment(corpus, tmp_path / "run", epochs=1).run()
    assert tree(tmp_path / "run") == ["best.ckpt", "curves.png", "log.jsonl"]


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_non_finite_loss_names_epoch_files_and_checkpoint(corpus, tmp_path, what):
    run = experiment(corpus, tmp_path / "run", epochs=2)
    good = run.train_loss.loss_fn
    calls = []

    def sometimes_bad(estimate, target):
        calls.append(len(estimate))
        if len(calls) == 5:
            return good(estimate, target) * float("nan") if what == "loss" else (estimate * 0).abs().sqrt().sum()
        return good(estimate, target)

    run.train_loss.loss_fn = sometimes_bad
    with pytest.raises(NonFiniteLossError) as raised:
        run.run()
    message = str(raised.value)
    assert message.startswith(f"epoch 2: the {what} is not finite, in a batch of ")
    assert message.count(".wav") == 4 and str(corpus / "speech" / "train") in message
    assert message.endswith(f"last good checkpoint: {tmp_path / 'run' / 'last.ckpt'}")
    assert all(value.isfinite().all() for value in weights(tmp_path / "run").values())


@pytest.mark.slow
def test_full_disk_keeps_the_old_checkpoint(corpus, tmp_path):
    """A limit on the size of files stands for the full disk: the write fails half-way, as it does there."""
    arguments = ("train", "--corpus", corpus, "--out", tmp_path / "run", *SMALL, "--epochs", 2)
    run = experiment(corpus, tmp_path / "run", epochs=2)
    run._resume()
    run._keep(run._epoch(0))
    before = (tmp_path / "run" / "last.ckpt").read_bytes()
    limit = len(before) // 2
    result = subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert result.returncode == 1
    error = result.stderr.splitlines()[-1]
    assert error.startswith(f"error: {tmp_path / 'run'}") and "could not be written: File too large" in error
    assert (tmp_path / "run" / "last.ckpt").read_bytes() == before
    assert not [name for name in tree(tmp_path / "run") if name.endswith(".part")]
    subprocess.run(command(*arguments), check=True, capture_output=True, timeout=300)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--epochs", "0"), "--epochs: expected a number above 0, got 0"),
        (("--snr-db", "5", "0"), "--snr-db: expected the lowest ratio first, got 5.0 0.0"),
        (("--workers", "-1"), "--workers: expected 0 or more, got -1"),
    ],
)
def test_wrong_options(corpus, tmp_path, run, option, message):
    result = run("train", "--corpus", corpus, "--out", tmp_path / "run", *option)
    assert result.returncode != 0 and message in result.stderr + result.stdout
    assert not (tmp_path / "run").exists()


def test_corpus_that_is_none(tmp_path, run):
    result = run("train", "--corpus", tmp_path, "--out", tmp_path / "run")
    assert result.returncode == 1
    assert (
        result.stderr
        == f"error: {tmp_path / 'manifest.csv'}: expected the manifest of a prepared corpus, got nothing there\n"
    )
