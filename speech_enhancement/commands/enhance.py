"""The command `enhance`: files and folders, enhanced by one process or several."""

import contextlib
import functools
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import torch
from tqdm.auto import tqdm

from speech_enhancement.audio import AudioError, find
from speech_enhancement.configuration import Enhance
from speech_enhancement.engine.distributed import choose_device
from speech_enhancement.enhancement import Enhancer
from speech_enhancement.files.failures import Failures
from speech_enhancement.files.processes import calls_in_order, count_cores
from speech_enhancement.systems.model_file import load_system


def run(configuration: Enhance) -> int:
    """Enhance all files; 1 if one of them failed."""
    device = choose_device(configuration.device)
    n_threads = torch.get_num_threads()
    # Processes are forked, which is safe as long as torch has not started threads.
    torch.set_num_threads(1)
    enhancer = Enhancer(
        load_system(configuration.system, configuration.checkpoint, device),
        device=device,
        attenuation_limit=configuration.attenuation_limit,
        apart=configuration.channels == "apart",
        keep_rumble=configuration.keep_rumble,
    )
    failures = Failures()
    jobs = list(_jobs(configuration, failures))
    failures.tell_left_out()
    n_processes = _count_processes(configuration, device, len(jobs))
    # A stream computes little at a time, so that threads wait for each other more than they gain.
    if n_processes == 1 and not enhancer.streams:
        torch.set_num_threads(n_threads)
    done = 0
    with contextlib.closing(
        calls_in_order(functools.partial(_enhance, enhancer, configuration), jobs, n_processes)
    ) as calls:
        bar = tqdm(calls, total=len(jobs), desc="enhance", unit="file", disable=len(jobs) < 2)
        for (source, _), call in zip(jobs, bar, strict=True):
            with failures.noting(source):
                call()
                done += 1
    print(f"{done} files enhanced in {configuration.out}, {len(failures)} failed")
    return 1 if failures else 0


def _count_processes(configuration: Enhance, device: torch.device, n_files: int) -> int:
    if device.type != "cpu":
        if configuration.jobs not in (None, 1):
            raise ValueError(f"--jobs: expected 1 with a GPU, got {configuration.jobs}; --device cpu takes more")
        return 1
    return max(1, min(configuration.jobs or count_cores(), n_files))


def _enhance(enhancer: Enhancer, configuration: Enhance, job: tuple[Path, Path]) -> None:
    if multiprocessing.parent_process() is not None:
        torch.set_num_threads(1)
    source, destination = job
    residual = configuration.residual and configuration.residual / destination.relative_to(configuration.out)
    for path in (destination, residual):
        if path and path.exists() and not configuration.overwrite:
            raise AudioError(f"{source}: {path} exists; --overwrite replaces it")
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
    enhancer.enhance_file(source, destination, residual)


def _jobs(configuration: Enhance, failures: Failures) -> Iterator[tuple[Path, Path]]:
    """Yield each file with the path of its result; inputs of the same name keep the names of their folders."""
    found = list(_sources(configuration, failures))
    inputs = {source.resolve() for _, source in found}
    taken: set[Path] = set()
    for base, source in found:
        relative = source.relative_to(base)
        destination = configuration.out / relative
        if destination in taken:
            destination = configuration.out / base.resolve().name / relative
        with failures.noting(source):
            if destination in taken:
                raise AudioError(f"{source}: another input goes to {destination} already")
            for name, folder in (("--out", configuration.out), ("--residual", configuration.residual)):
                path = folder and folder / destination.relative_to(configuration.out)
                if path and path.resolve() in inputs:
                    raise AudioError(f"{source}: expected no input in {name} that its result replaces, got {path}")
            taken.add(destination)
            yield source, destination


def _sources(configuration: Enhance, failures: Failures) -> Iterator[tuple[Path, Path]]:
    """Yield the folder of each input, and each of its files."""
    written = [folder.resolve() for folder in (configuration.out, configuration.residual) if folder]
    for root in configuration.inputs:
        sources: list[Path] = []
        with failures.noting(root):
            sources = find(root, failures)
        base = root.parent if root.is_file() else root
        for source in sources:
            # Results of an earlier run may lie among the inputs.
            if not any(base.resolve() in out.parents and source.resolve().is_relative_to(out) for out in written):
                yield base, source
