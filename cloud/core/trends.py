"""Trends: weeks and days of a shop, the same weeks a year before, and what was different after something happened.

1. A week is the sum of its opening days that have ended. One of which a day is incomplete is shown with its coverage
   and compared with nothing.
2. A year before is 52 weeks before, over those weekdays that were opening days of both weeks. Where people per device
   were calibrated in between, there is no comparison: they are two measures.
3. The moving mean of a day is that of the opening days of the week that ends with it; null unless all are complete.
4. Before and after a note are compared by whole weeks from its date, each as the mean of its opening days, so that
   every weekday counts alike. The interval is Welch's (Biometrika 34, 1947). Nothing is held constant but the weekday:
   it is a bare before and after, and says so.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from math import fsum

from msgspec import Struct, field
from msgspec.structs import replace

from cloud.core import calendar, ledger, ranges
from cloud.core.annotation import Annotation
from cloud.core.figures import Figure, Shop, undefined
from cloud.core.glossary import disclosed, disclosed_figures
from cloud.core.ledger import Line
from cloud.core.saying import Saying
from cloud.core.slots import State

YEAR_WEEKS = 52
EFFECT_WEEKS, FEWEST = 4, 3
DAILY, MOVING, BEFORE_AFTER = "daily-visitors/1", "moving-visitors/1", "before-after/1"
BARE = Saying(
    "A bare before and after: season, weather and whatever else changed are in it. A campaign with shops to compare "
    "with says more."
)


class TrendDay(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A local date; `moving` is the mean of the opening days of the seven up to it."""

    date: str
    open: bool
    state: State
    visitors: Figure
    moving: Figure


