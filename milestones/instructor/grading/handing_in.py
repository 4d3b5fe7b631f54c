"""The time of handing in: the one that nbgrader writes, or else that of the newest file."""

from datetime import datetime, timezone
from pathlib import Path

from milestones.instructor.grading.entries import FILE, is_package_name
from milestones.instructor.grading.folders import Folder

_STAMP = "timestamp.txt"
_YEARS = range(1970, 3000)


def of_path(path: Path) -> float:
    """Time of a folder or file itself, in seconds since 1970; 0 if there is none in the calendar."""
    try:
        status = path.lstat()
    except OSError:
        return 0.0
    return next((time for time in (status.st_mtime, status.st_ctime) if _is_in_calendar(time)), 0.0)


def of_folder(folder: Folder) -> float | None:
    """Time of a folder's newest file, in seconds since 1970; None if it holds none."""
    times = [each.modified for each in folder.entries if each.kind == FILE and _is_in_calendar(each.modified)]
    return max(times, default=None)


def stamped(folder: Folder, within: str | None = None) -> float | None:
    """Time in nbgrader's `timestamp.txt`, in seconds since 1970; None without such a file.

    Args:
        folder: the submission.
        within: folder in it that is known to be that of the assignment.

    nbgrader writes it into `submitted/STUDENT/ASSIGNMENT`. Therefore a file of this name counts directly in the
    submission's folder, or in the only folder there, but not in the package or further below, where a student may have
    put it.
    """
    stamps = [(_STAMP,)]
    if within is not None:
        stamps.append((within, _STAMP))
    if len(folder.top) == 1 and not is_package_name(folder.top[0]):
        stamps.append((folder.top[0], _STAMP))
    for stamp in stamps:
        moment = _moment(folder.read_text(*stamp).strip())
        if moment is not None:
            return moment.timestamp()
    return None


def _is_in_calendar(seconds: float) -> bool:
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc).year in _YEARS
    except (ValueError, OverflowError, OSError):
        return False


def _moment(text: str) -> datetime | None:
    """Parse a time in the format of nbgrader's exchange, in UTC unless it has an offset; None for other texts."""
    for suffix in (" UTC", ""):
        try:
            moment = datetime.fromisoformat(text.removesuffix(suffix))
        except ValueError:
            continue
        # The first and last moments of the calendar do not exist in other time zones.
        if moment.year in _YEARS:
            return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return None
