"""Ledger: a shop's days as lines, a month to a page, to be read where thousands of days are compared.

1. A line is a function of its day's hours. A page is the lines of a local month, in order; none of a day on which
   nobody reported.
2. `coverage` is the least of the day's and of its opening hours': a lost noon is 4 % of a day and a fifth of its
   visitors. `due_s` are the seconds of its opening hours that were to be listened to, `lost_s` those that were not.
3. The line of a day that has not ended speaks of the whole day: it is compared with nothing before it has.
4. A sum is of opening days, and covered as they are, each by the time due in it.

Lines come by the tens of thousands and refer to nothing that refers to them: they need no garbage collection (`gc`).
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from math import fsum
from operator import attrgetter

from msgspec import Struct

from cloud.core import calendar, coverage, rollup, today
from cloud.core.calendar import Span
from cloud.core.figures import COMPLETE, Figure, Period, Shop, undefined
from cloud.core.visits import Share


class Range(Struct, frozen=True, forbid_unknown_fields=True, array_like=True, gc=False):
    """A number of people and its 80 % interval."""

    value: float
    low: float
    high: float


class Line(Struct, frozen=True, forbid_unknown_fields=True, array_like=True, gc=False):
    """One local day, `start` to `end` (UTC seconds). Null is what nothing was heard of."""

    start: int
    end: int
    open: bool
    coverage: Share
    due_s: float
    lost_s: float
    visitors: Range | None
    passers_by: Range | None

    @property
    def complete(self) -> bool:
        """Whether it may be compared."""
        return self.visitors is not None and self.coverage >= COMPLETE


class Page(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The lines of a local month, in the order of time."""

    lines: list[Line]


def month_at(zone: str, second: int) -> Span:
    """The local month that contains `second`."""
    first = calendar.date_at(zone, second).replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    return calendar.day_of(zone, first)[0], calendar.day_of(zone, after)[0]


def line(shop: Shop, day: Period, hours: Sequence[Period]) -> Line:
    """The line of a day whose hours that somebody reported on are `hours`."""
    told = {one.start for one in hours}
    spans = [span for span in calendar.hours_of(shop.time_zone, (day.start, day.end)) if span[0] not in told]
    silent_s = sum(end - start for start, end in spans if calendar.is_open(shop, start, end))
    opened = [one for one in hours if one.open]
    lost_s = silent_s + fsum((1.0 - one.coverage) * rollup.due_s([one]) for one in opened)
    return Line(
        start=day.start,
        end=day.end,
        open=day.open,
        coverage=today.listened(day, [*hours, *today.filled(shop, (), spans)]),
        due_s=silent_s + rollup.due_s(opened),
        lost_s=lost_s,
        visitors=_range(day.visitors),
        passers_by=_range(day.passers_by),
    )


def silent(shop: Shop, span: Span) -> Line:
    """The line of a day on which nobody reported."""
    due_s = fsum(min(end, span[1]) - max(start, span[0]) for start, end in _opened(shop, span))
    return Line(*span, due_s > 0, 0.0, due_s, due_s, None, None)


def listened_so_far(shop: Shop, line: Line, until: int) -> float | None:
    """The share listened to of the opening hours up to `until` (UTC seconds) of a day in progress; null before any."""
    zone = shop.time_zone
    hours = [
        (calendar.hour_at(zone, start)[0], calendar.hour_at(zone, end - 1)[1])
        for start, end in _opened(shop, (line.start, line.end))
    ]
    to_come_s = sum(max(0, min(end, line.end) - max(start, until)) for start, end in hours)
    due_s = line.due_s - to_come_s
    return coverage.share(due_s - (line.lost_s - to_come_s), due_s) if due_s >= 1 else None


def page(lines: Iterable[Line]) -> Page:
    """The page of these lines; of two of one day the later given."""
    return Page(lines=sorted({one.start: one for one in lines}.values(), key=attrgetter("start")))


def filled(shop: Shop, lines: Iterable[Line], first: date, last: date) -> list[Line]:
    """A line for every local date of `first` to `last`, in order; one on which nobody reported is a gap."""
    known = {one.start: one for one in lines}
    return [known.get(span[0]) or silent(shop, span) for span in _days(shop.time_zone, first, last)]


def covered(lines: Iterable[Line]) -> float:
    """The share of the time due on these days that was listened to."""
    known = list(lines)
    if len(known) == 1:
        return known[0].coverage
    return coverage.share(fsum(one.coverage * one.due_s for one in known), fsum(one.due_s for one in known))


def visitors(lines: Sequence[Line]) -> Figure:
    """The visitors of these days together."""
    return _sum([one.visitors for one in lines], covered(lines), rollup.VISITORS)


def passers_by(lines: Sequence[Line]) -> Figure:
    """The passers-by of these days together."""
    return _sum([one.passers_by for one in lines], covered(lines), rollup.PASSERS_BY)


def _sum(ranges: Sequence[Range | None], covered: float, definition: str) -> Figure:
    known = [one for one in ranges if one is not None]
    if len(known) == 1:
        (one,) = known
        return Figure(value=one.value, low=one.low, high=one.high, coverage=covered, definition=definition)
    if not known:
        return undefined(covered, definition)
    return Figure(
        value=fsum(one.value for one in known),
        low=fsum(one.low for one in known),
        high=fsum(one.high for one in known),
        coverage=covered,
        definition=definition,
    )


@lru_cache(maxsize=256)
def _days(zone: str, first: date, last: date) -> list[Span]:
    """The spans of local dates, but for those that are skipped; the same for a thousand shops."""
    dates = (date.fromordinal(one) for one in range(first.toordinal(), last.toordinal() + 1))
    return [span for span in (calendar.day_of(zone, one) for one in dates) if span[0] < span[1]]


def _range(figure: Figure) -> Range | None:
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    return Range(figure.value, figure.low, figure.high)


def _opened(shop: Shop, span: Span) -> list[Span]:
    """The openings that touch a local day: its own, and one of yesterday that ends in it."""
    day = calendar.date_at(shop.time_zone, span[0])
    openings = [one for then in (day - timedelta(days=1), day) for one in calendar.opened(shop, then)]
    return [one for one in openings if one[0] < span[1] and span[0] < one[1]]
