"""A class of 100 in which ten submissions are hostile, compared with the same class without them.

python -m bench.hostile_class

The grades of the 90 must be the same, and the time may exceed that of the 90 by what ten submissions may take in all.
"""

import contextlib
import io
import itertools
import os
import shutil
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

from milestones.course import PACKAGE, load_milestone
from milestones.graded_tests import TestState
from milestones.instructor.configuration import Grade
from milestones.instructor.grading import grade
from milestones.instructor.records import Record, latest, read
from milestones.instructor.sandbox.removal import remove
from milestones.instructor.selftest import attacks, cases, variants
from milestones.instructor.selftest.reference import reference, with_piece

HONEST = 90
MILESTONE = load_milestone(1)
ATTACKS = (
    "hang-at-import",
    "just-in-time",
    "names-in-shared-memory",
    "thousands-of-threads",
    "leases",
    "too-much-to-send-back",
)
DEPTH = 1500


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        alone, together = folder / "alone", folder / "together"
        alone.mkdir()
        write_honest(alone)
        shutil.copytree(alone, together)
        write_hostile(together)
        before, seconds_before = graded(alone, folder / "first")
        after, seconds_after = graded(together, folder / "second")
        # Too deep for the removal of the temporary folder.
        remove(together / "deep")
    differing = [name for name, record in before.items() if states(record) != states(after[name])]
    allowed = (len(after) - len(before)) * MILESTONE.seconds_per_submission / len(os.sched_getaffinity(0))
    print(f"{len(before)} honest submissions: {seconds_before:.0f} s; {len(after)}, ten hostile: {seconds_after:.0f} s")
    print(f"{seconds_after - seconds_before:.0f} s more; the hostile may take {allowed:.0f} s on these cores")
    print(f"honest submissions with another grade: {len(differing)} {' '.join(differing)}".rstrip())
    for name in sorted(set(after) - set(before)):
        print(f"{name}: {points(after[name]):g} points; {after[name].refused or 'graded'}")


def write_honest(folder: Path) -> None:
    """Write right and wrong solutions, one after the other and all of them different."""
    pieces = [
        variant
        for kind in ("right", "wrong")
        for variant in variants.read(cases.VARIANTS, kind)
        if variant.module in MILESTONE.modules
    ]
    step = len(pieces) // HONEST
    for number, variant in enumerate(itertools.islice(pieces, 0, step * HONEST, step)):
        write_zip(folder / f"honest{number:02}.zip", with_piece(variant.module, variant.code))


def write_hostile(folder: Path) -> None:
    for attack in attacks.read():
        if attack.name in ATTACKS:
            write_zip(folder / f"{attack.name}.zip", with_piece(attack.module, attack.code))
    files = reference()
    write_headers_of_digits(folder / "digits.tar")
    write_sparse(folder / "sparse.tar")
    write_deep(folder / "deep", files)
    write_zip(folder / "bomb.zip", files | {"large.py": "#" * 2**28})


def write_zip(path: Path, files: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{PACKAGE}/{name}", text)


def write_headers_of_digits(path: Path) -> None:
    """Write an extended header without a length, which older versions of Python read for hours (CVE-2024-6232)."""
    with tarfile.open(path, "w") as archive:
        header = tarfile.TarInfo("header")
        header.type, header.size = tarfile.XHDTYPE, 2**20
        archive.addfile(header, io.BytesIO(b"1" * header.size))


def write_sparse(path: Path) -> None:
    """Write a file whose map says that it has a terabyte of holes."""
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo(f"{PACKAGE}/stft.py")
        text = "1000\n" + "0\n1\n" * 1000
        entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**40)}
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text.encode()))


def write_deep(folder: Path, files: dict[str, str]) -> None:
    """Write a whole submission beside a tree of folders whose paths are longer than the system takes."""
    package = folder / PACKAGE
    package.mkdir(parents=True)
    for name, text in files.items():
        (package / name).write_text(text, encoding="utf-8")
    here = os.open(package, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir("deeper", dir_fd=here)
        deeper = os.open("deeper", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)


def graded(folder: Path, out: Path) -> tuple[dict[str, Record], float]:
    """Grade a class; return the record of each submission, and the seconds that it took."""
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        grade.run(Grade(submissions=folder, out=out, milestone=MILESTONE.number))
    records = latest(read(out / grade.LOG_NAME))
    return {record.submission: record for record in records.values()}, time.perf_counter() - begin


def states(record: Record) -> list[TestState]:
    return [test.state for test in record.tests]


def points(record: Record) -> float:
    return sum(test.points for test in record.tests if test.state == TestState.PASSED)


if __name__ == "__main__":
    main()
