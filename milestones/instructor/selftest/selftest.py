"""The command `selftest`: check the grader on submissions of known grade.

The reference must earn all points and the template none. If one stub is emptied, only its task and those that depend on
it may lose points. Every wrong solution must fail its own task, and every right one must pass. No attack may earn all
points of a task that it attacks. Attacks on the grading of models must end as `model_attacks` says.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tqdm.auto import tqdm

from milestones.course import ROOT, CourseError, load_course
from milestones.instructor.configuration import Selftest
from milestones.instructor.grading.jobs import Exam
from milestones.instructor.grading.passes import grade_in_passes
from milestones.instructor.sandbox.server_pool import Submit, local_servers
from milestones.instructor.selftest import attacks
from milestones.instructor.selftest.cases import KINDS, Case, all_cases
from milestones.instructor.selftest.model_cases import run_all
from speech_enhancement.files.processes import count_cores


def run(configuration: Selftest) -> int:
    """Grade all cases, or those of some kinds, and print the counts; return 1 if a grade is wrong."""
    if unknown := set(configuration.only) - set(KINDS):
        raise CourseError(f"--only: expected some of {', '.join(KINDS)}, got {', '.join(sorted(unknown))}")
    course = load_course()
    exams = {milestone.number: Exam.of(milestone) for milestone in course.tested}
    cases = [case for case in all_cases(course, exams) if not configuration.only or case.kind in configuration.only]
    jobs = configuration.jobs or count_cores()
    with local_servers(jobs) as submit:
        complaints = grade_cases(cases, submit)
    on_models = run_all(jobs) if not configuration.only or "attack" in configuration.only else []
    for kind in dict.fromkeys(case.kind for case in cases):
        of_kind = [complaint for case, complaint in zip(cases, complaints, strict=True) if case.kind == kind]
        print(f"{kind}: {sum(not complaint for complaint in of_kind)} of {len(of_kind)} graded as they must be")
    for case, complaint in zip(cases, complaints, strict=True):
        if complaint:
            print(f"{case.kind}: {case.title}: {complaint}")
    if on_models:
        n_right = sum(not outcome.complaint for outcome in on_models)
        print(f"attack on models: {n_right} of {len(on_models)} ended as they must")
    wrong = [outcome for outcome in on_models if outcome.complaint]
    for outcome in wrong:
        print(f"attack on models: {outcome.title}: {outcome.complaint}")
    for path in left_behind():
        print(f"left behind by an attack: {path}")
    return int(any(complaints) or bool(wrong) or bool(left_behind()))


def grade_cases(cases: Sequence[Case], submit: Submit) -> list[str]:
    """Return the complaint about the grade of each case; "" if the grade is right."""
    # Attacks look for the canary in the grader's environment.
    os.environ["SPEECH_COURSE_CANARY"] = attacks.CANARY
    # One milestone after the other, so that servers need not be started for every few cases.
    ordered = sorted(cases, key=lambda case: case.job.milestone)
    with tqdm(total=2 * len(cases), desc="selftest", unit="pass") as bar:
        results = dict(grade_in_passes([case.job for case in ordered], submit, bar.update))
    complaints = {id(case): case.complaint(results[number].tests) for number, case in enumerate(ordered)}
    return [complaints[id(case)] for case in cases]


def left_behind() -> list[Path]:
    """List files that attacks wrote where they must not, or that should have been removed."""
    folders = {Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path.home(), ROOT}
    return sorted(path for folder in folders for path in folder.glob(f"*{attacks.LEFT_BEHIND}*"))
