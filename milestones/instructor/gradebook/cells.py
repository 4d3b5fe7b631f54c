"""The first step of `nbgrader autograde`: the marks of graded cells as they were released."""

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook, Notebook
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool


class RestoreCells(NbGraderPreprocessor):
    """Preprocessor that gives cells their marks back, and adds cells that a student has removed.

    nbgrader believes the marks of a submitted cell: whether it is graded, and whether by hand.
    """

    enabled = Bool(True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Restore all cells that the gradebook knows; of several with one id, the last counts."""
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            released = gradebook.find_notebook(names["notebook"], names["assignment"])
            marks = _marks(released)
            found = set()
            for cell in reversed(nb.cells):
                own = cell.metadata.pop("nbgrader", None)
                grade_id = own.get("grade_id") if isinstance(own, dict) else None
                if isinstance(grade_id, str) and grade_id in marks and grade_id not in found:
                    cell.metadata.nbgrader = NotebookNode(marks[grade_id])
                    found.add(grade_id)
            for source in released.source_cells:
                if source.name not in found:
                    self.log.warning(f"{names['student']}: expected the cell {source.name}, got none; it is put back")
                    make = new_code_cell if source.cell_type == "code" else new_markdown_cell
                    nb.cells.append(make(source.source, metadata={"nbgrader": marks[source.name]}))
        if (nb.nbformat, nb.nbformat_minor) < (4, 5):
            # Cells got ids in this version.
            for cell in nb.cells:
                cell.pop("id", None)
        return nb, resources


def _marks(released: Notebook) -> dict[str, dict]:
    """Make nbgrader's metadata of each cell that the gradebook knows."""
    points = {cell.name: float(cell.max_score) for cell in released.grade_cells}
    solutions = {cell.name for cell in released.solution_cells}
    marks = {}
    for source in released.source_cells:
        marks[source.name] = {
            "grade_id": source.name,
            "grade": source.name in points,
            "solution": source.name in solutions,
            "locked": source.locked,
            "task": False,
            "schema_version": 3,
            "cell_type": source.cell_type,
            "checksum": source.checksum,
        }
        if source.name in points:
            marks[source.name]["points"] = points[source.name]
    return marks
