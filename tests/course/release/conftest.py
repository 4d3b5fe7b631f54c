"""The small course, for the tests of the release to spoil."""

import pytest

from tests.course.mini_course import write_course


@pytest.fixture
def course(tmp_path):
    return write_course(tmp_path / "course")
