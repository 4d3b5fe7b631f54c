"""The plugin that prints the score table after the tests of a milestone."""

pytest_plugins = ["milestones.pytest_plugin"]
