"""Rollups: dirty hours are recomputed from the raw reports, and their days from the hours.

1. A mark is deleted in the transaction that recomputes its hour, before the reports are read: a report that
   comes in meanwhile marks the hour again. There is no other way for a `period` row to come about.
   A shop is rolled up by one at a time: a day is made of hours that another would not have committed yet.
2. A row is a function of reports, placements and the shop alone; recomputing any time gives the same bytes.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, delete, func, select

from agent.contract import encode
from cloud.core import calendar, rollup
from cloud.core.background import Background
from cloud.core.coverage import Placement
from cloud.core.figures import Figure, Period, Shop
from cloud.core.rollup import Reading
from cloud.store import raw, schema
from cloud.store.nights import Nights
from cloud.store.places import Hour, Places, ShopKey
from cloud.store.statements import Statements

_period = msgspec.json.Decoder(Period)


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
    days: set[tuple[ShopKey, calendar.Span]] = set()
    for tenant, shop_id, hour in hours:
        key = (tenant, shop_id)
        shop = places.shop_at(key, hour)
        if shop is None:
            continue  # the shop is gone; its reports stay, should it come back
        start, end = calendar.hour_at(shop.time_zone, hour)
        placed = places.placements.get(key, [])
        reported = raw.readings(db, placed, start, end)
        period = rollup.period(shop, start, end, placed, reported, nights.before(db, places, key, hour))
        rolled.append(Rolled(tenant, shop_id, "hour", period))
        days.add((key, calendar.day_at(shop.time_zone, hour)))
    _put(db, sql, rolled)
    in_force = {(key, span): places.shop_at(key, span[1] - 1) for key, span in sorted(days)}
    new_days = [_day(db, shop, key, span) for (key, span), shop in in_force.items() if shop is not None]
    _put(db, sql, new_days)
    return rolled + new_days


def periods(db: Connection, key: ShopKey, grain: str, start: int, end: int) -> list[Period]:
    """Stored rows whose start lies in `start` to `end`, in order; a span nobody reported on has no row."""
    table = schema.period
    query = (
        select(table.c.body)
        .where(table.c.tenant == key[0], table.c.shop == key[1], table.c.grain == grain)
        .where(table.c.start >= start, table.c.start < end)
        .order_by(table.c.start)
    )
    return [_period.decode(row.body) for row in db.execute(query)]


def windows(db: Connection, places: Places, nights: Nights, key: ShopKey, start: int, end: int) -> list[Period]:
    """Figures per window that starts in `start` to `end`, from the raw reports; none of a shop nobody knows."""
    placed = places.placements.get(key, [])
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
            quiet[day] = nights.before(db, places, key, window)
        closes = window + max(one.report.window_s for one in some)
        found.append(rollup.period(shop, window, closes, placed, some, quiet[day]))
    return found


def visits_of_devices(db: Connection, places: Places, nights: Nights, key: ShopKey, start: int, end: int) -> Figure:
    """Visits begun by devices in windows that start in `start` to `end`. Raises KeyError for a shop nobody knows."""
    shop, placed = places.shops[key], places.placements.get(key, [])
    devices = replace(shop, people_per_device=1.0, people_per_device_low=1.0, people_per_device_high=1.0)
    reported = raw.readings(db, placed, start, end)
    return rollup.period(devices, start, end, placed, reported, nights.before(db, places, key, start)).visitors


def newest(db: Connection, placement: Placement) -> int:
    """The start of the newest window a sensor reported while it stood there; -1 if there is none."""
    tenant, _, sensor = placement.sensor.partition(":")
    window = schema.report.c.window_start
    query = select(func.max(window)).where(
        schema.report.c.tenant == tenant, schema.report.c.sensor == sensor, window >= placement.valid_from
    )
    if placement.valid_to is not None:
        query = query.where(window < placement.valid_to)
    found = db.execute(query).scalar_one_or_none()
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


def _day(db: Connection, shop: Shop, key: ShopKey, span: calendar.Span) -> Rolled:
    period = rollup.total(shop, *span, periods(db, key, "hour", *span))
    return Rolled(*key, "day", period)


def _put(db: Connection, sql: Statements, rolled: list[Rolled]) -> None:
    rows = [(one.tenant, one.shop, one.grain, one.period.start, encode(one.period)) for one in rolled]
    sql.put_period.run(db, rows)
