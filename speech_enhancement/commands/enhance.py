"""The command `enhance`: files and folders, enhanced one after another."""

from collections.abc import Iterator
from pathlib import Path

from tqdm.auto import tqdm

from speech_enhancement.audio import AudioError, find
from speech_enhancement.configuration import Enhance
from speech_enhancement.engine.distributed import choose_device
from speech_enhancement.enhancement import Enhancer
from speech_enhancement.files.failures import Failures
from speech_enhancement.systems.model_file import load_system


def run(configuration: Enhance) -> int:
    """Enhance all files; 1 if one of them failed."""
    device = choose_device(configuration.device)
    enhancer = Enhancer(
        load_system(configuration.system, configuration.checkpoint, device),
        device=device,
        attenuation_limit=configuration.attenuation_limit,
        apart=configuration.channels == "apart",
        keep_rumble=configuration.keep_rumble,
    )
    failures = Failures()
    done = 0
    jobs = list(_jobs(configuration, failures))
    failures.tell_left_out()
    for source, destination in tqdm(jobs, desc="enhance", unit="file", disable=len(jobs) < 2):
        with failures.noting(str(source)):
            residual = configuration.residual and configuration.residual / destination.relative_to(configuration.out)
            for path in (destination, residual):
                if path and path.exists() and not configuration.overwrite:
                    raise AudioError(f"{source}: {path} exists; --overwrite replaces it")
                if path:
                    path.parent.mkdir(parents=True, exist_ok=True)
            enhancer.enhance_file(source, destination, residual)
            done += 1
    print(f"{done} files enhanced in {configuration.out}, {len(failures)} failed")
    return 1 if failures else 0


def _jobs(configuration: Enhance, failures: Failures) -> Iterator[tuple[Path, Path]]:
    """Yield each file with the path of its result; inputs of the same name keep the names of their folders."""
    taken: set[Path] = set()
    written = [folder.resolve() for folder in (configuration.out, configuration.residual) if folder]
    for root in configuration.inputs:
        sources: list[Path] = []
        with failures.noting(str(root)):
            sources = find(root, failures)
        base = root.parent if root.is_file() else root
        for source in sources:
            # Results of an earlier run may lie among the inputs.
            if any(base.resolve() in out.parents and source.resolve().is_relative_to(out) for out in written):
                continue
            relative = source.relative_to(base)
            destination = configuration.out / relative
            if destination in taken:
                destination = configuration.out / base.resolve().name / relative
            with failures.noting(str(source)):
                if destination in taken:
                    raise AudioError(f"{source}: another input goes to {destination} already")
                for name, folder in (("--out", configuration.out), ("--residual", configuration.residual)):
                    if folder and (folder / destination.relative_to(configuration.out)).resolve() == source.resolve():
                        raise AudioError(f"{source}: expected another folder than the input's in {name}, got the same")
                taken.add(destination)
                yield source, destination
