"""Hours: when a shop is open, and so when its radios listen.

1. Outside opening hours the radio rests and no tag is made. A shop without hours is always open.
2. Hours are shop-local wall times. A time that the clocks skip is the next one that exists.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta, tzinfo
from typing import NamedTuple

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MIDNIGHT = 24 * 60
_WEEK = 7 * _MIDNIGHT


class Opening(NamedTuple):
    """Open from `opens` to `closes`, in minutes after local midnight, on the weekdays (0 is Monday)."""

    weekdays: frozenset[int]
    opens: int
    closes: int


def opening(days: Sequence[str], opens: str, closes: str) -> Opening:
    """An opening from its written form: days "mon" to "sun", times "HH:MM"."""
    return Opening(frozenset(map(_DAYS.index, days)), _minutes(opens), _minutes(closes))


def minutes(week: Sequence[Opening]) -> int:
    """The minutes of the week at which a shop is open: a bit for each, from Monday's midnight on; all without hours."""
    if not week:
        return (1 << _WEEK) - 1
    found = 0
    for one in week:
        span = (1 << one.closes) - (1 << min(one.opens, one.closes))
        for weekday in one.weekdays:
            found |= span << (weekday * _MIDNIGHT)
    return found


def look(week: Sequence[Opening], zone: tzinfo, utc: float) -> tuple[bool, float]:
    """(whether the shop is open at `utc`, until when that holds), UTC seconds; for ever without hours."""
    if not week:
        return True, float("inf")
    today = datetime.fromtimestamp(utc, zone).date()
    spans = []
    for after in range(-1, 9):
        day = today + timedelta(days=after)
        for one in week:
            if day.weekday() in one.weekdays:
                midnight = datetime.combine(day, time(), zone)
                spans.append((_at(midnight, one.opens), _at(midnight, one.closes)))
    is_open = any(opens <= utc < closes for opens, closes in spans)
    return is_open, min((edge for span in spans for edge in span if edge > utc), default=float("inf"))


def _at(midnight: datetime, minutes: int) -> float:
    if minutes == _MIDNIGHT:
        return (midnight + timedelta(days=1)).timestamp()
    return midnight.replace(hour=minutes // 60, minute=minutes % 60).timestamp()


def _minutes(written: str) -> int:
    hours, minutes = written.split(":")
    return int(hours) * 60 + int(minutes)
