"""The Pareto front of quality against cost."""

from collections.abc import Mapping


def pareto_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the names of the points that no other point surpasses, cheapest first.

    A point surpasses another one if it is at least as good and at least as cheap, and not equal to it.

    Args:
        points: quality, where more is better, and cost, where less is better, by name.

    Example:
        >>> pareto_front({"fast": (2.1, 0.01), "good": (2.7, 0.1), "neither": (2.0, 0.05)})
        ['fast', 'good']
    """
    front: list[str] = []
    for name in sorted(points, key=lambda name: (points[name][1], -points[name][0])):
        if not front or points[name][0] > points[front[-1]][0] or points[name] == points[front[-1]]:
            front.append(name)
    return front
