"""Figures of the training loop and of checkpoints, tasks 2.7 to 2.10."""

from matplotlib.figure import Figure

from milestones.instructor.figures.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    arrow,
    box,
    canvas,
    new_figure,
)


def epoch_loop() -> Figure:
    """Draw the steps of an epoch, and within it those of a batch."""
    figure = new_figure(4.0)
    axes = canvas(figure, 16, 8)
    axes.text(0.2, 7.6, "fit: for each epoch", weight="bold")
    places = (1.8, 5.3, 8.8, 13.0)
    texts = (
        "set_epoch(epoch)\nof the training data",
        "train_epoch",
        "validate",
        "lowest validation loss\nof this call?",
    )
    colours = (GREY, BLUE, GREEN, GREY)
    for x, text, colour in zip(places, texts, colours, strict=True):
        box(axes, x, 6.3, text, colour, 2.9 if x < 12 else 3.4, 1.2)
    arrow(axes, (3.25, 6.3), (3.85, 6.3))
    arrow(axes, (6.75, 6.3), (7.35, 6.3))
    arrow(axes, (10.25, 6.3), (11.3, 6.3))
    box(axes, 13.0, 4.5, "save_checkpoint", ORANGE, 3.4, 0.8)
    arrow(axes, (13.0, 5.7), (13.0, 4.9))
    axes.text(13.2, 5.3, "yes", va="center")
    axes.plot((14.7, 15.6, 15.6, 1.8), (6.3, 6.3, 7.4, 7.4), color="black", linewidth=1)
    arrow(axes, (1.8, 7.42), (1.8, 6.9))
    axes.text(15.5, 7.5, "no, or saved: next epoch", ha="right")
    axes.plot((3.85, 0.2), (5.7, 4.6), color=BLUE, linewidth=0.8, linestyle=":")
    axes.plot((6.75, 10.4), (5.7, 4.6), color=BLUE, linewidth=0.8, linestyle=":")
    axes.text(0.2, 4.15, "train_epoch: for each batch, in training mode", weight="bold", color=BLUE)
    steps = (
        "noisy, clean\nto the device",
        "loss of model(noisy)\nand clean",
        "clear the old gradients,\ncompute the new",
        "step of the\noptimizer",
    )
    centres = (1.5, 4.9, 9.1, 12.9)
    widths = (2.6, 3.0, 3.8, 2.4)
    for x, text, width in zip(centres, steps, widths, strict=True):
        box(axes, x, 3.1, text, BLUE, width, 1.1)
    for one in range(3):
        arrow(axes, (centres[one] + widths[one] / 2, 3.1), (centres[one + 1] - widths[one + 1] / 2, 3.1))
    axes.text(0.2, 1.55, "validate: for each batch, in evaluation mode, without gradients", weight="bold", color=GREEN)
    for x, text, width in zip(centres[:2], steps[:2], widths[:2], strict=True):
        box(axes, x, 0.6, text, GREEN, width, 1.1)
    arrow(axes, (2.8, 0.6), (3.4, 0.6))
    axes.text(6.7, 0.6, "then every submodule is put back\ninto its own mode", va="center", linespacing=1.35)
    axes.text(11.4, 0.6, "Both return the mean loss over\nexamples, not over batches.", va="center", style="italic")
    return figure


def checkpoint() -> Figure:
    """Draw what going on depends on, what of it is in the file, and how the file is replaced."""
    figure = new_figure(4.3)
    axes = canvas(figure, 16, 8.6)
    axes.text(0.2, 8.2, "What the next epoch depends on", weight="bold")
    rows = (
        ("model.state_dict()", "weights, and buffers such as\nrunning means and variances", ORANGE),
        ("optimizer.state_dict()", "Adam: m, v and t of each weight;\nthe learning rate", ORANGE),
        ("epoch and extras", "the last finished epoch; numbers,\ntexts, tensors, collections of them", ORANGE),
        ("not in the file", "pairs and their order: they follow\nfrom seed and epoch (2.1)", GREY),
    )
    for number, (name, text, colour) in enumerate(rows):
        y = 7.1 - 1.75 * number
        box(axes, 1.9, y, name, colour, 3.5, 1.3)
        axes.text(3.9, y, text, va="center", linespacing=1.35)
    axes.plot((8.55, 8.55), (0.3, 8.4), color=GREY, linewidth=0.6)
    axes.text(8.9, 8.2, "How the file is replaced", weight="bold")
    steps = (
        ("before", "old", None, "the old file"),
        ("while it is\nwritten", "old", "half of new", "the old file"),
        ("when it is\ncomplete", "old", "new", "the old file"),
        ("after the\nrenaming", "new", None, "the new file"),
    )
    for x, text in ((11.2, "run.ckpt"), (13.1, "beside it"), (15.0, "a reader gets")):
        axes.text(x, 7.4, text, ha="center", va="center", style="italic")
    for number, (when, file, beside, found) in enumerate(steps):
        y = 6.3 - 1.5 * number
        axes.text(8.9, y, when, va="center", linespacing=1.35)
        box(axes, 11.2, y, file, BLUE if file == "old" else GREEN, 1.5, 0.9)
        if beside:
            box(axes, 13.1, y, beside, VERMILLION if "half" in beside else GREEN, 1.9, 0.9)
        axes.text(15.0, y, found, ha="center", va="center")
    arrow(axes, (12.6, 2.85), (11.95, 2.05))
    return figure
