"""Flows: which zone of a shop fills after which."""

from collections.abc import Callable
from datetime import date, timedelta

from cloud.core import calendar, flow
from cloud.core.flow import Flow
from cloud.desk.reader import Reader
from cloud.store import Store

DEFAULT_DAYS, MOST_DAYS = 14, 28  # read from raw reports, some hundred of a sensor and day


class Flows:
    """The zones of `tenant`'s shops in `store`; `clock` gives UTC seconds. Methods block."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._reader = Reader(store, tenant, clock)

    def flow(self, shop_id: str, first: date, last: date) -> Flow:
        """The flow over those of the local dates `first` to `last` that have ended. Raises UnknownShopError."""
        shop = self._reader.shop(shop_id)
        last = min(last, self._reader.local_date(shop) - timedelta(days=1))
        start, end = calendar.day_of(shop.time_zone, first)[0], calendar.day_of(shop.time_zone, last)[1]
        return flow.flow(shop, first, last, self._store.zone_windows(shop.tenant, shop.shop, start, end))
