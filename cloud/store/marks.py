"""Marks: what has come of every epoch, as rows (`cloud.core.watermark` says what follows from it).

1. Whoever loads marks to change them holds them until the end of the transaction: two workers that have batches of
   one sensor take turns, in the order of the keys, so that neither waits for the other in a circle.
2. `sequence` and `missing` follow from the rest; they are written for those who read.
"""

from collections.abc import Iterable
from itertools import islice
from operator import itemgetter

import msgspec
from sqlalchemy import Connection

from cloud.core.watermark import Mark, Span
from cloud.store.statements import Statements

Key = tuple[str, str, str]  # (tenant, sensor, epoch)
_KEYS_PER_QUERY = 200
_gaps = msgspec.json.Decoder(list[Span])


def load(db: Connection, sql: Statements, keys: Iterable[Key]) -> dict[Key, Mark]:
    """The marks of `keys`, held; fresh ones where nothing is known yet."""
    wanted = iter(sorted(keys))
    found: dict[Key, Mark] = {}
    while some := list(islice(wanted, _KEYS_PER_QUERY)):
        found.update((key, Mark()) for key in some)
        query = sql.hold_watermarks.of(len(some))
        for row in db.exec_driver_sql(query, tuple(part for key in some for part in key)):
            tenant, sensor, epoch, sequence, highest, gaps, untrusted, last_report_at = row
            torn = _gaps.decode(gaps) if gaps else []
            found[tenant, sensor, epoch] = Mark(sequence, highest, torn, untrusted, last_report_at)
    return found


def save(db: Connection, sql: Statements, marks: dict[Key, Mark]) -> None:
    """Write marks, in the order of their keys."""
    rows = [
        (*key, one.sequence, one.highest, one.missing, one.last_report_at, one.untrusted, written(one.gaps))
        for key, one in sorted(marks.items(), key=itemgetter(0))
    ]
    sql.put_watermark.run(db, rows)


def written(gaps: list[Span]) -> bytes | None:
    """Gaps as they are stored: JSON, or null for none."""
    return msgspec.json.encode(gaps) if gaps else None
