"""Nights: the closed hours before a day, from which its background is learnt.

A late report of a closed hour changes the background of the days after it, so their hours are to be recomputed; a
report in time has no later days, and marks nothing.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise

from sqlalchemy import Connection, select

from agent.contract.report import Estimate
from cloud.core import background, calendar
from cloud.core.background import Background
from cloud.core.calendar import Span
from cloud.core.coverage import Placement
from cloud.core.figures import Shop
from cloud.core.rollup import Listening
from cloud.store import schema
from cloud.store.places import Places

Hour = tuple[str, str, int]  # (tenant, shop, start of the local hour)
Listen = Callable[[Iterable[Placement], int, int], list[Listening]]


def backgrounds(shop: Shop, placed: list[Placement], second: int, listen: Listen) -> dict[str, Background]:
    """By sensor, what was heard with nobody there on the days before the day of `second`.

    `listen` gives the windows listened to by sensors placed, from the raw reports of a span.
    """
    nights: dict[str, list[tuple[Estimate, Estimate]]] = {}
    for start, end in _closed(shop, background.span(shop, second)):
        for one in listen(placed, start, end):
            if one.inside is not None and one.outside is not None:
                nights.setdefault(one.sensor, []).append((one.inside, one.outside))
    return {sensor: background.learn(pairs) for sensor, pairs in nights.items()}


def later(db: Connection, places: Places, dirty: Iterable[Hour]) -> set[Hour]:
    """The hours already rolled up whose background the `dirty` hours have a part in."""
    found: set[Hour] = set()
    for tenant, shop_id, hour in dirty:
        shop = places.shops[tenant, shop_id]
        start, end = calendar.hour_at(shop.time_zone, hour)
        if background.is_closed(shop, start, end):
            found |= _rolled_up(db, tenant, shop, calendar.day_at(shop.time_zone, start)[1])
    return found


def _rolled_up(db: Connection, tenant: str, shop: Shop, after: int) -> set[Hour]:
    table = schema.period
    query = select(table.c.start).where(
        table.c.tenant == tenant,
        table.c.shop == shop.shop,
        table.c.grain == "hour",
        table.c.start >= after,
        table.c.start < after + (background.DAYS + 1) * 86_400,
    )
    return {(tenant, shop.shop, row.start) for row in db.execute(query)}


def _closed(shop: Shop, span: Span) -> list[Span]:
    """The closed hours of a span, those that follow each other as one."""
    hours = [one for one in calendar.hours_of(shop.time_zone, span) if background.is_closed(shop, *one)]
    starts = [one[0] for before, one in pairwise([(0, -1), *hours]) if before[1] != one[0]]
    ends = [one[1] for one, after in pairwise([*hours, (-1, 0)]) if one[1] != after[0]]
    return list(zip(starts, ends, strict=True))
