"""Safe reading of submissions: good layouts give the same files; hostile or broken ones are refused with their name."""

import io
import os
import stat
import struct
import tarfile
import time
import zipfile
from datetime import datetime, timezone
from pathlib import Path

import pytest

from milestones.instructor.grading import submissions
from milestones.instructor.grading.submissions import Refused, find, submitted, unpack

MODULES = {"__init__.py": b"", "stft.py": b"def stft():\n    pass\n", "networks/blocks.py": b"x = 1\n"}
IN_TEMPLATE = {f"speech_enhancement/{name}": content for name, content in MODULES.items()}


def write_folder(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def write_zip(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name), content, compression)
    return path


def write_tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            entry = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def tar_entry(name, kind, target=""):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def under(folder, files):
    return {f"{folder}/{name}": content for name, content in files.items()}


def taken(path, destination):
    unpack(path, destination)
    root = destination / "speech_enhancement"
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


WRITERS = {
    "ada": write_folder,
    "ada.zip": write_zip,
    "ada.tar": write_tar,
    "ada.tar.gz": lambda path, files: write_tar(path, files, "w:gz"),
    "ada.tar.bz2": lambda path, files: write_tar(path, files, "w:bz2"),
    "ada.txz": lambda path, files: write_tar(path, files, "w:xz"),
    "ada (gzip).tar": lambda path, files: write_tar(path, files, "w:gz"),
}
LAYOUTS = {
    "modules alone": MODULES,
    "package": IN_TEMPLATE,
    "enclosing folder": under("ada", IN_TEMPLATE),
    "enclosing folder of modules": under("handed in", MODULES),
    "template": {
        **IN_TEMPLATE,
        "README.md": b"#",
        "tests/conftest.py": b"raise SystemExit",
        "tests/milestone1/test_stft.py": b"",
    },
}


