# Read by every server of the hub and by nbgrader's commands there; the course folder adds its own settings to it.

import os

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = os.environ["COURSE"]
c.Exchange.root = os.environ["COURSE_EXCHANGE"]
c.Exchange.path_includes_course = True
c.Authenticator.plugin_class = "nbgrader.auth.JupyterHubAuthPlugin"

# On a hub for trying out, all people have one account, so that nbgrader cannot tell them by it.
if "COURSE_STUDENT" in os.environ:
    c.CourseDirectory.student_id = os.environ["COURSE_STUDENT"]
if "COURSE_IN_ONE_ACCOUNT" in os.environ:
    c.ExchangeCollect.check_owner = False
