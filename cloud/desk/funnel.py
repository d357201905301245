"""Funnels: from passers-by to buyers, over the dates asked for.

The panel's part is read from raw reports, a few hundred a sensor and day: it is of the last `MOST_PANEL_DAYS` dates.
"""

from collections.abc import Callable
from datetime import date, timedelta

from msgspec.structs import replace

from cloud.core import calendar, engagement, funnel, metrics, panel, rollup, today
from cloud.core.coverage import PlacedShop
from cloud.core.figures import Period, Shop
from cloud.core.funnel import Funnel, FunnelPanel
from cloud.core.funnel_notes import notes
from cloud.core.presets import PRESETS, Preset
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.desk.reader import Reader
from cloud.store import Store
from cloud.store.till import Till

MOST_PANEL_DAYS = 31


class Funnels:
    """Reads `store` for `tenant`; `clock` gives UTC seconds. Methods block."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._reader = Reader(store, tenant, clock)
        self._till = Till(store)

    def presets(self) -> list[Preset]:
        """The definitions that a funnel can be compared by."""
        return list(PRESETS.values())

    def funnel(self, shop_id: str, first: date, last: date, preset: str | None = None) -> Funnel:
        """The funnel of the local dates `first` to `last`, disclosed; without `preset` by the shop's own.

        Raises UnknownShopError, and Refusal for a preset there is none of.
        """
        shop = self._reader.shop(shop_id)
        chosen = _preset(shop, preset)
        hours = self._hours(shop, first, last)
        start = calendar.day_of(shop.time_zone, first)[0]
        until = hours[-1].end if hours else start
        trade = metrics.trade(shop, hours, self._till.sales(shop.tenant, shop.shop, start, until))
        whole = rollup.total(shop, start, until, hours)
        engaged_s = shop.engaged_min_s if chosen.engaged_s is None else chosen.engaged_s
        stayed = self._panel(shop, first, last, engaged_s)
        share = None if stayed is None else stayed.engagement
        exact = Funnel(
            shop=shop.shop,
            time_zone=shop.time_zone,
            from_=first.isoformat(),
            to=last.isoformat(),
            until=until,
            calibrated=shop.calibrated,
            preset=chosen.name,
            engaged_s=engaged_s,
            coverage=whole.coverage,
            passers_by=whole.passers_by,
            visitors=whole.visitors,
            capture_rate=funnel.capture_rate(shop, whole, chosen),
            engaged=None if share is None else engagement.engaged(whole.visitors, share),
            star=metrics.star(hours, [calendar.staff_s(shop, hour.start, hour.end) for hour in hours]),
            panel=stayed,
            till=funnel.till(trade, shop.currency),
            days=funnel.days(shop, hours, chosen),
            notes=[],
        )
        return funnel.disclosed_funnel(replace(exact, notes=notes(exact, trade, chosen)))

    def _hours(self, shop: Shop, first: date, last: date) -> list[Period]:
        """The hours of these dates that have ended and must have arrived, gaps included; exact."""
        until = int(self._clock()) - today.ARRIVAL_S
        zone = shop.time_zone
        span = (calendar.day_of(zone, first)[0], min(until, calendar.day_of(zone, last)[1]))
        ended = [hour for hour in calendar.hours_of(zone, span) if hour[1] <= until]
        if not ended:
            return []
        known = self._store.periods(shop.tenant, shop.shop, "hour", ended[0][0], ended[-1][1])
        return today.filled(shop, known, ended)

    def _panel(self, shop: Shop, first: date, last: date, engaged_s: float) -> FunnelPanel | None:
        until, zone = int(self._clock()) - today.ARRIVAL_S, shop.time_zone
        newest = min(last, calendar.date_at(zone, until))
        oldest = max(first, newest - timedelta(days=MOST_PANEL_DAYS - 1))
        if newest < oldest:
            return None
        span = (calendar.day_of(zone, oldest)[0], calendar.panel_day_of(zone, newest)[1])
        placed = PlacedShop(shop=shop, placements=self._store.placements(shop.tenant, shop.shop))
        readings = self._store.reports(shop.tenant, shop.shop, *span)
        told = panel.together(placed, readings, oldest, newest, until)
        return None if told is None else funnel.panel(told, oldest, newest, engaged_s)


def _preset(shop: Shop, asked: str | None) -> Preset:
    if asked is None:
        return PRESETS.get(shop.preset, PRESETS["default"])
    if asked not in PRESETS:
        raise Refusal(
            Saying('There is no preset "{preset}": take one of {known}.', preset=asked[:40], known=", ".join(PRESETS))
        )
    return PRESETS[asked]
