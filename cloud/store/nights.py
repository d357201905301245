"""Nights: the closed hours before a day, from which its background is learnt.

1. A background is remembered only with what it was learnt from: as long as shops and placements are the same, and as
   many reports lie in its two weeks, it is what learning it again would give. That holds for several processes.
2. A late report of a closed hour changes the background of the days after it, so their hours are to be recomputed; a
   report in time has no later days, and marks nothing.
   Who brings one holds the shop against whoever rolls it up: each would miss what the other has not yet committed.
3. Of hours in which the radios rested there is nothing to learn: they are not hours in which nobody was heard.
"""

from collections.abc import Iterable, Mapping
from itertools import pairwise

from sqlalchemy import Connection, select

from agent.contract.report import Estimate
from cloud.core import background, calendar
from cloud.core.background import Background
from cloud.core.calendar import Span
from cloud.core.coverage import Placement
from cloud.core.figures import Shop
from cloud.core.rollup import listenings
from cloud.store import raw, schema
from cloud.store.places import Hour, Places, ShopKey

_REMEMBERED = 10_000  # shop-days


class Nights:
    """What every sensor hears with nobody there, by shop and day."""

    def __init__(self) -> None:
        self._known: dict[tuple[ShopKey, Span], tuple[tuple[int, int], Mapping[str, Background]]] = {}

    def before(self, db: Connection, places: Places, key: ShopKey, second: int) -> Mapping[str, Background]:
        """By sensor, what was heard with nobody there on the days before the day of `second`."""
        shop, placed = places.shops[key], places.placements.get(key, [])
        if not shop.hours:
            return {}
        span = background.span(shop, second)
        learnt_from = (places.revision, raw.number(db, placed, *span))
        known = self._known.get((key, span))
        if known is None or known[0] != learnt_from:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[key, span] = (learnt_from, _learn(db, shop, placed, span))
        return known[1]


def later(db: Connection, places: Places, dirty: Iterable[Hour]) -> set[Hour]:
    """The hours already rolled up whose background the `dirty` hours have a part in."""
    days: set[tuple[ShopKey, int]] = set()
    for tenant, shop_id, hour in dirty:
        shop = places.shops[tenant, shop_id]
        start, end = calendar.hour_at(shop.time_zone, hour)
        if background.is_closed(shop, start, end):
            days.add(((tenant, shop_id), calendar.day_at(shop.time_zone, start)[1]))
    for tenant, shop_id in sorted({key for key, _ in days}):
        table = schema.shop.c
        held = select(table.shop).where(table.tenant == tenant, table.shop == shop_id).with_for_update(read=True)
        db.execute(held)
    return {hour for key, after in days for hour in _rolled_up(db, key, after)}


def _learn(db: Connection, shop: Shop, placed: list[Placement], span: Span) -> dict[str, Background]:
    nights: dict[str, list[tuple[Estimate, Estimate]]] = {}
    for start, end in _closed(shop, span):
        for one in listenings(raw.readings(db, placed, start, end)):
            if one.inside is not None and one.outside is not None:
                nights.setdefault(one.sensor, []).append((one.inside, one.outside))
    return {sensor: background.learn(pairs) for sensor, pairs in nights.items()}


def _rolled_up(db: Connection, key: ShopKey, after: int) -> set[Hour]:
    table = schema.period
    query = select(table.c.start).where(
        table.c.tenant == key[0],
        table.c.shop == key[1],
        table.c.grain == "hour",
        table.c.start >= after,
        table.c.start < after + (background.DAYS + 1) * 86_400,
    )
    return {(*key, row.start) for row in db.execute(query)}


def _closed(shop: Shop, span: Span) -> list[Span]:
    """The closed hours of a span, those that follow each other as one."""
    hours = [one for one in calendar.hours_of(shop.time_zone, span) if background.is_closed(shop, *one)]
    starts = [one[0] for before, one in pairwise([(0, -1), *hours]) if before[1] != one[0]]
    ends = [one[1] for one, after in pairwise([*hours, (-1, 0)]) if one[1] != after[0]]
    return list(zip(starts, ends, strict=True))
