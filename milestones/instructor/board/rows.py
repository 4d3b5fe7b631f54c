"""Rows of the board: each entry's scores, costs, ranks and remarks as numbers and texts for the template."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from milestones.instructor.board.naming import OpenNames, Pseudonyms
from milestones.instructor.models.records import EntryRecord, Standing
from milestones.instructor.models.standings import public_mean
from milestones.model_terms import METRICS


@dataclass(frozen=True)
class Row:
    """An entry on the board.

    Attributes:
        number: position in the order of the board, from 1.
        name: what the board calls it.
        record: its grading.
        standing: its place, with the means over the hidden recordings.
        rank, fast_rank: places as text, "=2" for one that is shared, "" for none.
        public: mean of each metric over the public recordings, None without any.
        remarks: a refusal, marks, and numbers of recordings that lack scores.
    """

    number: int
    name: str
    record: EntryRecord
    standing: Standing
    rank: str
    fast_rank: str
    public: Mapping[str, float | None]
    remarks: Sequence[str]

    @property
    def is_reference(self) -> bool:
        return self.record.kind == "reference"


def make_rows(
    records: Mapping[str, EntryRecord], standings: Sequence[Standing], metric: str, names: OpenNames | Pseudonyms
) -> list[Row]:
    """Order the entries from best to worst, references among them; what was refused or has no score comes last.

    Args:
        records: gradings by the entries' names.
        standings: one for each record.
        metric: the one by which entries are ranked.
        names: what the board calls the entries.
    """
    ranks = Counter(standing.rank for standing in standings)
    fast_ranks = Counter(standing.fast_rank for standing in standings)

    def order(standing: Standing) -> tuple:
        mean = standing.means[metric].mean if metric in standing.means else -math.inf
        return -mean, standing.entry

    return [
        Row(
            number=number,
            name=names.name(records[standing.entry]),
            record=records[standing.entry],
            standing=standing,
            rank=_place(standing.rank, ranks),
            fast_rank=_place(standing.fast_rank, fast_ranks),
            public={name: public_mean(records[standing.entry].public, name) for name in METRICS},
            remarks=[*names.remarks(records[standing.entry]), *_failures(records[standing.entry])],
        )
        for number, standing in enumerate(sorted(standings, key=order), start=1)
    ]


def _place(rank: int | None, counts: Counter) -> str:
    if rank is None:
        return ""
    return f"={rank}" if counts[rank] > 1 else str(rank)


def _failures(record: EntryRecord) -> list[str]:
    """Count the recordings with a fault by its name; messages stay away, since they may tell of hidden ones."""
    remarks = []
    for kind, scores in (("hidden", record.recordings), ("public", record.public)):
        faults = Counter(score.fault for score in scores if score.fault)
        remarks += [f"{fault} on {count} of {len(scores)} {kind} recordings" for fault, count in faults.items()]
    return remarks
