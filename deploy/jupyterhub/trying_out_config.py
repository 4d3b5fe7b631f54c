"""A hub for trying out: any password will do, and all people have the account that starts the hub."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from course_hub import configure, read_course  # noqa: E402

c = get_config()  # noqa: F821

course = read_course(Path(os.environ["COURSE_TOML"]))
configure(c, course)
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
homes = Path(course.state).parent / "homes"
c.SimpleLocalProcessSpawner.home_dir_template = str(homes / "{username}")

# nbgrader tells students by their accounts, of which there is one here.
c.Spawner.environment["COURSE_STUDENT"] = lambda spawner: spawner.user.name
grading = c.JupyterHub.services[0]
del grading["user"]
grading["environment"]["HOME"] = str(homes / course.grader)
grading["environment"]["COURSE_IN_ONE_ACCOUNT"] = "1"

# Jupyter asks to be told that root is meant.
if os.geteuid() == 0:
    c.Spawner.args = ["--allow-root"]
    grading["command"].append("--allow-root")
