"""The figure of the U-Net, tasks 2.2 to 2.5."""

from matplotlib.figure import Figure

from milestones.instructor.figures.drawing import BLUE, GREEN, GREY, VERMILLION, arrow, box, canvas, new_figure

_CHANNELS = (16, 32, 48, 64, 64)
_SIZE = (257, 126)


def u_net() -> Figure:
    """Draw the default U-Net with the sizes of one second: down on the left, up on the right, skips across."""
    figure = new_figure(5.0)
    axes = canvas(figure, 16, 10.4)
    sizes = [_SIZE]
    for _ in _CHANNELS[1:]:
        sizes.append(tuple(-(-length // 2) for length in sizes[-1]))
    texts = [f"{n} × {freq} × {frames}" for n, (freq, frames) in zip(_CHANNELS, sizes, strict=True)]
    deepest = len(_CHANNELS) - 1
    left, right, top, step = 4.2, 11.8, 8.2, 1.85
    for level, text in enumerate(texts[:-1]):
        y = top - step * level
        box(axes, left, y, f"$x_{level}$: {text}", BLUE, 3.0)
        box(axes, right, y, f"$z_{level}$: {text}", GREEN, 3.0)
        arrow(axes, (left + 1.5, y), (right - 1.5, y), VERMILLION, dashed=True)
        axes.text(8, y + 0.12, f"skip $x_{level}$", ha="center", va="bottom", color=VERMILLION)
        before, after = _CHANNELS[level], _CHANNELS[level + 1]
        end = y - step + 0.35
        if level < deepest - 1:
            arrow(axes, (left, y - 0.35), (left, end))
            arrow(axes, (right, end), (right, y - 0.35))
        else:
            arrow(axes, (left, y - 0.35), (7.2, end))
            arrow(axes, (8.8, end), (right, y - 0.35))
        axes.text(left - 0.3, y - step / 2, f"DownBlock({before}, {after})", ha="right", va="center")
        axes.text(right + 0.3, y - step / 2, f"UpBlock({after}, {before}, {before})", ha="left", va="center")
    box(axes, 8, top - step * deepest, f"$x_{deepest}$: {texts[-1]}, the bottleneck", GREY, 5.2)
    freq, frames = _SIZE
    box(axes, left, top + 1.75, f"magnitude: 1 × {freq} × {frames}", GREY, 3.8)
    box(axes, right, top + 1.75, f"mask: 1 × {freq} × {frames}", GREY, 3.8)
    arrow(axes, (left, top + 1.4), (left, top + 0.35))
    arrow(axes, (right, top + 0.35), (right, top + 1.4))
    axes.text(left - 0.3, top + 0.87, "convolution", ha="right", va="center")
    axes.text(right + 0.3, top + 0.87, "1 × 1 convolution, sigmoid", ha="left", va="center")
    axes.text(8, top + 1.75, "channels × frequencies\n× frames", ha="center", va="center", style="italic")
    return figure
