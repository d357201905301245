"""Language: sentences, numbers and dates as one language has them."""

import datetime
from collections.abc import Mapping
from pathlib import Path

from babel import Locale
from babel.core import negotiate_locale
from babel.dates import format_date, format_skeleton
from babel.messages.pofile import read_po
from babel.numbers import get_currency_symbol

from cloud.core.saying import THIN, Forms, Saying, Value

HERE = Path(__file__).parent
_CLDR = {"en": "en_GB", "zh": "zh_Hans"}
_DATE = {"en": "EEEE d MMMM", "de": "EEEE, d. MMMM", "fr": "EEEE d MMMM", "zh": "M月d日EEEE"}  # full, without the year


class Language(Forms):
    """One language: `code` is its HTML name ("de"), `name` what it calls itself."""

    def __init__(self, code: str, catalogue: Mapping[str, str]) -> None:
        self.code = code
        self._catalogue = catalogue
        self._locale = Locale.parse(_CLDR.get(code, code))
        self.name = (Locale.parse(code).get_display_name(code) or code).capitalize()
        self._decimal = self._locale.number_symbols["latn"]["decimal"]

    def say(self, pattern: str, **values: Value) -> str:
        """A sentence: a `Saying` with its own values, or a pattern with these."""
        if isinstance(pattern, Saying):
            return self.say(pattern.pattern, **pattern.values)
        known = self._catalogue.get(pattern, pattern)
        return self.vformat(known, (), values) if values else known

    def said(self, value: Saying) -> str:
        """A saying within a saying."""
        return self.say(value)

    def number(self, value: float, digits: int = 0) -> str:
        """`value` with so many decimals, thin spaces between thousands."""
        return super().number(value, digits).replace(".", self._decimal)

    def weekday(self, value: datetime.date) -> str:
        """Which day of the week it is."""
        return format_date(value, "EEEE", self._locale)

    def short_weekday(self, value: datetime.date) -> str:
        """The same in two or three letters."""
        return format_date(value, "ccc", self._locale)

    def date(self, value: datetime.date) -> str:
        """Weekday and date, without the year."""
        return format_date(value, _DATE[self.code], self._locale)

    def short_date(self, value: datetime.date) -> str:
        """Date without weekday and year."""
        return format_skeleton("MMMd", value, locale=self._locale)

    def money(self, value: float, currency: str) -> str:
        """An amount in a currency (ISO 4217; "" for none named), without cents from a thousand on."""
        digits = 0 if abs(value) >= 1000 else 2
        return f"{self.number(value, digits)}{THIN}{get_currency_symbol(currency, self._locale)}".rstrip(THIN)

    def day(self, value: datetime.date) -> str:
        """The date with its year."""
        return format_date(value, "long", self._locale)


def _read(code: str) -> Language:
    with (HERE / f"{code}.po").open("rb") as file:
        entries = read_po(file, locale=_CLDR.get(code, code))
    return Language(code, {str(entry.id): str(entry.string) for entry in entries if entry.id and entry.string})


ENGLISH = Language("en", {})
LANGUAGES: Mapping[str, Language] = {"en": ENGLISH} | {code: _read(code) for code in ("de", "fr", "zh")}


def chosen(wanted: str | None, accepted: str) -> Language:
    """The language asked for by its code, else the best for a browser's Accept-Language header, else English."""
    if wanted in LANGUAGES:
        return LANGUAGES[wanted or "en"]
    ranked = sorted(_ranges(accepted), key=lambda one: -one[1])
    best = negotiate_locale([code for code, _ in ranked], list(LANGUAGES), sep="-")
    return LANGUAGES.get(best or "en", ENGLISH)


def _ranges(accepted: str) -> list[tuple[str, float]]:
    """(language, weight) of an Accept-Language header (RFC 9110, 12.5.4); what cannot be read is left out."""
    found = []
    for part in accepted[:500].split(","):
        code, _, weight = part.strip().partition(";q=")
        try:
            found.append((code.strip(), float(weight) if weight else 1.0))
        except ValueError:
            continue
    return found
