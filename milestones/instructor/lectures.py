"""The command `lectures`: execute the lectures beside right solutions in other styles than the reference's.

Exercises are as students get them, not written yet.
"""

import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

from milestones.course import ROOT, CourseError
from milestones.instructor.configuration import Lectures
from milestones.instructor.notebooks import execute_all, find
from milestones.instructor.release.stripping import strip_notebook
from milestones.instructor.selftest import variants

STYLES = {
    "wide": (
        "2.2: group normalisation, a kernel of 7, a leaky activation",
        "2.3: a transposed convolution, cropped to the size of the skip",
        "2.5: the logarithm of the magnitude, nn.Sigmoid, dropout in training mode",
    ),
    "interpolating": (
        "2.2: normalisation of each image on its own, a branch around it, and a pre-activation",
        "2.3: bilinear interpolation and group normalisation",
        "2.4: one list of blocks by hand, counted backwards",
        "2.5: decibels, each item by its own mean, other names",
        "2.6: PyTorch's own transforms, real and imaginary part masked, another name",
    ),
    "plain": (
        "2.2: one convolution and an activation",
        "2.3: repetition, one convolution and an activation",
        "2.5: no more than its parts, on the square root of the magnitude",
    ),
}
"""For each style, tasks and titles of the right solutions that replace the reference's."""
LONG = (
    "05_augmentation",
    "06_unet",
    "07_training_on_a_gpu",
    "09_noise2noise",
    "10_filling_gaps",
    "11_final_project",
    "milestone2",
)
"""Notebooks that train for longer than the others; all that train the student's own network are among them."""


def run(configuration: Lectures) -> int:
    """Execute notebooks beside each style; return 1 if one has a fault other than a sentence that does not hold."""
    for name in configuration.only:
        if name not in STYLES:
            raise CourseError(f"only: expected one of {', '.join(STYLES)}, got {name}")
    names = [path.name for path in find(configuration.names)]
    n_cores = len(os.sched_getaffinity(0))
    jobs = configuration.jobs or n_cores
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        for style in configuration.only or STYLES:
            notebooks = make_course(Path(folder) / style, STYLES[style]) / "notebooks"
            paths = [notebooks / name for name in names]
            for execution in execute_all(paths, jobs, max(1, n_cores // jobs)):
                outcome = "; ".join(execution.complaints) or f"{execution.seconds:.0f} s"
                print(f"{style}: {execution.path.name}: {outcome}", flush=True)
                status |= bool(execution.faults)
    return status


def make_course(root: Path, style: Collection[str]) -> Path:
    """Make a folder with students' notebooks and a package in which some right solutions replace the reference's.

    Args:
        root: folder to make. The recordings that lectures synthesise are shared with this repository.
        style: tasks and titles of the solutions, "2.2: one convolution and an activation".

    Returns:
        The folder.

    Raises:
        CourseError: there is no right solution of such a title.
    """
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    for path in (root / "notebooks").glob("*.ipynb"):
        path.write_text(strip_notebook(path.read_text(encoding="utf-8"), path.name).text, encoding="utf-8")
    shutil.copytree(ROOT / "speech_enhancement", root / "speech_enhancement")
    (ROOT / "data").mkdir(exist_ok=True)
    (root / "data").symlink_to(ROOT / "data")
    right = variants.read(Path(variants.__file__).parent, "right")
    pieces = {f"{piece.task}: {piece.title}": piece for piece in right}
    for title in style:
        if title not in pieces:
            raise CourseError(f"{title}: expected the title of a right solution, got none of that name")
        module = root / "speech_enhancement" / f"{pieces[title].module}.py"
        module.write_text(f"{module.read_text(encoding='utf-8')}\n\n{pieces[title].code}", encoding="utf-8")
    return root
