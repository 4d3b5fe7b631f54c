"""Saved models: read back unchanged, from any version of the package, and never trusted."""

import pytest
import torch

from speech_enhancement.files.state_file import StateFileError, read_state, write_state
from speech_enhancement.systems import registry
from speech_enhancement.systems.model_file import load_model, load_system

SMALL = {"channels": (4, 8), "n_fft": 128, "hop_length": 64}


@pytest.fixture
def unet():
    torch.manual_seed(0)
    return registry.build("unet", **SMALL).eval()


def enhanced(system):
    with torch.no_grad():
        return system(0.1 * torch.randn(1, 1, 8000, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("name", ["convolutional-autoencoder", "wave-unet", "packet-loss-filling"])
def test_a_saved_system_is_read_back(tmp_path, name):
    system = registry.build(name).eval()
    system.save(tmp_path / "model.ckpt", epoch=3)
    again = load_model(tmp_path / "model.ckpt")
    assert type(again) is type(system) and not again.training
    assert torch.equal(enhanced(again), enhanced(system))
    assert (again.context, again.alignment, again.shortest) == (system.context, system.alignment, system.shortest)
    assert read_state(tmp_path / "model.ckpt")["epoch"] == 3


def test_a_saved_unet_is_read_back_with_its_sizes_and_its_context(tmp_path, unet, monkeypatch):
    unet.save(tmp_path / "model.ckpt", epoch=0)
    monkeypatch.setattr("speech_enhancement.systems.masking_unet.measure_context", None)
    again = load_model(tmp_path / "model.ckpt")
    assert again.context == unet.context and again.alignment == 128
    assert torch.equal(enhanced(again), enhanced(unet))


def test_files_of_version_0_1_are_read(tmp_path, unet):
    """The course's U-Net was saved by its sizes, or as the system `masking-unet`."""
    weights = unet.state_dict()
    sizes = {name.removeprefix("enhancer."): tensor for name, tensor in weights.items()}
    write_state(tmp_path / "sizes.ckpt", {"model": sizes, "epoch": 0, "extra": {"sizes": SMALL}})
    assert torch.equal(enhanced(load_model(tmp_path / "sizes.ckpt")), enhanced(unet))
    whole = registry.build("unet").eval()
    extra = {"system": "masking-unet", "size": "small"}
    write_state(tmp_path / "named.ckpt", {"model": whole.state_dict(), "epoch": 0, "extra": extra})
    assert torch.equal(enhanced(load_model(tmp_path / "named.ckpt")), enhanced(whole))


@pytest.mark.parametrize(
    "extra",
    [
        {"system": "wiener", "size": "huge"},
        {"system": "os", "size": "small"},
        {"system": []},
        {"system": "unet", "size": "small", "arguments": {"path": "/etc/passwd"}},
        {"system": "unet", "size": "small", "arguments": []},
        {"system": "unet", "size": "small", "arguments": SMALL, "context": -1},
        {"system": "unet", "size": "small", "arguments": SMALL, "context": "all"},
        {"sizes": {"channels": "many"}},
        {},
        None,
    ],
    ids=str,
)
def test_forged_files_are_refused(tmp_path, unet, extra):
    write_state(tmp_path / "forged.ckpt", {"model": unet.state_dict(), "epoch": 0, "extra": extra})
    with pytest.raises(StateFileError, match="forged.ckpt: expected a model of this package, got another one"):
        load_model(tmp_path / "forged.ckpt")


def test_a_weight_that_is_missing_is_named(tmp_path, unet):
    """As in a file of a network whose code was changed since."""
    weights = unet.state_dict()
    name = next(iter(weights))
    del weights[name]
    write_state(tmp_path / "old.ckpt", {"model": weights, "epoch": 0, "extra": unet.description})
    with pytest.raises(StateFileError, match=rf"old.ckpt: expected .*Missing key\(s\) in state_dict: .{name}"):
        load_model(tmp_path / "old.ckpt")


def test_a_stub_is_not_the_fault_of_the_file(tmp_path, unet, monkeypatch):
    """The U-Net is made of what students write."""
    unet.save(tmp_path / "model.ckpt", epoch=0)

    def stub(self, *arguments, **keywords):
        raise NotImplementedError

    monkeypatch.setattr("speech_enhancement.unet.UNet.__init__", stub)
    with pytest.raises(NotImplementedError):
        load_model(tmp_path / "model.ckpt")


def test_systems_by_name_need_no_training(tmp_path):
    assert load_system("moving-average", None).title == "moving average"
    with pytest.raises(ValueError, match="expected one that needs no training, got segan"):
        load_system("segan", None)
    with pytest.raises(ValueError, match="expected it without --checkpoint"):
        load_system("wiener", tmp_path / "best.ckpt")
