"""After the tests of a milestone: the score table."""

pytest_plugins = ["milestones.pytest_plugin"]
