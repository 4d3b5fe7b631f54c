"""The archive of a model, read in a process of its own, since it may be hostile.

    python -m milestones.instructor.models.archive SUBMISSION WEIGHTS MEBIBYTES

Only the Python files of the package and the file of weights are taken, by the names that `submit` gives them; what lies
beside them is not read. The weights must be a safetensors file, which holds numbers and no code.
"""

import contextlib
import hashlib
import math
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from safetensors import SafetensorError, safe_open

from milestones.course import ROOT, load_course
from milestones.instructor.grading import handing_in
from milestones.instructor.grading.archives import open_archive
from milestones.instructor.grading.entries import FILE, Entry, Refused, is_debris, shown
from milestones.instructor.grading.folders import Folder, open_regular
from milestones.instructor.grading.packages import MAX_ARCHIVES, find_package, unreadable
from milestones.instructor.grading.reading import Reading, reading_of
from milestones.instructor.records import from_line, to_line
from milestones.packing import WEIGHTS

SECONDS = 20
"""Processor time for reading one submission."""
MEMORY = 2**30
"""Memory of the process, in bytes."""

_WALL_SECONDS = 120


@dataclass(frozen=True)
class ModelReading:
    """What was read of a submission.

    Attributes:
        reading: its package.
        hash: SHA-256 of package and weights; "" where it is refused.
        parameters: numbers in the weights.
        model_bytes: size of the weights.
    """

    reading: Reading
    hash: str = ""
    parameters: int = 0
    model_bytes: int = 0


def read_apart(path: Path, weights: Path, mebibytes: int) -> ModelReading:
    """Call `read` in a process with limits on time, memory and disk."""
    words = [sys.executable, "-m", "milestones.instructor.models.archive", str(path.absolute()), str(weights)]
    options = {"cwd": ROOT, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    limits = f"in {SECONDS} seconds and {MEMORY >> 20} MiB of memory"
    try:
        result = subprocess.run([*words, str(mebibytes)], **options, timeout=_WALL_SECONDS, check=False)
        if result.returncode == 0:
            return from_line(ModelReading, result.stdout.decode())
    except subprocess.TimeoutExpired:
        pass
    reason = f"{path.name}: expected a submission that can be read {limits}, got one that cannot"
    return ModelReading(Reading.refusal(path, reason))


def read(path: Path, weights: Path, mebibytes: int) -> ModelReading:
    """Read a submission; whatever is wrong with it is the reason of a refusal.

    Args:
        path: an archive, or a folder that holds one, as nbgrader collects it.
        weights: file to write.
        mebibytes: most that the archive may take.
    """
    try:
        if not path.is_dir():
            return _read_file(open_regular(path), path.name, handing_in.of_path(path), weights, mebibytes)
        folder = Folder(path)
        try:
            return _read_folder(folder, path, weights, mebibytes)
        finally:
            folder.close()
    except Refused as reason:
        return ModelReading(Reading.refusal(path, str(reason)))
    # A hostile archive can make the readers raise anything, and none of it may end the grading of others.
    except Exception as error:
        return ModelReading(Reading.refusal(path, unreadable(path.name, error)))


def hash_of(reading: Reading, weights: bytes) -> str:
    """SHA-256 of a package and its weights."""
    return hashlib.sha256(f"{reading.submission_hash} {hashlib.sha256(weights).hexdigest()}".encode()).hexdigest()


def _read_folder(folder: Folder, path: Path, weights: Path, mebibytes: int) -> ModelReading:
    """Read the archive in a folder; a refusal keeps the time at which it was handed in."""
    entry = None
    try:
        entry = _find_archive(folder)
        return _read_file(folder.open(entry), entry.name, _submitted(folder, path, entry), weights, mebibytes)
    except Refused as reason:
        said = str(reason)
    # A damaged archive can make the readers raise anything.
    except Exception as error:
        said = unreadable(path.name, error)
    return ModelReading(Reading.refusal_at(_submitted(folder, path, entry), said))


def _submitted(folder: Folder, path: Path, entry: Entry | None) -> float:
    """Time of handing in: nbgrader's, or that of the archive, or that of the folder if there is no archive."""
    # nbgrader has a folder for each assignment of a student.
    stamp = handing_in.stamped(folder, entry.parts[0] if entry is not None and len(entry.parts) > 1 else None)
    if stamp is not None:
        return stamp
    return handing_in.of_path(path if entry is None else path / entry.name)


def _find_archive(folder: Folder) -> Entry:
    """Find the archive in a folder; of several, the only one that holds a file of weights.

    Raises:
        Refused: there is none, or there are several.
    """
    found = [entry for entry in folder.entries if entry.kind == FILE and entry.name.lower().endswith(".zip")]
    if len(found) > 1:
        found = [entry for entry in found[:MAX_ARCHIVES] if _holds_weights(folder, entry)]
    return _only(found, f"archive (.zip) that holds {WEIGHTS}")


def _holds_weights(folder: Folder, entry: Entry) -> bool:
    try:
        archive = open_archive(entry.name, folder.open(entry))
    # A hostile archive can make the reader raise anything, and it must not hide a good one beside it.
    except Exception:
        return False
    with contextlib.closing(archive):
        return any(_is_named(each, WEIGHTS) for each in archive.entries)


def _read_file(file: BinaryIO, name: str, submitted: float, weights: Path, mebibytes: int) -> ModelReading:
    """Read an open archive, which is closed at the end."""
    limit = mebibytes * 2**20
    size = os.fstat(file.fileno()).st_size
    if size > limit:
        file.close()
        raise Refused(f"{name}: expected at most {mebibytes} MiB, {limit:,} bytes, got {size:,} bytes")
    archive = open_archive(name, file)
    try:
        entry = _only([each for each in archive.entries if _is_named(each, WEIGHTS)], WEIGHTS)
        content = archive.read(entry, limit)
        if len(content) > limit:
            raise Refused(f"{entry.name}: expected at most {mebibytes} MiB, got more")
        package = find_package(archive, load_course().modules)
    finally:
        archive.close()
    weights.write_bytes(content)
    numbers = _count_numbers(weights, entry.name)
    reading = reading_of(package.files, submitted, package.notes)
    return ModelReading(reading, hash_of(reading, content), numbers, len(content))


def _is_named(entry: Entry, name: str) -> bool:
    return bool(entry.parts) and entry.parts[-1] == name and not is_debris(entry.parts)


def _only(entries: Sequence[Entry], what: str) -> Entry:
    """Return the only entry of a list, which must be a file.

    Raises:
        Refused: there are none or several, or it is something else.
    """
    if len(entries) != 1:
        raise Refused(f"expected one {what}, got {len(entries) or 'none'}")
    (entry,) = entries
    if entry.kind != FILE or entry.leads_outside:
        raise Refused(f"expected one {what}, got a {entry.kind}, {shown(entry.name)}")
    return entry


def _count_numbers(weights: Path, name: str) -> int:
    """Count the numbers in a file of weights.

    Raises:
        Refused: it is not a safetensors file.
    """
    try:
        with safe_open(weights, framework="numpy") as file:
            return sum(math.prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118
    except SafetensorError as error:
        raise Refused(f"{name}: expected weights in the format safetensors, got another ({error})") from None


if __name__ == "__main__":
    most_bytes = (int(sys.argv[3]) + 1) * 2**20
    for limited, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, most_bytes), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limited, (most, most))
    # The default action ends the process, even within a call that never returns to Python.
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    sys.stdout.write(to_line(read(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
