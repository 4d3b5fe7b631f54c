"""The lectures, as committed and executed again, and the reports of faults in a notebook."""

import asyncio
import select

import nbformat
import pytest
import zmq.asyncio
from jupyter_client.session import Session
from nbformat.v4 import new_code_cell, new_notebook

from milestones.course import ROOT, CourseError
from milestones.instructor import lectures, notebooks
from milestones.instructor.configuration import Lectures
from milestones.instructor.release.stripping import strip_source
from speech_enhancement import lecture

PATHS = notebooks.find()
SHORT = [path for path in PATHS if path.stem not in lectures.LONG]
FINE = ["total = 1 + 1\ntotal"]


@pytest.fixture
def executed(tmp_path):
    """Function that writes a notebook with some cells, executes it, and stores its outputs."""

    def write(*sources):
        path = tmp_path / "lecture.ipynb"
        nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
        execution = notebooks.execute(path, threads=1)
        notebooks.write(execution)
        return execution

    return write


@pytest.fixture(scope="module")
def executions(n_cores, tmp_path_factory):
    """Lectures, as students get them, executed beside another right U-Net than that of the reference."""
    root = lectures.make_course(tmp_path_factory.mktemp("lectures") / "course", lectures.STYLES["interpolating"])
    paths = [root / "notebooks" / path.name for path in SHORT]
    return {execution.path.name: execution for execution in notebooks.execute_all(paths, n_cores, threads=1)}


@pytest.mark.slow
@pytest.mark.parametrize("path", SHORT, ids=lambda path: path.stem)
def test_runs_with_unwritten_exercises_and_its_text_holds(executions, path):
    """No lecture ends at an exercise, and none needs the kernels, the normalisation or the names of the reference."""
    assert not executions[path.name].complaints


def test_the_others_run_after_this_suite():
    """They train for longer than the others."""
    commands = " ".join((ROOT / ".ci" / "run").read_text().replace("\\\n", "").split())
    assert f"milestones lectures {' '.join(lectures.LONG)} " in commands


@pytest.mark.slow
def test_the_first_lecture_needs_no_task(tmp_path):
    root = lectures.make_course(tmp_path / "course", ())
    for module in ("stft", "masking", "augmentation", "metrics", "data", "unet", "training"):
        path = root / "speech_enhancement" / f"{module}.py"
        path.write_text(strip_source(path.read_text(), path.name).text)
    execution = notebooks.execute(root / "notebooks" / PATHS[0].name, threads=1)
    assert "raise NotImplementedError()" in path.read_text() and not execution.complaints


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_is_committed_as_executed(path):
    assert not notebooks.inspect(path)


def test_all_lectures_are_there():
    numbers = [path.stem.partition("_")[0] for path in PATHS if path.stem[0].isdigit()]
    assert numbers == [f"{number:02}" for number in range(12)]
    assert {"milestone1", "milestone2", "milestone3"} <= {path.stem for path in PATHS}


def test_a_fine_notebook_has_no_complaints(executed):
    execution = executed(*FINE)
    assert not execution.complaints and not notebooks.inspect(execution.path)
    assert nbformat.read(execution.path, 4).cells[0].outputs[0].data["text/plain"] == "2"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("raise ValueError('no sound')", "expected it to run to its end, got ValueError: no sound"),
        ("import warnings\nwarnings.warn('soon gone', DeprecationWarning)", "DeprecationWarning: soon gone"),
        ("import warnings\nwarnings.warn('soon gone', FutureWarning)", "FutureWarning: soon gone"),
    ],
)
def test_what_goes_wrong_is_told(executed, source, complaint):
    execution = executed(*FINE, source)
    (found,) = execution.complaints
    assert complaint in found and execution.faults == [found]


def test_a_sentence_that_does_not_hold_is_told(executed, capsys):
    lecture.check("the oracle wins", False)
    execution = executed(*FINE, f"import sys\nprint({capsys.readouterr().err!r}, file=sys.stderr)")
    assert execution.complaints == ["cell 1: Not so in this run: the oracle wins"]
    assert not execution.faults


def test_an_exercise_without_its_convention_is_told(executed):
    path = executed("def half(x):\n    ### BEGIN SOLUTION\n    return x / 2\n    ### END SOLUTION\n\n\nhalf(4)").path
    assert notebooks.inspect(path)[0].startswith("cell 0: expected `with lecture.exercise():` around what calls")


def test_changed_code_is_told(executed):
    path = executed(*FINE).path
    path.write_text(path.read_text().replace("1 + 1", "1 + 2"))
    assert "its code changed and its outputs did not" in notebooks.inspect(path)[0]


def test_changed_text_is_no_changed_code(executed):
    path = executed(*FINE).path
    notebook = nbformat.read(path, 4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("More words."))
    nbformat.write(notebook, path)
    assert not notebooks.inspect(path)


def test_a_cell_executed_again_is_told(executed):
    path = executed(*FINE, "total = 3").path
    notebook = nbformat.read(path, 4)
    notebook.cells[0].execution_count = 3
    nbformat.write(notebook, path)
    assert notebooks.inspect(path) == ["expected each cell to be executed once, from first to last"]


def test_long_cells_and_large_files_are_told(executed):
    path = executed("\n".join(["x = 1"] * 31), "print('a' * 1_600_000)").path
    assert notebooks.inspect(path)[0].startswith("expected at most 1500000 bytes, got")
    assert notebooks.inspect(path)[1:] == ["cell 0: expected at most 30 lines, got 31"]


def test_an_unknown_name_is_refused():
    with pytest.raises(CourseError, match="99_nothing: expected the name of a notebook, one of"):
        notebooks.find(("99_nothing",))


def test_a_reply_is_seen_though_something_is_sent_after_it_came():
    async def replies(n_replies):
        session = Session()
        with (
            zmq.Context() as kernel_context,
            zmq.asyncio.Context() as client_context,
            kernel_context.socket(zmq.DEALER) as kernel,
            client_context.socket(zmq.DEALER) as shell,
        ):
            shell.connect(f"tcp://127.0.0.1:{kernel.bind_to_random_port('tcp://127.0.0.1')}")
            channel = notebooks._ShellChannel(shell, session)
            for _ in range(n_replies):
                waiting = asyncio.ensure_future(channel.get_msg(timeout=60))
                await asyncio.sleep(0)
                session.send(kernel, "execute_reply")
                select.select([shell.FD], [], [], 60)
                channel.send(session.msg("comm_msg"))
                yield (await asyncio.wait_for(waiting, 10))["header"]["msg_type"]

    async def received():
        return [message async for message in replies(5)]

    assert asyncio.run(received()) == ["execute_reply"] * 5


def test_styles_are_made_of_right_solutions(tmp_path):
    for style, titles in lectures.STYLES.items():
        unet = lectures.make_course(tmp_path / style, titles) / "speech_enhancement" / "unet.py"
        assert unet.read_text().count("class DownBlock") == 2
    with pytest.raises(CourseError, match="2.2: nothing: expected the title of a right solution, got none"):
        lectures.make_course(tmp_path / "unknown", ("2.2: nothing",))


def test_an_unknown_style_is_refused():
    with pytest.raises(CourseError, match="only: expected one of wide, interpolating, plain, got baroque"):
        lectures.run(Lectures(("01_spectrograms",), only=("baroque",)))
