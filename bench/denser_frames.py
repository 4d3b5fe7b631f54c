"""Weights of a dual-path network for frames twice as dense, from those of a trained one: a start for further training.

    python -m bench.denser_frames OLD.ckpt NEW.ckpt

The first convolution sees the same stretch of time: its kernels are spread over twice as many frames, with zeros
between. What the recurrence remembers fades by f a frame, so the forget gates are opened and the input gates closed by
`GATES`, about what makes sqrt(f) of an f near 0.9. All else is copied.
"""

import sys
from pathlib import Path

import torch

from speech_enhancement.systems import registry
from speech_enhancement.systems.model_file import load_model

GATES = 0.7


def main() -> None:
    old, path = load_model(sys.argv[1]), Path(sys.argv[2])
    new = registry.build("dual-path", old.description["size"])
    if old.hop_length != 2 * new.hop_length:
        raise SystemExit(f"{sys.argv[1]}: expected hops of {2 * new.hop_length} samples, got {old.hop_length}")
    new.load_state_dict(denser(old.state_dict(), new.state_dict()))
    new.save(path, epoch=0)


def denser(old: dict[str, torch.Tensor], like: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Convert weights to those of frames twice as dense, in the shapes of `like`."""
    weights = {}
    for name, value in old.items():
        if name == "network.first.weight":
            weights[name] = torch.zeros_like(like[name])
            weights[name][:, :, ::2] = value
        elif name.endswith("recurrence.bias_ih_l0"):
            # PyTorch orders the gates: input, forget, cell, output.
            gates = torch.tensor([-GATES, GATES, 0.0, 0.0]).repeat_interleave(len(value) // 4)
            weights[name] = value + gates
        else:
            weights[name] = value
    return weights


if __name__ == "__main__":
    main()
