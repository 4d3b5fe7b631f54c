"""The plot: the order of points along both axes, the stairs of the front, labels that cover nothing."""

import itertools
import random

import pytest

from milestones.instructor.board.chart import FASTEST, Point, draw
from milestones.instructor.board.labels import Box, place_labels


def points(seed, count=25):
    draw_from = random.Random(seed)
    made = []
    for number in range(count):
        quality = draw_from.uniform(1, 4)
        interval = (quality - 0.2, quality + 0.1)
        made.append(Point(f"entry {number}", quality, 10 ** draw_from.uniform(-3, 1), "submission", interval))
    return made


@pytest.mark.parametrize("seed", range(5))
def test_places(seed):
    """Better is higher, faster is further left, and everything is within the frame."""
    chart = draw(points(seed), 900, 400, limit=0.1)
    assert len(chart.marks) == 25
    for one, other in itertools.combinations(chart.marks, 2):
        assert (one.y < other.y) == (one.point.quality > other.point.quality)
        assert (one.x < other.x) == (one.point.real_time_factor < other.point.real_time_factor)
        assert (one.x < chart.limit) == (one.point.real_time_factor < 0.1)
    for mark in chart.marks:
        low, high = mark.whisker
        assert chart.frame.bottom >= low > mark.y > high >= chart.frame.top
        assert chart.frame.left < mark.x < chart.frame.right
    assert all(chart.frame.left <= x <= chart.frame.right for x, _ in chart.x_ticks)


@pytest.mark.parametrize("seed", range(5))
def test_front_has_every_other_point_below_it(seed):
    """The stairs' corners are the points of the front; a point above the stairs would belong to them."""
    chart = draw(points(seed), 900, 400)
    corners = set(chart.front)
    for mark in chart.marks:
        assert mark.on_front == ((mark.x, mark.y) in corners)
        (height,) = {min(y for x, y in chart.front if x <= mark.x)} if mark.x >= chart.front[0][0] else {1e9}
        assert mark.y >= height


def test_one_point_has_a_plot():
    """Axes need no second value."""
    chart = draw([Point("only", 2.0, 0.01, "submission")], 380, 400)
    (mark,) = chart.marks
    assert mark.on_front and mark.label.text == "only" and len(chart.y_ticks) > 1 and chart.x_ticks


def test_next_to_no_time_does_not_stretch_the_axis():
    """A point without a cost is at the left edge, where it is named, and belongs to the front by its own cost."""
    others = [Point("ada", 2.0, 0.01, "submission"), Point("bob", 2.5, 0.2, "submission")]
    idle, fast = Point("noisy", 1.3, 1e-6, "reference"), Point("fast", 1.3, FASTEST, "submission")
    chart = draw([*others, idle, fast], 900, 400)
    places = {mark.point.title: mark.x for mark in chart.marks}
    assert chart.is_cut and places["noisy"] == places["fast"] < places["ada"] < places["bob"]
    assert {mark.point.title for mark in chart.marks if mark.on_front} == {"noisy", "ada", "bob"}
    assert not draw([*others, fast], 900, 400).is_cut


@pytest.mark.parametrize("seed", range(5))
def test_labels_cover_nothing(seed):
    """Of many points in a narrow plot only some have labels, and those that count most have theirs."""
    draw_from = random.Random(seed)
    texts = {i: (f"label {i}", (draw_from.uniform(50, 250), draw_from.uniform(50, 250))) for i in range(60)}
    obstacles = [Box(x, y, x, y).grown(5) for _, (x, y) in texts.values()]
    frame = Box(40, 40, 260, 260)
    placed = place_labels(texts, obstacles, frame)
    assert 3 < len(placed) < 60
    left = {"start": 0, "middle": 0.5, "end": 1}
    boxes = []
    for label in placed.values():
        width = 6 * len(label.text)
        start = label.x - left[label.anchor] * width
        boxes.append(Box(start, label.y - 6, start + width, label.y + 6))
    for one, other in itertools.combinations(boxes, 2):
        assert not one.meets(other)
    assert all(frame.holds(box) for box in boxes)
    assert not any(box.meets(obstacle) for box in boxes for obstacle in obstacles)
    assert 0 in place_labels(dict(list(texts.items())[:1]), obstacles[:1], Box(0, 0, 300, 300))
