"""Door count: people somebody counted at the door, as taps in time or as numbers by the hour.

1. A file or a session is taken whole or refused, with the line and what belongs there. Nothing is guessed.
2. A time without an offset is the shop's local time.
3. Taps count in whole windows only: what was tapped before the first mark of the clock, or after the last, is left out,
   because the sensor's count speaks of whole windows.
4. Taps are added up by the quarter of an hour, and only that is kept: spans that differ say how sure a factor is, and
   nobody needs to know the second at which somebody came in.
5. What came of a count is kept with it. While both `factor` and `reason` are null it waits for the sensors' reports.
"""

import csv
from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from io import StringIO
from itertools import pairwise
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cloud.core import calendar, calibration
from cloud.core.calibration import Factor, Reason
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying

MOST_PEOPLE = 100_000  # in an hour: more is a column taken for another
MOST_TAPS = 20_000
HEADER = ["hour", "people"]
QUARTER_S = 900
LONGEST_H = 12
CLOCK_OFF_S = 300  # how wrong a phone's clock may be
RECENT_DAYS = 28
WAITING = Saying("The sensor's own count of that time has not arrived yet: nothing is lost, ask again in some minutes.")

Second = Annotated[int, Meta(ge=0, le=2**40)]


class DoorCountError(Refusal):
    """The counts cannot be used; the message names the line and what belongs there."""


class Counted(Struct, frozen=True, forbid_unknown_fields=True):
    """People who came in from `start` to `end` (UTC seconds)."""

    start: int
    end: int
    people: int


class DoorSession(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a phone at the door sends: from when to when somebody counted, and when people came in (UTC seconds).

    `id` is made up by the phone, so that what it sends twice is there once.
    """

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{8,64}$")]
    begun: Second
    ended: Second
    taps: Annotated[list[Second], Meta(max_length=MOST_TAPS)]


class DoorCount(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A session as it is kept: people by the quarter of an hour, when that was told, and what came of it (rule 5)."""

    id: str
    begun: int
    ended: int
    told_at: int
    counts: list[Counted]
    factor: Factor | None = None
    reason: Reason | None = None

    @property
    def waiting(self) -> bool:
        """Whether nothing has come of it yet."""
        return self.factor is None and self.reason is None


class Calibrated(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What came of a count, and a sentence that says so; `factor` is null unless it was fitted."""

    state: Literal["fitted", "waiting", "refused"]
    factor: Factor | None
    sentence: str


def from_session(session: DoorSession, now: int, window_s: int) -> DoorCount:
    """A session told at the UTC second `now`, as it is kept. Raises DoorCountError."""
    if session.ended <= session.begun:
        raise DoorCountError(Saying("This count ends before it begins: look at the clock of the phone."))
    if session.ended - session.begun > LONGEST_H * 3600:
        raise DoorCountError(Saying("This count is too long: count for {n} hours at most at a time.", n=LONGEST_H))
    if session.ended > now + CLOCK_OFF_S:
        raise DoorCountError(Saying("This count ends in the future: set the clock of the phone."))
    if session.begun < now - RECENT_DAYS * 86_400:
        raise DoorCountError(Saying("This count is more than {n} days old: count again.", n=RECENT_DAYS))
    counts = by_quarter(session.taps, session.begun, session.ended, window_s)
    return DoorCount(id=session.id, begun=session.begun, ended=session.ended, told_at=now, counts=counts)


def from_hours(text: str, zone: str) -> list[Counted]:
    """Counts by the hour from CSV with the header `hour,people`, as 2026-11-24T14:00,31. Raises DoorCountError."""
    rows = list(csv.reader(StringIO(text.lstrip("\ufeff"))))
    if not rows or [cell.strip().lower() for cell in rows[0]] != HEADER:
        raise DoorCountError(
            Saying('Line 1: write the header "hour,people", and below it lines such as 2026-11-24T14:00,31.')
        )
    found = [_hour(row, number, zone) for number, row in enumerate(rows[1:], 2) if any(cell.strip() for cell in row)]
    seen: set[int] = set()
    for one, number in zip(found, range(2, len(found) + 2), strict=True):
        if one.start in seen:
            raise DoorCountError(Saying("Line {number}: this hour is there twice.", number=number))
        seen.add(one.start)
    if not found:
        raise DoorCountError(Saying("There is no count below the header."))
    return found


def from_taps(text: str, start: int, end: int, zone: str, window_s: int) -> list[Counted]:
    """Taps, one time a line, made while somebody counted from `start` to `end` (UTC seconds). Raises DoorCountError."""
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return by_quarter([_second(line, number, zone) for number, line in lines if line], start, end, window_s)


def by_quarter(taps: Iterable[int], start: int, end: int, window_s: int) -> list[Counted]:
    """Taps made from `start` to `end` (UTC seconds) by quarters of an hour of whole windows.

    The last takes what is left over; a count of less than a quarter is one span. Raises DoorCountError.
    """
    first, last = -(-start // window_s) * window_s, end // window_s * window_s
    if last <= first:
        raise DoorCountError(
            Saying("Count for longer: a quarter of an hour has whole windows of {n} seconds in it.", n=window_s)
        )
    told = sorted(taps)
    outside = sum(not start <= one <= end for one in told)
    if outside:
        raise DoorCountError(
            Saying(
                "Taps lie outside the time that was counted, {n} of {all}: say rightly when counting began and ended.",
                n=outside,
                all=len(told),
            )
        )
    marks = [*range(first, last - QUARTER_S + 1, QUARTER_S)] or [first]
    return [
        Counted(one, other, bisect_left(told, other) - bisect_left(told, one))
        for one, other in pairwise([*marks, last])
    ]


def calibrated(count: DoorCount) -> Calibrated:
    """What came of a count, to be told to who counted."""
    if count.factor is not None:
        return Calibrated(state="fitted", factor=count.factor, sentence=calibration.sentence(count.factor))
    if count.reason is not None:
        return Calibrated(state="refused", factor=None, sentence=calibration.REASONS[count.reason])
    return Calibrated(state="waiting", factor=None, sentence=WAITING)


def _hour(row: list[str], number: int, zone: str) -> Counted:
    if len(row) != len(HEADER):
        raise DoorCountError(
            Saying("Line {number}: write an hour and a number of people, as 2026-11-24T14:00,31.", number=number)
        )
    start = _second(row[0].strip(), number, zone)
    people = row[1].strip()
    if not people.isdecimal() or int(people) > MOST_PEOPLE:
        raise DoorCountError(
            Saying(
                'Line {number}: "{people}" is no number of people, write 0 to {most}.',
                number=number,
                people=people[:40],
                most=MOST_PEOPLE,
            )
        )
    return Counted(start, start + 3600, int(people))


def _second(text: str, number: int, zone: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DoorCountError(
            Saying('Line {number}: "{text}" is no time, write it as 2026-11-24T14:00.', number=number, text=text[:40])
        ) from None
    return calendar.second_of(zone, moment)
