"""Files that are taken from a submission: the same from every kind of folder and archive, and no others."""

import os

import pytest

from milestones.instructor.grading import entries, package_files, reading
from tests.course.grading.making import (
    ARCHIVES,
    MODULES,
    PACKAGE,
    WRITERS,
    read,
    refusal,
    taken,
    under,
    write_folder,
    write_tar,
    write_zip,
)

LAYOUTS = {
    "modules alone": MODULES,
    "package": PACKAGE,
    "enclosing folder": under("ada", PACKAGE),
    "enclosing folder of modules": under("handed in", MODULES),
    "template": {
        **PACKAGE,
        "README.md": b"#",
        "tests/conftest.py": b"raise SystemExit",
        "tests/milestone1/test_stft.py": b"",
    },
}


@pytest.mark.parametrize("files", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_gives_the_same_files(tmp_path, name, files):
    path = WRITERS[name](tmp_path / name, files)
    assert taken(path) == MODULES and read(path).notes == ()


def test_hash_is_of_names_and_contents_alone(tmp_path):
    paths = [write(tmp_path / f"{number} {name}", PACKAGE) for number, (name, write) in enumerate(WRITERS.items())]
    hashes = {read(path).submission_hash for path in paths}
    assert len(hashes) == 1
    other = write_zip(tmp_path / "other.zip", PACKAGE | {"speech_enhancement/stft.py": b"def stft():\n    pasS\n"})
    assert read(other).submission_hash not in hashes


def test_only_python_files_of_the_package_are_taken(tmp_path):
    ignored = {
        "speech_enhancement/conftest.py": b"raise SystemExit",
        "speech_enhancement/sitecustomize.py": b"raise SystemExit",
        "speech_enhancement/weights.ckpt": b"0" * 1000,
        "speech_enhancement/pytest.ini": b"[pytest]\naddopts = -p no:all\n",
        "torch.py": b"raise SystemExit",
        "numpy/__init__.py": b"raise SystemExit",
        "setup.cfg": b"",
    }
    assert taken(write_zip(tmp_path / "ada.zip", PACKAGE | ignored)) == MODULES


def test_bytes_stay_as_they_are(tmp_path):
    """Python reads the source later, so encodings, byte-order marks and line ends are its business."""
    sources = {"stft.py": "x = 'é'\n".encode("utf-16"), "masking.py": b"\xef\xbb\xbfx = 1\r\n", "data.py": b"# \xe9\n"}
    assert taken(write_zip(tmp_path / "ada.zip", sources)) == sources


@pytest.mark.parametrize(
    "name",
    [
        "speech_enhancement/../../x.py",
        "/speech_enhancement/x.py",
        "C:\\speech_enhancement\\x.py",
        "..\\speech_enhancement\\x.py",
    ],
)
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_a_package_that_leads_outside_is_refused(tmp_path, name, write):
    path = write(tmp_path / f"ada.{write.__name__[-3:]}", PACKAGE | {name: b"x"})
    assert "expected paths inside the submission, got" in refusal(path)


@pytest.mark.parametrize("name", ["/etc/x.py", "../x.py", "C:/x.py", "a\nb.py", "a:b.py", "/".join("a" * 2000) + ".py"])
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_odd_paths_beside_the_package_cost_nothing(tmp_path, name, write):
    path = write(tmp_path / f"ada.{write.__name__[-3:]}", PACKAGE | {name: b"x"})
    assert taken(path) == MODULES


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a\nb.py", "printable characters"),
        ("10:15.py", "printable characters"),
        ("half \udcff.py", "printable characters"),
        ("/".join("a" * 20) + ".py", "at most 12 folders"),
        ("a" * 1200 + ".py", "at most 12 folders and 1000 characters"),
        ("é" * 128 + ".py", "names of at most 255 bytes"),
        ("helpers.py/a.py", "folders without the ending .py"),
    ],
)
def test_a_file_of_the_package_that_cannot_be_a_module_is_left_out(tmp_path, name, expected):
    """The others are graded, and the student is told."""
    result = read(write_tar(tmp_path / "ada.tar", PACKAGE | {f"speech_enhancement/{name}": b"x"}))
    assert set(result.files) == set(MODULES)
    (note,) = result.notes
    assert expected in note and note.isprintable()


@pytest.mark.parametrize("other", ["stft.py", "STFT.py", "\uff53tft.py"], ids=["same", "case", "unicode"])
def test_two_files_of_one_name_are_refused_if_they_differ(tmp_path, other):
    twice = {"speech_enhancement/stft.py": b"x"}
    write_tar(tmp_path / "a.tar", PACKAGE)
    write_tar(tmp_path / "a.tar", {f"speech_enhancement/{other}": b"other"}, "a")
    assert "expected each file once, got different ones, 'speech_enhancement/stft.py' and" in refusal(
        tmp_path / "a.tar"
    )
    write_tar(tmp_path / "b.tar", twice)
    write_tar(tmp_path / "b.tar", {f"speech_enhancement/{other}": b"x"}, "a")
    assert taken(tmp_path / "b.tar")["stft.py"] == b"x"


def test_too_much_python_is_refused(tmp_path):
    bomb = write_zip(tmp_path / "a.zip", PACKAGE | {"speech_enhancement/b.py": bytes(entries.MAX_BYTES + 1)})
    assert bomb.stat().st_size < 100_000
    assert "expected at most 20 MB of Python, got more in 'speech_enhancement/b.py'" in refusal(bomb)
    parts = {f"speech_enhancement/{number}.py": bytes(entries.MAX_BYTES // 3) for number in range(4)}
    assert "expected at most 20 MB of Python" in refusal(write_tar(tmp_path / "b.tgz", PACKAGE | parts, "w:gz"))


def test_more_files_than_a_package_has_are_left_out(tmp_path):
    """Modules lie at the top, and those in the deepest folders are left out first."""
    many = {f"ada/notes/{number}.py": b"" for number in range(package_files.MAX_FILES)}
    result = read(write_zip(tmp_path / "a.zip", many | under("ada", MODULES)))
    assert {"__init__.py", "stft.py"} <= set(result.files) and len(result.files) == package_files.MAX_FILES
    assert result.notes == ("expected at most 1000 Python files; those in the deepest folders were left out",)


def test_notes_are_few(tmp_path):
    many = {f"speech_enhancement/{number}:.py": b"" for number in range(100)}
    notes = read(write_zip(tmp_path / "a.zip", PACKAGE | many)).notes
    assert len(notes) == reading.MAX_NOTES + 1 and notes[-1] == "80 more remarks of this kind"


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_truncated_archive_is_refused(tmp_path, name):
    path = WRITERS[name](tmp_path / name, {"speech_enhancement/noise.py": os.urandom(5000)} | PACKAGE)
    path.write_bytes(path.read_bytes()[:3000])
    assert "expected" in refusal(path)


@pytest.mark.parametrize("name", ARCHIVES)
def test_garbage_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(os.urandom(2000))
    assert refusal(tmp_path / name).startswith(f"{name}: expected a submission that can be read, got")


def test_a_submission_without_modules_is_refused(tmp_path):
    path = write_folder(tmp_path / "ada", {"essay.py": b"", "speech_enhancement/notes.txt": b""})
    assert refusal(path) == "ada: expected one folder speech_enhancement with modules such as stft.py, got none"