class TrendWeek(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Monday `from` to Sunday `to`, summed over so many opening `days`.

    `year_before` and `change` are of the opening days of both years, and null where they may not be compared.
    """

    from_: str = field(name="from")
    to: str
    days: int
    state: State
    visitors: Figure
    year_before: Figure | None
    change: Figure | None


class Effect(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Visitors of an opening day, on average over so many weeks before and after, and the difference."""

    weeks_before: int
    weeks_after: int
    before: Figure
    after: Figure
    difference: Figure


class Noted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A note with what was different after it; `effect` is null where `sentence` says why it cannot be told."""

    id: str
    date: str
    text: str
    effect: Effect | None
    sentence: str
    warning: str


class Trends(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The last `weeks` weeks of a shop, that of `now` (UTC seconds) included, up to the days that have ended."""

    shop: str
    name: str
    time_zone: str
    now: int
    from_: str = field(name="from")
    to: str
    by_week: list[TrendWeek]
    by_day: list[TrendDay]
    annotations: list[Noted]


def first_week(today: date, weeks: int) -> date:
    """The Monday that the last `weeks` weeks begin with, that of `today` included."""
    return today - timedelta(days=today.weekday(), weeks=weeks - 1)


def first_line(today: date, weeks: int) -> date:
    """The first local date whose line `trends` needs."""
    return first_week(today, weeks) - timedelta(weeks=YEAR_WEEKS)


def trends(
    shop: Shop, now: int, weeks: int, lines: Iterable[Line], notes: Iterable[Annotation], at: Callable[[int], Shop]
) -> Trends:
    """Trends at `now`, exact. `at` gives the shop with the factor in force at a UTC second."""
    today = calendar.date_at(shop.time_zone, now)
    first, last = first_week(today, weeks), today - timedelta(days=1)
    every = ledger.filled(shop, lines, first_line(today, weeks), first + timedelta(weeks=weeks, days=-1))
    known = {calendar.date_at(shop.time_zone, one.start): one for one in every}
    mondays = [first + timedelta(weeks=one) for one in range(weeks)]
    dates = [date.fromordinal(one) for one in range(first.toordinal(), last.toordinal() + 1)]
    return Trends(
        shop=shop.shop,
        name=shop.name,
        time_zone=shop.time_zone,
        now=now,
        from_=first.isoformat(),
        to=last.isoformat(),
        by_week=[_week(one, known, now, at) for one in mondays],
        by_day=[_day(one, known, now) for one in dates if one in known],
        annotations=[_noted(one, known, now, at) for one in notes],
    )


def disclosed_trends(exact: Trends) -> Trends:
    """Trends with every figure as anyone outside may see it."""
    return replace(
        exact,
        by_week=[disclosed_figures(one) for one in exact.by_week],
        by_day=[disclosed_figures(one) for one in exact.by_day],
        annotations=[
            one if one.effect is None else replace(one, effect=disclosed_figures(one.effect))
            for one in exact.annotations
        ],
    )


def _day(day: date, known: Mapping[date, Line], now: int) -> TrendDay:
    line = known[day]
    before = (known.get(day - timedelta(days=one)) for one in range(7))
    opened = [one for one in before if one is not None and one.open]
    moving = _mean(opened, MOVING) if opened and all(one.complete for one in opened) else None
    return TrendDay(
        date=day.isoformat(),
        open=line.open,
        state=_state(line, now),
        visitors=ledger.visitors([line]),
        moving=moving or undefined(ledger.covered(opened), MOVING),
    )


def _week(monday: date, known: Mapping[date, Line], now: int, at: Callable[[int], Shop]) -> TrendWeek:
    opened, ended = _opened(monday, known), _ended(monday, known, now)
    earlier = _ended(monday - timedelta(weeks=YEAR_WEEKS), known, now)
    both = [one for one in ended if one in earlier]
    year_before, change = _compared([ended[one] for one in both], [earlier[one] for one in both], at)
    comparable = all(one.complete for one in [*ended.values(), *earlier.values()])
    return TrendWeek(
        from_=monday.isoformat(),
        to=(monday + timedelta(days=6)).isoformat(),
        days=len(ended),
        state=_state_of_week(opened, ended, now),
        visitors=ledger.visitors(list(ended.values())),
        year_before=year_before if comparable else None,
        change=change if comparable else None,
    )


def _opened(monday: date, known: Mapping[date, Line]) -> dict[int, Line]:
    """The opening days of a week, by weekday."""
    days = ((one, known.get(monday + timedelta(days=one))) for one in range(7))
    return {weekday: line for weekday, line in days if line is not None and line.open}


def _ended(monday: date, known: Mapping[date, Line], now: int) -> dict[int, Line]:
    return {weekday: line for weekday, line in _opened(monday, known).items() if line.end <= now}


def _compared(
    now: Sequence[Line], was: Sequence[Line], at: Callable[[int], Shop]
) -> tuple[Figure | None, Figure | None]:
    if not now:
        return None, None
    shops = [at(second) for some in (was, now) for second in (some[0].start, some[-1].end - 1)]
    if not ranges.same_people(*shops):
        return None, None
    before = ledger.visitors(was)
    return before, ranges.change(ledger.visitors(now), before, shops[-1])


def _state_of_week(opened: Mapping[int, Line], ended: Mapping[int, Line], now: int) -> State:
    if not opened:
        return "closed"
    if not ended:
        return "to come" if min(one.start for one in opened.values()) >= now else "so far"
    if all(one.visitors is None for one in ended.values()):
        return "not listened"
    if any(not one.complete for one in ended.values()):
        return "incomplete"
    return "so far" if len(ended) < len(opened) else "heard"


def _state(line: Line, now: int) -> State:
    if line.start >= now:
        return "to come"
    if line.visitors is None:
        if not line.open:
            return "closed"
        return "not enough was heard" if line.coverage > 0 else "not listened"
    if line.end > now:
        return "so far"
    return "heard" if line.complete else "incomplete"


def _noted(note: Annotation, known: Mapping[date, Line], now: int, at: Callable[[int], Shop]) -> Noted:
    effect, sentence = _effect(date.fromisoformat(note.date), known, now, at)
    warning = BARE if effect is not None else ""
    return Noted(id=note.id, date=note.date, text=note.text, effect=effect, sentence=sentence, warning=warning)


def _effect(day: date, known: Mapping[date, Line], now: int, at: Callable[[int], Shop]) -> tuple[Effect | None, Saying]:
    before = [_ended(day - timedelta(weeks=one), known, now) for one in range(1, EFFECT_WEEKS + 1)]
    after = [_ended(day + timedelta(weeks=one), known, now) for one in range(EFFECT_WEEKS)]
    usual = Counter(frozenset(one) for one in [*before, *after] if one).most_common(1)
    same = usual[0][0] if usual else frozenset()
    fit = [[list(one.values()) for one in some if one and set(one) == same] for some in (before, after)]
    was, came = ([one for one in some if all(line.complete for line in one)] for some in fit)
    if len(was) < FEWEST or len(came) < FEWEST:
        return None, Saying(
            "Nothing can be said of before and after: it takes {n} complete weeks with the same opening days on both "
            "sides.",
            n=FEWEST,
        )
    ends = [second for some in (was, came) for one in some for second in (one[0].start, one[-1].end - 1)]
    if not ranges.same_people(*map(at, ends)):
        return None, Saying("Nothing can be said of before and after: people per device were calibrated in between.")
    weekly = [[_mean(one, DAILY).value or 0.0 for one in some] for some in (was, came)]
    if all(min(some) == max(some) for some in weekly):
        return None, Saying("Nothing can be said of before and after: one week is like the next, to the last visitor.")
    return _difference(was, came, weekly)


def _difference(
    was: Sequence[list[Line]], came: Sequence[list[Line]], weekly: Sequence[Sequence[float]]
) -> tuple[Effect, Saying]:
    from statsmodels.stats import weightstats  # noqa: PLC0415 - a second to load

    before, after = (_mean([line for one in some for line in one], DAILY) for some in (was, came))
    value = fsum(weekly[1]) / len(weekly[1]) - fsum(weekly[0]) / len(weekly[0])
    compared = weightstats.CompareMeans.from_data(weekly[1], weekly[0])
    low, high = map(float, compared.tconfint_diff(alpha=0.2, usevar="unequal"))
    difference = Figure(
        value=value,
        low=low,
        high=high,
        coverage=min(before.coverage, after.coverage),
        definition=BEFORE_AFTER,
    )
    effect = Effect(weeks_before=len(was), weeks_after=len(came), before=before, after=after, difference=difference)
    return effect, _said(disclosed(difference))


def _said(difference: Figure) -> Saying:
    n, low, high = difference.value or 0.0, difference.low or 0.0, difference.high or 0.0
    if low > 0:
        return Saying("{n} more visitors a day after than before ({low} to {high}).", n=n, low=low, high=high)
    if high < 0:
        return Saying("{n} fewer visitors a day after than before ({low} to {high}).", n=-n, low=-high, high=-low)
    return Saying("No difference can be told between before and after.")


def _mean(lines: Sequence[Line], definition: str) -> Figure:
    """The mean of days that all have a figure."""
    total, days = ledger.visitors(lines), len(lines)
    if total.value is None or total.low is None or total.high is None:
        return undefined(total.coverage, definition)
    return Figure(
        value=total.value / days,
        low=total.low / days,
        high=total.high / days,
        coverage=total.coverage,
        definition=definition,
    )
