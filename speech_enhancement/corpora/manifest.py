"""The manifest of a prepared corpus: a line for each file, read line by line however many there are."""

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

MANIFEST = "manifest.csv"
_TEXT = {"encoding": "utf-8", "errors": "surrogateescape"}
"""Names of files are kept byte by byte, even if they are not UTF-8."""


@dataclass(frozen=True)
class Entry:
    """A line of the manifest."""

    file: str
    kind: str
    split: str
    speaker: str
    seconds: float
    source: str


class CorpusError(ValueError):
    """A corpus that cannot be prepared or read; the message gives the reason."""


def write_manifest(root: Path, entries: Iterable[Entry]) -> None:
    with (root / MANIFEST).open("w", newline="", **_TEXT) as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Entry)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(entry) for entry in entries)


def entries(root: Path, kind: str, split: str) -> Iterator[Entry]:
    """Yield the lines of one kind and split.

    Raises:
        CorpusError: there is no manifest, or it names no such file.
    """
    path = root / MANIFEST
    if not path.is_file():
        raise CorpusError(f"{path}: expected the manifest of a prepared corpus, got nothing there")
    found = False
    with path.open(newline="", **_TEXT) as file:
        for row in csv.DictReader(file):
            if row.get("kind") == kind and row.get("split") == split:
                found = True
                yield Entry(**{**row, "seconds": float(row["seconds"])})
    if not found:
        raise CorpusError(f"{path}: expected {kind} in the split {split}, got none")


def files(root: Path, kind: str, split: str) -> Iterator[str]:
    """Yield the paths of one kind and split; raise the same errors as `entries`."""
    for entry in entries(root, kind, split):
        yield os.path.join(root, entry.file)  # noqa: PTH118, thousands of Path objects take their time


def summary(root: Path) -> str:
    """Count the files, minutes and speakers of each kind in each split, a line for each."""
    rows: dict[tuple[str, str], list[tuple[str, float]]] = {}
    with (root / MANIFEST).open(newline="", **_TEXT) as file:
        for row in csv.DictReader(file):
            rows.setdefault((row["kind"], row["split"]), []).append((row["speaker"], float(row["seconds"])))
    lines = [f"{root}:"]
    for (kind, split), found in rows.items():
        speakers = len({speaker for speaker, _ in found if speaker})
        minutes = sum(seconds for _, seconds in found) / 60
        lines.append(
            f"  {kind:6} {split:10} {len(found):6} files {minutes:8.1f} min"
            + (f"  {speakers} speakers" if speakers else "")
        )
    return "\n".join(lines)
