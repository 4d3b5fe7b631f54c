"""A hub on one server whose people have local accounts.

Run it as root: `jupyterhub -f deploy/jupyterhub/jupyterhub_config.py`. People log in with their account's password.
Each server runs under the account of its person, and the grading service under the grader's; the kernel's permissions
keep them apart.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from course_hub import configure, read_course  # noqa: E402

c = get_config()  # noqa: F821

course = read_course(Path(os.environ.get("COURSE_TOML", Path(__file__).with_name("course.toml"))))
configure(c, course)
c.JupyterHub.authenticator_class = "pam"
c.JupyterHub.spawner_class = "localprocess"
