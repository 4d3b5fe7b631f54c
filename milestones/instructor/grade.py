"""The command `grade`: by the tests of a milestone's tasks, or on hidden recordings if its work is a trained model."""

import importlib

from milestones.course import CourseError, load_milestone
from milestones.instructor.configuration import Grade


def run(configuration: Grade) -> int:
    """Grade the submissions of a milestone, and return the exit status."""
    is_model = load_milestone(configuration.milestone).model is not None
    if is_model != (configuration.recordings is not None):
        expected = "the folder of the hidden recordings" if is_model else "none for a milestone with tests"
        raise CourseError(f"--recordings: expected {expected}, got {configuration.recordings or 'none'}")
    if is_model and configuration.dask is not None:
        raise CourseError(f"--dask: expected none for models, got {configuration.dask}")
    room = "models.grade_models" if is_model else "grading.grade"
    # Only the one that is needed is imported, since models need torch.
    return importlib.import_module(f"milestones.instructor.{room}").run(configuration)
