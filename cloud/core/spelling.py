"""Spelling: numbers and times as tills and spreadsheets write them in several countries, and what they mean.

1. What can be read in two ways is decided by the other cells beside it, or refused with how to write it.
2. A time without an offset is given without one: which moment it is, the shop's zone says.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from cloud.core.refusal import Refusal
from cloud.core.saying import Saying

_SPACES = " '\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{RIGHT SINGLE QUOTATION MARK}"  # between thousands
_MINUS = "-\N{MINUS SIGN}"
_MONEY = r"(?:[A-Z]{3}|[€$£¥¥])?"
_NUMBER = re.compile(
    rf"(?P<open>\()?{_MONEY}\s*(?P<sign>[{_MINUS}+])?\s*{_MONEY}\s*"
    rf"(?P<digits>[0-9](?:[0-9.,{_SPACES}]*[0-9])?)\s*{_MONEY}(?P<after>[{_MINUS}])?(?P<close>\))?"
)
_GROUPED = r"[0-9]{1,3}(?P<space>[%s])[0-9]{3}(?:(?P=space)[0-9]{3})*"
_WHOLE = {mark: re.compile(f"[0-9]+|{_GROUPED % (_SPACES + other)}") for mark, other in ((".", ","), (",", "."))}
_EITHER = re.compile("[1-9][0-9]{0,2}[.,][0-9]{3}")  # a thousand and more, or one and a bit

_DATE = (
    "(?:(?P<year>[0-9]{4})[-/.年](?P<month>[0-9]{1,2})[-/.月](?P<day>[0-9]{1,2})日?"
    "|(?P<one>[0-9]{1,2})(?P<mark>[-/.])(?P<other>[0-9]{1,2})(?P=mark)(?P<of>[0-9]{4}|[0-9]{2}))"
)
_CLOCK = (
    r"(?P<{0}hour>[0-9]{{1,2}})(?:\s*[:h時时點点]\s*(?P<{0}minute>[0-9]{{2}})?分?)?"
    r"(?::(?P<{0}second>[0-9]{{2}})(?:[.,][0-9]+)?)?(?:\s*(?P<{0}half>[ap])\.?m\.?)?(?:\s*uhr)?"
)
_FARTHEST = timedelta(hours=14)  # from UTC (Kiritimati)
_UNTIL = "(?:[-\N{EN DASH}~]|bis|to|à)"
_TIME = re.compile(
    rf"{_DATE}(?:\s*[T,]\s*|\s+){_CLOCK.format('')}"
    rf"(?:(?P<offset>Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)|\s*{_UNTIL}\s*{_CLOCK.format('until_')})?",
    re.IGNORECASE,
)


def decimal_mark(texts: Iterable[str]) -> str:
    """Comma or dot, whichever stands before the decimals of these numbers; "" where none of them tells."""
    for text in texts:
        found = _NUMBER.fullmatch(text.strip())
        marks = [one for one in found["digits"] if one in ",."] if found else []
        if len(set(marks)) == 2:
            return marks[-1]
        if len(marks) > 1:
            return "," if marks[0] == "." else "."
        if found and marks and not _EITHER.fullmatch(found["digits"]):
            return marks[0]
    return ""


def number(text: str, mark: str) -> float:
    """A number whose decimals stand after `mark`; with "", one that can be read in two ways is refused.

    Raises Refusal.
    """
    found = _NUMBER.fullmatch(text.strip())
    digits = found["digits"] if found else ""
    if not mark and ("." in digits or "," in digits):
        raise Refusal(
            Saying('"{text}" can be read in two ways: write it without a mark between thousands.', text=text[:40])
        )
    whole, _, decimals = digits.partition(mark or ".")
    fits = _WHOLE[mark or "."].fullmatch(whole) and re.fullmatch("[0-9]*", decimals)
    if found is None or not fits or bool(found["open"]) != bool(found["close"]):
        raise Refusal(Saying('"{text}" is no number: write it as 1234 or 12.50.', text=text[:40]))
    value = float(f"{re.sub('[^0-9]', '', whole)}.{decimals or 0}")
    negative = found["open"] or found["after"] or (found["sign"] or "+") in _MINUS
    return -value if negative and value else value


def day_first(texts: Iterable[str]) -> bool | None:
    """Whether the day stands before the month where times are written as 24/11/2026; None where none of them tells."""
    for text in texts:
        found = re.match(_DATE, text.strip())
        if found and found["of"] and max(int(found["one"]), int(found["other"])) > 12:
            return int(found["one"]) > 12
    return None


def time(text: str, first: bool | None) -> datetime:  # noqa: FBT001 - as `day_first` found it
    """The time in `text`. "14:00 - 15:00" is the hour it begins; no other span will do. Raises Refusal."""
    text = text.strip()
    found = _TIME.fullmatch(text)
    if found is None:
        raise _no_time(text)
    if first is None and found["of"] and found["mark"] != ".":
        raise Refusal(Saying('"{text}" can be two dates: write it as 2026-11-24T14:00.', text=text[:40]))
    offset = found["offset"] or ""
    if offset.startswith("-") and not found["second"] and "T" not in text.upper():
        raise Refusal(Saying('"{text}" can be a span or an offset: write it as 2026-11-24T14:00.', text=text[:40]))
    try:
        year, month, day = _date(found, day_first=bool(first))
        hour, minute, second = _clock(found, "")
        moment = datetime.fromisoformat(
            f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{offset.upper()}"
        )
        until = _clock(found, "until_") if found["until_hour"] else None
    except ValueError:
        raise _no_time(text) from None
    if abs(moment.utcoffset() or timedelta(0)) > _FARTHEST:
        raise _no_time(text)
    if until and ((until[0] - hour) * 60 + until[1] - minute) % (24 * 60) not in {59, 60}:
        raise Refusal(Saying('"{text}" is not one hour: tell each hour in a line of its own.', text=text[:40]))
    return moment


def _no_time(text: str) -> Refusal:
    return Refusal(Saying('"{text}" is no date with an hour: write it as 2026-11-24T14:00.', text=text[:40]))


def _date(found: re.Match[str], *, day_first: bool) -> tuple[int, int, int]:
    """(year, month, day). With dots the day comes first everywhere."""
    if found["year"]:
        return int(found["year"]), int(found["month"]), int(found["day"])
    one, other = int(found["one"]), int(found["other"])
    day, month = (one, other) if day_first or found["mark"] == "." else (other, one)
    return int(found["of"]) + (2000 if len(found["of"]) == 2 else 0), month, day


def _clock(found: re.Match[str], which: str) -> tuple[int, int, int]:
    """(hour, minute, second) on a clock of 24 hours. Raises ValueError."""
    hour, half = int(found[f"{which}hour"]), (found[f"{which}half"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour, int(found[f"{which}minute"] or 0), int(found[f"{which}second"] or 0)
