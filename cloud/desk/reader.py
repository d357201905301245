"""Reader: the disclosed figures of one tenant's shops, as the API and the pages read them.

Nothing exact leaves here: every figure has gone through `disclosed`. Another tenant's shop is an unknown one.
"""

from collections.abc import Callable
from datetime import date

import msgspec
from msgspec import Struct

from cloud.core import budget, calendar, ledger, panel, rollup, today
from cloud.core.calendar import Span
from cloud.core.calibration import Factor
from cloud.core.coverage import PlacedShop
from cloud.core.disclosure import disclosed_day
from cloud.core.figures import Figure, Period, Shop, Today
from cloud.core.glossary import disclosed, disclosed_period, round_down
from cloud.core.ledger import Line
from cloud.core.saying import Saying
from cloud.core.visits import Budget, PanelDay, Share
from cloud.store import Glance, Store, Wanted


class ShopLine(Struct, frozen=True, kw_only=True):
    """A shop in the list: today's visitors so far, who is inside, and one sentence on its sensors.

    `now` and `inside_at` are UTC seconds, the latter the end of the newest window; null before the first. `listened` is
    the share listened to of the day so far or of its opening hours, whichever is less: below 0.9 it is incomplete.
    `resting`: nothing was to be heard yet today; `resting_now`: nothing is to be heard now.
    """

    shop: str
    name: str
    region: str
    time_zone: str
    date: str
    now: int
    open_now: bool
    visitors: Figure
    listened: Share
    resting: bool
    resting_now: bool
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

    def shops(self) -> list[Shop]:
        """The tenant's shops."""
        return self._store.shops(self.tenant)

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

    def today(self, shop_id: str) -> Today:
        """Today for one shop, with its panel."""
        shop, now = self.shop(shop_id), int(self._clock())
        want = today.wanted(shop, now)
        until = max(want.day[0], now - today.ARRIVAL_S)
        seen = self._store.seen(
            shop.tenant,
            shop.shop,
            now,
            Wanted(
                hours=[want.before, want.day],
                windows=[want.open_before, want.open_hour],
                panel=panel.span_today(shop.time_zone, until),
            ),
        )
        placed = self._placed(shop)
        exact = today.today(
            shop,
            now,
            hours=seen.hours,
            windows=seen.windows,
            latest=seen.latest,
            sensors=seen.sensors,
            panel=panel.today(placed, seen.panel, until, budget.budget(placed, seen.sensors, seen.panel)),
        )
        return today.disclosed_today(exact)

    def lines(self) -> list[ShopLine]:
        """The list of shops, by name, as they were last rolled up."""
        now = int(self._clock())
        found = sorted(self._store.glances(self.tenant, now), key=lambda one: (one.shop.name, one.shop.shop))
        days = [calendar.day_at(one.shop.time_zone, now) for one in found]
        span = (min(day[0] for day in days), max(day[1] for day in days)) if days else (now, now)
        lines = self._store.lines(self.tenant, [one.shop.shop for one in found], *span)
        return [
            _shop_line(one, next((line for line in lines[one.shop.shop] if line.start == day[0]), None), day, now)
            for one, day in zip(found, days, strict=True)
        ]

    def inside(self, shop: Shop) -> tuple[Figure, bool, int | None]:
        """Who is inside now, whether the radios rest, and the end of the newest window: as `today` has them."""
        latest = self._store.latest_window(shop.tenant, shop.shop)
        figure, resting = today.inside(latest, int(self._clock()))
        return disclosed(figure), resting, None if latest is None else latest.end

    def period(self, shop: Shop, grain: str, start: int) -> Period | None:
        """The "hour" or "day" that starts at a UTC second, as it was last rolled up; None where nothing was."""
        found = self._store.periods(shop.tenant, shop.shop, grain, start, start + 1)
        return disclosed_period(found[0]) if found else None

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
        placed, readings = self._placed(shop), self._store.panel_reports(self.tenant, shop.shop, *span)
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

    def _filled(self, shop: Shop, grain: str, spans: list[Span]) -> list[Period]:
        now = int(self._clock())
        begun = [span for span in spans if span[0] < now]
        if not begun:
            return []
        known = self._store.periods(self.tenant, shop.shop, grain, begun[0][0], begun[-1][1])
        return [disclosed_period(one) for one in today.filled(shop, known, begun)]


def _shop_line(glance: Glance, line: Line | None, day: Span, now: int) -> ShopLine:
    shop, latest = glance.shop, glance.latest
    told = today.so_far(glance.day or rollup.silent(shop, *day), now)
    opened = None if line is None else ledger.listened_so_far(shop, line, told.end)
    inside_now, resting_now = today.inside(latest, now)
    return ShopLine(
        shop=shop.shop,
        name=shop.name,
        region=shop.region,
        time_zone=shop.time_zone,
        date=calendar.date_at(shop.time_zone, now).isoformat(),
        now=now,
        open_now=calendar.is_open(shop, now, now + 1),
        visitors=disclosed(told.visitors),
        listened=round_down(told.coverage if opened is None else min(told.coverage, opened)),
        resting=today.at_rest(told, told.end),
        resting_now=resting_now,
        inside_now=disclosed(inside_now),
        inside_at=None if latest is None else latest.end,
        sensors=today.sensor_line(glance.sensors),
    )


def _span(shop: Shop, first: date, last: date) -> Span:
    return calendar.day_of(shop.time_zone, first)[0], calendar.day_of(shop.time_zone, last)[1]
