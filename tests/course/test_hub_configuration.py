"""Settings of the JupyterHub in `deploy/jupyterhub`; `tests/hub` tests them in a running one."""

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from traitlets.config import Config

from milestones.course import ROOT

FOLDER = ROOT / "deploy" / "jupyterhub"


@pytest.fixture(scope="module")
def course_hub():
    specification = importlib.util.spec_from_file_location("course_hub", FOLDER / "course_hub.py")
    # Dataclasses look for their module there.
    module = sys.modules["course_hub"] = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    yield module
    del sys.modules["course_hub"]


@pytest.fixture
def hub(course_hub):
    settings = Config()
    course_hub.configure(settings, course_hub.read_course(FOLDER / "course.toml"))
    return settings


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [("grader = ", "marker = ", "expected .*'grader'"), ('"/srv/speech/speech"', '"/srv/other"', "named speech")],
)
def test_settings_that_do_not_fit_are_refused(course_hub, tmp_path, old, new, complaint):
    path = tmp_path / "course.toml"
    path.write_text((FOLDER / "course.toml").read_text().replace(old, new))
    with pytest.raises(ValueError, match=complaint):
        course_hub.read_course(path)


def test_only_instructors_may_enter_the_grading_service(hub):
    access = [role for role in hub.JupyterHub.load_roles if "access:services!service=speech" in role["scopes"]]
    assert [role["groups"] for role in access] == [["formgrade-speech"]]
    assert not set(hub.JupyterHub.load_groups["formgrade-speech"]["users"]) & {"ada", "linus", "mallory"}


def test_students_have_settings_of_their_own(hub):
    settings = hub.Spawner.environment["JUPYTER_CONFIG_PATH"]
    for name, folder in {"grace": "instructors", "ada": "students", "someone-else": "students"}.items():
        assert (
            settings(SimpleNamespace(user=SimpleNamespace(name=name))) == f"/srv/jupyter/{folder}:/srv/jupyter/everyone"
        )


def test_backup_has_what_the_course_names(course_hub):
    course = course_hub.read_course(FOLDER / "course.toml")
    script = (FOLDER / "backup.sh").read_text()
    assert f"\ncopy {course.course_folder}/gradebook.db " in script
    assert f"\ncopy {course.state}/jupyterhub.sqlite " in script
    archived = [Path("/", word) for word in script[script.index("tar -czf") :].split() if not word.startswith("-")]
    for folder in (course.course_folder, course.exchange, course.state):
        assert any(Path(folder).is_relative_to(word) for word in archived if word != Path("/")), folder
