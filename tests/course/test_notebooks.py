"""The lectures, as committed and executed again, and the reports of faults in a notebook."""

import asyncio
import select
import shutil
from pathlib import Path

import nbformat
import pytest
import zmq.asyncio
from jupyter_client.session import Session
from nbformat.v4 import new_code_cell, new_notebook

from milestones.course import ROOT, CourseError
from milestones.instructor import notebooks
from milestones.instructor.selftest import variants

PATHS = notebooks.find()
OTHER_UNET = {"2.2": "a kernel of 7", "2.3": "bilinear", "2.4": "by hand", "2.5": "other names", "2.6": "another name"}
"""Right solutions that make a U-Net with larger kernels, group normalisation and other names: words of their titles."""
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
    """All lectures, executed in fresh kernels beside another right U-Net than that of the reference."""
    root = tmp_path_factory.mktemp("course")
    (ROOT / "data").mkdir(exist_ok=True)
    for name in ("notebooks", "data"):
        (root / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "speech_enhancement", root / "speech_enhancement")
    right = variants.read(Path(variants.__file__).parent, "right")
    pieces = [piece.code for piece in right if OTHER_UNET.get(piece.task, piece.code) in piece.title]
    assert len(pieces) == len(OTHER_UNET)
    unet = root / "speech_enhancement" / "unet.py"
    unet.write_text("\n\n".join([unet.read_text(), *pieces]))
    paths = [root / "notebooks" / path.name for path in PATHS]
    return {execution.path.name: execution for execution in notebooks.execute_all(paths, n_cores, threads=1)}


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_runs_beside_any_right_unet(executions, path):
    """No lecture needs the kernels, the normalisation or the names of the reference's U-Net."""
    assert not executions[path.name].complaints


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_is_committed_as_executed(path):
    assert not notebooks.inspect(path)


def test_all_lectures_are_there():
    numbers = [path.stem.partition("_")[0] for path in PATHS if path.stem[0].isdigit()]
    assert numbers == [f"{number:02}" for number in range(1, 12)]
    assert {"milestone1", "milestone2"} <= {path.stem for path in PATHS}


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
    (found,) = executed(*FINE, source).complaints
    assert complaint in found


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
