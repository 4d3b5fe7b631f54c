"""The options of the instructors' commands: one frozen dataclass for each command, read from the command line by tyro.

Nothing here imports torch, so that `--help` answers at once.
"""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional


@dataclass(frozen=True)
class Release:
    """Write the template that students start from: stubs, visible tests, handouts and notebooks.

    python -m milestones release ../template --milestone 1
    """

    out: Positional[Path]
    """Folder to make; it must not hold anything yet."""
    milestone: int | None = None
    """Last milestone whose tests and handout are released; by default all are. The stubs of all are always released."""


@dataclass(frozen=True)
class NbgraderCourse:
    """Write a course folder for nbgrader, or renew the assignments of one.

    python -m milestones course ../course
    """

    out: Positional[Path]
    """Folder to make or renew. Gradebook, submissions and grades stay as they are."""


@dataclass(frozen=True)
class Grade:
    """Grade a class of submissions: by all tests, or, if the work is a trained model, on hidden recordings.

    python -m milestones grade submitted --milestone 1 --out grades

    python -m milestones grade submitted --milestone 3 --recordings hidden --out grades3

    Run again, it resumes. It reads `overrides.csv` (submission, milestone, task, points, reason) and `extensions.csv`
    (submission, milestone, hours, reason) from the folder of the grades.
    """

    submissions: Positional[Path]
    """Folder that holds a folder or an archive for each submission."""
    milestone: int
    """Number of the milestone."""
    out: Path
    """Folder for results.jsonl, grades.csv, a feedback page for each submission and the page of the class, or, of
    models, for models.jsonl, grades.csv, scores.csv and feedback; each milestone needs its own."""
    recordings: Path | None = None
    """For models, folder of the hidden recordings: `noisy` and `clean`, or `speech` and `noise`, which are mixed."""
    seed: int = 0
    """For models, decides how speech and noise are mixed."""
    jobs: int | None = None
    """Submissions at a time; by default as many as there are cores."""
    dask: str | None = None
    """Address of a Dask scheduler whose workers have this repository; they grade instead of this machine."""
    allow_weak_isolation: bool = False
    """Grade even if the host lacks Landlock or seccomp, as macOS does; do so only if you trust the submissions."""


@dataclass(frozen=True)
class Board:
    """Write the page of milestone 3 on which the graded models are ranked, seen and heard.

    python -m milestones board board --grades grades/milestone3

    It opens in a browser from the folder itself, and from any server of files.
    """

    out: Positional[Path]
    """Folder for index.html, and for the sounds and pictures beside it."""
    grades: Path
    """Folder that `grade` has written."""
    pseudonyms: bool = False
    """Call entries by pseudonyms, drawn from their files, so that an entry keeps its own when the page is renewed."""


@dataclass(frozen=True)
class Selftest:
    """Check the grader on submissions of known grade: reference, template, wrong and right solutions, attacks."""

    only: tuple[str, ...] = ()
    """Kinds of submissions: reference, template, "one stub emptied", wrong, right, attack; by default all."""
    jobs: int | None = None
    """Submissions at a time; by default as many as there are cores."""


@dataclass(frozen=True)
class Demo:
    """Run the course on a small scale: release the template, and grade submissions of milestone 1 and of models.

    python -m milestones demo demo/course --run demo/run --pairs demo/voices/pairs
    """

    out: Positional[Path]
    """Folder to make."""
    run: Path
    """Folder of a training run, whose model is handed in."""
    pairs: Path
    """Folder of noisy and clean recordings, some of which are the hidden ones."""


@dataclass(frozen=True)
class Notebooks:
    """Execute the lecture notebooks again, each in a fresh kernel, and write their outputs into them.

    python -m milestones notebooks 01_spectrograms
    """

    names: Positional[tuple[str, ...]] = ()
    """Names of notebooks, without folder and ending; by default all."""
    jobs: int | None = None
    """Notebooks at a time; by default as many as there are cores. Use 1 on a GPU."""


@dataclass(frozen=True)
class Lectures:
    """Execute the lecture notebooks beside right solutions in other styles; the stored outputs stay as they are.

    python -m milestones lectures 06_unet --only plain
    """

    names: Positional[tuple[str, ...]] = ()
    """Names of notebooks, without folder and ending; by default all."""
    only: tuple[str, ...] = ()
    """Styles: wide, interpolating, plain; by default all."""
    jobs: int | None = None
    """Notebooks at a time; by default as many as there are cores."""


@dataclass(frozen=True)
class Figures:
    """Draw the figures of the handouts again.

    python -m milestones figures
    """


COMMANDS = {
    "release": (Release, "milestones.instructor.release.template"),
    "course": (NbgraderCourse, "milestones.instructor.gradebook.course_folder"),
    "grade": (Grade, "milestones.instructor.grade"),
    "board": (Board, "milestones.instructor.board.board"),
    "selftest": (Selftest, "milestones.instructor.selftest.selftest"),
    "demo": (Demo, "milestones.instructor.demo"),
    "notebooks": (Notebooks, "milestones.instructor.notebooks"),
    "lectures": (Lectures, "milestones.instructor.lectures"),
    "figures": (Figures, "milestones.instructor.figures.figures"),
}
"""For each command, its dataclass and the module whose `run` carries it out."""
