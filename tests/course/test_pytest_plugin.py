"""The score table: points and states of the tasks, the task to fix first, and a calm output."""

import re
import subprocess
import sys

import pytest

from milestones.course import load_course
from milestones.graded_tests import GradedTest, TestState
from milestones.instructor.release.template import release
from milestones.score_table import Outcome, ScoreTable
from tests.course.mini_course import BODIES, replace, write_course

SKIPPED = "skipped: may fail because 1.1 fails; mend that first"
GAIN = "speech_enhancement/gain.py"
STUB = "    # YOUR CODE HERE\n    raise NotImplementedError()\n"


@pytest.fixture
def table(tmp_path):
    """A table of three tasks in a row, each of which depends on the one before, with a test each."""
    write_course(tmp_path)
    toml = tmp_path / "milestones/milestone1/milestone.toml"
    more = '[[tasks]]\nid = "1.3"\nname = "gain.mute"\npoints = 1\ndepends = ["1.2"]\n'
    toml.write_text(toml.read_text() + more)
    stubs = set()
    table = ScoreTable(load_course(tmp_path), stubs.__contains__)
    table.stubs = stubs
    return table


def add(table, task, state, points=1, sentence=None, hint=None, **details):
    """Note the outcome of a test, and return its name."""
    name = f"test_gain.py::test_{task}_{state}_{points}_{sentence}_{details}"
    test = GradedTest(name, task, points, sentence or f"The sentence of {task}.", None, hint, 1)
    table.add(name, Outcome(test, state, **details))
    return name


def rows(table, is_part=False, width=80):
    return [text for text, _ in table.lines(table.course.milestones[0], is_part, width)]


def test_points_and_states(table):
    """A task that fails shows the sentences and messages of its tests that fail; one that passes is one line."""
    add(table, "1.1", TestState.PASSED, points=2)
    add(table, "1.2", TestState.FAILED, message="got 3, not 2: is it squared?")
    add(table, "1.2", TestState.PASSED, points=0.5)
    assert rows(table) == [
        "task   visible   worth  state",
        "1.1        2/2       3  passed",
        "1.2    0.5/1.5       4  failed",
        "       The sentence of 1.2.",
        "         got 3, not 2: is it squared?",
        "visible tests: 2.5 of 3.5 points; hidden tests are run by your instructor",
        "handout, with a section for each task: milestones/milestone1/README.md",
    ]


def test_each_failure_is_shown_once(table):
    """Of a test that fails with several sets of parameters the first message is shown; tests stay in order."""
    for sentence, message in (("First.", "a"), ("First.", "b"), ("Second.", "c")):
        add(table, "1.1", TestState.FAILED, sentence=sentence, message=message)
    assert rows(table)[2:6] == ["       First.", "         a", "       Second.", "         c"]


def test_long_texts_are_wrapped(table):
    add(table, "1.1", TestState.FAILED, sentence="sentence " * 12, message="message " * 12)
    lines = rows(table, width=60)[:-2]
    assert len(lines) == 6 and max(map(len, lines)) <= 60
    assert [line.index(line.strip()) for line in lines[2:]] == [7, 7, 9, 9]


def test_failure_after_a_failure_is_skipped(table):
    """The first task is named that fails and whose code was run; a test that passes still counts."""
    add(table, "1.2", TestState.FAILED)
    add(table, "1.1", TestState.FAILED)
    skipped = add(table, "1.3", TestState.FAILED, ran=["1.1", "1.2", "1.3"], message="got 3")
    assert table.state(skipped) == (TestState.SKIPPED, "1.1")
    assert table.state(add(table, "1.3", TestState.PASSED)) == (TestState.PASSED, "")
    assert table.state(add(table, "1.1", TestState.FAILED, points=3, ran=["1.1"])) == (TestState.FAILED, "")
    row = rows(table).index(f"1.3        1/2       1  {SKIPPED}")
    assert rows(table)[row + 2] == "         got 3"


