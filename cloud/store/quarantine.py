"""Quarantine: what nobody can use, with the reason, and never more of it than the disk can bear.

1. Beyond the limits of one sensor its oldest is given up, beyond those of all the oldest of all; each is counted.
   The newest is what an operator has to look at.
2. Nothing depends on what is kept: which sequences have come, the marks know. Giving up a payload moves nothing.
3. Who quarantines holds the row of the unnamed sender: several workers take turns, and none waits in a circle.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, delete, func, select, update

from cloud.store.delivery import Quarantined
from cloud.store.schema import quarantine, refused
from cloud.store.statements import Statements

Sender = tuple[str, str]  # (tenant, sensor), two empty names for whoever the topic does not name
UNNAMED = ("", "")
_AT_ONCE = 500


class Limits(Struct, frozen=True, kw_only=True):
    """How many payloads are kept, and how many bytes of them: of one sensor, and in all."""

    per_sensor: int = 1_000
    per_sensor_bytes: int = 4_000_000
    in_all: int = 100_000
    in_all_bytes: int = 256_000_000


def keep(db: Connection, sql: Statements, found: Iterable[Quarantined], now: int, limits: Limits) -> int:
    """Keep what was found by UTC second `now`, as far as the limits allow; returns how many were not known."""
    by_sender: dict[Sender, list[Quarantined]] = {}
    for one in found:
        by_sender.setdefault((one.tenant or "", one.sensor or ""), []).append(one)
    if not by_sender:
        return 0
    sql.keep_refused.run(db, sorted((*sender, 0, 0, 0) for sender in {UNNAMED, *by_sender}))
    db.execute(select(refused.c.kept).where(*_of(refused, UNNAMED)).with_for_update())
    new = 0
    for sender, some in sorted(by_sender.items()):
        newest = {one.id: one for one in some[-limits.per_sensor :]}
        new += sql.keep_quarantine.run(db, [_row(name, now, one) for name, one in sorted(newest.items())])
        _bound(db, sender, limits, max(0, len(some) - limits.per_sensor))
    _bound_all(db, limits)
    return new


def _row(name: str, now: int, one: Quarantined) -> tuple[object, ...]:
    return (name, now, one.topic, one.reason, one.payload, one.tenant, one.sensor, one.epoch, one.sequence)


def _bound(db: Connection, sender: Sender, limits: Limits, beyond: int) -> None:
    """Give up a sender's oldest, and write down what is left; `beyond` were too many to begin with."""
    newest_first = _sizes().where(*_of(quarantine, sender)).order_by(quarantine.c.received_at.desc(), quarantine.c.id)
    kept = size = 0
    surplus: list[str] = []
    for row in db.execute(newest_first):
        if kept < limits.per_sensor and size + row.size <= limits.per_sensor_bytes and not surplus:
            kept, size = kept + 1, size + row.size
        else:
            surplus.append(row.id)
    _drop(db, surplus)
    told = {"kept": kept, "bytes": size, "given_up": refused.c.given_up + len(surplus) + beyond}
    db.execute(update(refused).where(*_of(refused, sender)).values(told))


def _bound_all(db: Connection, limits: Limits) -> None:
    kept, size = db.execute(select(func.sum(refused.c.kept), func.sum(refused.c.bytes))).one()
    oldest_first = _sizes().order_by(quarantine.c.received_at, quarantine.c.id).limit(_AT_ONCE)
    while (kept > limits.in_all or size > limits.in_all_bytes) and (page := db.execute(oldest_first).all()):
        surplus: list[Row[Any]] = []
        for row in page:
            if kept <= limits.in_all and size <= limits.in_all_bytes:
                break
            kept, size = kept - 1, size - row.size
            surplus.append(row)
        _drop(db, [row.id for row in surplus])
        for row in surplus:
            sender = (row.tenant or "", row.sensor or "")
            less = {"kept": refused.c.kept - 1, "bytes": refused.c.bytes - row.size}
            more = {"given_up": refused.c.given_up + 1}
            db.execute(update(refused).where(*_of(refused, sender)).values(less | more))


def _sizes() -> Any:
    size = func.length(quarantine.c.payload).label("size")
    return select(quarantine.c.id, quarantine.c.tenant, quarantine.c.sensor, size)


def _of(table: Any, sender: Sender) -> tuple[ColumnElement[bool], ...]:
    if table is quarantine and sender == UNNAMED:
        return (table.c.tenant.is_(None), table.c.sensor.is_(None))
    return (table.c.tenant == sender[0], table.c.sensor == sender[1])


def _drop(db: Connection, ids: list[str]) -> None:
    for at in range(0, len(ids), _AT_ONCE):
        db.execute(delete(quarantine).where(quarantine.c.id.in_(ids[at : at + _AT_ONCE])))
