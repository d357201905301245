"""Compared: a day of a shop beside the days that are like it.

1. Like it are days that are complete, no holidays, and counted with the same people per device. A day that is not
   complete itself, or is a holiday, is compared with nothing.
2. The usual is the median of `FEWEST` to `WEEKS` such days of the same weekday, end by end of their ranges.
3. Everything here is disclosed.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from statistics import median

from msgspec import Struct

from cloud.core import calendar, today
from cloud.core.figures import COMPLETE, Figure, Period, Shop
from cloud.core.glossary import disclosed, disclosed_period, round_down

WEEKS, FEWEST = 8, 4
USUAL_VISITORS = "usual-visitors/1"
USUAL_CAPTURE_RATE = "usual-capture-rate/1"


class Day(Struct, frozen=True, kw_only=True):
    """A local date as it was counted, exact, with all its hours, gaps included.

    `people_per_device` is null where it changed within the day.
    """

    date: date
    period: Period
    hours: list[Period]
    people_per_device: float | None
    calibrated: bool

    @property
    def complete(self) -> bool:
        """Whether there is a figure, and enough of the day and of its opening hours was listened to."""
        return self.period.visitors.value is not None and today.listened(self.period, self.hours) >= COMPLETE


class Compared(Struct, frozen=True, kw_only=True):
    """A day's figures and what they are compared with; null where there is nothing to compare with.

    `coverage` is the share of the whole day that was listened to, `listened` that of its opening hours. `busiest` and
    `quietest` are whole opening hours; null where their ranges overlap.
    """

    complete: bool
    coverage: float
    listened: float
    visitors: Figure
    last_week: Figure | None
    usual: Figure | None
    capture_rate: Figure
    usual_capture_rate: Figure | None
    busiest: Period | None
    quietest: Period | None


def dates(day: date) -> list[date]:
    """The dates to fetch: the day itself, then the same weekday of the weeks before."""
    return [day - timedelta(weeks=one) for one in range(WEEKS + 1)]


def compared(shop: Shop, days: Sequence[Day]) -> Compared:
    """`days[0]` beside the others, which are those of `dates` that are known."""
    told = days[0]
    known = told.complete and calendar.holiday(shop, told.date) is None
    like = [one for one in days[1:] if known and is_like(shop, one, told)]
    week_ago = (one.period.visitors for one in like if one.date == told.date - timedelta(weeks=1))
    busiest, quietest = _extremes(shop, told) if told.complete else (None, None)
    return Compared(
        complete=told.complete,
        coverage=round_down(told.period.coverage),
        listened=round_down(today.listened_open(told.period, told.hours)),
        visitors=disclosed(told.period.visitors),
        last_week=next(map(disclosed, week_ago), None),
        usual=_median([one.period.visitors for one in like], USUAL_VISITORS),
        capture_rate=disclosed(told.period.capture_rate),
        usual_capture_rate=_median([one.period.capture_rate for one in like], USUAL_CAPTURE_RATE),
        busiest=busiest,
        quietest=quietest,
    )


def is_like(shop: Shop, one: Day, told: Day) -> bool:
    """Whether `told` may be compared with `one`."""
    return one.complete and calendar.holiday(shop, one.date) is None and same_people(one, told)


def same_people(one: Day, other: Day) -> bool:
    """Whether devices became people by the same factor on both days."""
    same = one.people_per_device is not None and one.people_per_device == other.people_per_device
    return same and one.calibrated == other.calibrated


def overlap(one: Figure, other: Figure) -> bool:
    """Whether the ranges of two figures have a number in common, or one has no range."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return True
    return one.low <= other.high and other.low <= one.high


def _median(figures: Sequence[Figure], definition: str) -> Figure | None:
    known = [one for one in figures if one.value is not None]
    if len(known) < FEWEST:
        return None
    return disclosed(
        Figure(
            value=median(one.value or 0.0 for one in known),
            low=median(one.low or 0.0 for one in known),
            high=median(one.high or 0.0 for one in known),
            coverage=min(one.coverage for one in known),
            definition=definition,
        )
    )


def _extremes(shop: Shop, day: Day) -> tuple[Period | None, Period | None]:
    opened = calendar.opened(shop, day.date)
    throughout = [one for one in day.hours if any(span[0] <= one.start and one.end <= span[1] for span in opened)]
    told = [disclosed_period(one) for one in throughout]
    known = [one for one in told if one.visitors.value is not None and one.visitors.coverage >= COMPLETE]
    if not known:
        return None, None
    most = max(known, key=lambda one: one.visitors.value or 0.0)
    least = min(known, key=lambda one: one.visitors.value or 0.0)
    return (None, None) if overlap(most.visitors, least.visitors) else (most, least)
