"""Check that a handout says of tasks, points and limits what `milestone.toml` and the tests say."""

import re
from collections.abc import Iterator, Sequence

from milestones.course import CourseError, Milestone
from milestones.graded_tests import GradedTest
from milestones.model_terms import ModelTerms

_HEADING = re.compile(r"## Task (\d+\.\d+): \S")
_METRICS = {"pesq": "PESQ of {:g}", "si_sdr": "SI-SDR of {:g} dB", "stoi": "STOI of {:g}"}
_LIKE_A_HEADING = re.compile(r"#+\s*Task\b", re.IGNORECASE)


def check_headings(text: str, name: str, milestone: Milestone, places: dict[str, str]) -> None:
    """Check that each task has one heading in the handout, and each heading a task.

    Args:
        text: the handout.
        name: its path, for messages.
        milestone: the milestone.
        places: places of its tasks in `milestone.toml`.

    Raises:
        CourseError: one has none, or a task has two.
    """
    ids = {task.id for task in milestone.tasks}
    seen = set()
    for number, line in enumerate(text.split("\n"), start=1):
        if _LIKE_A_HEADING.match(line):
            match = _HEADING.match(line)
            if match is None:
                raise CourseError(f"{name}:{number}: expected a heading '## Task 1.1: Title', got '{line}'")
            if match[1] not in ids or match[1] in seen:
                reason = "a second one for" if match[1] in seen else "one for"
                raise CourseError(f"{name}:{number}: expected a heading for each task, got {reason} {match[1]}")
            seen.add(match[1])
    for task in milestone.tasks:
        if task.id not in seen:
            raise CourseError(f"{places[task.id]}: expected a heading '## Task {task.id}: ...' in {name}, got none")


def check_rules(text: str, name: str, milestone: Milestone) -> None:
    """Check that the title and the rules of grading are those of `milestone.toml`.

    Raises:
        CourseError: the handout lacks a sentence with these numbers; the message quotes it.
    """
    title = f"# Milestone {milestone.number}: {milestone.title}"
    first = text.partition("\n")[0]
    if first != title:
        raise CourseError(f"{name}:1: expected the title '{title}', got '{first}'")
    words = " ".join(text.split())
    for rule in _rules(milestone):
        if rule not in words:
            raise CourseError(f"{name}:1: expected the words '{rule}', as in milestone.toml, got none")


def _rules(milestone: Milestone) -> Iterator[str]:
    if milestone.model is not None:
        yield from _rules_of_model(milestone.model)
        report = sum(answer.points for answer in milestone.answers)
        yield f"The model earns up to {milestone.points:g} points and the report up to {report:g}"
    else:
        gibibytes = milestone.memory_mebibytes / 1024
        yield f"A test may take {milestone.seconds_per_test:g} seconds and {gibibytes:g} GiB of memory"
        yield f"all tests together may take {milestone.seconds_per_submission:g} seconds"
    share, days = 100 * milestone.late.share_per_day, milestone.late.days
    yield f"Each day, or part of a day, after the deadline costs {share:g} % of your points"
    yield f"after day {days} nothing counts"
    for points in {answer.points for answer in milestone.answers}:
        count = sum(answer.points == points for answer in milestone.answers)
        word = "question" if milestone.model is None else "section"
        yield f"{count} {word}{'s' * (count > 1)}, each worth {points:g} points"
    for answer in milestone.answers:
        if answer.rubric:
            yield f"| {answer.question} | {answer.points:g} | {answer.rubric} |"


def _rules_of_model(terms: ModelTerms) -> Iterator[str]:
    yield f"The archive may take {terms.archive_mebibytes:g} MiB"
    gibibytes = terms.memory_mebibytes / 1024
    yield f"{terms.seconds_to_load:g} seconds to load, {terms.seconds_per_second:g} seconds for each second of audio"
    yield f"and {gibibytes:g} GiB of memory"
    yield f"up to {terms.max_delay_seconds:g} seconds of delay"
    for each in terms.thresholds:
        yield f"a mean {_METRICS[each.metric].format(each.at_least)} or more earns {each.points:g} points"
    for ranks in (terms.rank_points, terms.fast_rank_points):
        yield f"ranks 1 to {len(ranks)} earn {', '.join(f'{points:g}' for points in ranks)} points"
    yield "A model that does not beat the noisy recordings earns no points"
    yield f"a real-time factor under {terms.fast_real_time_factor:g}"


def check_points(text: str, name: str, milestone: Milestone, tests: Sequence[GradedTest]) -> None:
    """Check the line under the heading of each task, which tells how many points visible and hidden tests are worth.

    Raises:
        CourseError: a line is missing or wrong; the message quotes the right one.
    """
    lines = text.split("\n")
    headings = {match[1]: number for number, line in enumerate(lines) if (match := _HEADING.match(line))}
    for task in milestone.tasks:
        visible, hidden = (
            sum(test.points for test in tests if test.task == task.id and test.is_hidden is is_hidden)
            for is_hidden in (False, True)
        )
        expected = f"*{task.points:g} points: {visible:g} visible, {hidden:g} hidden.*"
        number = headings[task.id] + 2
        got = lines[number] if number < len(lines) else ""
        if got != expected:
            raise CourseError(f"{name}:{number + 1}: expected '{expected}' under the heading, got '{got}'")
