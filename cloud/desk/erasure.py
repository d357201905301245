"""Erasure: a shop's figures of months that are over, deleted because somebody of the shop wants it."""

from collections.abc import Callable

from cloud.core import calendar
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.core.written import date_of
from cloud.desk.reader import Reader
from cloud.store import Store
from cloud.store.erasure import Erasure as Kept


class Erasure:
    """Deletes from `store` for `tenant`; `clock` gives UTC seconds. Methods raise UnknownShopError."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._kept, self._tenant = Kept(store), tenant
        self._reader = Reader(store, tenant, clock)

    def erase(self, shop_id: str, before: str, typed: str) -> Saying:
        """Delete reports, figures, sales, counts at the door and alerts before the first of a month (ISO date).

        `typed` must be the shop's name: it cannot be undone. Raises Refusal.
        """
        shop, first = self._reader.shop(shop_id), date_of("before", before)
        if first.day != 1:
            raise Refusal(Saying("before is {day:day}: choose the first of a month.", day=first))
        if first > self._reader.local_date(shop).replace(day=1):
            raise Refusal(Saying("before is {day:day}: only months that are over can be deleted.", day=first))
        if typed.strip() != shop.name:
            raise Refusal(
                Saying('Type the name of the shop, "{name}", to delete: it cannot be undone.', name=shop.name)
            )
        gone = self._kept.erase(self._tenant, shop.shop, calendar.day_of(shop.time_zone, first)[0])
        return Saying(
            "Deleted: {reports} reports, {figures} figures by hour and day, {told} hours of sales and counts.",
            **gone._asdict(),
        )
