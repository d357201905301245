"""Calendar: a shop's local hours, days and opening times, as half-open spans of UTC seconds.

1. A local hour is a run of seconds with the same local date, hour and UTC offset. Hours never overlap and
   leave no gap, so an hour that a clock change repeats is two hours, and a day has 23, 24 or 25 of them.
2. A day starts at the first second of its date. A moment belongs to exactly one hour and one day.
3. Times are whole UTC seconds since 1970; a span is `(start, end)` with `end` outside it.
4. A sensor's panel of a date begins at its 04:00 and ends before the next.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cloud.core.figures import OpeningHours, Shop

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
    """Whether the shop is open at any second of `start` to `end`. A shop without hours never closes."""
    if not shop.hours:
        return start < end
    first = date_at(shop.time_zone, start) - timedelta(days=1)  # yesterday may close past midnight
    last = date_at(shop.time_zone, max(start, end - 1))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return any(_opens(shop.time_zone, rule, day, (start, end)) for day in days for rule in shop.hours)


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


def _opens(zone: str, rule: OpeningHours, day: date, span: Span) -> bool:
    if WEEKDAYS[day.weekday()] not in rule.days:
        return False
    opens, closes = minutes(rule.opens), minutes(rule.closes)
    if closes <= opens:
        closes += 24 * 60  # open past midnight
    return _moment(zone, day, opens) < span[1] and span[0] < _moment(zone, day, closes)


def _moment(zone: str, day: date, minute: int) -> int:
    """UTC second of a local wall time; one that a clock change skips is the moment of the change."""
    day += timedelta(days=minute // (24 * 60))
    wall = time(minute // 60 % 24, minute % 60)
    return int(datetime.combine(day, wall, ZoneInfo(zone)).timestamp())


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
