"""Lines of the ledger, for tests of what compares days."""

from collections.abc import Callable
from datetime import date, timedelta

from cloud.core import calendar
from cloud.core.ledger import Line, Range
from tests.shops import ZONE

OPEN_S = 11 * 3600.0  # 9 to 20 o'clock


def a_line(day: date, visitors: float | None, coverage: float = 1.0, *, closed: bool = False) -> Line:
    """A day of so many visitors, and three times as many who passed by, a tenth up or down."""

    def around(value: float | None) -> Range | None:
        return None if value is None else Range(value, 0.9 * value, 1.1 * value)

    due_s = 0.0 if closed else OPEN_S
    return Line(
        *calendar.day_of(ZONE, day),
        not closed,
        coverage,
        due_s,
        due_s * (1 - coverage),
        around(visitors),
        around(None if visitors is None else 3 * visitors),
    )


def lines(first: date, last: date, visitors: Callable[[date], float | None]) -> list[Line]:
    """A line for each date; Sundays are closed and have nobody."""
    days = [first + timedelta(days=one) for one in range((last - first).days + 1)]
    return [a_line(day, 0.0, closed=True) if day.weekday() == 6 else a_line(day, visitors(day)) for day in days]
