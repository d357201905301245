"""Rollups: dirty hours are recomputed from the raw reports, their days from the hours, and what is read often too.

1. A mark is deleted in the transaction that recomputes its hour, before the reports are read: a report that
   comes in meanwhile marks the hour again. There is no other way for a `period` row to come about.
   A shop is rolled up by one at a time: a day is made of hours that another would not have committed yet.
2. A row is a function of reports, placements and the shop alone; recomputing any time gives the same bytes.
3. Grains: "hour" and "day" are a `Period`. So that nobody who reads has to learn or look for it: "base" is the
   background that the hours of a day were computed with, "last" the newest window, "page" the ledger of a month.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, delete, func, select

from agent.contract import encode
from cloud.core import calendar, ledger, rollup
from cloud.core.background import Background, Backgrounds
from cloud.core.coverage import Placement
from cloud.core.figures import Figure, Period, Shop
from cloud.core.ledger import Line
from cloud.core.rollup import Reading
from cloud.store import ledgers, raw, schema
from cloud.store.nights import Nights
from cloud.store.places import Hour, Places, ShopKey
from cloud.store.statements import Statements

_LAST = 0  # the only start of the grain "last"
_period = msgspec.json.Decoder(Period)
_base = msgspec.json.Decoder(Backgrounds)
_BODIES = (  # built once: to build one takes longer than to look a row up
    select(schema.period.c.body)
    .where(schema.period.c.tenant == bindparam("tenant"), schema.period.c.shop == bindparam("shop"))
    .where(schema.period.c.grain == bindparam("grain"))
    .where(schema.period.c.start >= bindparam("first"), schema.period.c.start < bindparam("last"))
    .order_by(schema.period.c.start)
)
_NEWEST = (
    select(func.max(schema.report.c.window_start))
    .where(schema.report.c.tenant == bindparam("tenant"), schema.report.c.sensor == bindparam("sensor"))
    .where(schema.report.c.window_start >= bindparam("first"), schema.report.c.window_start < bindparam("last"))
)


class Rolled(Struct, frozen=True):
    """A recomputed row: `grain` is "hour" or "day"."""

    tenant: str
    shop: str
    grain: str
    period: Period


def recompute(db: Connection, sql: Statements, places: Places, nights: Nights, limit: int) -> list[Rolled]:
    """Recompute up to `limit` dirty hours and the days they are in; empty when nothing is dirty."""
    hours = _take_marks(db, limit)
    rolled: list[Rolled] = []
    days: dict[tuple[ShopKey, calendar.Span], Mapping[str, Background]] = {}
    for tenant, shop_id, hour in hours:
        key = (tenant, shop_id)
        shop = places.shop_at(key, hour)
        if shop is None:
            continue  # the shop is gone; its reports stay, should it come back
        start, end = calendar.hour_at(shop.time_zone, hour)
        placed = places.placements.get(key, [])
        reported = raw.readings(db, placed, start, end)
        base = nights.before(db, places, key, hour)
        rolled.append(Rolled(tenant, shop_id, "hour", rollup.period(shop, start, end, placed, reported, base)))
        days[key, calendar.day_at(shop.time_zone, hour)] = base
    _put(db, sql, rolled)
    in_force = {(key, span): places.shop_at(key, span[1] - 1) for key, span in sorted(days)}
    told = [_day(db, shop, key, span) for (key, span), shop in in_force.items() if shop is not None]
    new_days = [day for day, _ in told]
    _put(db, sql, new_days)
    _put_beside(db, sql, places, nights, days, told)
    return rolled + new_days


def periods(db: Connection, key: ShopKey, grain: str, start: int, end: int) -> list[Period]:
    """Stored rows whose start lies in `start` to `end`, in order; a span nobody reported on has no row."""
    here = {"tenant": key[0], "shop": key[1], "grain": grain, "first": start, "last": end}
    return [_period.decode(body) for (body,) in db.execute(_BODIES, here).all()]


def windows(
    db: Connection,
    places: Places,
    nights: Nights,
    key: ShopKey,
    start: int,
    end: int,
    zone: str | None = None,
) -> list[Period]:
    """Figures per window that starts in `start` to `end`, from the raw reports; none of a shop nobody knows.

    With `zone`, of that zone alone.
    """
    placed = [one for one in places.placements.get(key, []) if zone in (None, one.zone)]
    by_window: dict[int, list[Reading]] = {}
    for one in raw.readings(db, placed, start, end):
        by_window.setdefault(one.report.window_start, []).append(one)
    quiet: dict[calendar.Span, Mapping[str, Background]] = {}
    found = []
    for window, some in sorted(by_window.items()):
        shop = places.shop_at(key, window)
        if shop is None:
            break
        day = calendar.day_at(shop.time_zone, window)
        if day not in quiet:
            known = _known_base(db, key, day[0])
            quiet[day] = nights.before(db, places, key, window) if known is None else known
        closes = window + max(one.report.window_s for one in some)
        found.append(rollup.period(shop, window, closes, placed, some, quiet[day]))
    return found


def latest(db: Connection, places: Places, nights: Nights, key: ShopKey) -> Period | None:
    """The newest window, or the one before while more sensors have reported that; None: none yet.

    A sensor that rests by plan has reported too.
    """
    since = max((newest(db, one) for one in places.placements.get(key, [])), default=-1)
    last = windows(db, places, nights, key, since - 600, since + 1)[-2:] if since >= 0 else []
    return max(reversed(last), key=lambda one: max(one.coverage, one.rested), default=None)


def glances(
    db: Connection, tenant: str, shops: Sequence[str], days: Iterable[int]
) -> dict[str, tuple[Period | None, Period | None]]:
    """By shop: (its day that starts at one of `days`, its newest window), as they were last rolled up."""
    of_day = _of_shops(db, tenant, shops, "day", sorted(set(days)))
    last = _of_shops(db, tenant, shops, "last", [_LAST])
    return {one: (of_day.get(one), last.get(one)) for one in shops}


def visits_of_devices(db: Connection, places: Places, nights: Nights, key: ShopKey, start: int, end: int) -> Figure:
    """Visits begun by devices in windows that start in `start` to `end`. Raises KeyError for a shop nobody knows."""
    shop, placed = places.shops[key], places.placements.get(key, [])
    devices = replace(shop, people_per_device=1.0, people_per_device_low=1.0, people_per_device_high=1.0)
    reported = raw.readings(db, placed, start, end)
    return rollup.period(devices, start, end, placed, reported, nights.before(db, places, key, start)).visitors


def newest(db: Connection, placement: Placement) -> int:
    """The start of the newest window a sensor reported while it stood there; -1 if there is none."""
    tenant, _, sensor = placement.sensor.partition(":")
    last = schema.LATEST if placement.valid_to is None else placement.valid_to
    here = {"tenant": tenant, "sensor": sensor, "first": placement.valid_from, "last": last}
    found = db.execute(_NEWEST, here).scalar_one_or_none()
    return -1 if found is None else int(found)


def _take_marks(db: Connection, limit: int) -> list[Hour]:
    table, shop = schema.dirty, schema.shop
    query = (
        select(table)
        .join(shop, (shop.c.tenant == table.c.tenant) & (shop.c.shop == table.c.shop))
        .order_by(*table.c)
        .limit(limit)
        .with_for_update(of=[table, shop], skip_locked=True)
    )
    hours = [(row.tenant, row.shop, row.hour) for row in db.execute(query)]
    for tenant, shop_id, hour in hours:
        db.execute(delete(table).where(table.c.tenant == tenant, table.c.shop == shop_id, table.c.hour == hour))
    return hours


def _day(db: Connection, shop: Shop, key: ShopKey, span: calendar.Span) -> tuple[Rolled, Line]:
    hours = periods(db, key, "hour", *span)
    period = rollup.total(shop, *span, hours)
    return Rolled(*key, "day", period), ledger.line(shop, period, hours)


def _put_beside(
    db: Connection,
    sql: Statements,
    places: Places,
    nights: Nights,
    days: Mapping[tuple[ShopKey, calendar.Span], Mapping[str, Background]],
    told: Iterable[tuple[Rolled, Line]],
) -> None:
    """What is kept beside the periods, of days just rolled up."""
    rows = [_row(key, "base", span[0], Backgrounds(by_sensor=dict(base))) for (key, span), base in days.items()]
    pages = ledgers.pages(db, places, [((day.tenant, day.shop), line) for day, line in told])
    rows += [_row(key, ledgers.GRAIN, start, page) for key, start, page in pages]
    for key in {key for key, _ in days}:
        if (one := latest(db, places, nights, key)) is not None:
            rows.append(_row(key, "last", _LAST, one))
    sql.put_period.run(db, sorted(rows))


def _of_shops(db: Connection, tenant: str, shops: Sequence[str], grain: str, starts: list[int]) -> dict[str, Period]:
    """One period of each shop. They are named, so that each is a look-up and nobody scans a tenant's periods."""
    table = schema.period.c
    found: dict[str, Period] = {}
    for at in range(0, len(shops), ledgers.SHOPS_AT_ONCE):
        some = shops[at : at + ledgers.SHOPS_AT_ONCE]
        here = (table.tenant == tenant, table.shop.in_(some), table.grain == grain, table.start.in_(starts))
        found.update(
            (one, _period.decode(body)) for one, body in db.execute(select(table.shop, table.body).where(*here))
        )
    return found


def _known_base(db: Connection, key: ShopKey, day: int) -> Mapping[str, Background] | None:
    here = {"tenant": key[0], "shop": key[1], "grain": "base", "first": day, "last": day + 1}
    body = db.execute(_BODIES, here).scalar()
    return None if body is None else _base.decode(body).by_sensor


def _row(key: ShopKey, grain: str, start: int, body: Struct) -> tuple[str, str, str, int, bytes]:
    return (*key, grain, start, encode(body))


def _put(db: Connection, sql: Statements, rolled: list[Rolled]) -> None:
    sql.put_period.run(db, [_row((one.tenant, one.shop), one.grain, one.period.start, one.period) for one in rolled])
