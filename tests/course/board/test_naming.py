"""Pseudonyms: the same for the same files, different for others, and no name beside them."""

from milestones.instructor.board.naming import OpenNames, Pseudonyms
from milestones.instructor.board.pseudonyms import pseudonym
from tests.course.board.entries import entry, refused


def by_name(*records):
    return {record.entry: record for record in records}


def test_pseudonyms_are_those_of_the_files():
    """An entry keeps its pseudonym whatever its name is and whoever else is there; references keep their titles."""
    ada, shipped = entry("ada"), entry("shipped", kind="reference", title="the model of the package")
    alone = Pseudonyms(by_name(ada))
    among = Pseudonyms(by_name(entry("bob"), shipped, ada))
    assert alone.name(ada) == among.name(ada) == among.name(entry("renamed", hash=ada.hash))
    assert among.name(shipped) == "the model of the package"
    assert OpenNames().name(ada) == "ada"


def test_pseudonyms_seldom_agree():
    """Of 102,400 values, 500 draws leave about one pair that agrees; five would have a probability below 1 %."""
    assert len({pseudonym(str(number)) for number in range(500)}) > 495


def test_no_name_stands_beside_pseudonyms():
    """Marks name another entry by its pseudonym, if it is still there, and a refusal has no reason."""
    records = by_name(
        entry("ann", marks=("outputs equal those of ann-marie", "outputs equal those of the shipped model")),
        entry("ann-marie", marks=("outputs equal those of ann", "outputs equal those of a student who withdrew")),
        entry("(x+", marks=("scores on hidden recordings equal those of Tom <t@x.org>",)),
        entry("tom", title="Tom <t@x.org>"),
        entry("shipped", kind="reference", title="shipped model"),
        refused("eve", "eve.zip: expected no links"),
    )
    names = Pseudonyms(records)
    ann, marie, tom = (names.name(records[name]) for name in ("ann", "ann-marie", "tom"))
    assert names.remarks(records["ann"]) == [
        f"outputs equal those of {marie}",
        "outputs equal those of the shipped model",
    ]
    assert names.remarks(records["ann-marie"]) == [
        f"outputs equal those of {ann}",
        "outputs equal those of another entry",
    ]
    assert names.remarks(records["(x+"]) == [f"scores on hidden recordings equal those of {tom}"]
    assert names.remarks(records["eve"]) == ["refused"]
    assert names.name(records["eve"]) == "an entry that was refused"
    assert OpenNames().remarks(records["eve"]) == ["refused: eve.zip: expected no links"]
