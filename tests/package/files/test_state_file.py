"""States on disk, which come back as they were written; a stranger's file is not trusted."""

import pickle

import pytest
import torch

from speech_enhancement.files.state_file import StateFileError, read_state, write_state
from speech_enhancement.systems import registry
from speech_enhancement.systems.model_file import load_model


def test_state_comes_back(tmp_path):
    shared = torch.arange(4.0)
    state = {
        "tensors": [shared, shared, shared[1:3], torch.zeros(2, 3).T, torch.tensor(3, dtype=torch.int64)],
        7: (1, 2.5, None, True, "text"),
        "nested": {"empty": {}, "inf": float("inf"), "size": torch.Size([2, 3])},
    }
    write_state(tmp_path / "state", state)
    back = read_state(tmp_path / "state")
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(back["tensors"], state["tensors"], strict=True))
    assert (back[7], back["nested"]) == (state[7], state["nested"])


def test_other_things_are_refused(tmp_path):
    with pytest.raises(TypeError, match="generator"):
        write_state(tmp_path / "state", {"bad": (i for i in range(3))})
    assert not (tmp_path / "state").exists()


class Trap:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_pickled_code_is_not_run(tmp_path):
    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    torch.save({"model": Trap(tmp_path / "sprung")}, tmp_path / "evil.pt")
    for name in ("evil.ckpt", "evil.pt"):
        with pytest.raises(StateFileError, match=name):
            read_state(tmp_path / name)
        with pytest.raises(StateFileError, match=name):
            load_model(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("structure", ['{"a": 1, "b": 2}', '{"call": ["os"]}', '{"tensor": "9"}', "[" * 5000, "7"])
def test_malformed_structure_is_refused(tmp_path, structure):
    from safetensors.torch import save_file

    save_file({"0": torch.zeros(1)}, tmp_path / "odd.ckpt", {"state": structure})
    with pytest.raises(StateFileError, match="odd.ckpt"):
        load_model(tmp_path / "odd.ckpt")


def test_model_of_other_sizes_is_refused(tmp_path):
    state = registry.build("unet", channels=(4, 6)).state(epoch=0)
    other = {**state["extra"], "arguments": {"channels": (4, 8)}}
    write_state(tmp_path / "model.ckpt", {**state, "extra": other})
    with pytest.raises(StateFileError, match=r"model.ckpt: expected a model of this package"):
        load_model(tmp_path / "model.ckpt")


def test_packaged_model_loads():
    model = load_model()
    assert not model.training
    noisy = torch.randn(1, 1, 16000, generator=torch.Generator().manual_seed(0))
    assert model(noisy).shape == noisy.shape
