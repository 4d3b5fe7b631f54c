"""The log of a grading: one record a line, only ever added to."""

import json
import os
from pathlib import Path


def append(path: Path, record: dict) -> None:
    """Add a record, and see it on the disk before going on.

    What a kill may have left of a line is closed first, so that it spoils no other.
    """
    with path.open("a+b") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(json.dumps(record, ensure_ascii=False).encode("utf-8", errors="surrogatepass") + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[dict]:
    """All records, in order; lines that a kill has cut off are left out."""
    if not path.exists():
        return []
    records = []
    for line in path.read_bytes().splitlines():
        try:
            record = json.loads(line.decode("utf-8", errors="surrogatepass"))
        except ValueError:
            continue
        if isinstance(record, dict) and "tests" in record:
            records.append(record)
    return records


def latest(records: list[dict]) -> dict[tuple[str, int], dict]:
    """The last record of each submission and milestone."""
    return {(record["submission"], record["milestone"]): record for record in records}
