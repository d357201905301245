"""Funnel: from those who passed to those who came in, stayed and bought, over some dates of a shop.

1. It is of whole local hours that have ended. Every step is an own estimate: people are counted at the first two, the
   share that stayed is the panel's, and the till counts the last.
2. A preset (`presets`) decides by which formula the capture rate is, and from when a visitor is engaged. Nothing else.
3. The panel's part may be of fewer dates than the rest: it says of which.
"""

from collections.abc import Sequence
from datetime import date

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from cloud.core import calendar, engagement, metrics, rollup
from cloud.core.disclosure import disclosed_count, disclosed_measure, disclosed_stays
from cloud.core.figures import Figure, Period, Shop
from cloud.core.glossary import disclosed_figures, round_down
from cloud.core.metrics import DRAW_RATE, Trade
from cloud.core.panel import Together
from cloud.core.presets import Preset
from cloud.core.visits import PanelFigure, Share, Stays


class FunnelDay(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One local date, `start` to `end` (UTC seconds), as far as it has ended."""

    date: str
    start: int
    end: int
    coverage: Share
    passers_by: Figure
    visitors: Figure
    capture_rate: Figure


class FunnelPanel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the panel of the local dates `from` to `to` adds; `stays` is null before the first has ended, at 04:00."""

    from_: str = msgspec.field(name="from")
    to: str
    visits: PanelFigure
    return_rate: PanelFigure
    stays: Stays | None
    mean_stay: PanelFigure | None
    bounce: PanelFigure | None
    engagement: PanelFigure | None


class FunnelTill(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the till adds. `transactions` are all that it told of; money is in `currency` ("" where nobody said)."""

    transactions: int
    currency: str
    conversion: Figure
    atv: Figure
    upt: Figure
    sales_per_visitor: Figure


class Funnel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A shop's funnel on the local dates `from` to `to`, up to the hour that ended at `until` (UTC seconds).

    `engaged`: visitors who stayed for `engaged_s` seconds or more, null without a panel. `till` and `panel` are null
    where there is none. `notes` are what a reader should know of these figures.
    """

    shop: str
    time_zone: str
    from_: str = msgspec.field(name="from")
    to: str
    until: int
    calibrated: bool
    preset: str
    engaged_s: float
    coverage: Share
    passers_by: Figure
    visitors: Figure
    capture_rate: Figure
    engaged: Figure | None
    star: Figure
    panel: FunnelPanel | None
    till: FunnelTill | None
    days: list[FunnelDay]
    notes: list[str]


def panel(told: Together, first: date, last: date, engaged_s: float) -> FunnelPanel:
    """The panel's part, of the dates that `told` was made of."""
    lengths = told.lengths
    bounced = None if lengths is None else engagement.bounce(lengths, engaged_s)
    return FunnelPanel(
        from_=first.isoformat(),
        to=last.isoformat(),
        visits=told.visits,
        return_rate=engagement.return_rate(told.visits, told.returns),
        stays=told.stays,
        mean_stay=None if lengths is None else engagement.mean_stay(lengths),
        bounce=bounced,
        engagement=None if bounced is None else engagement.engagement(bounced),
    )


def till(trade: Trade, currency: str) -> FunnelTill | None:
    """The till's part; None where it told of no hour."""
    if not trade.hours:
        return None
    return FunnelTill(
        transactions=sum(one.takings.transactions or 0 for one in trade.hours),
        currency=currency,
        conversion=metrics.conversion(trade),
        atv=metrics.atv(trade),
        upt=metrics.upt(trade),
        sales_per_visitor=metrics.sales_per_visitor(trade),
    )


def days(shop: Shop, hours: Sequence[Period], preset: Preset) -> list[FunnelDay]:
    """The hours by their local date, in order."""
    by_date: dict[date, list[Period]] = {}
    for hour in hours:
        by_date.setdefault(calendar.date_at(shop.time_zone, hour.start), []).append(hour)
    found = [(day, rollup.total(shop, own[0].start, own[-1].end, own)) for day, own in by_date.items()]
    return [
        FunnelDay(
            date=day.isoformat(),
            start=one.start,
            end=one.end,
            coverage=one.coverage,
            passers_by=one.passers_by,
            visitors=one.visitors,
            capture_rate=capture_rate(shop, one, preset),
        )
        for day, one in found
    ]


def capture_rate(shop: Shop, period: Period, preset: Preset) -> Figure:
    """The capture rate by the preset's formula."""
    if preset.capture == DRAW_RATE:
        return metrics.draw_rate(period.visitors, period.passers_by, shop)
    return period.capture_rate


def disclosed_funnel(exact: Funnel) -> Funnel:
    """A funnel with every figure as anyone outside may see it."""
    return replace(
        disclosed_figures(exact),
        coverage=round_down(exact.coverage),
        panel=None if exact.panel is None else _disclosed_panel(exact.panel),
        till=None if exact.till is None else disclosed_figures(exact.till),
        days=[replace(disclosed_figures(one), coverage=round_down(one.coverage)) for one in exact.days],
    )


def _disclosed_panel(exact: FunnelPanel) -> FunnelPanel:
    def measure(figure: PanelFigure | None) -> PanelFigure | None:
        return None if figure is None else disclosed_measure(figure)

    return replace(
        exact,
        visits=disclosed_count(exact.visits),
        return_rate=disclosed_measure(exact.return_rate),
        stays=None if exact.stays is None else disclosed_stays(exact.stays),
        mean_stay=measure(exact.mean_stay),
        bounce=measure(exact.bounce),
        engagement=measure(exact.engagement),
    )
