"""Dates: the local dates that a request asks for, or one sentence on why it cannot have them."""

from datetime import date, timedelta

from cloud.core.refusal import Refusal
from cloud.core.saying import Saying

MAX_DAYS = 400
MAX_DAYS_OF_HOURS = 62


class WrongDatesError(Refusal):
    """The dates of a request make no sense; the message says what to send instead."""


def parse(name: str, text: str) -> date:
    """The date in `text`, as YYYY-MM-DD. Raises WrongDatesError."""
    try:
        if len(text) != 10:
            raise ValueError  # fromisoformat would take "20261124" and week dates too
        day = date.fromisoformat(text)
    except ValueError:
        raise WrongDatesError(
            Saying('{name} is "{text}", which is no date: write it as 2026-11-24.', name=name, text=text[:40])
        ) from None
    if not 1971 <= day.year <= 9998:
        raise WrongDatesError(
            Saying("{name} is {text}: only dates from 1971 to 9998 can be asked for.", name=name, text=text)
        )
    return day


def one(text: str | None, today: date) -> date:
    """The date asked for, today if none. Raises WrongDatesError."""
    return today if text is None else parse("date", text)


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
    end = today if last is None else parse("to", last)
    start = end - timedelta(days=default - 1) if first is None else parse("from", first)
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
