"""Written: a local date as somebody wrote it."""

from datetime import date

from cloud.core.refusal import Refusal
from cloud.core.saying import Saying


class WrongDatesError(Refusal):
    """The dates of a request make no sense; the message says what to send instead."""


def date_of(name: str, text: str) -> date:
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
