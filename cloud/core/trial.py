"""Trial: the lift of a campaign, computed, and what lift its shops would show.

1. Never a bare before and after. What would have been is what the control shops did; without control it is what the
   weeks before let expect.
2. A shop is used that has `FEWEST` days before the campaign and half of those due during it, and `FEWEST_PEOPLE`
   a day: with fewer, chance is all there is to see. A day with nobody is left out.
3. Compared are logarithms, so a lift is the mean ratio of the shops: a small shop counts as much as a large one.
4. The same comparison is made where nothing ran: on spans within the weeks before, and on each control shop against the
   other ones. What can be seen is told from the same, on the newest days without the campaign.

Importing this takes a second (`cloud.core.contrast`), so it is imported where it is needed.
"""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil, expm1, fsum, sqrt

import numpy as np
from msgspec.structs import replace

from cloud.core import contrast, coverage, lift
from cloud.core.cohort import Cohort, ShopDays
from cloud.core.contrast import FEWEST, WEEK, Change, Days, Grid, Mask
from cloud.core.figures import Figure
from cloud.core.glossary import disclosed
from cloud.core.lift import Indexed, Lift, Method, Placebos, Power
from cloud.core.saying import Saying

FEWEST_PEOPLE = 20.0
PEOPLE = ("visitors", "passers_by")
RARE = 0.05  # how rarely chance makes a drift that is warned of
MOST_PLACEBOS = 40
SHIFTS = 4  # spans that say what can be seen, each a week before the other


class Table:
    """The used shops as arrays: logarithms by shop and day, the weekdays, and which shops are exposed."""

    def __init__(self, asked: Cohort, used: Sequence[ShopDays]) -> None:
        values = np.array([[one or np.nan for one in shop.values] for shop in used], dtype=np.float64)
        self.logs: Grid = np.log(values)
        self.weekday: Days = (asked.first.weekday() + np.arange(values.shape[1])) % WEEK
        self.exposed: Mask = np.array([one.exposed for one in used], dtype=np.bool_)

    def change(self, begins: int, ends: int | None = None) -> Change | None:
        """From day `begins` to before `ends`, against all days before."""
        logs, weekday = self.logs[:, :ends], self.weekday[:ends]
        return contrast.change(logs, weekday, np.arange(logs.shape[1]) >= begins, self.exposed)


def result(asked: Cohort) -> Lift:
    """The lift of a campaign, disclosed."""
    used, left_out = _usable(asked)
    exposed, control = ([one for one in used if one.exposed is side] for side in (True, False))
    covered = _covered(used, asked.begins)
    if not exposed:
        return lift.unknown(Saying("none of its shops has enough complete days"), left_out, covered)
    table = Table(asked, used)
    found = table.change(asked.begins)
    if found is None:
        return lift.unknown(Saying("there are too few days that both sides have"), left_out, covered)
    figure, chance = disclosed(_figure(found, covered)), found.chance()
    outcome, method = lift.outcome_of(figure, chance), _method(used)
    days = sum(any(one.values[day] for one in exposed) for day in range(asked.begins, len(exposed[0].values)))
    return Lift(
        lift=figure,
        outcome=outcome,
        verdict=lift.verdict(asked.metric, outcome, figure, round(chance, 2), len(control)),
        chance=round(chance, 3),
        method=method,
        how=lift.how(method),
        days=days,
        exposed=[one.shop for one in exposed],
        control=[one.shop for one in control],
        warnings=[*lift.cautions(asked.metric, figure, days, len(control)), *_drift(table, asked.begins), *left_out],
        in_time=_in_time(table, asked.begins, found),
        in_shops=_in_shops(table, asked.begins, found),
    )


def power(asked: Cohort, days: int) -> Power:
    """What lift a campaign of so many `days` would show in shops of which `asked` has days without it, disclosed.

    It is tried on the last `days`, and again each week before; the mean of the variances says what can be seen.
    """
    length = len(asked.shops[0].values)
    span = min(days, length - 2 * FEWEST)
    if span < min(days, WEEK):
        return lift.no_power(Saying("there are too few weeks of figures"), days, [])
    used, left_out = _usable(replace(asked, begins=length - span))
    exposed, control = ([one.shop for one in used if one.exposed is side] for side in (True, False))
    if not exposed:
        return lift.no_power(Saying("none of its shops has enough complete days"), days, left_out)
    table = Table(asked, used)
    ends = range(length, max(length - SHIFTS * WEEK, span + FEWEST - 1), -WEEK)
    tried = [found for one in ends if (found := table.change(one - span, one)) is not None]
    if not tried:
        return lift.no_power(Saying("there are too few days that both sides have"), days, left_out)
    value, low, high = _detectable(tried)
    figure = Figure(value=value, low=low, high=high, coverage=_covered(used, 0), definition=lift.DETECTABLE)
    return Power(
        detectable=disclosed(figure),
        days=days,
        exposed=exposed,
        control=control,
        sentence=lift.promise(len(exposed), len(control), days, value),
        warnings=[*lift.foresight(value, days, span, len(control)), *left_out],
    )


