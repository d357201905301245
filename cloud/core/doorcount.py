"""Door count: people somebody counted at the door, as taps in time or as numbers by the hour.

1. A file is taken whole or refused, with the line and what belongs there. Nothing is guessed.
2. A time without an offset is the shop's local time.
3. Taps count in whole windows only: what was tapped before the first mark of the clock, or after the last, is left out,
   because the sensor's count speaks of whole windows.
"""

import csv
from datetime import datetime
from io import StringIO

from msgspec import Struct

from cloud.core import calendar
from cloud.core.refusal import Refusal

MOST_PEOPLE = 100_000  # in an hour: more is a column taken for another
HEADER = ["hour", "people"]


class DoorCountError(Refusal):
    """The counts cannot be used; the message names the line and what belongs there."""


class Counted(Struct, frozen=True):
    """People who came in from `start` to `end` (UTC seconds)."""

    start: int
    end: int
    people: int


def from_hours(text: str, zone: str) -> list[Counted]:
    """Counts by the hour from CSV with the header `hour,people`, as 2026-11-24T14:00,31. Raises DoorCountError."""
    rows = list(csv.reader(StringIO(text.lstrip("\ufeff"))))
    if not rows or [cell.strip().lower() for cell in rows[0]] != HEADER:
        raise DoorCountError('Line 1: write the header "hour,people", and below it lines such as 2026-11-24T14:00,31.')
    found = [_hour(row, number, zone) for number, row in enumerate(rows[1:], 2) if any(cell.strip() for cell in row)]
    seen: set[int] = set()
    for one, number in zip(found, range(2, len(found) + 2), strict=True):
        if one.start in seen:
            raise DoorCountError(f"Line {number}: this hour is there twice.")
        seen.add(one.start)
    if not found:
        raise DoorCountError("There is no count below the header.")
    return found


def from_taps(text: str, start: int, end: int, zone: str, window_s: int) -> Counted:
    """Taps, one time a line, made while somebody counted from `start` to `end` (UTC seconds). Raises DoorCountError."""
    first, last = -(-start // window_s) * window_s, end // window_s * window_s
    if last <= first:
        raise DoorCountError(f"Count for longer: a quarter of an hour has whole windows of {window_s} seconds in it.")
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    taps = [_second(line, number, zone) for number, line in lines if line]
    outside = [one for one in taps if not start <= one < end]
    if outside:
        raise DoorCountError(f"{len(outside)} taps lie outside the time that was counted: check --from and --to.")
    return Counted(first, last, sum(first <= one < last for one in taps))


def _hour(row: list[str], number: int, zone: str) -> Counted:
    if len(row) != len(HEADER):
        raise DoorCountError(f"Line {number}: write an hour and a number of people, as 2026-11-24T14:00,31.")
    start = _second(row[0].strip(), number, zone)
    people = row[1].strip()
    if not people.isdecimal() or int(people) > MOST_PEOPLE:
        raise DoorCountError(f'Line {number}: "{people[:40]}" is no number of people, write 0 to {MOST_PEOPLE}.')
    return Counted(start, start + 3600, int(people))


def _second(text: str, number: int, zone: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DoorCountError(f'Line {number}: "{text[:40]}" is no time, write it as 2026-11-24T14:00.') from None
    return calendar.second_of(zone, moment)
