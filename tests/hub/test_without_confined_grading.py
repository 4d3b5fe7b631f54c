"""A course whose grading step is lost. The last stations: after a failed one nbgrader would go on with its student."""

import pytest

from tests.hub import pages
from tests.hub.test_walkthrough import EXECUTED, NAME

pytestmark = [pytest.mark.slow, pytest.mark.processes]


@pytest.mark.parametrize("lost", ["confined_grading", "graded_run", "settings"])
def test_without_our_step_no_student_code_runs(person, hub, form_grader, lost):
    """The form grader reports an error if one of our modules is missing or the settings cannot be read."""
    link = pages.autograde_link(person("grace"), form_grader, NAME, "mallory")
    settings = hub.course / "nbgrader_config.py"
    text = settings.read_text(encoding="utf-8")
    if lost == "settings":
        settings.write_text(f"import a_module_that_is_missing\n{text}", encoding="utf-8")
    else:
        assert f".{lost}." in text
        settings.write_text(text.replace(f".{lost}.", ".a_module_that_is_missing."), encoding="utf-8")
    title, said = pages.click_and_read(person("grace"), link)
    settings.write_text(text, encoding="utf-8")
    assert title != "Success", said
    assert not (hub.folder / EXECUTED).exists()
