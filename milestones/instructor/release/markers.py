"""nbgrader's markers in a source, at which solutions and hidden tests begin and end."""

import difflib
import re
from dataclasses import dataclass

from milestones.course import CourseError

SOLUTION = "SOLUTION"
HIDDEN_TESTS = "HIDDEN TESTS"
_MARKERS = {f"### {word} {kind}": (word, kind) for word in ("BEGIN", "END") for kind in (SOLUTION, HIDDEN_TESTS)}
_LIKE_A_MARKER = re.compile(r"\b(begin|end)[\W_]*(solution|hidden[\W_]*test)", re.IGNORECASE)


@dataclass(frozen=True)
class Region:
    """A part of a source between two markers.

    Attributes:
        kind: `SOLUTION` or `HIDDEN_TESTS`.
        begin: line of the first marker, from 1.
        end: line of the second.
    """

    kind: str
    begin: int
    end: int

    def __contains__(self, line: int) -> bool:
        return self.begin < line < self.end


def find_regions(text: str, places: list[str]) -> list[Region]:
    """Find the regions of a source, in order.

    Args:
        text: the source.
        places: name of each of its lines in messages, "speech_enhancement/stft.py:38".

    Raises:
        CourseError: a marker is misspelled, has no partner, or is inside another region.
    """
    regions: list[Region] = []
    kind, begin = None, 0
    for number, line in enumerate(text.split("\n"), start=1):
        marker = _MARKERS.get(line.strip())
        place = places[number - 1]
        if marker is None:
            _check_is_no_marker(line, place)
        elif marker[0] == "BEGIN":
            if kind is not None:
                raise CourseError(f"{place}: expected ### END {kind} first, got {line.strip()}")
            kind, begin = marker[1], number
        elif kind != marker[1]:
            expected = f"### END {kind}" if kind else f"### BEGIN {marker[1]} before it"
            raise CourseError(f"{place}: expected {expected}, got {line.strip()}")
        else:
            regions.append(Region(kind, begin, number))
            kind = None
    if kind is not None:
        raise CourseError(f"{places[begin - 1]}: expected ### END {kind} after it, got the end of the source")
    return regions


def _check_is_no_marker(line: str, place: str) -> None:
    text = line.strip()
    nearest = difflib.get_close_matches(text.upper(), _MARKERS, n=1, cutoff=0.8) if text.startswith("#") else []
    if _LIKE_A_MARKER.search(text):
        nearest = nearest or difflib.get_close_matches(text.upper(), _MARKERS, n=1, cutoff=0)
    if nearest:
        raise CourseError(f"{place}: expected {nearest[0]}, got {text}")