@pytest.mark.parametrize("files", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_gives_the_same_files(tmp_path, name, files):
    path = WRITERS[name](tmp_path / name, files)
    assert taken(path, tmp_path / "out") == MODULES


def test_hash_is_of_names_and_contents_alone(tmp_path):
    paths = [
        write(tmp_path / f"{number} {name}", LAYOUTS["template"])
        for number, (name, write) in enumerate(WRITERS.items())
    ]
    hashes = {unpack(path, tmp_path / "out" / path.name) for path in paths}
    assert len(hashes) == 1
    other = write_zip(tmp_path / "other.zip", IN_TEMPLATE | {"speech_enhancement/stft.py": b"def stft():\n    pasS\n"})
    assert unpack(other, tmp_path / "out" / "other") not in hashes


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
    path = write_zip(tmp_path / "ada.zip", IN_TEMPLATE | ignored)
    assert taken(path, tmp_path / "out") == MODULES


@pytest.mark.parametrize(
    "name",
    [
        "/etc/x.py",
        "../x.py",
        "speech_enhancement/../../x.py",
        "speech_enhancement\\..\\x.py",
        "C:/x.py",
        "speech_enhancement/a\nb.py",
        "/".join("a" * 20) + ".py",
        "speech_enhancement/" + "a" * 1200 + ".py",
    ],
)
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_path_tricks_are_refused_by_name(tmp_path, name, write):
    path = write(tmp_path / f"ada.{write.__name__[-3:]}", IN_TEMPLATE | {name: b"x"})
    with pytest.raises(Refused, match=r"ada\.(zip|tar): expected paths inside the submission, got"):
        unpack(path, tmp_path / "out" / "deep")
    assert not (tmp_path / "out").exists()


def test_a_name_with_a_null_byte_is_refused(tmp_path):
    path = write_zip(tmp_path / "ada.zip", IN_TEMPLATE | {"speech_enhancement/aXb.py": b"x"})
    path.write_bytes(path.read_bytes().replace(b"aXb.py", b"a\0b.py"))
    with pytest.raises(Refused, match="expected paths inside the submission"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    link = tar_entry("speech_enhancement/masking.py", kind, "/etc/passwd")
    path = write_tar(tmp_path / "ada.tar", IN_TEMPLATE | {link: b""})
    with pytest.raises(Refused, match="expected regular files, got a link or device, 'speech_enhancement/masking.py'"):
        unpack(path, tmp_path / "out")


def test_a_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("speech_enhancement/masking.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = write_zip(tmp_path / "ada.zip", IN_TEMPLATE | {link: b"/etc/passwd"})
    with pytest.raises(Refused, match="got a link or device"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc"), os.mkfifo], ids=["link", "fifo"])
def test_links_and_devices_in_a_folder_are_refused(tmp_path, make):
    path = write_folder(tmp_path / "ada", IN_TEMPLATE)
    make(path / "speech_enhancement" / "masking.py")
    with pytest.raises(Refused, match="got a link or device"):
        unpack(path, tmp_path / "out")


def test_the_package_may_not_be_a_link(tmp_path):
    write_folder(tmp_path / "grace", IN_TEMPLATE)
    path = write_folder(tmp_path / "ada", {"README.md": b""})
    (path / "speech_enhancement").symlink_to(tmp_path / "grace" / "speech_enhancement")
    with pytest.raises(Refused, match="link or device"):
        unpack(path, tmp_path / "out")


def test_a_bomb_of_python_is_refused(tmp_path):
    bomb = bytes(submissions.MAX_BYTES + 1)
    path = write_zip(tmp_path / "a.zip", IN_TEMPLATE | {"speech_enhancement/b.py": bomb})
    assert path.stat().st_size < 100_000
    with pytest.raises(Refused, match="expected at most 20 MB of Python, got more in 'speech_enhancement/b.py'"):
        unpack(path, tmp_path / "out")


def test_a_bomb_in_parts_is_refused(tmp_path):
    part = bytes(submissions.MAX_BYTES // 3)
    parts = {f"speech_enhancement/{number}.py": part for number in range(4)}
    with pytest.raises(Refused, match="expected at most 20 MB of Python"):
        unpack(write_tar(tmp_path / "a.tgz", IN_TEMPLATE | parts, "w:gz"), tmp_path / "out")


def test_a_bomb_beside_the_package_is_not_unpacked(tmp_path):
    other = {"weights.bin": bytes(submissions.MAX_UNPACKED_BYTES + 1)}
    with pytest.raises(Refused, match="a.tgz: expected at most 200 MB unpacked, got more"):
        unpack(write_tar(tmp_path / "a.tgz", other | IN_TEMPLATE, "w:gz"), tmp_path / "out")
    path = write_zip(tmp_path / "a.zip", other | IN_TEMPLATE)
    assert taken(path, tmp_path / "fine") == MODULES


def test_too_many_files_are_refused(tmp_path):
    many = {f"{number}.txt": b"" for number in range(submissions.MAX_MEMBERS + 1)}
    with pytest.raises(Refused, match="expected at most 10000 files, got more"):
        unpack(write_zip(tmp_path / "a.zip", IN_TEMPLATE | many, zipfile.ZIP_STORED), tmp_path / "out")


def test_a_declared_size_is_not_believed(tmp_path):
    """A zip that declares one byte and holds 40 MB ends in a refusal, not in 40 MB."""
    name = "speech_enhancement/b.py"
    path = write_zip(tmp_path / "a.zip", {name: bytes(2 * submissions.MAX_BYTES)} | IN_TEMPLATE)
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 2 * submissions.MAX_BYTES), struct.pack("<I", 1)))
    with pytest.raises(Refused, match=r"a\.zip: expected"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "ada"])
def test_a_truncated_archive_is_refused(tmp_path, name):
    path = WRITERS[name](tmp_path / name, {"speech_enhancement/noise.py": os.urandom(5000)} | IN_TEMPLATE)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(Refused, match="expected"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "ada"])
def test_garbage_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(os.urandom(2000))
    with pytest.raises(Refused, match="expected a submission that can be read, got"):
        unpack(tmp_path / name, tmp_path / "out")


