"""Weeks: the hours of a week, beside those of the weeks before."""

from collections.abc import Callable
from datetime import date, timedelta

from cloud.core import calendar, week
from cloud.core.week import Week
from cloud.desk.reader import Reader
from cloud.store import Store


class Weeks:
    """The weeks of `tenant`'s shops in `store`; `clock` gives UTC seconds. Methods block."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._reader = Reader(store, tenant, clock)

    def week(self, shop_id: str, day: date) -> Week:
        """The week that a local date is in, disclosed. Raises UnknownShopError."""
        shop, monday = self._reader.shop(shop_id), week.monday_of(day)
        start = calendar.day_of(shop.time_zone, week.first_of(monday))[0]
        end = calendar.day_of(shop.time_zone, monday + timedelta(days=6))[1]
        hours = self._store.periods(shop.tenant, shop.shop, "hour", start, end)
        since = max((one.valid_from for one in self._reader.factors(shop)), default=0)
        return week.disclosed_week(week.week(shop, monday, int(self._clock()), hours, since))
