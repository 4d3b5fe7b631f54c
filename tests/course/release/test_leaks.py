"""Refusal of a template that holds a line of a solution or of a hidden test, in any encoding."""

import base64
import re
import struct
import zlib

import pytest

from milestones.instructor.release.template import release
from tests.course.mini_course import (
    GAIN,
    HANDOUT,
    HANDOUT_TEXT,
    HIDDEN_LINE,
    MODULE,
    SOLUTION_LINE,
    code_cell,
    notebook,
    refusal,
    solution_cell,
)

pytestmark = pytest.mark.usefixtures("suites_collected_once")

STUDENT_README = "milestones/instructor/release/student_README.md"
NOTEBOOK = "notebooks/a.ipynb"
PNG = "notebooks/a.png"
WEIGHTS = "speech_enhancement/weights/a.ckpt"


def png(*chunks):
    """Make a picture of one pixel with further chunks `(type, data)`."""
    all_chunks = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), *chunks, (b"IDAT", zlib.compress(b"\0\0"))]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (*all_chunks, (b"IEND", b""))
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def output(mime, data):
    return {"output_type": "display_data", "metadata": {}, "data": {mime: data}}


LINE = SOLUTION_LINE.encode()
ZTXT = png((b"zTXt", b"Comment\0\0" + zlib.compress(b"made by:\n  " + LINE)))
ITXT = png((b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(LINE)))
TRACEBACK = (
    "\x1b[0;32m----> 5\x1b[0;31m     \x1b[0mreturn\x1b[0m \x1b[0;34m[\x1b[0mgain \x1b[0m* sample for sample in signal]"
)
MARKED_UP = '<span class="k">assert</span> attenuate([1234], 2) <b>==</b> [617]'


ERROR = {"output_type": "error", "ename": "E", "evalue": "", "traceback": [TRACEBACK]}
PICTURE = output("image/png", base64.b64encode(ZTXT).decode())
WHOLE_CELL = "telling = 'the whole cell is a solution'"
CASES = [
    (HANDOUT, HANDOUT_TEXT + f"`{SOLUTION_LINE}`\n", f"{HANDOUT}:13"),
    (HANDOUT, HANDOUT_TEXT + "return [gain * sample\n  for sample in signal]", f"{HANDOUT}:13"),
    ("milestones/milestone1/hint.md", HIDDEN_LINE.encode(), "milestones/milestone1/hint.md:1"),
    (STUDENT_README, b"\n" + LINE, f"{STUDENT_README}:2"),
    (GAIN, MODULE.encode() + b"    # " + LINE, f"{GAIN}:17"),
    (f"{GAIN}~", MODULE.encode(), f"{GAIN}~:7"),
    ("speech_enhancement/other.py", b"def f(gain, signal):\n    " + LINE, "speech_enhancement/other.py:2"),
    ("tests/milestone1/test_more.py", b"# " + HIDDEN_LINE.encode(), "tests/milestone1/test_more.py:1"),
    (NOTEBOOK, notebook(code_cell("1", [output("text/plain", [SOLUTION_LINE])])), f"{NOTEBOOK}:13"),
    (NOTEBOOK, notebook(code_cell("1", [ERROR])), f"{NOTEBOOK}:13"),
    (NOTEBOOK, notebook(code_cell("1", [output("text/html", [MARKED_UP])])), f"{NOTEBOOK}:13"),
    (NOTEBOOK, notebook(code_cell("1", [PICTURE])), f"{NOTEBOOK}:1 (binary, or encoded)"),
    (NOTEBOOK, notebook(solution_cell(WHOLE_CELL), code_cell(WHOLE_CELL)), f"{NOTEBOOK}:35"),
    (PNG, ZTXT, f"{PNG}:1 (binary, or encoded)"),
    (PNG, ITXT, f"{PNG}:1 (binary, or encoded)"),
    (PNG, png((b"tEXt", b"Comment\0" + LINE)), f"{PNG}:1 (binary, or encoded)"),
    (WEIGHTS, struct.pack("<Q", 99) + b'{"__metadata__":{"a":"' + LINE + b'"}}', f"{WEIGHTS}:1 (binary, or encoded)"),
]


@pytest.mark.parametrize(("name", "data", "place"), CASES)
def test_a_line_that_leaks_is_found(course, name, data, place):
    """The message says where the line was found and where it comes from."""
    (course / name).parent.mkdir(exist_ok=True)
    (course / name).write_bytes(data.encode() if isinstance(data, str) else data)
    message = refusal(course)
    assert message.startswith(f"{place}: expected no line of a "), message
    assert re.search(
        r"\((speech_enhancement/gain.py:7|tests/milestone1/test_gain.py:36|notebooks/a.ipynb:\d+)\)", message
    )


def test_shared_lines_are_allowed_where_they_are_listed(course, tmp_path):
    (course / "speech_enhancement" / "levels.py").write_text(f"def f(gain, signal):\n    {SOLUTION_LINE}\n")
    shared = course / "milestones/instructor/release/shared_lines.toml"
    shared.write_text(f'anywhere = []\n[files]\n"speech_enhancement/paths.py" = ["{SOLUTION_LINE}"]\n')
    assert refusal(course).startswith("speech_enhancement/levels.py:2: expected no line of a solution")
    shared.write_text(f'anywhere = []\n[files]\n"speech_enhancement/levels.py" = ["{SOLUTION_LINE}"]\n')
    release(tmp_path / "template", root=course)


def test_shared_lines_of_another_form_are_refused(course):
    (course / "milestones/instructor/release/shared_lines.toml").write_text("anywhere = []\n")
    assert "shared_lines.toml:1: expected a list `anywhere` and a table `files`, got: 'files'" in refusal(course)


def test_what_visible_tests_say_is_no_secret(course, tmp_path):
    """A hidden test may share a line with the code of visible ones."""
    (course / "tests" / "milestone1" / "helper.py").write_text(f"def check(attenuate):\n    {HIDDEN_LINE}\n")
    release(tmp_path / "template", root=course)
