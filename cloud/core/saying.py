"""Saying: a sentence for a person, in English, that still knows its pattern and its values.

1. It is a `str`: whoever does not translate shows it as it is, and the API's JSON holds it as it is.
2. A page or a mail in another language looks the `pattern` up in its catalogue and puts the `values` in, each in that
   language's way; a saying within a saying too.
3. A pattern is a literal where it is used, so that the catalogues can be made from the source.

A value is put in as `{name}` or `{name:form}`. Without a form a text stands as it is and a number is whole. Forms of
numbers: `.1f` and the like; `percent` and `percent1` of a share (0.06 is 6 %); `clock` of minutes since midnight (960
is 16:00). Forms of dates: `weekday` (Tuesday), `date` (Tuesday 24 November), `day` (24 November 2026).
"""

import datetime
import math
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, Self

Value = str | int | float | datetime.date
THIN = "\N{NARROW NO-BREAK SPACE}"


class Forms(Formatter):
    """How values are put in, in English. Another language overrides what it does otherwise."""

    def number(self, value: float, digits: int = 0) -> str:
        """`value` with so many decimals, the greater of two as near, thin spaces between thousands."""
        if not math.isfinite(value):
            return str(value)  # somebody sent it, and is told so
        rounded = math.floor(round(value * 10**digits, 9) + 0.5) / 10**digits
        return f"{rounded:,.{digits}f}".replace(",", THIN)

    def percent(self, value: float, digits: int = 0) -> str:
        """A share of 0 to 1 in per cent."""
        return f"{self.number(100 * value, digits)}{THIN}%"

    def clock(self, value: float) -> str:
        """Minutes since midnight as a time of day."""
        return f"{int(value) // 60:02}:{int(value) % 60:02}"

    def weekday(self, value: datetime.date) -> str:
        """Which day of the week it is."""
        return f"{value:%A}"

    def date(self, value: datetime.date) -> str:
        """Weekday and date, without the year."""
        return f"{value:%A} {value.day} {value:%B}"

    def day(self, value: datetime.date) -> str:
        """The date with its year."""
        return f"{value.day} {value:%B %Y}"

    def said(self, value: "Saying") -> str:
        """A saying within a saying."""
        return str(value)

    def format_field(self, value: Any, format_spec: str) -> str:
        """One value in its form. Raises ValueError for a form there is none of."""
        if isinstance(value, str):
            return self.said(value) if isinstance(value, Saying) else value
        known: Mapping[str, Callable[[Any], str]] = {
            "": self.day if isinstance(value, datetime.date) else self.number,
            "percent": self.percent,
            "percent1": lambda share: self.percent(share, 1),
            "clock": self.clock,
            "weekday": self.weekday,
            "date": self.date,
            "day": self.day,
        }
        if format_spec in known:
            return known[format_spec](value)
        if format_spec.startswith(".") and format_spec.endswith("f"):
            return self.number(value, int(format_spec[1:-1]))
        raise ValueError(f"there is no form {format_spec}")


ENGLISH = Forms()


class Saying(str):
    """`Saying("Silent for {hours} hours.", hours=3)` is "Silent for 3 hours."."""

    __slots__ = ("pattern", "values")
    pattern: str
    values: dict[str, Value]

    def __new__(cls, pattern: str, **values: Value) -> Self:
        """The English sentence. Raises KeyError where a value is missing."""
        said = super().__new__(cls, ENGLISH.vformat(pattern, (), values))
        said.pattern = pattern
        said.values = values
        return said


def span(seconds: int) -> Saying:
    """How long something lasts, in the largest unit there is one of: "3 hours"."""
    if seconds >= 2 * 86400:
        return Saying("{n} days", n=seconds // 86400)
    if seconds >= 86400:
        return Saying("1 day")
    if seconds >= 2 * 3600:
        return Saying("{n} hours", n=seconds // 3600)
    if seconds >= 3600:
        return Saying("1 hour")
    if seconds >= 2 * 60:
        return Saying("{n} minutes", n=seconds // 60)
    if seconds >= 60:
        return Saying("1 minute")
    return Saying("{n} seconds", n=seconds)
