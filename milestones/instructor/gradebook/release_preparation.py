"""The last step of `nbgrader generate_assignment`: stubs in place of solutions, the students' kernel, the deadline."""

from datetime import timezone
from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool

from milestones.course import CourseError
from milestones.instructor.gradebook.assignments import KERNEL, STUDENTS_KERNEL, milestone_of
from milestones.instructor.release.stripping import strip_source


class ReleasePreparation(NbGraderPreprocessor):
    """Preprocessor that finishes a released assignment."""

    # Without the tag, no configuration can switch it off.
    enabled = Bool(True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Strip the modules, write the milestone's deadline into the gradebook, and give the notebook a kernel.

        Raises:
            CourseError: the source notebook has a kernel that nbgrader could start, or a module cannot be stripped.
        """
        assignment = resources["nbgrader"]["assignment"]
        kernel = nb.metadata.get("kernelspec", {}).get("name")
        if kernel != KERNEL["name"]:
            expected = f"the kernel {KERNEL['name']} in the source notebook, so that nbgrader never runs a submission"
            raise CourseError(f"{assignment}: expected {expected}, got {kernel}; run python -m milestones course again")
        coursedir = self.parent.parent.coursedir
        for path in sorted(Path(coursedir.format_path(coursedir.release_directory, ".", assignment)).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            stripped = strip_source(text, path.name).text
            if stripped != text:
                path.write_text(stripped, encoding="utf-8")
        deadline = milestone_of(assignment).deadline.astimezone(timezone.utc).replace(tzinfo=None)
        with Gradebook(resources["nbgrader"]["db_url"], coursedir.course_id) as gradebook:
            gradebook.update_or_create_assignment(assignment, duedate=deadline)
        nb.metadata.kernelspec = dict(STUDENTS_KERNEL)
        return nb, resources
