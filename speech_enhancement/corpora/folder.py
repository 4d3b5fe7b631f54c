"""Any tree of audio files as a corpus of speech or of noise."""

from collections.abc import Iterator
from pathlib import Path

from speech_enhancement.audio import find
from speech_enhancement.corpora.prepared import Source
from speech_enhancement.corpora.splits import assign_splits

_SPLIT_FOLDERS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
}


def sources(root: Path, kind: str, seed: int = 0) -> Iterator[Source]:
    """The audio files below `root`, each with a speaker and a split.

    Where the folders right below `root` are named after splits (train, val, validation, dev, test), these are the
    splits; otherwise speakers are assigned to splits at random. The speaker is the folder below that, or, where a
    file lies there without one, the file itself. Noise is assigned file by file.

    Raises:
        AudioError: there are no audio files, or no such folder.
    """
    files = {path: path.relative_to(root).parts for path in find(root)}
    if root.is_file():
        files = {root: (root.name,)}
    is_split = all(len(parts) > 1 and parts[0].lower() in _SPLIT_FOLDERS for parts in files.values())
    groups = {
        path: parts[is_split] if kind == "speech" and len(parts) > is_split + 1 else Path(*parts[is_split:]).stem
        for path, parts in files.items()
    }
    splits = assign_splits(groups.values(), seed)
    for path, parts in files.items():
        split = _SPLIT_FOLDERS[parts[0].lower()] if is_split else splits[groups[path]]
        yield Source(kind, split, groups[path] if kind == "speech" else "", str(path))