def test_an_encrypted_archive_is_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", IN_TEMPLATE)
    content = bytearray(path.read_bytes())
    start = content.find(b"PK\x01\x02")
    while start >= 0:
        content[start + 8] |= 1
        start = content.find(b"PK\x01\x02", start + 1)
    path.write_bytes(content)
    with pytest.raises(Refused, match="without a password"):
        unpack(path, tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("other", ["stft.py", "STFT.py", "\uff53tft.py"], ids=["same", "case", "unicode"])
def test_two_files_of_one_name_are_refused(tmp_path, other):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("stft.py", other):
            archive.addfile(tarfile.TarInfo(f"speech_enhancement/{name}"))
    with pytest.raises(Refused, match="expected each file once, got 'speech_enhancement/stft.py' and"):
        unpack(tmp_path / "a.tar", tmp_path / "out")


def test_no_package_and_two_packages_are_refused(tmp_path):
    none = write_zip(tmp_path / "none.zip", {"essay.py": b"", "notes.txt": b""})
    with pytest.raises(Refused, match="none.zip: expected one folder speech_enhancement with Python files, got none"):
        unpack(none, tmp_path / "out")
    two = write_zip(tmp_path / "two.zip", under("first", IN_TEMPLATE) | under("second", IN_TEMPLATE))
    with pytest.raises(Refused, match="got first/speech_enhancement and second/speech_enhancement"):
        unpack(two, tmp_path / "out")


def test_find_takes_folders_and_archives(tmp_path):
    write_folder(tmp_path / "ada", IN_TEMPLATE)
    write_zip(tmp_path / "grace.zip", IN_TEMPLATE)
    write_tar(tmp_path / "edsger.tar.gz", IN_TEMPLATE, "w:gz")
    (tmp_path / "notes.txt").write_text("not a submission")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "ada")
    assert [submissions.name(path) for path in find(tmp_path)] == ["ada", "edsger", "grace"]
    assert [path.name for path in submissions.left_out(tmp_path)] == ["link", "notes.txt"]


def test_an_archive_where_nbgrader_puts_it_is_found(tmp_path):
    inner = tmp_path / "ada" / "milestone1"
    inner.mkdir(parents=True)
    write_zip(inner / "milestone1.zip", IN_TEMPLATE)
    (inner / "timestamp.txt").write_text("2026-03-01 12:30:00.000000 UTC")
    (path,) = find(tmp_path)
    assert taken(path, tmp_path / "out") == MODULES
    assert submitted(path) == datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)


@pytest.mark.parametrize("notebook", ["milestone1.ipynb", "notebooks/milestone1.ipynb"])
def test_a_notebook_may_lie_beside_the_archive(tmp_path, notebook):
    path = write_folder(tmp_path / "ada", {notebook: b"{}"})
    write_zip(path / "submission.zip", IN_TEMPLATE)
    assert taken(path, tmp_path / "out") == MODULES


@pytest.mark.parametrize("name", ["helpers.py/a.py", "stft.py/a.py"])
@pytest.mark.parametrize("write", [write_zip, write_tar], ids=["zip", "tar"])
def test_a_folder_that_is_called_as_a_module_is_refused(tmp_path, write, name):
    """A folder with such a name would be read as a file, or stand in the way of one."""
    path = write(
        tmp_path / "ada.zip" if write is write_zip else tmp_path / "ada.tar",
        under("speech_enhancement", MODULES | {name: b""}),
    )
    with pytest.raises(Refused, match="expected folders without the ending .py"):
        unpack(path, tmp_path / "out")


def test_a_name_that_no_disk_takes_is_refused(tmp_path):
    path = write_zip(tmp_path / "ada.zip", under("speech_enhancement", MODULES | {f"{'é' * 128}.py": b""}))
    with pytest.raises(Refused, match="expected names of at most 255 bytes"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_at_the_ends_of_the_calendar_is_none(tmp_path, stamp):
    path = write_folder(tmp_path / "ada", IN_TEMPLATE | {"timestamp.txt": stamp.encode()})
    assert 2000 < submitted(path).year < 2200


def test_time_of_submission_is_that_of_the_newest_file(tmp_path):
    path = write_folder(tmp_path / "ada", IN_TEMPLATE)
    moment = time.mktime((2026, 5, 1, 12, 0, 0, 0, 0, -1))
    for number, file in enumerate(sorted(file for file in path.rglob("*") if file.is_file())):
        os.utime(file, (moment - number, moment - number))
    assert submitted(path).timestamp() == moment
    (path / "timestamp.txt").write_text("not a time")
    assert submitted(path).timestamp() > moment


def test_nothing_is_written_outside(tmp_path):
    path = write_zip(tmp_path / "ada.zip", IN_TEMPLATE)
    before = set(Path(tmp_path).rglob("*"))
    unpack(path, tmp_path / "out")
    assert {file for file in Path(tmp_path).rglob("*") if not file.is_relative_to(tmp_path / "out")} == before


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: expected a folder of submissions, got none"):
        find(tmp_path / "nowhere")
