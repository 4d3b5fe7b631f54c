"""Labels beside the points of a plot, none of which covers a point, a line or another label."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_HEIGHT = 14
_GAP = 8
"""Between a point and its label, in CSS pixels."""
_WIDTH_OF_LETTER = 7
"""Of a letter of 12 CSS pixels, on the safe side of what common fonts take on average."""


@dataclass(frozen=True)
class Box:
    """A rectangle; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def grown(self, by: float) -> "Box":
        """Move each side outwards."""
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def ordered(self) -> "Box":
        """Exchange sides that are in the wrong order."""
        (left, right), (top, bottom) = sorted((self.left, self.right)), sorted((self.top, self.bottom))
        return Box(left, top, right, bottom)

    def meets(self, other: "Box") -> bool:
        """Return True if the two overlap."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: "Box") -> bool:
        """Return True if the other one lies within this one."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


@dataclass(frozen=True)
class Label:
    """A text, the middle of its line, and the side on which it begins, as SVG's `text-anchor` names it."""

    text: str
    x: float
    y: float
    anchor: str


def place_labels(
    texts: Mapping[int, tuple[str, tuple[float, float]]], obstacles: Sequence[Box], frame: Box
) -> dict[int, Label]:
    """Choose a place for each label in turn: right, left, above or below its point; without room it is left out.

    Args:
        texts: text and point of each label, the most important first.
        obstacles: what no label may cover.
        frame: what all labels lie within.
    """
    taken = list(obstacles)
    placed = {}
    for key, (text, point) in texts.items():
        for label, box in _candidates(text, *point):
            if frame.holds(box) and not any(box.meets(other) for other in taken):
                placed[key] = label
                taken.append(box)
                break
    return placed


def _candidates(text: str, x: float, y: float) -> list[tuple[Label, Box]]:
    width = _WIDTH_OF_LETTER * sum(2 if unicodedata.east_asian_width(letter) in "FW" else 1 for letter in text)
    places = [(x + _GAP, y, "start"), (x - _GAP, y, "end")]
    for level in (y - _HEIGHT, y + _HEIGHT):
        places += [(x, level, "middle"), (x + _GAP, level, "start"), (x - _GAP, level, "end")]
    candidates = []
    for at, level, anchor in places:
        left = at - {"start": 0, "middle": width / 2, "end": width}[anchor]
        candidates.append((Label(text, at, level, anchor), Box(left, level - 7, left + width, level + 7)))
    return candidates
