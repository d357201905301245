"""Marks: watermarks, and what is known of an epoch beyond them.

1. `sequence` only grows. Everything up to it is in `report`, in `quarantine`, or counted in `missing`.
2. Reports in order move it without a look at the tables: with nothing held beyond the watermark, the next
   batch is all there is to know. Only after a gap is the run that closes it looked up.
3. `missing` counts what a sensor said it no longer has. A report that comes after all is kept; the count
   stays.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any

from sqlalchemy import CompoundSelect, Connection, func, select, union

from cloud.store.schema import quarantine, report
from cloud.store.statements import Statements

Key = tuple[str, str, str]  # (tenant, sensor, epoch)
_KEYS_PER_QUERY = 200


@dataclass
class Mark:
    """One epoch of one sensor; see `watermark` in the schema."""

    sequence: int = 0
    highest: int = 0
    missing: int = 0
    last_report_at: int | None = None


def load(db: Connection, sql: Statements, keys: Iterable[Key]) -> dict[Key, Mark]:
    """The marks of `keys`, fresh ones where nothing is known yet."""
    wanted = iter(sorted(keys))
    found: dict[Key, Mark] = {}
    while some := list(islice(wanted, _KEYS_PER_QUERY)):
        found.update((key, Mark()) for key in some)
        query = sql.select_watermark + ", ".join([sql.key_slot] * len(some)) + ")"
        for tenant, sensor, epoch, *mark in db.exec_driver_sql(query, tuple(part for key in some for part in key)):
            found[tenant, sensor, epoch] = Mark(*mark)
    return found


def save(db: Connection, sql: Statements, marks: dict[Key, Mark]) -> None:
    """Write marks, in the order of their keys."""
    rows = [
        (*key, mark.sequence, mark.highest, mark.missing, mark.last_report_at)
        for key, mark in sorted(marks.items(), key=itemgetter(0))
    ]
    sql.put_watermark.run(db, rows)


def held(db: Connection, key: Key, first: int, last: int) -> set[int]:
    """The sequences from `first` to `last` that the cloud has."""
    return {row[0] for row in db.execute(_sequences(key, first, last))}


def arrive(db: Connection, key: Key, mark: Mark, spans: Iterable[tuple[int, int]], now: int) -> None:
    """Move `mark` over the (first, last) of batches stored at `now`, and over the run that follows."""
    mark.last_report_at = now
    beyond = mark.highest > mark.sequence
    for first, last in sorted(spans):
        if first <= mark.sequence + 1:
            mark.sequence = max(mark.sequence, last)
        mark.highest = max(mark.highest, last)
    if beyond and mark.highest > mark.sequence:
        _follow(db, key, mark)


def give_up(db: Connection, key: Key, mark: Mark, first: int) -> None:
    """The sensor holds nothing before `first`: count what we never had, and go on from there."""
    if first <= mark.sequence + 1:
        return
    had = db.execute(select(func.count()).select_from(_sequences(key, mark.sequence + 1, first - 1).subquery()))
    mark.missing += first - 1 - mark.sequence - int(had.scalar_one())
    mark.sequence = first - 1
    mark.highest = max(mark.highest, mark.sequence)
    if mark.highest > mark.sequence:
        _follow(db, key, mark)


def _follow(db: Connection, key: Key, mark: Mark) -> None:
    for sequence in _run(db, key, mark.sequence + 1, mark.highest):
        if sequence != mark.sequence + 1:
            return
        mark.sequence = sequence


def _run(db: Connection, key: Key, first: int, last: int) -> Iterator[int]:
    """Held sequences in order, read a page at a time: the first gap usually ends it."""
    while page := [row[0] for row in db.execute(_sequences(key, first, last).order_by("sequence").limit(500))]:
        yield from page
        first = page[-1] + 1


def _sequences(key: Key, first: int, last: int) -> CompoundSelect[Any]:
    return union(
        *(
            select(table.c.sequence).where(
                table.c.tenant == key[0],
                table.c.sensor == key[1],
                table.c.epoch == key[2],
                table.c.sequence.between(first, last),
            )
            for table in (report, quarantine)
        )
    )
