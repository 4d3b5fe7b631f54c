"""Pack a trained model for handing in, after trying it by the loader that grading uses."""

import json
from pathlib import Path

from milestones.course import ROOT, CourseError, load_course
from milestones.model_check import print_check, read_pairs, try_model
from milestones.packing import WEIGHTS, check_is_complete, described, notebook_of, packed, sources
from speech_enhancement.files.failures import missing_task
from speech_enhancement.files.state_file import StateFileError, read_state

RECORDINGS = "recordings"
"""Folder of the public recordings, in the milestone's folder."""


def submit_model(number: int, run: Path, out: Path, check: bool, root: Path = ROOT) -> None:
    """Write the archive of a model, and say what is in it; the same files always give the same bytes.

    Args:
        number: of the milestone.
        run: folder that `train` has written.
        out: archive to write; it replaces an earlier one, unless something is wrong.
        check: True to score the model on the public recordings, and to print its size, speed and memory.
        root: the student's template.

    Raises:
        CourseError: something is missing, or the model does not load in a fresh process; or, once the archive is
            written, a task that the check needs is a stub.
    """
    course = load_course(root)
    terms = course.milestone(number).model
    contents = contents_of(run, number, root)
    modules = [name for name in contents if name.endswith(".py")]
    check_is_complete(root, modules, course.up_to(number).milestones)
    size = sum(map(len, contents.values()))
    if size > terms.archive_mebibytes * 2**20:
        raise CourseError(f"{out}: expected at most {terms.archive_mebibytes} MiB, got {size / 2**20:.1f} MiB")
    pairs = read_pairs(root / f"milestones/milestone{number}" / RECORDINGS) if check else {}
    with packed(out, contents) as folder:
        trial = try_model(folder, pairs)
    others = [name for name in contents if name not in modules]
    print(f"packed: {', '.join(others)} and {len(modules)} modules")
    print(described(out))
    if check:
        try:
            print_check(trial, pairs, contents[WEIGHTS], terms)
        except NotImplementedError as error:
            # The student's own SI-SDR is used, which may be a stub.
            raise CourseError(f"--check: {missing_task(error) or error}") from None


def contents_of(run: Path, number: int, root: Path = ROOT) -> dict[str, bytes]:
    """Read what is packed, by its name in the archive.

    Raises:
        CourseError: the run has no model or no log.
    """
    best, log, last = run / "best.ckpt", run / "log.jsonl", run / "last.ckpt"
    for path in (best, log):
        if not path.is_file():
            raise CourseError(f"{path}: expected the file that training writes, got none")
    try:
        configuration = {"model": read_state(best)["extra"]}
        configuration["training"] = read_state(last).get("configuration") if last.is_file() else None
    except (StateFileError, KeyError, TypeError, AttributeError):
        raise CourseError(f"{best}: expected a model that training has saved, got something else") from None
    notebook = notebook_of(root, number)
    names = [notebook] * (root / notebook).is_file() + sources(root)
    contents = {
        WEIGHTS: best.read_bytes(),
        "configuration.json": json.dumps(configuration, indent=1).encode(),
        "log.jsonl": log.read_bytes(),
    }
    return contents | {name: (root / name).read_bytes() for name in names}
