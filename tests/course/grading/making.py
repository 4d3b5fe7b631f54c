"""Submissions for the tests of how submissions are read: the same files as folders and archives of all kinds."""

import io
import tarfile
import zipfile

from milestones.course import load_course
from milestones.instructor.grading import reading

COURSE = load_course().modules
MODULES = {"__init__.py": b"", "stft.py": b"def stft():\n    pass\n", "networks/blocks.py": b"x = 1\n"}


def under(folder, files):
    """Put files into a folder."""
    return {f"{folder}/{name}": content for name, content in files.items()}


PACKAGE = under("speech_enhancement", MODULES)


def write_folder(path, files):
    """Write files, given by name, into a folder."""
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def write_zip(path, files, compression=zipfile.ZIP_DEFLATED):
    """Write files into a zip archive; a name may be a ZipInfo, and is kept as it is."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            entry = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            archive.writestr(entry, content, compression)
    return path


def write_tar(path, files, mode="w"):
    """Write files into a tar archive; a name may be a TarInfo."""
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            entry = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def tar_entry(name, kind, target=""):
    """Make the entry of a link or device."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


WRITERS = {
    "ada": write_folder,
    "ada.zip": write_zip,
    "ada.tar": write_tar,
    "ada.tar.gz": lambda path, files: write_tar(path, files, "w:gz"),
    "ada.tar.bz2": lambda path, files: write_tar(path, files, "w:bz2"),
    "ada.txz": lambda path, files: write_tar(path, files, "w:xz"),
    "ada (gzip).tar": lambda path, files: write_tar(path, files, "w:gz"),
    "a zip in truth.tar": write_zip,
}
ARCHIVES = [name for name in WRITERS if name != "ada"]


def read(path):
    """Read a submission in this process."""
    return reading.read(path, COURSE)


def taken(path):
    """Read a submission that is not refused, and return its files."""
    result = read(path)
    assert result.refused is None, result.refused
    return {name: text.encode("utf-8", errors="surrogateescape") for name, text in result.files.items()}


def refusal(path):
    """Read a submission that is refused, and return the reason, which is one line."""
    result = read(path)
    assert result.refused is not None and not result.files
    assert "\n" not in result.refused
    return result.refused
