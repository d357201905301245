"""Dailies: the report of every shop's day before: what it says, and when it is due.

1. It is due from 08:00 to before 20:00 of the shop's next day, once every sensor has told of a later time. One that is
   silent is waited for until `PATIENCE_S` after 08:00, or after we ourselves came back.
2. A closed day has no report, nor has one on which no sensor stood in the shop.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from cloud.core import calendar, compared, rollup, today
from cloud.core.compared import Day
from cloud.core.daily import Daily, daily, is_closed
from cloud.core.figures import Period, Shop
from cloud.core.saying import Saying
from cloud.desk.alerts import MOST_DAYS, Alerts
from cloud.desk.reader import Reader
from cloud.store import Store
from cloud.store.arrivals import Arrivals

FROM, UNTIL = time(8), time(20)
PATIENCE_S = 3600


class Dailies:
    """The reports of `tenant`'s shops in `store`; `clock` gives UTC seconds. Methods block."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._store, self._tenant, self._clock = store, tenant, clock
        self._reader, self._arrivals = Reader(store, tenant, clock), Arrivals(store)
        self._alerts = Alerts(store, tenant, clock)
        self._up_since = int(clock())

    def report(self, shop_id: str, day: date) -> Daily:
        """The report of a local date. Raises UnknownShopError."""
        shop = self._reader.shop(shop_id)
        known = {one: self._hours(shop, one) for one in compared.dates(day)}
        days = [self._day(shop, one, hours) for one, hours in known.items() if hours or one == day]
        return daily(shop, days, self._alert(shop, days[0].period))

    def is_due(self, shop: Shop, now: int) -> bool:
        """Whether the report of `date_of` may be told at UTC second `now`."""
        if not is_time(shop, now):
            return False
        day = date_of(shop, now)
        start, end = calendar.day_of(shop.time_zone, day)
        placed = self._store.placements(self._tenant, shop.shop)
        if is_closed(shop, day) or not any(one.holds(end - 1) for one in placed):
            return False
        waited = now - max(_begins(shop, now), self._up_since) >= PATIENCE_S
        return waited or self._arrivals.whole(self._tenant, shop.shop, start, end)

    def _alert(self, shop: Shop, day: Period) -> Saying | None:
        """The newest alert that fired on the day or before and had not ended before it; one that still fires first."""
        ago = (int(self._clock()) - day.start) // 86_400 + 1
        if not 1 <= ago <= MOST_DAYS:
            return None
        known = [one for one in self._alerts.history(shop.shop, ago) if (one.fired_at or 0) < day.end]
        lasting = [one for one in known if one.ended_at is None or one.ended_at >= day.start]
        if not lasting:
            return None
        worst = min(lasting, key=lambda one: one.state != "firing")
        return Saying("{title}. {sentence}", title=worst.title, sentence=worst.sentence)

    def _hours(self, shop: Shop, day: date) -> list[Period]:
        return self._store.periods(self._tenant, shop.shop, "hour", *calendar.day_of(shop.time_zone, day))

    def _day(self, shop: Shop, day: date, known: list[Period]) -> Day:
        start, end = calendar.day_of(shop.time_zone, day)
        before, after = (self._store.shop(self._tenant, shop.shop, one) or shop for one in (start, end - 1))
        hours = today.filled(after, known, calendar.hours_of(shop.time_zone, (start, end)))
        same = before.people_per_device == after.people_per_device
        return Day(
            date=day,
            period=rollup.total(after, start, end, hours),
            hours=hours,
            people_per_device=after.people_per_device if same else None,
            calibrated=after.calibrated,
        )


def date_of(shop: Shop, now: int) -> date:
    """The local date that a report at `now` is of: the day before."""
    return calendar.date_at(shop.time_zone, now) - timedelta(days=1)


def is_time(shop: Shop, now: int) -> bool:
    """Whether it is a time of day at which reports are told."""
    return _begins(shop, now) <= now < _at(shop, now, UNTIL)


def _begins(shop: Shop, now: int) -> int:
    return _at(shop, now, FROM)


def _at(shop: Shop, now: int, clock: time) -> int:
    wall = datetime.combine(calendar.date_at(shop.time_zone, now), clock)
    return calendar.second_of(shop.time_zone, wall)
