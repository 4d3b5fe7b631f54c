"""The Pareto front against its definition."""

import random

import pytest

from speech_enhancement.evaluation.pareto import pareto_front


@pytest.mark.parametrize("seed", range(20))
def test_front_is_what_no_point_surpasses(seed):
    """Few values, so that points often have the same quality or cost, or both."""
    draw = random.Random(seed)
    points = {str(i): (draw.randrange(5), draw.randrange(5)) for i in range(draw.randrange(12))}

    def is_surpassed(point):
        return any(other != point and other[0] >= point[0] and other[1] <= point[1] for other in points.values())

    front = pareto_front(points)
    assert set(front) == {name for name, point in points.items() if not is_surpassed(point)}
    assert [points[name][1] for name in front] == sorted(points[name][1] for name in front)
