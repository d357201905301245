"""Reader: the disclosed figures of one tenant's shops, as the API and the pages read them.

Nothing exact leaves here: every figure has gone through `disclosed`. Another tenant's shop is an unknown one.
"""

from collections.abc import Callable
from datetime import date

import msgspec
from msgspec import Struct

from cloud.core import budget, calendar, panel, today
from cloud.core.calendar import Span
from cloud.core.calibration import Factor
from cloud.core.coverage import PlacedShop
from cloud.core.disclosure import disclosed_day
from cloud.core.figures import Figure, Period, SensorState, Shop, Today
from cloud.core.glossary import disclosed_period
from cloud.core.saying import Saying
from cloud.core.visits import Budget, PanelDay, PanelToday
from cloud.store import Store


class ShopLine(Struct, frozen=True, kw_only=True):
    """A shop in the list: today's visitors so far, who is inside, and one sentence on its sensors.

    `inside_at` is the end of the newest window, in UTC seconds; null before the first.
    """

    shop: str
    name: str
    time_zone: str
    date: str
    open_now: bool
    visitors: Figure
    inside_now: Figure
    inside_at: int | None
    sensors: str


class Visits(Struct, frozen=True, kw_only=True):
    """The panel on the local dates `from` to `to`, both included, none yet to come, and what that costs in privacy."""

    shop: str
    time_zone: str
    from_: str = msgspec.field(name="from")
    to: str
    budget: Budget
    days: list[PanelDay]


class UnknownShopError(LookupError):
    """There is no such shop."""


class Reader:
    """Reads `store` for `tenant`; `clock` gives UTC seconds. Methods block, and raise UnknownShopError."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self.tenant = tenant
        self._store = store
        self._clock = clock

    def names(self) -> list[str]:
        """Ids of the tenant's shops."""
        return [shop.shop for shop in self._store.shops(self.tenant)]

    def shop(self, shop_id: str) -> Shop:
        """The shop of that id."""
        shop = self._store.shop(self.tenant, shop_id)
        if shop is None:
            raise UnknownShopError(Saying('there is no shop "{shop}": see the list of shops.', shop=shop_id[:80]))
        return shop

    def local_date(self, shop: Shop) -> date:
        """The shop's local date now."""
        return calendar.date_at(shop.time_zone, int(self._clock()))

    def todays(self) -> list[Today]:
        """Today for every shop, by name."""
        shops = sorted(self._store.shops(self.tenant), key=lambda shop: (shop.name, shop.shop))
        return [self._today(shop) for shop in shops]

    def today(self, shop_id: str) -> Today:
        """Today for one shop, with its panel."""
        return self._today(self.shop(shop_id), with_panel=True)

    def lines(self) -> list[ShopLine]:
        """The list of shops."""
        return [
            ShopLine(
                shop=one.shop,
                name=one.name,
                time_zone=one.time_zone,
                date=one.date,
                open_now=one.open_now,
                visitors=one.day.visitors,
                inside_now=one.inside_now,
                inside_at=one.inside_at,
                sensors=today.sensor_line(one.sensors),
            )
            for one in self.todays()
        ]

    def factors(self, shop: Shop) -> list[Factor]:
        """The shop's factors from phones to people, each with the time it holds from, oldest first."""
        return self._store.factors(self.tenant, shop.shop)

    def hours(self, shop: Shop, first: date, last: date) -> list[Period]:
        """Every hour of the local dates `first` to `last` that has begun; gaps included."""
        span = _span(shop, first, last)
        return self._filled(shop, "hour", calendar.hours_of(shop.time_zone, span))

    def days(self, shop: Shop, first: date, last: date) -> list[Period]:
        """Every local day from `first` to `last` that has begun; gaps included."""
        ordinals = range(first.toordinal(), last.toordinal() + 1)
        days = [calendar.day_of(shop.time_zone, date.fromordinal(one)) for one in ordinals]
        return self._filled(shop, "day", [(start, end) for start, end in days if start < end])

    def windows(self, shop: Shop, day: date) -> list[Period]:
        """Every window of the local date that must have arrived by now, or has; gaps included."""
        start, end = calendar.day_of(shop.time_zone, day)
        known = self._store.windows(self.tenant, shop.shop, start, end)
        due = int(self._clock()) - today.ARRIVAL_S - today.WINDOW_S
        last = max(due, max((one.start for one in known), default=start - 1))
        told = {one.start // today.WINDOW_S for one in known}
        slots = range(start, min(end, last + 1), today.WINDOW_S)
        gaps = [(slot, slot + today.WINDOW_S) for slot in slots if slot // today.WINDOW_S not in told]
        every = sorted([*known, *today.filled(shop, (), gaps)], key=lambda one: one.start)
        return [disclosed_period(one) for one in every]

    def visits(self, shop: Shop, first: date, last: date) -> Visits:
        """The panel on the local dates `first` to `last` that have begun, and its budget; gaps included."""
        now = int(self._clock())
        begun = min(last, calendar.date_at(shop.time_zone, now))
        span = (calendar.day_of(shop.time_zone, first)[0], calendar.panel_day_of(shop.time_zone, last)[1])
        placed, readings = self._placed(shop), self._store.reports(self.tenant, shop.shop, *span)
        found = panel.days(placed, readings, first, begun, now - today.ARRIVAL_S)
        return Visits(
            shop=shop.shop,
            time_zone=shop.time_zone,
            from_=first.isoformat(),
            to=last.isoformat(),
            budget=budget.budget(placed, self._store.sensors(self.tenant, shop.shop, now), readings),
            days=[disclosed_day(one) for one in found],
        )

    def _placed(self, shop: Shop) -> PlacedShop:
        return PlacedShop(shop=shop, placements=self._store.placements(self.tenant, shop.shop))

    def _panel(self, shop: Shop, now: int, sensors: list[SensorState]) -> PanelToday | None:
        zone = shop.time_zone
        until = max(calendar.day_at(zone, now)[0], now - today.ARRIVAL_S)
        ended, day = panel.dates_today(zone, until)
        span = (calendar.panel_day_of(zone, ended)[0], calendar.panel_day_of(zone, day)[1])
        placed, readings = self._placed(shop), self._store.reports(self.tenant, shop.shop, *span)
        return panel.today(placed, readings, until, budget.budget(placed, sensors, readings))

    def _filled(self, shop: Shop, grain: str, spans: list[Span]) -> list[Period]:
        now = int(self._clock())
        begun = [span for span in spans if span[0] < now]
        if not begun:
            return []
        known = self._store.periods(self.tenant, shop.shop, grain, begun[0][0], begun[-1][1])
        return [disclosed_period(one) for one in today.filled(shop, known, begun)]

    def _today(self, shop: Shop, *, with_panel: bool = False) -> Today:
        now = int(self._clock())
        want = today.wanted(shop, now)
        store, key = self._store, (shop.tenant, shop.shop)
        sensors = store.sensors(*key, now)
        exact = today.today(
            shop,
            now,
            hours=[*store.periods(*key, "hour", *want.before), *store.periods(*key, "hour", *want.day)],
            windows=[*store.windows(*key, *want.open_before), *store.windows(*key, *want.open_hour)],
            latest=store.latest_window(*key),
            sensors=sensors,
            panel=self._panel(shop, now, sensors) if with_panel else None,
        )
        return today.disclosed_today(exact)


def _span(shop: Shop, first: date, last: date) -> Span:
    return calendar.day_of(shop.time_zone, first)[0], calendar.day_of(shop.time_zone, last)[1]
