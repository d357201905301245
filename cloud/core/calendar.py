"""Calendar: a shop's local hours, days, opening times and staff, as half-open spans of UTC seconds.

1. A local hour is a run of seconds with the same local date, hour and UTC offset. Hours never overlap and
   leave no gap, so an hour that a clock change repeats is two hours, and a day has 23, 24 or 25 of them.
2. A day starts at the first second of its date. A moment belongs to exactly one hour and one day.
3. Times are whole UTC seconds since 1970; a span is `(start, end)` with `end` outside it.
4. A sensor's panel of a date begins at its 04:00 and ends before the next.
5. An opening belongs to the date it begins on: one past midnight ends when it ends, whatever the next date is.
6. A holiday goes by its own hours, or is closed, whatever the weekday. A shop that has told no hours never closes.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import fsum
from zoneinfo import ZoneInfo

from cloud.core.figures import Holiday, OpeningHours, Shop, StaffHours

Span = tuple[int, int]
PANEL_BEGINS_MIN = 4 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@lru_cache(maxsize=4096)
def hour_at(zone: str, second: int) -> Span:
    """The local hour that contains `second`. Raises ZoneInfoNotFoundError for an unknown zone."""
    local = _local(zone, second)
    start = second - local.minute * 60 - local.second
    end = start + 3600
    # A clock change inside the hour (Lord Howe moves by 30 minutes) cuts it where the offset changes.
    if _offset(zone, start) != _offset(zone, second):
        start = _change(zone, start, second)
    if _offset(zone, end - 1) != _offset(zone, second):
        end = _change(zone, second, end - 1)
    return start, end


def day_at(zone: str, second: int) -> Span:
    """The local day that contains `second`."""
    return day_of(zone, date_at(zone, second))


def date_at(zone: str, second: int) -> date:
    """The local date at `second`."""
    return _local(zone, second).date()


@lru_cache(maxsize=4096)
def day_of(zone: str, day: date) -> Span:
    """The span of a local date: 23 or 25 hours where the clock changes, empty where the date is skipped."""
    return _moment(zone, day, 0), _moment(zone, day + timedelta(days=1), 0)


def panel_day_of(zone: str, day: date) -> Span:
    """From 04:00 of a local date to the next 04:00: how long a sensor's panel of that date lasts at most."""
    return _moment(zone, day, PANEL_BEGINS_MIN), _moment(zone, day + timedelta(days=1), PANEL_BEGINS_MIN)


def panel_date_at(zone: str, second: int) -> date:
    """The date whose panel runs at `second`."""
    day = date_at(zone, second)
    return day if second >= panel_day_of(zone, day)[0] else day - timedelta(days=1)


def hours_of(zone: str, span: Span) -> list[Span]:
    """The local hours of a span that starts on one, in order; the last is kept whole."""
    hours: list[Span] = []
    second = span[0]
    while second < span[1]:
        hours.append(hour_at(zone, second))
        second = hours[-1][1]
    return hours


def is_open(shop: Shop, start: int, end: int) -> bool:
    """Whether the shop is open at any second of `start` to `end`."""
    days = _days(shop.time_zone, start, end)
    return start < end and any(_overlap_s(one, (start, end)) for day in days for one in opened(shop, day))


def opened(shop: Shop, day: date) -> list[Span]:
    """When the shop is open by the openings that begin on a local date; in order, and apart."""
    zone, special = shop.time_zone, holiday(shop, day)
    if not shop.hours:
        spans = [day_of(zone, day)]
    elif special is None:
        spans = [_span(zone, day, one.opens, one.closes) for one in shop.hours if _on(one, day)]
    elif special.opens is None or special.closes is None:
        spans = []
    else:
        spans = [_span(zone, day, special.opens, special.closes)]
    return _merged(spans)


def holiday(shop: Shop, day: date) -> Holiday | None:
    """The holiday that a local date is to the shop; None for a day like any other."""
    text = day.isoformat()
    return next((one for one in shop.holidays if one.date == text), None)


def staff_s(shop: Shop, start: int, end: int) -> float | None:
    """Staff-seconds on the floor from `start` to `end`; None where nobody told of one of its dates.

    On a holiday staff are there as on that weekday, but only while the shop is open.
    """
    zone, days = shop.time_zone, _days(shop.time_zone, start, end)
    if not all(any(in_force(rule, day) for rule in shop.staff) for day in days[1:]):
        return None
    return fsum(
        rule.people * _overlap_s(there, (start, end))
        for day in days
        for rule in shop.staff
        if _on(rule, day)
        for there in _on_the_floor(shop, day, _span(zone, day, rule.begins, rule.ends))
    )


def in_force(rule: OpeningHours | StaffHours, day: date) -> bool:
    """Whether a local date lies between the dates that a rule holds from and until."""
    text = day.isoformat()
    return (rule.valid_from or text) <= text and (rule.valid_to is None or text < rule.valid_to)


def second_of(zone: str, moment: datetime) -> int:
    """UTC second of a moment; one without an offset is the zone's wall time."""
    return int((moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).timestamp())


def minutes(text: str) -> int:
    """Minutes since midnight of "HH:MM", up to "24:00". Raises ValueError saying what is allowed."""
    hour, colon, minute = text.partition(":")
    if colon and len(hour) == len(minute) == 2 and hour.isdecimal() and minute.isdecimal():
        value = int(hour) * 60 + int(minute)
        if int(minute) < 60 and value <= 24 * 60:
            return value
    raise ValueError(f'"{text}" is not a time of day: write it as "09:30", at most "24:00"')


def _days(zone: str, start: int, end: int) -> list[date]:
    """The local dates of a span, and before them one more, whose opening may end in it."""
    first = date_at(zone, start) - timedelta(days=1)
    last = date_at(zone, max(start, end - 1))
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _on(rule: OpeningHours | StaffHours, day: date) -> bool:
    return WEEKDAYS[day.weekday()] in rule.days and in_force(rule, day)


def _span(zone: str, day: date, begins: str, ends: str) -> Span:
    first, last = minutes(begins), minutes(ends)
    return _moment(zone, day, first), _moment(zone, day, last if last > first else last + 24 * 60)


def _on_the_floor(shop: Shop, day: date, there: Span) -> list[Span]:
    if holiday(shop, day) is None:
        return [there]
    return [(max(there[0], one[0]), min(there[1], one[1])) for one in opened(shop, day)]


def _merged(spans: list[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in sorted(one for one in spans if one[0] < one[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _overlap_s(one: Span, other: Span) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


@lru_cache(maxsize=16_384)
def _moment(zone: str, day: date, minute: int) -> int:
    """UTC second of a local wall time, the first where a clock change repeats it.

    One that a clock change skips is the moment of the change: by the offset before it, it would lie after times that
    are later on the wall.
    """
    day += timedelta(days=minute // (24 * 60))
    wall = datetime.combine(day, time(minute // 60 % 24, minute % 60), ZoneInfo(zone))
    first, last = int(wall.timestamp()), int(wall.replace(fold=1).timestamp())
    return first if first <= last else _change(zone, last, first)


def _local(zone: str, second: int) -> datetime:
    return datetime.fromtimestamp(second, ZoneInfo(zone))


@lru_cache(maxsize=4096)
def _offset(zone: str, second: int) -> timedelta:
    offset = datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return offset or timedelta(0)


def _change(zone: str, low: int, high: int) -> int:
    """First second after `low` with the offset of `high`, where one change lies between the two."""
    after = _offset(zone, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(zone, middle) == after else (middle, high)
    return high