def test_skipped_tests_of_a_failed_task_are_counted(table):
    """The row shows the test that fails by itself, and how many others may fail because of an earlier task."""
    add(table, "1.1", TestState.FAILED)
    add(table, "1.2", TestState.FAILED, message="got 3")
    for points in (1, 2):
        add(table, "1.2", TestState.FAILED, points=points, ran=["1.1", "1.2"])
    row = next(i for i, text in enumerate(rows(table)) if text.startswith("1.2 "))
    assert rows(table)[row].endswith("  failed")
    assert rows(table)[row + 2 : row + 4] == ["         got 3", "       2 more skipped: 1.1 fails"]


def test_failure_without_code_of_a_failing_task_is_a_failure(table):
    """Neither a task that was not run counts nor a later one, so that no mistake hides another."""
    add(table, "1.1", TestState.FAILED)
    add(table, "1.3", TestState.FAILED)
    assert table.state(add(table, "1.2", TestState.FAILED, ran=["1.2"])) == (TestState.FAILED, "")
    assert table.state(add(table, "1.2", TestState.FAILED, ran=["1.2", "1.3"])) == (TestState.FAILED, "")


def test_failure_is_skipped_while_an_earlier_task_is_a_stub(table):
    """This holds even if the tests of that task are not run."""
    table.stubs.add("1.1")
    assert table.state(add(table, "1.2", TestState.FAILED, ran=["1.1"])) == (TestState.SKIPPED, "1.1")


def test_stub_of_another_task(table):
    """The stub that raised is the one to write next, unless the task itself has a stub left."""
    assert table.state(add(table, "1.2", TestState.FAILED, stub="1.1")) == (TestState.SKIPPED, "1.1")
    assert table.state(add(table, "1.2", TestState.FAILED, stub="1.2", points=2)) == (TestState.NOT_IMPLEMENTED, "")
    table.stubs.add("1.3")
    assert table.state(add(table, "1.3", TestState.FAILED, stub="1.1")) == (TestState.NOT_IMPLEMENTED, "")


def test_last_line_is_true(table):
    """The line says if only some tests were run, and counts an instructor's hidden tests apart."""
    add(table, "1.1", TestState.PASSED, points=2)
    add(table, "1.2", TestState.NOT_RUN)
    assert rows(table, is_part=True)[-2] == (
        "visible tests that were run: 2 of 3 points; hidden tests are run by your instructor"
    )
    add(table, "1.1", TestState.PASSED, points=4, hint="?")
    assert rows(table)[0] == "task   visible  in all  state"
    assert "1.1        2/2     6/6  passed" in rows(table)
    assert rows(table)[-2] == "visible tests: 2 of 3 points; hidden tests: 4 of 4 points"


@pytest.fixture
def template(tmp_path):
    """The template of the small course."""
    out = tmp_path / "template"
    release(out, root=write_course(tmp_path / "course"))
    return out


