"""Hostile archives: links, bombs and headers cost a file or the submission, and no more than the limits."""

import bz2
import struct
import tarfile
import warnings
import zipfile

import pytest

from milestones.instructor.grading import archives, entries
from tests.course.grading.making import MODULES, PACKAGE, read, refusal, taken, tar_entry, write_tar, write_zip

LEFT_OUT = "'speech_enhancement/masking.py': expected a regular file, got a link or device; it was left out"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_link_or_device_in_a_tar_is_left_out(tmp_path, kind):
    link = tar_entry("speech_enhancement/masking.py", kind, "speech_enhancement/stft.py")
    result = read(write_tar(tmp_path / "ada.tar", PACKAGE | {link: b""}))
    assert set(result.files) == set(MODULES) and result.notes == (LEFT_OUT,)


def test_a_link_in_a_zip_is_left_out(tmp_path):
    link = zipfile.ZipInfo("speech_enhancement/masking.py")
    link.external_attr = 0o120777 << 16
    result = read(write_zip(tmp_path / "ada.zip", PACKAGE | {link: b"/etc/passwd"}))
    assert set(result.files) == set(MODULES) and result.notes == (LEFT_OUT,)


def test_a_package_of_links_is_refused(tmp_path):
    link = tar_entry("speech_enhancement", tarfile.SYMTYPE, "/etc")
    assert refusal(write_tar(tmp_path / "ada.tar", {link: b""})).endswith("got a link or device, 'speech_enhancement'")


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_sparse_file_is_left_out(tmp_path, form):
    """Its holes are not in the archive, so a small one can declare any size."""
    entry = tarfile.TarInfo("speech_enhancement/masking.py")
    if form == tarfile.GNU_FORMAT:
        entry.type = tarfile.GNUTYPE_SPARSE
    else:
        entry.pax_headers = {"GNU.sparse.size": "9", "GNU.sparse.map": "0,1"}
    path = tmp_path / "ada.tar"
    with tarfile.open(path, "w", format=form) as archive:
        archive.addfile(entry)
    write_tar(path, PACKAGE, "a")
    result = read(path)
    assert set(result.files) == set(MODULES)
    assert result.notes == (LEFT_OUT.replace("link or device", "sparse file"),)


def test_a_bomb_beside_the_package_is_not_unpacked(tmp_path):
    """The compressed stream of a tar archive must be read, so it is read up to a limit."""
    big = tarfile.TarInfo("weights.bin")
    big.size = archives.MAX_UNPACKED_BYTES + 1
    (tmp_path / "a.tar.bz2").write_bytes(bz2.compress(big.tobuf() + bytes(big.size), 1))
    assert refusal(tmp_path / "a.tar.bz2") == "a.tar.bz2: expected at most 200 MB unpacked, got more"
    assert taken(write_zip(tmp_path / "a.zip", {"weights.bin": bytes(entries.MAX_BYTES + 1)} | PACKAGE)) == MODULES


def test_a_declared_size_is_not_believed(tmp_path):
    """A zip that declares one byte and holds 40 MB ends in a refusal, not in 40 MB."""
    size = 2 * entries.MAX_BYTES
    path = write_zip(tmp_path / "a.zip", {"speech_enhancement/b.py": bytes(size)} | PACKAGE)
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", 1)))
    assert "expected" in refusal(path)


def test_too_many_entries_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ENTRIES", 10)
    many = PACKAGE | {f"{number}.txt": b"" for number in range(10)}
    for path in (write_zip(tmp_path / "a.zip", many), write_tar(tmp_path / "a.tar", many)):
        assert "expected at most 10 files, got" in refusal(path)


def test_a_name_with_a_null_byte_is_left_out(tmp_path):
    path = write_zip(tmp_path / "ada.zip", PACKAGE | {"speech_enhancement/aXb.py": b"x"})
    path.write_bytes(path.read_bytes().replace(b"aXb.py", b"a\0b.py"))
    result = read(path)
    assert set(result.files) == set(MODULES) and "printable characters" in result.notes[0]


@pytest.mark.parametrize(
    ("offset", "field"),
    [(124, b"\x80" + b"\xff" * 11), (124, b"\xff" * 12), (136, b"\xff" * 12), (124, b"x" * 12)],
    ids=["huge size", "negative size", "negative time", "no number"],
)
def test_odd_numbers_in_a_header(tmp_path, offset, field):
    """Whatever they do, it is a submission with or without files, and no exception."""
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    header[offset : offset + 12] = field
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:]) + 8 * 32)
    path = write_tar(tmp_path / "a.tar", PACKAGE)
    path.write_bytes(bytes(header) + path.read_bytes())
    result = read(path)
    assert result.refused or set(result.files) == set(MODULES)


def test_entries_that_overlap(tmp_path):
    """Many names for the same bytes are so many files, each of which counts against the limits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = write_zip(tmp_path / "a.zip", PACKAGE | {"speech_enhancement/b.py": bytes(entries.MAX_BYTES // 2)})
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(3):
            entry = zipfile.ZipInfo(f"speech_enhancement/b{number}.py")
            first = archive.getinfo("speech_enhancement/b.py")
            entry.header_offset, entry.CRC, entry.compress_type = first.header_offset, first.CRC, first.compress_type
            entry.file_size, entry.compress_size = first.file_size, first.compress_size
            archive.filelist.append(entry)
        archive._didModify = True
    assert "expected" in refusal(path)
