"""What lies in an outbox, read by somebody who only looks."""

import sqlite3
from contextlib import closing
from pathlib import Path

from agent import line
from agent.line import Line


def lines(path: Path) -> list[Line]:
    """All lines in the outbox at `path`, oldest first; none while it is just being made."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        try:
            rows = database.execute("SELECT line FROM report ORDER BY place").fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return []
    found = [line.read(raw) for (raw,) in rows]
    assert None not in found, "a line in the outbox is not what was written"
    return [one for one in found if one is not None]


def reports(path: Path) -> list[Line]:
    """The reports that wait, without the mark of what the cloud has."""
    return [one for one in lines(path) if one.body]