def output(template, *arguments):
    words = [sys.executable, "-m", "pytest", "--color=yes", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(words, cwd=template, capture_output=True, text=True, timeout=60).stdout


RED = re.compile(r"\x1b\[[0-9;]*31m")


def plain(text):
    """Remove the colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_untouched_template_is_calm(template):
    """Every task is shown as not implemented; nothing is red, and no traceback is shown."""
    text = output(template, "tests/milestone1")
    assert (
        len(re.findall(r"0/2 +\d  not implemented\n", plain(text))) == 2
        and "3 not implemented" in text.splitlines()[-1]
    )
    assert not RED.search(text) and "Traceback" not in text and "FAILURES" not in text and "Error" not in text


def test_half_finished_template(template):
    """A mistake is red, with its message; tasks that depend on it are not."""
    replace(template, GAIN, f'louder."""\n{STUB}', 'louder."""\n    return signal\n')
    replace(template, GAIN, STUB, BODIES["attenuate"])
    text = output(template, "tests/milestone1")
    assert RED.search(text) and "test_amplify ___" in text and "test_attenuate ___" not in text
    text = plain(text)
    assert "1.1        0/2       3  failed\n" in text and f"1.2        1/2       4  {SKIPPED}\n" in text
    assert "         assert [1, 2] == [3, 6]\n" in text
    assert "visible tests: 1 of 4 points; hidden tests are run by your instructor\n" in text
    assert "1 failed, 1 passed, 1 skipped, as an earlier task fails" in text


def test_what_is_needed_is_tested_first(template):
    toml = template / "milestones/milestone1/milestone.toml"
    first, second = "depends = []", 'depends = ["1.1"]'
    text = toml.read_text()
    assert text.index(first) < text.index(second)
    toml.write_text(text.replace(second, first).replace(first, 'depends = ["1.2"]', 1))
    listed = output(template, "tests/milestone1", "--collect-only", "-q")
    assert listed.index("test_attenuate") < listed.index("test_amplify")


def test_solution_that_calls_a_stub_is_skipped(template):
    """The task is implemented, but not the one that it needs."""
    text = (template / GAIN).read_text()
    (template / GAIN).write_text(BODIES["attenuate"].join(text.rsplit(STUB, 1)))
    text = plain(output(template, "tests/milestone1"))
    assert "1.1        0/2       3  not implemented\n" in text and f"1.2        0/2       4  {SKIPPED}\n" in text


def test_stub_in_a_worker_process_is_found(template):
    """The worker of a data loader sends its traceback as the text of an error of the same class."""
    body = """    import traceback

    try:
        return amplify(signal, 1 / gain)
    except NotImplementedError:
        error = NotImplementedError(f"Caught NotImplementedError in a worker.\\n{traceback.format_exc()}")
    raise error
"""
    text = (template / GAIN).read_text()
    (template / GAIN).write_text(body.join(text.rsplit(STUB, 1)))
    assert f"1.2        0/2       4  {SKIPPED}\n" in plain(output(template, "tests/milestone1"))


def test_mistake_beside_a_stub_is_shown(template):
    """A solution that does without the earlier task's function fails by itself."""
    text = (template / GAIN).read_text()
    (template / GAIN).write_text("    return [sample - gain for sample in signal]\n".join(text.rsplit(STUB, 1)))
    text = plain(output(template, "tests/milestone1"))
    assert "1.1        0/2       3  not implemented\n" in text and "1.2        1/2       4  failed\n" in text
    assert "         assert [2, 0] == [2, 1]\n" in text


def test_code_of_a_decorated_function_is_that_of_its_task(template):
    """What 1.2 calls is found, though Python takes a decorator's line for the function's first."""
    replace(template, GAIN, f'louder."""\n{STUB}', 'louder."""\n    return signal\n')
    replace(template, GAIN, "def amplify", "@(lambda function: function)\ndef amplify")
    replace(template, GAIN, STUB, BODIES["attenuate"])
    assert f"1.2        1/2       4  {SKIPPED}\n" in plain(output(template, "tests/milestone1"))


def test_message_stands_for_the_values_behind_it(template):
    """They are shown with -v, and where there is no message."""
    replace(template, GAIN, f'louder."""\n{STUB}', 'louder."""\n    return signal\n')
    assert "assert [1, 2] == [3, 6]" in output(template, "tests/milestone1", "--color=no")
    replace(template, "tests/milestone1/test_gain.py", "amplify([1, 2], 3) == [3, 6]", 'not amplify([1, 2], 3), "why?"')
    text = output(template, "tests/milestone1", "--color=no")
    assert "E   AssertionError: why?\n" in text and "         why?\n" in text and "amplify([1, 2], 3)\n" not in text
    assert "where [1, 2] = amplify([1, 2], 3)\n" in output(template, "tests/milestone1", "--color=no", "-v")


def test_task_selects_its_tests(template):
    text = plain(output(template, "tests/milestone1", "--task", "1.2"))
    assert "1 deselected, 2 not implemented" in text and "1.1  " not in text
    assert "visible tests that were run: 0 of 2 points" in text


def test_other_tests_have_no_table(template):
    (template / "tests" / "test_own.py").write_text("def test_own():\n    assert True\n")
    assert "points" not in output(template, "tests/test_own.py")
