"""Pack a submission, after checking that it is complete and can be imported."""

import ast
import json
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from milestones.course import PACKAGE, ROOT, CourseError, Milestone, load_course, load_milestone
from milestones.packing import check_imports, check_is_complete, described, notebook_of, packed, sources
from milestones.stubs import find_stubs

_NO_ANSWER = "YOUR ANSWER HERE"  # What nbgrader puts in the place of an answer.


@dataclass(frozen=True)
class Submit:
    """Check that a milestone's work is complete and can be loaded, and pack it for handing in.

    python -m milestones submit 1

    python -m milestones submit 3 --model runs/mine --check
    """

    milestone: Positional[int]
    """Number of the milestone."""
    out: Path = Path("submission.zip")
    """Archive to write; an earlier one is replaced."""
    model: Path | None = None
    """For milestone 3, the folder of a training run, whose best.ckpt is handed in."""
    check: bool = False
    """For milestone 3, also measure the model as grading does, and score it on the public recordings."""


def run(configuration: Submit) -> int:
    """Pack a submission and say what is in it."""
    milestone = load_milestone(configuration.milestone)
    if milestone.model is None:
        if configuration.model is not None or configuration.check:
            option = "--model" if configuration.model is not None else "--check"
            raise CourseError(f"{option}: expected a milestone whose work is a model, got {milestone.number}")
        submit(milestone.number, configuration.out)
        return 0
    if configuration.model is None:
        raise CourseError(f"--model: expected the folder of a training run for milestone {milestone.number}, got none")
    # Imported here, since it imports torch.
    from milestones.model_submission import submit_model

    submit_model(milestone.number, configuration.model, configuration.out, configuration.check)
    _warn_of_answers(ROOT, milestone)
    return 0


def submit(number: int, out: Path, root: Path = ROOT) -> None:
    """Write the archive to hand in, and say what else to hand in; the same sources always give the same bytes.

    Args:
        number: of the milestone.
        out: archive to write; it replaces an earlier one, unless something is missing.
        root: the student's template.

    Raises:
        CourseError: a module is missing, is not Python, cannot be imported, or lacks the name of a task.
    """
    milestones = load_course(root).up_to(number).milestones
    names = sources(root)
    check_is_complete(root, names, milestones)
    with packed(out, {name: (root / name).read_bytes() for name in names}) as folder:
        check_imports(folder, milestones)
    own = [f"{PACKAGE}/{module}.py" for milestone in milestones for module in milestone.modules]
    print(f"packed: {', '.join(own)} and {len(names) - len(own)} other modules")
    print(described(out))
    for milestone in milestones:
        missing = _not_implemented(root, milestone)
        if missing:
            count = f"{len(missing)} of {len(milestone.tasks)} tasks"
            print(f"warning: {count} of milestone {milestone.number} are not implemented: {', '.join(missing)}")
    if milestones[-1].answers:
        name, count = notebook_of(root, number), len(milestones[-1].answers)
        print(f"hand in both: this archive, and {name} with your answers to its {count} questions")
        _warn_of_answers(root, milestones[-1])


def _not_implemented(root: Path, milestone: Milestone) -> list[str]:
    """List the ids of a milestone's tasks that still have a stub."""
    left = set()
    for module in milestone.modules:
        name = f"{PACKAGE}/{module}.py"
        tree = ast.parse((root / name).read_bytes())
        left |= {stub.task for stub in find_stubs(tree) if not stub.is_implemented}
    return [task.id for task in milestone.tasks if task.id in left]


def _warn_of_answers(root: Path, milestone: Milestone) -> None:
    """Print which questions of a milestone's notebook are left as they were handed out."""
    name = notebook_of(root, milestone.number)
    try:
        cells = json.loads((root / name).read_text(encoding="utf-8"))["cells"]
        sources = {cell["metadata"].get("nbgrader", {}).get("grade_id"): "".join(cell["source"]) for cell in cells}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        print(f"warning: {name}: expected the notebook with your answers, got none that can be read")
        return
    answers = [sources.get(answer.id, "").strip() for answer in milestone.answers]
    left = [str(number) for number, answer in enumerate(answers, start=1) if answer in ("", _NO_ANSWER)]
    if left:
        print(f"warning: {len(left)} of {len(milestone.answers)} answers are missing: {', '.join(left)}")
