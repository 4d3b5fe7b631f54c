"""Names and remarks on the board: as they are, or so that nobody learns from the page whose entry is which."""

from collections.abc import Mapping

from milestones.instructor.board.pseudonyms import pseudonym
from milestones.instructor.models.marking import EQUAL_THOSE_OF, title
from milestones.instructor.models.records import EntryRecord
from milestones.instructor.reports.escaping import printable

_REFUSED = "an entry that was refused"


class OpenNames:
    """Names of submissions as the grading gives them."""

    def name(self, record: EntryRecord) -> str:
        """Return what the board calls an entry."""
        return printable(record.title if record.kind == "reference" else record.entry)

    def remarks(self, record: EntryRecord) -> list[str]:
        """Return the reason of a refusal, and the marks."""
        refusal = [] if record.refused is None else [f"refused: {record.refused}"]
        return [printable(text) for text in (*refusal, *record.marks)]


class Pseudonyms:
    """Pseudonyms, and remarks without names; a refusal has no reason, since that may tell of files and their names.

    Args:
        records: all gradings, by the entries' names.
    """

    def __init__(self, records: Mapping[str, EntryRecord]) -> None:
        self._shown = {
            title(record): title(record) if record.kind == "reference" else self.name(record)
            for record in records.values()
        }

    def name(self, record: EntryRecord) -> str:
        """Return a reference's title, or a submission's pseudonym."""
        if record.kind == "reference":
            return printable(record.title)
        return pseudonym(record.hash) if record.hash else _REFUSED

    def remarks(self, record: EntryRecord) -> list[str]:
        """Return a refusal, and the marks with pseudonyms in the place of names."""
        refusal = [] if record.refused is None else ["refused"]
        return [*refusal, *map(self._mark, record.marks)]

    def _mark(self, mark: str) -> str:
        what, words, other = mark.partition(EQUAL_THOSE_OF)
        # The other one may have been withdrawn since.
        return printable(what + words + (self._shown.get(other, "another entry") if words else ""))