def chart(asked: Cohort) -> list[Indexed]:
    """Every date beside what was usual on its weekday: the shops of the campaign, and the others."""
    used, _ = _usable(asked)
    count = len(asked.shops[0].values)
    lines: list[list[float | None]] = [[None] * count, [None] * count]
    if used:
        table = Table(asked, used)
        rest = contrast.less_usual(table.logs, table.weekday, np.arange(count) < asked.begins)
        lines = [_ratios(contrast.mean(rest[side])) for side in (table.exposed, ~table.exposed)]
    dates = [(asked.first + timedelta(days=one)).isoformat() for one in range(count)]
    return [
        Indexed(date=day, campaign=at >= asked.begins, exposed=one, control=other)
        for at, (day, one, other) in enumerate(zip(dates, *lines, strict=True))
    ]


def _usable(asked: Cohort) -> tuple[list[ShopDays], list[str]]:
    """The shops that can be compared (rule 2), and what is said of the others."""
    used: list[ShopDays] = []
    said: list[str] = []
    for one in asked.shops:
        before, during = ([value for value in part if value] for part in _parts(one.values, asked.begins))
        if len(before) < FEWEST:
            said.append(Saying("{shop} is left out: too few complete days before.", shop=one.name))
        elif not during or len(during) < sum(one.due[asked.begins :]) / 2:
            said.append(Saying("{shop} is left out: too few complete days in the campaign.", shop=one.name))
        elif asked.metric in PEOPLE and fsum(before) / len(before) < FEWEST_PEOPLE:
            said.append(Saying("{shop} is left out: too few people a day to see a change.", shop=one.name))
        else:
            used.append(one)
    return used, said


def _parts(values: Sequence[float | None], begins: int) -> tuple[Sequence[float | None], Sequence[float | None]]:
    return values[:begins], values[begins:]


def _method(used: Sequence[ShopDays]) -> Method:
    if all(one.exposed for one in used):
        return "history"
    return "shops" if len(used) >= contrast.ENOUGH else "days"


def _covered(used: Sequence[ShopDays], since: int) -> float:
    """The share of the days due from `since` on that could be compared."""
    due = sum(sum(one.due[since:]) for one in used)
    return coverage.share(sum(sum(map(bool, one.values[since:])) for one in used), due)


def _figure(found: Change, covered: float) -> Figure:
    low, high = found.range(lift.HOLDS)
    return Figure(value=expm1(found.value), low=expm1(low), high=expm1(high), coverage=covered, definition=lift.LIFT)


def _drift(table: Table, begins: int) -> list[str]:
    """The warning of a drift before the campaign; without control the trend is in the comparison."""
    if table.exposed.all():
        return []
    found = contrast.drift(table.logs[:, :begins], table.weekday[:begins], table.exposed)
    return [lift.drifting(expm1(found.value))] if found is not None and found.chance() < RARE else []


def _in_time(table: Table, begins: int, real: Change) -> Placebos:
    """The campaign tried on spans of the weeks before it, half of which come before the first."""
    lead = max(FEWEST, begins // (2 * WEEK) * WEEK)
    span = min(table.logs.shape[1] - begins, begins - lead)
    found = [table.change(start, start + span) for start in range(lead, begins - span + 1, WEEK)]
    return lift.placebos_in_time(span, *_tried([one for one in found if one is not None], real))


def _in_shops(table: Table, begins: int, real: Change) -> Placebos:
    """Control shops tried as if the campaign had run in each, against the others; of many every so manieth."""
    others, during = table.logs[~table.exposed], np.arange(table.logs.shape[1]) >= begins
    count = len(others)
    if count < 2:
        return lift.placebos_in_shops([], 0, 0)
    rest = contrast.less_usual(others, table.weekday, ~during)
    tried = range(0, count, ceil(count / MOST_PLACEBOS))
    found = [contrast.change_of(rest, table.weekday, during, np.arange(count) == one) for one in tried]
    return lift.placebos_in_shops(*_tried([one for one in found if one is not None], real))


def _tried(found: Sequence[Change], real: Change) -> tuple[list[float], int, int]:
    """(their lifts, how many were as large as the real one, how many would have been called a change)."""
    as_large = sum(abs(one.value) >= abs(real.value) for one in found)
    return [round(expm1(one.value), 3) for one in found], as_large, sum(one.chance() < lift.LEVEL for one in found)


def _detectable(tried: Sequence[Change]) -> tuple[float, float, float]:
    """The smallest lift that would be seen, up to whole per cent, and the range that the variance is known by."""
    error, freedom = sqrt(fsum(one.error**2 for one in tried) / len(tried)), tried[0].freedom
    least = contrast.smallest(error, freedom, lift.LEVEL, lift.POWER)
    low, high = (expm1(least * times) for times in contrast.error_range(freedom, lift.HOLDS))
    value = ceil(100 * expm1(least)) / 100
    return value, min(low, value), max(high, value)


def _ratios(logs: Grid) -> list[float | None]:
    return [None if np.isnan(one) else round(float(np.exp(one)), 3) for one in logs]
