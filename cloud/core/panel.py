"""Panel: the noised visit figures of a shop, by hour and by date.

1. A function of the set of reports alone, like every figure.
2. Noised numbers are added as they came, those below zero too: to cut them would count people who were not there.
3. Hours add up to their date. Stays belong to the date from whose 04:00 to the next the panel lasted.
4. Returns are visits less first arrivals, so they carry the noise of both.
5. Wi-Fi and Bluetooth stay apart. Devices that two sensors hear are in the panel of both, and count twice.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from msgspec import Struct

from agent.contract.report import DwellDay, VisitsHour
from cloud.core import calendar, cells, coverage, laplace, stays
from cloud.core.calendar import Span
from cloud.core.cells import Cell, Slot
from cloud.core.coverage import PlacedShop
from cloud.core.rollup import Reading
from cloud.core.visits import Budget, Panel, PanelDay, PanelFigure, PanelHour, PanelToday, Radio, Stays

Terms = list[tuple[int, int]]  # noised numbers, each with the scale of its noise
COUNTS: Mapping[str, Callable[[VisitsHour], Terms]] = {
    "panel-arrivals/1": lambda hour: [(hour.arrivals, hour.arrivals_scale)],
    "panel-visits/1": lambda hour: [(hour.visits, hour.visits_scale)],
    "panel-returns/1": lambda hour: [(hour.visits, hour.visits_scale), (-hour.arrivals, hour.arrivals_scale)],
}
ARRIVALS, VISITS, RETURNS = COUNTS
STAYS, MEDIAN = "panel-dwell/1", "panel-dwell-median/1"


class Lengths(Struct, frozen=True):
    """How long first visits lasted: the noised numbers of each length of stay, one more than `edges_s`."""

    edges_s: Sequence[int]
    bins: Sequence[Terms]
    coverage: float


class Together(Struct, frozen=True):
    """The Wi-Fi panel of several dates in one: `stays` are `lengths` as figures."""

    arrivals: PanelFigure
    visits: PanelFigure
    returns: PanelFigure
    lengths: Lengths | None
    stays: Stays | None


def days(placed: PlacedShop, readings: Sequence[Reading], first: date, last: date, until: int) -> list[PanelDay]:
    """The dates `first` to `last`, with the hours that end by `until` (UTC seconds).

    `readings`: those of windows that start from the first date's start to before the 04:00 after the last.
    """
    zone = placed.shop.time_zone
    dates = [date.fromordinal(one) for one in range(first.toordinal(), last.toordinal() + 1)]
    if not dates:
        return []
    wifi = _panels(placed, readings, "wifi", dates, until)
    ble = _panels(placed, readings, "ble", dates, until) if cells.of_hours(readings, "ble") else [None] * len(dates)
    spans = [calendar.day_of(zone, one) for one in dates]
    return [
        PanelDay(date=one.isoformat(), start=span[0], end=span[1], wifi=of_wifi, ble=of_ble)
        for one, span, of_wifi, of_ble in zip(dates, spans, wifi, ble, strict=True)
        if span[0] < span[1]
    ]


def together(placed: PlacedShop, readings: Sequence[Reading], first: date, last: date, until: int) -> Together | None:
    """The dates `first` to `last` added up, given as for `days`; None where no visits were told."""
    if not cells.of_hours(readings, "wifi"):
        return None
    zone = placed.shop.time_zone
    days_ = (calendar.day_of(zone, first)[0], calendar.day_of(zone, last)[1])
    lasting = (calendar.panel_day_of(zone, first)[0], calendar.panel_day_of(zone, last)[1])
    hours = [one for one in cells.slots(placed, readings, "wifi", (days_[0], lasting[1])) if one.span[1] <= until]
    own = [hour for hour in hours if hour.span[0] < days_[1]]
    ended = [cell for cell in cells.of_days(readings, "wifi") if lasting[0] <= cell.window_start < lasting[1]]
    lengths = _lengths([hour for hour in hours if lasting[0] <= hour.span[0]], ended)
    return Together(
        arrivals=_counted(ARRIVALS, own),
        visits=_counted(VISITS, own),
        returns=_counted(RETURNS, own),
        lengths=lengths,
        stays=None if lengths is None else _stays(lasting, lengths),
    )


def dates_today(zone: str, until: int) -> tuple[date, date]:
    """The dates `today` is made of at `until`: (the newest whose panel has ended, that of the moment)."""
    return calendar.panel_date_at(zone, until) - timedelta(days=1), calendar.date_at(zone, until)


def span_today(zone: str, until: int) -> Span:
    """Of which windows the reports are that `today` needs at `until`."""
    ended, day = dates_today(zone, until)
    return calendar.panel_day_of(zone, ended)[0], calendar.panel_day_of(zone, day)[1]


def today(placed: PlacedShop, readings: Sequence[Reading], until: int, budget: Budget) -> PanelToday | None:
    """The Wi-Fi panel of the day so far, and the stays of the newest date that has ended; None where none was told."""
    if not cells.of_hours(readings, "wifi"):
        return None
    told = days(placed, readings, *dates_today(placed.shop.time_zone, until), until)
    now, ended = told[-1], told[0]
    return PanelToday(
        until=now.wifi.hours[-1].end if now.wifi.hours else now.start,
        arrivals=now.wifi.arrivals,
        visits=now.wifi.visits,
        returns=now.wifi.returns,
        stays_date=ended.date,
        stays=ended.wifi.stays,
        budget=budget,
    )


def _panels(
    placed: PlacedShop, readings: Sequence[Reading], radio: Radio, dates: Sequence[date], until: int
) -> list[Panel]:
    zone = placed.shop.time_zone
    whole = (calendar.day_of(zone, dates[0])[0], calendar.panel_day_of(zone, dates[-1])[1])
    hours = [one for one in cells.slots(placed, readings, radio, whole) if one.span[1] <= until]
    ends = cells.of_days(readings, radio)
    found = []
    for one in dates:
        day, panel_day = calendar.day_of(zone, one), calendar.panel_day_of(zone, one)
        own = [hour for hour in hours if day[0] <= hour.span[0] < day[1]]
        lasted = [hour for hour in hours if panel_day[0] <= hour.span[0] < panel_day[1]]
        lengths = _lengths(lasted, [cell for cell in ends if panel_day[0] <= cell.window_start < panel_day[1]])
        found.append(
            Panel(
                arrivals=_counted(ARRIVALS, own),
                visits=_counted(VISITS, own),
                returns=_counted(RETURNS, own),
                stays=None if lengths is None else _stays(panel_day, lengths),
                hours=[_hour(hour) for hour in own],
            )
        )
    return found


def _hour(slot: Slot) -> PanelHour:
    return PanelHour(
        start=slot.span[0],
        end=slot.span[1],
        rested=coverage.share(slot.rested_s, slot.placed_s),
        arrivals=_counted(ARRIVALS, [slot]),
        visits=_counted(VISITS, [slot]),
        returns=_counted(RETURNS, [slot]),
    )


def _counted(definition: str, hours: Sequence[Slot]) -> PanelFigure:
    told = [cell for hour in hours for cell in hour.cells]
    terms = [term for cell in told for term in COUNTS[definition](cell.told)]
    return _summed(definition, terms, cells.covered(hours, told))


def _summed(definition: str, terms: Terms, covered: float) -> PanelFigure:
    """The sum of noised numbers, its range that of all their noise; null where there are none."""
    if not terms:
        return PanelFigure(value=None, low=None, high=None, coverage=covered, definition=definition)
    value, half = float(sum(number for number, _ in terms)), laplace.half_width(scale for _, scale in terms)
    return PanelFigure(value=value, low=value - half, high=value + half, coverage=covered, definition=definition)


def _lengths(hours: Sequence[Slot], ended: Sequence[Cell[DwellDay]]) -> Lengths | None:
    """The sensors' counts, bin by bin. One with other bins than the first is left out, and lowers coverage."""
    usable = [cell for cell in ended if len(cell.told.devices) == len(cell.told.edges_s) + 1]
    if not usable:
        return None
    edges_s = usable[0].told.edges_s
    same = [cell for cell in usable if cell.told.edges_s == edges_s]
    sensors = {cell.sensor for cell in same}
    covered = cells.covered(hours, [cell for hour in hours for cell in hour.cells if cell.sensor in sensors])
    bins = [[(cell.told.devices[i], cell.told.scale) for cell in same] for i in range(len(edges_s) + 1)]
    return Lengths(edges_s, bins, covered)


def _stays(span: Span, lengths: Lengths) -> Stays:
    return Stays(
        start=span[0],
        end=span[1],
        edges_s=list(lengths.edges_s),
        devices=[_summed(STAYS, terms, lengths.coverage) for terms in lengths.bins],
        median=_median(lengths),
    )


def _median(lengths: Lengths) -> PanelFigure:
    half = laplace.half_width(scale for terms in lengths.bins for _, scale in terms)
    counts = [sum(number for number, _ in terms) for terms in lengths.bins]
    found, fewest = stays.median_s(lengths.edges_s, counts, half), stays.fewest(half)
    value, low, high = (None, None, None) if found is None else (one / 60 for one in found)
    fewer_than = fewest if sum(counts) < fewest else None
    return PanelFigure(
        value=value, low=low, high=high, coverage=lengths.coverage, definition=MEDIAN, fewer_than=fewer_than
    )
