"""Words: figures, times and comparisons as a person reads them, in one language. Pure; templates know them as `w`."""

import datetime as dates
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from cloud.core.compared import overlap
from cloud.core.figures import COMPLETE, Figure, Period, Today
from cloud.core.saying import THIN, Value
from cloud.core.today import at_rest, listened
from cloud.core.visits import PanelFigure
from cloud.language import Language

NOTHING = "\N{EN DASH}"
UP, DOWN = "\N{BLACK UP-POINTING TRIANGLE}", "\N{BLACK DOWN-POINTING TRIANGLE}"


class Comparison(Struct, frozen=True):
    """A figure against another: `sign` and `words` say the same twice; `note` tells how sure it is."""

    sign: str
    words: str
    note: str


class Words:
    """What is said in `language`. Times are UTC seconds, told in the time zone given; null is a dash."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def t(self, pattern: str, **values: Value) -> str:
        """A sentence, or a `Saying`."""
        return self.language.say(pattern, **values)

    def number(self, value: float | None, digits: int = 0) -> str:
        """A number with so many decimals."""
        return NOTHING if value is None else self.language.number(value, digits)

    def interval(self, figure: Figure | PanelFigure, digits: int = 0) -> str:
        """The figure's range, as "212-248" with an en dash; the one number where both ends are the same."""
        if figure.low is None or figure.high is None:
            return NOTHING
        low, high = self.number(figure.low, digits), self.number(figure.high, digits)
        return low if low == high else f"{low}{NOTHING}{high}"

    def percent(self, share: float | None) -> str:
        """A share of 0 to 1 in per cent, cut: 0.899 is 89 %, because it is not yet 90 %."""
        return NOTHING if share is None else f"{int(share * 100 + 1e-9)}{THIN}%"

    def rounded(self, share: float | None) -> str:
        """A share of 0 to 1 in per cent, rounded."""
        return NOTHING if share is None else self.language.percent(share)

    def share(self, figure: Figure) -> str:
        """A figure that is a share, in whole per cent."""
        return self.rounded(figure.value)

    def share_interval(self, figure: Figure) -> str:
        """The range of one."""
        if figure.low is None or figure.high is None:
            return NOTHING
        return f"{self.language.number(100 * figure.low)}{NOTHING}{self.language.percent(figure.high)}"

    def money(self, value: float | None, currency: str) -> str:
        """An amount of money."""
        return NOTHING if value is None else self.language.money(value, currency)

    def money_interval(self, figure: Figure, currency: str) -> str:
        """The range of one."""
        if figure.low is None or figure.high is None:
            return NOTHING
        return f"{self.number(figure.low, 2)}{NOTHING}{self.language.money(figure.high, currency)}"

    def why_none(self, figure: Figure) -> str:
        """Why a figure has no number."""
        return self.t("Not listened") if figure.coverage == 0 else self.t("Not enough was heard")

    def none_yet(self, today: Today) -> str:
        """Why today has no number so far."""
        return self.none_so_far(today.day.visitors, resting=resting(today))

    def none_so_far(self, visitors: Figure, *, resting: bool) -> str:
        """Why there are no visitors so far today; `resting`: nothing was to be heard yet."""
        if resting:
            return self.t("At rest so far today")
        if visitors.coverage == 0:
            return self.t("Not listened yet today")
        return self.t("Not enough was heard yet today")

    def clock(self, at: int | None, zone: str) -> str:
        """Local time of day, "13:05"."""
        return NOTHING if at is None else f"{_local(at, zone):%H:%M}"

    def moment(self, at: int | None, zone: str) -> str:
        """Local date and time of day."""
        return NOTHING if at is None else f"{self.language.day(_local(at, zone).date())}, {self.clock(at, zone)}"

    def hour_name(self, period: Period, zone: str) -> str:
        """Local begin and end of a period, "12:00-13:00" with an en dash."""
        return f"{self.clock(period.start, zone)}{NOTHING}{self.clock(period.end, zone)}"

    def day_name(self, at: int, zone: str) -> str:
        """Weekday and date, "Tuesday 24 November"."""
        return self.language.date(_local(at, zone).date())

    def change(self, figure: Figure) -> str:
        """A change with its sign, as a mark and as a word."""
        if figure.value is None:
            return NOTHING
        if round(100 * figure.value) == 0:
            return self.t("as before")
        told = self.language.percent(abs(figure.value))
        more, fewer = self.t("{p} more", p=told), self.t("{p} fewer", p=told)
        return f"{UP} {more}" if figure.value > 0 else f"{DOWN} {fewer}"

    def signed(self, figure: Figure) -> str:
        """A change as a headline: "+8 %"."""
        if figure.value is None:
            return NOTHING
        sign = "+" if figure.value >= 0 else "\N{MINUS SIGN}"
        return f"{sign}{self.language.percent(abs(figure.value))}"

    def date(self, iso: str) -> dates.date:
        """A date, from ISO, to be put into a sentence."""
        return dates.date.fromisoformat(iso)

    def day(self, iso: str) -> str:
        """A date with its year, from ISO."""
        return self.language.day(dates.date.fromisoformat(iso))

    def comparison(self, today: Today) -> Comparison:
        """Today so far against the same weekday a week ago, up to the same time of day; or why there is none."""
        weekday = _local(today.day.start, today.time_zone).date()
        before, now = today.same_weekday, today.day.visitors
        if resting(today):
            return self._none(self.t("Nothing was to be heard yet today."))
        if incomplete(today):
            return self._none(self.t("Today is incomplete."))
        if before is None or before.visitors.value is None or now.value is None:
            return self._none(self.t("There is no complete last {day:weekday} up to this time.", day=weekday))
        was = before.visitors
        told: dict[str, Value] = {"day": weekday, "range": self.interval(was)}
        if was.value == 0 or was.value is None:
            return self._none(self.t("Nobody came last {day:weekday} by this time ({range}).", **told))
        note = self.t("Last {day:weekday} by this time: {n} ({range}).", n=was.value, **told)
        if overlap(now, was):
            note += " " + self.t("The ranges overlap, so the difference may be none.")
        change = round(100 * (now.value - was.value) / was.value)
        if change == 0:
            return Comparison("=", self.t("as many as last {day:weekday}", day=weekday), note)
        told = {"p": abs(change) / 100, "day": weekday}
        if change > 0:
            return Comparison(UP, self.t("{p:percent} more than last {day:weekday}", **told), note)
        return Comparison(DOWN, self.t("{p:percent} fewer than last {day:weekday}", **told), note)

    def _none(self, note: str) -> Comparison:
        return Comparison("", self.t("No comparison"), note)


def resting(today: Today) -> bool:
    """Whether nothing was to be heard yet today, because the radios rest by plan."""
    return at_rest(today.day, today.day.end)


def listened_today(today: Today) -> float:
    """The share of the day so far, or of its opening hours, that was listened to, whichever is less."""
    return listened(today.day, today.hours)


def incomplete(today: Today) -> bool:
    """Whether too little of the day so far was listened to for it to be compared."""
    return listened_today(today) < COMPLETE


def _local(at: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at, ZoneInfo(zone))
