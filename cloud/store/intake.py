"""Intake: what has arrived becomes rows, all of it in the caller's one transaction.

1. A row whose key is known is ignored: delivering a report any number of times changes nothing.
2. Every new row marks its shop's hour dirty in the same transaction, so no rollup can miss it.
3. Rows are written in the order of their keys; two writers then wait for each other and never deadlock.
4. Reports before hellos: what came with a hello is not counted as missing.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter

from msgspec import Struct
from sqlalchemy import Connection, insert, select, update

from agent.contract import Hello, ReportedConfig, Status, Watermark
from cloud.store import marks, nights
from cloud.store.delivery import Delivery, Quarantined, Reports, Row, Said
from cloud.store.marks import Key, Mark
from cloud.store.places import Places, ShopKey
from cloud.store.schema import sensor_state
from cloud.store.statements import Statements


class Committed(Struct, frozen=True):
    """What a commit did: (sensor id, watermark) to publish, the shops with new reports, counts of reports."""

    watermarks: list[tuple[str, Watermark]]
    shops: set[ShopKey]
    accepted: int
    duplicates: int
    quarantined: int


def take(db: Connection, sql: Statements, places: Places, deliveries: Sequence[Delivery], now: int) -> Committed:
    """Store deliveries that arrived by UTC second `now`."""
    batches: dict[Key, list[Reports]] = {}
    for one in deliveries:
        if isinstance(one, Reports):
            batches.setdefault((one.tenant, one.sensor, one.epoch), []).append(one)
    said = [one for one in deliveries if isinstance(one, Said)]
    hellos = [(one, one.message) for one in said if isinstance(one.message, Hello)]
    keys = {(one.tenant, one.sensor, hello.epoch) for one, hello in hellos}
    known = marks.load(db, sql, batches.keys() | keys)

    rows, dirty = _new_rows(db, places, batches, known)
    accepted = sql.keep_report.run(db, sorted(rows))
    quarantined = _quarantine(db, sql, deliveries, now)
    sql.keep_dirty.run(db, sorted(dirty | nights.later(db, places, dirty)))
    for key, some in batches.items():
        marks.arrive(db, key, known[key], [(one.first, one.last) for one in some], now)
    for one, hello in hellos:
        key = (one.tenant, one.sensor, hello.epoch)
        marks.give_up(db, key, known[key], hello.first)
    marks.save(db, sql, known)
    _save_said(db, said, now)
    return Committed(
        watermarks=[
            (f"{tenant}:{sensor}", Watermark(epoch=epoch, sequence=mark.sequence))
            for (tenant, sensor, epoch), mark in sorted(known.items(), key=itemgetter(0))
        ],
        shops={(tenant, shop) for tenant, shop, _ in dirty},
        accepted=accepted,
        duplicates=sum(len(one.rows) for some in batches.values() for one in some) - accepted,
        quarantined=quarantined,
    )


def _new_rows(
    db: Connection, places: Places, batches: dict[Key, list[Reports]], known: dict[Key, Mark]
) -> tuple[list[Row], set[tuple[str, str, int]]]:
    """Rows not held yet, and the hours they belong to. Beyond the highest sequence nothing can be held."""
    rows: list[Row] = []
    dirty: set[tuple[str, str, int]] = set()
    for key, some in batches.items():
        highest = known[key].highest
        for one in some:
            new = one.rows
            if one.first <= highest:
                had = marks.held(db, key, one.first, one.last)
                new = [row for row in new if row[3] not in had]
            rows += new
            dirty |= places.hours(key[0], key[1], [row[4] for row in new])
    return rows, dirty


def _quarantine(db: Connection, sql: Statements, deliveries: Iterable[Delivery], now: int) -> int:
    found: list[Quarantined] = []
    for one in deliveries:
        if isinstance(one, Quarantined):
            found.append(one)
        elif isinstance(one, Reports):
            found += one.quarantined
    return sql.keep_quarantine.run(
        db,
        sorted(
            (one.id, now, one.topic, one.reason, one.payload, one.tenant, one.sensor, one.epoch, one.sequence)
            for one in found
        ),
    )


def _save_said(db: Connection, said: list[Said], now: int) -> None:
    latest: dict[ShopKey, dict[str, object]] = {}
    for one in said:
        columns = latest.setdefault((one.tenant, one.sensor), {})
        if isinstance(one.message, Status):
            columns |= {"status": one.message.state, "status_at": now}
        elif isinstance(one.message, Hello):
            columns |= {"hello": one.body, "hello_at": now}
        elif isinstance(one.message, ReportedConfig):
            columns |= {"config": one.body, "config_at": now}
        else:
            columns |= {"health": one.body, "health_at": now}
    for (tenant, sensor), columns in sorted(latest.items()):
        here = (sensor_state.c.tenant == tenant, sensor_state.c.sensor == sensor)
        if db.execute(select(sensor_state.c.tenant).where(*here)).first() is None:
            db.execute(insert(sensor_state).values(tenant=tenant, sensor=sensor, **columns))
        else:
            db.execute(update(sensor_state).where(*here).values(**columns))
