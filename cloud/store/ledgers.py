"""Ledgers: pages of lines among the periods, a row for each shop and month.

Whoever rolls a day up puts its line on its page. Where no page was begun yet, as before this table held any, it is
begun from all the days of the month.
"""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, select

from cloud.core import calendar, ledger
from cloud.core.figures import Period
from cloud.core.ledger import Line, Page
from cloud.store import schema
from cloud.store.places import Places, ShopKey

GRAIN = "page"
SHOPS_AT_ONCE = 1000
_MONTH_S = 32 * 86_400  # longer than any
_page = msgspec.json.Decoder(Page)
_period = msgspec.json.Decoder(Period)


def lines(db: Connection, tenant: str, shops: Sequence[str], start: int, end: int) -> dict[str, list[Line]]:
    """By shop, the lines of days that start in `start` to `end`, in order."""
    table = schema.period.c
    found: dict[str, list[Line]] = {one: [] for one in shops}
    for at in range(0, len(shops), SHOPS_AT_ONCE):
        query = (
            select(table.shop, table.body)
            .where(table.tenant == tenant, table.shop.in_(shops[at : at + SHOPS_AT_ONCE]), table.grain == GRAIN)
            .where(table.start > start - _MONTH_S, table.start < end)
            .order_by(table.shop, table.start)
        )
        for row in db.execute(query):
            found[row.shop] += [one for one in _page.decode(row.body).lines if start <= one.start < end]
    return found


def pages(db: Connection, places: Places, told: Iterable[tuple[ShopKey, Line]]) -> list[tuple[ShopKey, int, Page]]:
    """(shop, start of the month, page) for all pages these lines stand on, with what stands there already."""
    new: dict[tuple[ShopKey, calendar.Span], list[Line]] = {}
    for key, line in told:
        new.setdefault((key, ledger.month_at(places.shops[key].time_zone, line.start)), []).append(line)
    return [
        (key, month[0], ledger.page([*_written(db, places, key, month), *some])) for (key, month), some in new.items()
    ]


def _written(db: Connection, places: Places, key: ShopKey, month: calendar.Span) -> list[Line]:
    for body in _bodies(db, key, GRAIN, month):
        return _page.decode(body).lines
    hours: dict[int, list[Period]] = {}
    for hour in _periods(db, key, "hour", month):
        hours.setdefault(calendar.day_at(places.shops[key].time_zone, hour.start)[0], []).append(hour)
    days = [(day, places.shop_at(key, day.end - 1)) for day in _periods(db, key, "day", month)]
    return [ledger.line(shop, day, hours.get(day.start, [])) for day, shop in days if shop is not None]


def _periods(db: Connection, key: ShopKey, grain: str, span: calendar.Span) -> list[Period]:
    return [_period.decode(body) for body in _bodies(db, key, grain, span)]


def _bodies(db: Connection, key: ShopKey, grain: str, span: calendar.Span) -> list[bytes]:
    table = schema.period.c
    here = (table.tenant == key[0], table.shop == key[1], table.grain == grain)
    query = select(table.body).where(*here, table.start >= span[0], table.start < span[1]).order_by(table.start)
    return [row.body for row in db.execute(query)]
