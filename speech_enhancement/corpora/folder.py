"""Any tree of audio files as a corpus of speech or of noise."""

from collections.abc import Iterator
from pathlib import Path

from speech_enhancement.audio import find
from speech_enhancement.corpora.manifest import CorpusError
from speech_enhancement.corpora.prepared import Source
from speech_enhancement.corpora.splits import assign_splits
from speech_enhancement.files.failures import Failures

_SPLIT_FOLDERS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
}


def sources(root: Path, kind: str, seed: int = 0, failures: Failures | None = None) -> Iterator[Source]:
    """Yield the audio files below `root`, each with a speaker and a split.

    If the folders directly below `root` are named after splits (train, val, validation, dev, test), these are the
    splits; otherwise speakers are assigned to splits at random. The next folder names the speaker; a file without one
    is a speaker of its own. Noise is assigned file by file. `failures` is told what is left out.

    Raises:
        AudioError: there are no audio files, or there is no such folder.
        CorpusError: a speaker's folder is in two splits.
    """
    files = {path: path.relative_to(root).parts for path in find(root, failures)}
    if root.is_file():
        files = {root: (root.name,)}
    is_split = all(len(parts) > 1 and parts[0].lower() in _SPLIT_FOLDERS for parts in files.values())
    groups = {path: _group(parts[is_split:], kind) for path, parts in files.items()}
    splits = assign_splits(groups.values(), seed)
    seen: dict[str, str] = {}
    for path, parts in files.items():
        split = _SPLIT_FOLDERS[parts[0].lower()] if is_split else splits[groups[path]]
        if is_split and kind == "speech" and len(parts) > 2 and seen.setdefault(parts[1], split) != split:
            raise CorpusError(f"{path}: expected a speaker in one split, got {parts[1]} in {seen[parts[1]]} too")
        yield Source(kind, split, groups[path] if kind == "speech" else "", str(path))


def _group(parts: tuple[str, ...], kind: str) -> str:
    """Name the group that stays in one split: the speaker's folder, or the file."""
    return parts[0] if kind == "speech" and len(parts) > 1 else str(Path(*parts).with_suffix(""))
