"""Real-time factor of every small system on one core, and where the three slowest spend their time.

python -m bench.systems

Untrained, on four seconds of noise. The deep network prior is left out: it is fitted to each file in many steps.
"""

import os

import torch
from torch.profiler import ProfilerActivity, profile
from tqdm.auto import tqdm

from bench.measuring import rates
from speech_enhancement.systems import registry
from speech_enhancement.systems.system import System

LEFT_OUT = "deep-network-prior"
SECONDS = 4
SLOWEST = 3


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    torch.manual_seed(0)
    names = [name for name in registry.NAMES if name != LEFT_OUT]
    systems = {name: registry.build(name).eval() for name in tqdm(names, desc="building", unit="system")}
    noise = 0.1 * torch.randn(1, 1, SECONDS * 16000, generator=torch.Generator().manual_seed(0))
    seen = rates({name: lambda system=system: enhance(system, noise) for name, system in systems.items()}, rounds=3)
    slowest_first = sorted(seen, key=seen.__getitem__)
    for name in slowest_first:
        ratio = seen["unet"] / seen[name]
        print(f"{name:32} real-time factor {1 / seen[name]:.4f}, {ratio:.2f} times the U-Net's")
    for name in slowest_first[:SLOWEST]:
        print(f"\n{name}")
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            enhance(systems[name], noise)
        events = profiler.key_averages()
        total = sum(event.self_cpu_time_total for event in events)
        for event in sorted(events, key=lambda event: -event.self_cpu_time_total)[:6]:
            print(f"  {event.self_cpu_time_total / total:6.1%} of the time, {event.count:5} times, {event.key}")


@torch.inference_mode()
def enhance(system: System, noise: torch.Tensor) -> int:
    system(noise)
    return SECONDS


if __name__ == "__main__":
    main()
