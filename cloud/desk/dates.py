"""Dates: the local dates that a request asks for, or one sentence on why it cannot have them."""

from datetime import date, timedelta

from cloud.core.saying import Saying
from cloud.core.written import WrongDatesError, date_of

MAX_DAYS = 400
MAX_DAYS_OF_HOURS = 62


def one(text: str | None, today: date) -> date:
    """The date asked for, today if none. Raises WrongDatesError."""
    return today if text is None else date_of("date", text)


def day_or_span(day: str | None, first: str | None, last: str | None, today: date) -> tuple[date, date]:
    """(first, last) date asked for as one day or as a span; today if nothing was. Raises WrongDatesError."""
    if day is None:
        return span(first, last, today, default=1, limit=MAX_DAYS_OF_HOURS)
    if first is not None or last is not None:
        raise WrongDatesError(Saying("Send either date, or from and to, not both."))
    return one(day, today), one(day, today)


def span(first: str | None, last: str | None, today: date, *, default: int, limit: int) -> tuple[date, date]:
    """(first, last) date asked for, both included; without them the `default` days up to today.

    Raises WrongDatesError, also for more than `limit` days.
    """
    end = today if last is None else date_of("to", last)
    start = end - timedelta(days=default - 1) if first is None else date_of("from", first)
    if start > end:
        raise WrongDatesError(
            Saying("from ({first}) is after to ({last}): swap them.", first=start.isoformat(), last=end.isoformat())
        )
    if (end - start).days >= limit:
        raise WrongDatesError(
            Saying(
                "{first} to {last} is more than {limit} days: ask for fewer at a time.",
                first=start.isoformat(),
                last=end.isoformat(),
                limit=limit,
            )
        )
    return start, end
