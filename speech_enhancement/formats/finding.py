"""Recordings in a folder, and what lies there beside them."""

import os
from collections.abc import Iterator
from pathlib import Path

from speech_enhancement.files.failures import Failures
from speech_enhancement.formats import AudioError

LIBSNDFILE_SUFFIXES = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aiff", ".aif", ".aifc", ".caf", ".au", ".snd", ".voc", ".sph"),
)
FFMPEG_SUFFIXES = (
    *(".m4a", ".m4b", ".mp4", ".m4v", ".mov", ".3gp", ".aac", ".wma", ".wmv", ".amr"),
    *(".webm", ".mkv", ".mka"),
)
SUFFIXES = LIBSNDFILE_SUFFIXES + FFMPEG_SUFFIXES


def find(root: str | Path, failures: Failures | None = None) -> list[Path]:
    """List the audio files below a folder, sorted by path; for a file, list the file itself.

    Linked folders are read too, each folder once. Hidden files and folders are left out.

    Args:
        root: folder or file.
        failures: is told what is left out and which folders cannot be read.

    Raises:
        AudioError: there is no audio file.
        OSError: a folder cannot be read, and there are no `failures` to tell.
    """
    root = Path(root)
    if root.is_file():
        return [root]
    if not root.exists():
        raise AudioError(f"{root}: expected a file or folder, got nothing there")
    paths = sorted(_recordings(root, failures))
    if not paths:
        raise AudioError(f"{root}: expected audio files (.wav, .flac, .mp3 and the like), got a folder without any")
    return paths


def _recordings(root: Path, failures: Failures | None) -> Iterator[Path]:
    for path in _files(root, failures):
        if path.suffix.lower() in SUFFIXES:
            yield path
        elif failures is not None:
            kind = f"{path.suffix.lower()} is" if path.suffix else "files without a suffix are"
            failures.leave_out(path, f"{kind} not among the audio files that are looked for")


def _files(root: Path, failures: Failures | None) -> Iterator[Path]:
    """Yield all files that are not hidden, of folders before those of linked folders."""
    seen, folders, links = set(), [root], []
    while folders or links:
        folder = folders.pop() if folders else links.pop()
        about = folder.stat()
        if (about.st_dev, about.st_ino) in seen:
            if failures is not None:
                failures.leave_out(folder, "a link to a folder that is read already")
            continue
        seen.add((about.st_dev, about.st_ino))
        for entry in _entries(folder, failures):
            path = Path(entry.path)
            if entry.name.startswith("."):
                if failures is not None:
                    failures.leave_out(path, "hidden")
            elif entry.is_dir():
                (links if entry.is_symlink() else folders).append(path)
            elif entry.is_file():
                yield path
            elif failures is not None:
                failures.leave_out(path, "a link to nothing" if entry.is_symlink() else "neither a file nor a folder")


def _entries(folder: Path, failures: Failures | None) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        if failures is None:
            raise
        failures.add(folder, error)
        return []
