"""Trends: the weeks of a shop, with what was noted and what was different after it."""

from collections.abc import Callable
from functools import partial

from cloud.core import calendar, trends
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.core.trends import Trends
from cloud.desk.reader import Reader
from cloud.store import Store
from cloud.store.annotations import Annotations

FEWEST, MOST = 4, 104


class Trend:
    """The weeks of `tenant`'s shops in `store`; `clock` gives UTC seconds. Methods block."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._reader = Reader(store, tenant, clock)
        self._notes = Annotations(store)

    def trends(self, shop_id: str, weeks: int = 12) -> Trends:
        """The last `weeks` weeks, disclosed. Raises UnknownShopError, and Refusal for too few or too many."""
        if not FEWEST <= weeks <= MOST:
            raise Refusal(Saying("weeks is {n}: ask for {least} to {most}.", n=weeks, least=FEWEST, most=MOST))
        shop, now = self._reader.shop(shop_id), int(self._clock())
        today = calendar.date_at(shop.time_zone, now)
        start = calendar.day_of(shop.time_zone, trends.first_line(today, weeks))[0]
        lines = self._store.lines(shop.tenant, [shop.shop], start, now)[shop.shop]
        notes = self._notes.between(shop.tenant, shop.shop, trends.first_week(today, weeks), today)
        at = partial(self._store.factored(shop.tenant), shop.shop)
        return trends.disclosed_trends(trends.trends(shop, now, weeks, lines, notes, at))
