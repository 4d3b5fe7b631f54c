"""The process that reads submissions: a hostile one costs its own limits, and the next is read by a new process."""

import gzip
import lzma
import sys
import tarfile

import pytest

from milestones.course import CourseError
from milestones.instructor.grading import reader
from milestones.instructor.grading.reader import SubmissionReader
from tests.course.grading.making import MODULES, PACKAGE, write_folder, write_tar, write_zip

PYTHON = f"Python {sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def shared():
    with SubmissionReader() as opened:
        yield opened


def test_files_and_notes_come_back(shared, tmp_path):
    """Names that are no text and sources that are not UTF-8 pass through the pipe."""
    source = {"speech_enhancement/masking.py": "# é\n".encode("latin-1")}
    path = write_folder(tmp_path / "ada \udcff", PACKAGE | source | {"backup/stft.py": b""})
    reading = shared.read(path)
    assert set(reading.files) == {*MODULES, "masking.py"}
    assert reading.files["masking.py"] == "# \udce9\n" and reading.refused is None
    assert reading.notes == ("'speech_enhancement' was graded, and not 'backup/stft.py'",)
    assert reading.submitted == max(file.stat().st_mtime for file in path.rglob("*.py"))


def test_one_process_reads_a_class(shared, tmp_path):
    paths = [write_zip(tmp_path / f"{number}.zip", PACKAGE) for number in range(20)]
    shared.read(paths[0])
    process = shared._process
    assert len({shared.read(path).submission_hash for path in paths}) == 1
    assert shared._process is process


@pytest.mark.parametrize(
    ("source", "note"),
    [
        (b"x = 1\n%load_ext autoreload\n", f"stft.py, line 2: expected {PYTHON}, got: invalid syntax"),
        ("x = 1\n".encode("utf-16"), "stft.py, line 1: expected text in UTF-8, got null bytes, which UTF-16 has"),
        (b"x = 'f\xfcr'\n", f"stft.py, line 1: expected {PYTHON}, got: (unicode error) 'utf-8' codec can't decode"),
        (b"(" * 10_000, f"stft.py, line 1: expected {PYTHON}, got: too many nested parentheses"),
    ],
)
def test_a_module_that_cannot_be_compiled_is_told(shared, tmp_path, source, note):
    """It is graded all the same, since the other modules may be right."""
    reading = shared.read(write_zip(tmp_path / "ada.zip", {"stft.py": source, "masking.py": b"", "mine.py": b"%"}))
    assert reading.refused is None and set(reading.files) == {"stft.py", "masking.py", "mine.py"}
    (told,) = reading.notes
    assert told.startswith(note)


def test_a_module_that_ends_the_compiler_costs_only_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "SECONDS", 1)
    monkeypatch.setattr(reader, "MEMORY", 2**33)
    path = write_zip(tmp_path / "ada.zip", {"stft.py": b"x = 1\n" * 3_000_000})
    with SubmissionReader() as opened:
        reading = opened.read(path)
        assert reading.refused is None and reading.notes == (
            "expected modules that Python can compile, got one that ended it",
        )
        assert opened.read(write_zip(tmp_path / "ben.zip", PACKAGE)).notes == ()


def header_of_digits(path):
    """Write a pax header in which the tarfile of older Pythons searches for hours."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 10**6
    path.write_bytes(lzma.compress(header.tobuf() + b"1" * header.size + bytes(512)))


def sparse_map(path):
    """Write a list of holes that takes a minute to read."""
    entry = tarfile.TarInfo("a.py")
    entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1"}
    holes = b"9000000\n" + b"0\n" * 18_000_000
    entry.size = len(holes)
    path.write_bytes(gzip.compress(entry.tobuf(tarfile.PAX_FORMAT) + holes, 1))


LATE = "eve.tar: expected a submission that can be read within 1 seconds, got one that takes longer"
INVALID = "eve.tar: expected a submission that can be read, got ReadError: invalid header"


@pytest.mark.parametrize(("write", "reasons"), [(header_of_digits, (LATE, INVALID)), (sparse_map, (LATE,))])
def test_a_submission_that_takes_too_long(tmp_path, monkeypatch, write, reasons):
    monkeypatch.setattr(reader, "SECONDS", 1)
    write(tmp_path / "eve.tar")
    with SubmissionReader() as opened:
        assert opened.read(write_zip(tmp_path / "ada.zip", PACKAGE)).refused is None
        assert opened.read(tmp_path / "eve.tar").refused in reasons
        assert opened.read(tmp_path / "ada.zip").refused is None


def test_a_submission_that_needs_too_much_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "MEMORY", 200 * 2**20)
    big = tarfile.TarInfo("weights.bin")
    big.size = 190 * 2**20
    (tmp_path / "eve.tgz").write_bytes(gzip.compress(big.tobuf() + bytes(big.size), 1))
    with SubmissionReader() as opened:
        reason = "eve.tgz: expected a submission that can be read in 200 MiB of memory, got one that needs more"
        assert opened.read(tmp_path / "eve.tgz").refused == reason
        assert opened.read(write_zip(tmp_path / "ada.zip", PACKAGE)).refused is None


def test_a_process_that_ended_in_between_is_replaced(shared, tmp_path):
    path = write_tar(tmp_path / "ada.tar", PACKAGE)
    shared.read(path)
    shared._process.kill()
    shared._process.wait()
    assert shared.read(path).refused is None


def test_a_submission_that_is_gone(shared, tmp_path):
    assert shared.read(tmp_path / "ada.zip").refused.endswith("got FileNotFoundError: No such file or directory")


def test_a_process_that_cannot_start_is_an_error(tmp_path, monkeypatch):
    """It is not the fault of a submission."""
    monkeypatch.setattr(reader, "SECONDS", "many")
    with SubmissionReader() as opened, pytest.raises(CourseError, match="expected a process that reads submissions"):
        opened.read(tmp_path)
