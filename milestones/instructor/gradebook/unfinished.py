"""Submissions on which autograding was killed: nbgrader would take what is left of them for graded, and pass them over.

nbgrader grades a submission again if it is newer than its autograded copy. So the copy is dated back as long as it has
no points.
"""

import contextlib
from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool

STAMP = "timestamp.txt"
_LONG_AGO = "1970-01-01 00:00:00 UTC"


class DateBack(NbGraderPreprocessor):
    """The first step of autograding: the copy looks older than the submission."""

    enabled = Bool(True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Change the copy's time; a submission without one did not come through nbgrader's exchange."""
        coursedir, names = self.parent.parent.coursedir, resources["nbgrader"]
        folder = coursedir.format_path(coursedir.autograded_directory, names["student"], names["assignment"])
        _replace(Path(folder, STAMP), _LONG_AGO)
        return nb, resources


class DateAsSubmitted(NbGraderPreprocessor):
    """The last step of autograding: the copy has the submission's time."""

    enabled = Bool(True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Set the copy's time."""
        coursedir, names = self.parent.parent.coursedir, resources["nbgrader"]
        source, copy = (
            Path(coursedir.format_path(step, names["student"], names["assignment"]), STAMP)
            for step in (coursedir.submitted_directory, coursedir.autograded_directory)
        )
        with contextlib.suppress(FileNotFoundError):
            _replace(copy, source.read_text())
        return nb, resources


def _replace(path: Path, text: str) -> None:
    """Write a file that is there, and may be read-only."""
    if path.exists():
        path.unlink()
        path.write_text(text)
