"""`LongConvolution` beside `nn.Conv1d` on one core: passes forward, and training steps, for kernels of some lengths.

python -m bench.convolution
"""

import os

import torch
from torch import nn

from bench.measuring import rates
from speech_enhancement.systems.blocks.long_convolution import LongConvolution

KERNELS = (5, 15, 31, 65)
SHAPE = (4, 16, 16000)
"""Batch, channels and time."""


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    x = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for kernel in KERNELS:
        layers = [kind(SHAPE[1], SHAPE[1], kernel, padding="same") for kind in (LongConvolution, nn.Conv1d)]
        for title, way in (("forward", forward), ("step", step)):
            ours, other = rates({layer: lambda layer=layer, way=way: way(layer, x) for layer in layers}).values()
            print(f"kernel {kernel:2}, {title:7}  {ours / other:.2f} times as fast")


@torch.inference_mode()
def forward(layer: nn.Module, x: torch.Tensor) -> int:
    layer(x)
    return 1


def step(layer: nn.Module, x: torch.Tensor) -> int:
    layer(x).square().mean().backward()
    return 1


if __name__ == "__main__":
    main()
