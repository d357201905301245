"""So far: the opening hours of a day that have ended, and the same hours of the weeks before.

1. The day is that of the opening which runs, or has run last: one past midnight belongs to the date it began on.
2. An hour counts once it has ended and its last window has had `SETTLED_S` to arrive.
3. The same hour of an earlier week is that at the same time on the wall. A week in which hours do not match one to
   one, because a clock was changed, is compared with nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from math import fsum
from zoneinfo import ZoneInfo

from msgspec import Struct

from cloud.core import calendar, rollup
from cloud.core.calendar import Span
from cloud.core.figures import Figure, Period, Shop

SETTLED_S = 120  # a window has 60 s to arrive, and the roller to count it


class SoFar(Struct, frozen=True, kw_only=True):
    """The local date, its opening hours that have ended, and whether any time of it is yet to come."""

    date: date
    hours: list[Span]
    is_over: bool


def so_far(shop: Shop, now: int) -> SoFar:
    """The day of a shop up to the UTC second `now`."""
    day, until = calendar.date_at(shop.time_zone, now), now - SETTLED_S
    yesterday = calendar.opened(shop, day - timedelta(days=1))
    spans = calendar.opened(shop, day)
    if yesterday and yesterday[-1][1] > until and not (spans and spans[0][0] <= now):
        day, spans = day - timedelta(days=1), yesterday
    hours = {hour: None for start, end in spans for hour in calendar.hours_of(shop.time_zone, _whole(shop, start, end))}
    return SoFar(
        date=day,
        hours=[one for one in hours if one[1] <= until],
        is_over=not spans or spans[-1][1] <= until,
    )


def weeks_before(shop: Shop, hours: Sequence[Span], weeks: int) -> list[int] | None:
    """The starts of the same hours so many weeks earlier; None where there is not one for each."""
    starts = [_earlier(shop.time_zone, start, weeks) for start, _ in hours]
    return None if None in starts or len({*starts}) < len(starts) else [one for one in starts if one is not None]


def listened(hours: Sequence[Span], known: Mapping[int, Period]) -> float | None:
    """The share of hours that was listened to; an hour that is not known was not. None: none of it was due."""
    told = [known[start] for start, _ in hours if start in known]
    due = rollup.due_s(told) + fsum(end - start for start, end in hours if start not in known)
    heard = fsum(one.coverage * rollup.due_s([one]) for one in told)
    return min(1.0, heard / due) if due >= 1 else None


def visitors(hours: Sequence[Period], coverage: float) -> Figure:
    """The visitors of some hours together; null where no hour has any figure."""
    told = [one.visitors for one in hours if one.visitors.value is not None]
    return Figure(
        value=fsum(one.value or 0.0 for one in told) if told else None,
        low=fsum(one.low or 0.0 for one in told) if told else None,
        high=fsum(one.high or 0.0 for one in told) if told else None,
        coverage=coverage,
        definition=rollup.VISITORS,
    )


def _whole(shop: Shop, start: int, end: int) -> Span:
    return calendar.hour_at(shop.time_zone, start)[0], end


@lru_cache(maxsize=16_384)
def _earlier(zone: str, start: int, weeks: int) -> int | None:
    wall = datetime.fromtimestamp(start, ZoneInfo(zone)) - timedelta(weeks=weeks)
    second = int(wall.timestamp())
    same = datetime.fromtimestamp(second, ZoneInfo(zone)).replace(fold=0) == wall.replace(fold=0)
    return second if same and calendar.hour_at(zone, second)[0] == second else None
