"""The precision of training: a trial decides, changes nothing, and is not repeated by a run that resumes."""

from dataclasses import replace

import pytest
import torch

from speech_enhancement.configuration import Train
from speech_enhancement.engine import precision, trainer
from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.trainer import train
from speech_enhancement.files.state_file import read_state
from speech_enhancement.systems import registry

CPU = torch.device("cpu")


@pytest.mark.parametrize(("slower", "chosen"), [("float32", "bfloat16"), ("bfloat16", "float32")])
def test_the_faster_precision_is_chosen(monkeypatch, slower, chosen):
    monkeypatch.setattr(precision, "_seconds", lambda system, batch, each: 2.0 if each == slower else 1.0)
    assert precision.faster_precision(registry.build("unet", channels=(4, 8)), (1, 1, 4096), CPU) == chosen


def test_the_trial_changes_neither_weights_nor_random_numbers():
    system = registry.build("convolutional-autoencoder")
    before = {name: tensor.clone() for name, tensor in system.state_dict().items()}
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    assert precision.faster_precision(system, (2, 1, 8000), CPU) in ("float32", "bfloat16")
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(tensor, before[name]) for name, tensor in system.state_dict().items())
    assert all(parameter.grad is None for parameter in system.parameters())


def test_products_run_in_the_precision():
    one = torch.ones(2, 2)
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        with precision.autocast(CPU, name):
            assert (one @ one).dtype == dtype


@pytest.mark.slow
def test_a_run_that_resumes_keeps_its_precision(corpus, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(trainer, "faster_precision", lambda *arguments: asked.append(arguments) or "bfloat16")
    common = {"segment_seconds": 0.5, "crops_per_file": 1, "workers": 0, "device": "cpu", "channels": (8, 8)}
    run = Train(corpus, tmp_path / "run", minutes=1e-6, **common)
    for minutes in (1e-6, 0.001):
        train(replace(run, minutes=minutes), Process(0, 1, CPU))
    assert len(asked) == 1 and asked[0][1] == (8, 1, 8000)
    assert read_state(tmp_path / "run" / "last.ckpt")["precision"] == "bfloat16"
    with pytest.raises(ValueError, match=r"--precision: .*last.ckpt has auto, got float32"):
        train(replace(run, precision="float32"), Process(0, 1, CPU))
