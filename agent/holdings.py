"""Holdings: all that is in the outbox, as a person or a spreadsheet reads it.

Whoever wants to know what a sensor keeps can look: the outbox holds these rows and one line about itself.
sqlite-utils reads it; its 25 MB are no matter to a command, and would be to a process that runs for months.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from sqlite_utils import Database

from agent import line
from agent.outbox import Outbox


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The reports in the outbox at `path`, flat, oldest first. Raises OutboxError."""
    outbox = Outbox(path)
    outbox.pending()  # says in a sentence what is wrong with it, if something is
    outbox.close()
    for row in Database(str(path))["report"].rows_where(order_by="place"):
        one = line.read(row["line"])
        if one is not None and one.body:
            yield {"epoch": one.epoch, "sequence": one.sequence, **_flat(json.loads(one.body))}


def write_csv(found: Iterator[dict[str, Any]], to: TextIO) -> None:
    """The rows as CSV with a header; nothing where there is no row."""
    writer = None
    for row in found:
        if writer is None:
            writer = csv.DictWriter(to, row.keys(), restval="", extrasaction="ignore")
            writer.writeheader()
        writer.writerow(row)


def text(found: Iterator[dict[str, Any]]) -> str:
    """The rows as lines for a person."""
    lines = [f"{row['sequence']:>9}  {json.dumps({k: v for k, v in row.items() if v is not None})}" for row in found]
    return "\n".join(lines) or "Nothing waits for the cloud."


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict):
            found |= _flat(inner, f"{prefix}{key}_")
        else:
            found[prefix + key] = inner
    return found
