"""Saying: a sentence for a person, in English, that still knows its pattern and its values.

1. It is a `str`: whoever does not translate shows it as it is, and the API's JSON holds it as it is.
2. A page or a mail in another language looks the `pattern` up in its catalogue and puts the `values` in, each in that
   language's way: numbers, shares, dates, and sayings within a saying.
3. A pattern is a literal where it is used, so that the catalogues can be made from the source.
"""

from datetime import date
from typing import Self

Value = str | int | float | date


class Saying(str):
    """`Saying("Silent for {hours} hours.", hours=3)` is "Silent for 3 hours."."""

    __slots__ = ("pattern", "values")
    pattern: str
    values: dict[str, Value]

    def __new__(cls, pattern: str, **values: Value) -> Self:
        """The English sentence. Values appear as `str` makes them: round numbers before."""
        said = super().__new__(cls, pattern.format(**values) if values else pattern)
        said.pattern = pattern
        said.values = values
        return said
