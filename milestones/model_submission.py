"""Pack a trained model for handing in, after trying it by the loader that grading uses."""

import json
from collections.abc import Mapping
from pathlib import Path

from milestones.course import ROOT, CourseError, load_course
from milestones.model_check import print_check, read_pairs, try_model
from milestones.model_doubts import doubts_of_report, doubts_of_training, doubts_of_trial
from milestones.packing import WEIGHTS, check_is_complete, described, notebook_of, packed, packed_bytes, sources
from speech_enhancement.files.failures import missing_task
from speech_enhancement.files.state_file import StateFileError, read_state

RECORDINGS = "recordings"
"""Folder of the public recordings, in the milestone's folder."""

CONFIGURATION, LOG = "configuration.json", "log.jsonl"
"""Names in an archive of the configuration of model and training, and of the log."""


def submit_model(number: int, run: Path, out: Path, check: bool, root: Path = ROOT) -> None:
    """Write the archive of a model, and say what is in it; the same files always give the same bytes.

    Args:
        number: of the milestone.
        run: folder that `train` has written.
        out: archive to write; it replaces an earlier one, unless something is wrong.
        check: True to score the model on the public recordings, and to print its size, speed and memory; otherwise it
            only enhances the first of them.
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
    _check_size(out, contents, terms.archive_mebibytes)
    pairs = read_pairs(root / f"milestones/milestone{number}" / RECORDINGS)
    if not check:
        pairs = dict([min(pairs.items())])
    with packed(out, contents) as folder:
        trial = try_model(folder, pairs)
    others = [name for name in contents if name not in modules]
    print(f"packed: {', '.join(others)} and {len(modules)} modules")
    print(f"template: {root}")
    print(described(out))
    if check:
        try:
            print_check(trial, pairs, contents[WEIGHTS], terms)
        except NotImplementedError as error:
            # The student's own SI-SDR is used, which may be a stub.
            raise CourseError(f"--check: {missing_task(error) or error}") from None
    training = json.loads(contents[CONFIGURATION])["training"]
    report = notebook_of(root, number)
    doubts = [
        *doubts_of_trial(trial, pairs, terms),
        *doubts_of_training(run, contents[LOG], _read(run / "best.ckpt").get("epoch"), training),
        *doubts_of_report(report, contents.get(report, b"")),
    ]
    for doubt in doubts:
        print(f"warning: {doubt}")


def contents_of(run: Path, number: int, root: Path = ROOT) -> dict[str, bytes]:
    """Read what is packed, by its name in the archive.

    Raises:
        CourseError: the run has no model or no log.
    """
    _check_is_run(run)
    best, last = run / "best.ckpt", run / "last.ckpt"
    configuration = {
        "model": _read(best).get("extra"),
        "training": _read(last).get("configuration") if last.is_file() else None,
    }
    if configuration["model"] is None:
        raise CourseError(f"{best}: expected a model that training has saved, got another state")
    notebook = notebook_of(root, number)
    names = [notebook] * (root / notebook).is_file() + sources(root)
    contents = {
        WEIGHTS: best.read_bytes(),
        CONFIGURATION: json.dumps(configuration, indent=1).encode(),
        LOG: (run / "log.jsonl").read_bytes(),
    }
    return contents | {name: (root / name).read_bytes() for name in names}


def _check_is_run(run: Path) -> None:
    """Raise `CourseError` if there is no model and no log; the message names the folder that was probably meant."""
    expected = "--model: expected the folder of a training run"
    if run.is_file():
        raise CourseError(f"{expected}, got the file {run}; its folder is {run.parent}")
    if not run.is_dir():
        raise CourseError(f"{expected}, got no folder of the name {run}")
    if (run / "best.ckpt").is_file():
        if not (run / "log.jsonl").is_file():
            raise CourseError(f"{run / 'log.jsonl'}: expected the log that training writes beside the model, got none")
        return
    runs = sorted(str(path.parent) for path in run.glob("*/best.ckpt"))
    if runs:
        raise CourseError(f"{expected}, got {run}, which holds {len(runs)}: {', '.join(runs)}")
    raise CourseError(f"{run / 'best.ckpt'}: expected the model that training writes after its first epoch, got none")


def _read(path: Path) -> dict:
    """Read a checkpoint; raise `CourseError` if training has not written it."""
    try:
        state = read_state(path)
    except StateFileError:
        state = None
    if not isinstance(state, dict):
        # What torch.save writes is a pickle in a zip archive.
        raise CourseError(
            f"{path}: expected a model that training has saved (safetensors), got something else, such as a pickle"
        )
    return state


def _check_size(out: Path, contents: Mapping[str, bytes], mebibytes: int) -> None:
    """Raise `CourseError` if the archive would be too large; the message names what takes most of it."""
    size = packed_bytes(contents)
    if size > mebibytes * 2**20:
        largest = max(contents, key=lambda name: len(contents[name]))
        share = f"{len(contents[largest]) / 2**20:.1f} MiB of it in {largest}"
        most = f"{mebibytes} MiB, {mebibytes * 2**20:,} bytes"
        raise CourseError(f"{out}: expected at most {most}, got {size:,} bytes, {share}")
