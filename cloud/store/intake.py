"""Intake: what has arrived becomes rows, all of it in the caller's one transaction.

1. A sequence that has come before is ignored: delivering a report any number of times changes nothing. If it comes
   with other bytes, its sensor is broken: that goes to the quarantine. Only what is not new is compared.
2. Every new row marks its shop's hour dirty in the same transaction, so no rollup can miss it.
3. Rows are written in the order of their keys, tables always in the same order; two writers then wait for each other
   and never deadlock.
4. Reports before hellos: what came with a hello is not counted as missing.
5. Reports come first: what tills sold is kept beside them, and cannot keep them out.
6. A sensor that was retired is not believed, though a broker lets it in: what it sends goes to the quarantine, and has
   no watermark, so it keeps what it holds. Which sensors those are is in memory: one look-up for a message.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter

from msgspec import Struct
from sqlalchemy import Connection, select, update

from agent.contract import Hello, ReportedConfig, Status, Watermark, topics
from cloud.core.condition import LEFT
from cloud.core.watermark import MOST_GAPS, Mark, Span
from cloud.store import boots, marks, nights, places, quarantine, sales, schema
from cloud.store.delivery import SAID, Delivery, Quarantined, Reports, Row, Said, Sold
from cloud.store.marks import Key
from cloud.store.places import Places, ShopKey
from cloud.store.quarantine import Limits
from cloud.store.schema import sensor_state
from cloud.store.statements import Statements

DIFFERS = "differs from what was committed"
RETIRED = "the sensor was retired: its certificates are revoked, and nothing under its name is believed"
LATE_S = 900
TORN = f"more than {MOST_GAPS} gaps in what has come"


class Committed(Struct, frozen=True):
    """What a commit did: (sensor id, watermark) to publish, the shops with new reports, counts of reports.

    `sales`: hours of tills that are new or changed. Of the reports that were dated, `dated` in all, `late` came more
    than `LATE_S` after their window, and all of them together `lag_s` seconds.
    """

    watermarks: list[tuple[str, Watermark]]
    shops: set[ShopKey]
    accepted: int
    duplicates: int
    quarantined: int
    sales: int = 0
    dated: int = 0
    late: int = 0
    lag_s: int = 0


def take(
    db: Connection, sql: Statements, known: Places, deliveries: Sequence[Delivery], now: int, limits: Limits
) -> Committed:
    """Store deliveries that arrived by UTC second `now`."""
    if known.retired:
        deliveries = [told for one in deliveries for told in _believed(known, one)]
    batches: dict[Key, list[Reports]] = {}
    for one in deliveries:
        if isinstance(one, Reports):
            batches.setdefault((one.tenant, one.sensor, one.epoch), []).append(one)
    said = [one for one in deliveries if isinstance(one, Said)]
    hellos = [(one, one.message) for one in said if isinstance(one.message, Hello)]
    keys = {(one.tenant, one.sensor, hello.epoch) for one, hello in hellos}
    held = marks.load(db, sql, batches.keys() | keys)

    rows: list[Row] = []
    bad = [one for one in deliveries if isinstance(one, Quarantined)]
    for key, some in batches.items():
        new, refused = _arrive(db, key, held[key], some, now)
        rows += new
        bad += refused
    for one, hello in hellos:
        held[one.tenant, one.sensor, hello.epoch].give_up(hello.first)
    marks.save(db, sql, held)
    accepted = sql.keep_report.run(db, sorted(rows))
    sold, unusable = sales.take(db, known, [one for one in deliveries if isinstance(one, Sold)], now)
    quarantined = quarantine.keep(db, sql, bad + unusable, now, limits)
    dirty = _hours(known, rows)
    sql.mark_dirty.run(db, sorted(dirty | nights.later(db, known, dirty)))
    _save_said(db, sql, said, now)
    lags = [max(0, now - row[4] - row[5]) for row in rows if row[4] != schema.UNDATED]
    return Committed(
        watermarks=[
            (f"{tenant}:{sensor}", Watermark(epoch=epoch, sequence=mark.sequence))
            for (tenant, sensor, epoch), mark in sorted(held.items(), key=itemgetter(0))
        ],
        shops={(tenant, shop) for tenant, shop, _ in dirty},
        accepted=accepted,
        duplicates=sum(len(one.rows) for some in batches.values() for one in some) - accepted,
        quarantined=quarantined,
        sales=sold,
        dated=len(lags),
        late=sum(one > LATE_S for one in lags),
        lag_s=sum(lags),
    )


def _believed(known: Places, one: Delivery) -> Sequence[Delivery]:
    """A delivery as it is; of a sensor that was retired, what goes to the quarantine of it."""
    if not isinstance(one, Reports | Said) or (one.tenant, one.sensor) not in known.retired:
        return (one,)
    if isinstance(one, Reports):
        return [*one.quarantined, *(_refused(row, RETIRED) for row in one.rows)]
    leaf = next(name for name, kind in SAID.items() if isinstance(one.message, kind))
    return [Quarantined(topics.up(f"{one.tenant}:{one.sensor}", leaf), RETIRED, one.body, one.tenant, one.sensor)]


def _arrive(db: Connection, key: Key, mark: Mark, some: list[Reports], now: int) -> tuple[list[Row], list[Quarantined]]:
    """(rows that have never come, what is to be quarantined) of the batches of an epoch, in the order they came."""
    rows: list[Row] = []
    bad: list[Quarantined] = []
    again: list[Row] = []
    for one in some:
        new = mark.new(one.first, one.last)
        bad += one.quarantined
        if not mark.arrive(one.first, one.last):
            bad += [_refused(row, TORN) for row in one.rows]
        elif new == [(one.first, one.last)]:
            rows += one.rows
            mark.untrusted += len(one.untrusted)
        else:
            rows += [row for row in one.rows if _lies(row[3], new)]
            again += [row for row in one.rows if not _lies(row[3], new)]
            mark.untrusted += sum(_lies(sequence, new) for sequence in one.untrusted)
    mark.last_report_at = max(now, mark.last_report_at or 0)
    return rows, bad + _differing(db, key, rows, again)


def _lies(sequence: int, spans: list[Span]) -> bool:
    return any(first <= sequence <= last for first, last in spans)


def _differing(db: Connection, key: Key, rows: list[Row], again: list[Row]) -> list[Quarantined]:
    """Those of `again` whose bytes are others than those committed, or about to be."""
    if not again:
        return []
    bodies = {row[3]: row[7] for row in rows}
    table, wanted = schema.report.c, sorted({row[3] for row in again} - bodies.keys())
    for at in range(0, len(wanted), 500):
        query = select(table.sequence, table.body).where(
            table.tenant == key[0],
            table.sensor == key[1],
            table.epoch == key[2],
            table.sequence.in_(wanted[at : at + 500]),
        )
        bodies.update((row.sequence, row.body) for row in db.execute(query))
    return [_refused(row, DIFFERS) for row in again if bodies.get(row[3]) != row[7]]


def _refused(row: Row, reason: str) -> Quarantined:
    tenant, sensor, epoch, sequence = row[:4]
    return Quarantined(topics.up(f"{tenant}:{sensor}", "report"), reason, row[7], tenant, sensor, epoch, sequence)


def _hours(known: Places, rows: Iterable[Row]) -> set[places.Hour]:
    """The hours that rows belong to; one without a date belongs to none."""
    windows: dict[ShopKey, list[int]] = {}
    for row in rows:
        if row[4] != schema.UNDATED:
            windows.setdefault((row[0], row[1]), []).append(row[4])
    return {hour for (tenant, sensor), some in windows.items() for hour in known.hours(tenant, sensor, some)}


def _save_said(db: Connection, sql: Statements, said: list[Said], now: int) -> None:
    latest: dict[ShopKey, dict[str, object]] = {}
    machines = boots.after(db, said, now)
    for one in said:
        columns = latest.setdefault((one.tenant, one.sensor), {})
        if isinstance(one.message, Status):
            left = one.message.state == "offline" and one.message.goodbye is True
            columns |= {"status": LEFT if left else one.message.state, "status_at": now}
        elif isinstance(one.message, Hello):
            columns |= {"hello": one.body, "hello_at": now}
            if (one.tenant, one.sensor) in machines:
                columns["boots"] = machines[one.tenant, one.sensor]
        elif isinstance(one.message, ReportedConfig):
            columns |= {"config": one.body, "config_at": now}
        else:
            columns |= {"health": one.body, "health_at": now}
    nothing = (None,) * (len(sensor_state.columns) - 2)
    sql.keep_sensor.run(db, sorted((*sensor, *nothing) for sensor in latest))
    for (tenant, sensor), columns in sorted(latest.items()):
        here = (sensor_state.c.tenant == tenant, sensor_state.c.sensor == sensor)
        db.execute(update(sensor_state).where(*here).values(**columns))
