"""Words: numbers, times and comparisons as a person reads them. Pure; used by the templates as filters.

Numbers take a narrow space between thousands, which reads the same everywhere; times are the shop's own.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from cloud.core.figures import COMPLETE, Figure, Period, Today
from cloud.core.today import at_rest, listened
from cloud.core.visits import PanelFigure

NOTHING = "\N{EN DASH}"
UP, DOWN = "\N{BLACK UP-POINTING TRIANGLE}", "\N{BLACK DOWN-POINTING TRIANGLE}"
THIN = "\N{NARROW NO-BREAK SPACE}"


def number(value: float | None) -> str:
    """A whole number with thin spaces, a dash for null."""
    return NOTHING if value is None else f"{value:,.0f}".replace(",", THIN)


def interval(figure: Figure | PanelFigure) -> str:
    """The figure's range, as "212-248" with an en dash; the one number where both ends are the same."""
    if figure.low is None or figure.high is None:
        return NOTHING
    low, high = number(figure.low), number(figure.high)
    return low if low == high else f"{low}\N{EN DASH}{high}"


def percent(share: float | None) -> str:
    """A share of 0 to 1 in per cent, cut: 0.899 is 89 %, because it is not yet 90 %."""
    return NOTHING if share is None else f"{int(share * 100 + 1e-9)}{THIN}%"


def people(figure: Figure) -> str:
    """The word for so many: "person" for one, "people" for all others."""
    return "person" if figure.value == 1 else "people"


def why_none(figure: Figure) -> str:
    """Why a figure has no number."""
    return "not listened" if figure.coverage == 0 else "not enough was heard"


def none_yet(today: Today) -> str:
    """Why today has no number so far."""
    return "At rest so far" if resting(today) else f"{why_none(today.day.visitors).capitalize()} yet"


def resting(today: Today) -> bool:
    """Whether nothing was to be heard yet today, because the radios rest by plan."""
    return at_rest(today.day, today.day.end)


def clock(at: int | None, zone: str) -> str:
    """Local time of day, "13:05"."""
    return NOTHING if at is None else datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%H:%M")


def hour_name(period: Period, zone: str) -> str:
    """Local begin and end of a period, "12:00-13:00" with an en dash."""
    return f"{clock(period.start, zone)}\N{EN DASH}{clock(period.end, zone)}"


def day_name(at: int, zone: str) -> str:
    """Weekday and date, "Tuesday 24 November"."""
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    return f"{local:%A} {local.day} {local:%B}"


def listened_today(today: Today) -> float:
    """The share of the day so far, or of its opening hours, that was listened to, whichever is less."""
    return listened(today.day, today.hours)


def incomplete(today: Today) -> bool:
    """Whether too little of the day so far was listened to for it to be compared."""
    return listened_today(today) < COMPLETE


class Comparison(Struct, frozen=True):
    """Today against the same weekday: `sign` and `words` say the same twice; `note` tells how sure it is."""

    sign: str
    words: str
    note: str


def comparison(today: Today) -> Comparison:
    """Today so far against the same weekday a week ago, up to the same time of day; or why there is none."""
    weekday = f"{datetime.fromtimestamp(today.day.start, ZoneInfo(today.time_zone)):%A}"
    before, now = today.same_weekday, today.day.visitors
    if resting(today):
        return Comparison("", "No comparison", "Nothing was to be heard yet today.")
    if incomplete(today):
        return Comparison("", "No comparison", "Today is incomplete.")
    if before is None or before.visitors.value is None or now.value is None:
        return Comparison("", "No comparison", f"There is no complete last {weekday} up to this time.")
    was = f"last {weekday} by this time: {number(before.visitors.value)} ({interval(before.visitors)})"
    if before.visitors.value == 0:
        return Comparison("", "No comparison", f"Nobody came {was}.")
    change = round(100 * (now.value - before.visitors.value) / before.visitors.value)
    note = was[0].upper() + was[1:] + "."
    if _overlap(now, before.visitors):
        note += " The ranges overlap, so the difference may be none."
    if change == 0:
        return Comparison("=", f"as many as last {weekday}", note)
    word, sign = (
        ("more", "\N{BLACK UP-POINTING TRIANGLE}") if change > 0 else ("fewer", "\N{BLACK DOWN-POINTING TRIANGLE}")
    )
    return Comparison(sign, f"{number(abs(change))}{THIN}% {word} than last {weekday}", note)


def _overlap(one: Figure, other: Figure) -> bool:
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return True
    return one.low <= other.high and other.low <= one.high
