"""Lift: what is told of a campaign: by how much its shops changed, how surely, and what could have been seen at all.

1. "Rose" and "fell" are said where chance makes as large a difference in less than `LEVEL` of campaigns that do
   nothing. Where it makes it more often, though the range leaves zero out, it is "may have".
2. The range is that of every figure: it holds the truth four times out of five.
3. What weakens a comparison is said beside it: no control, a drift before, shops or days left out.

How it is computed is `cloud.core.trial`.
"""

import math
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from cloud.core.campaign import Metric
from cloud.core.figures import COMPLETE, Figure, undefined
from cloud.core.glossary import half_up
from cloud.core.saying import Saying, span
from cloud.core.visits import Share

LIFT = "lift/1"
DETECTABLE = "detectable-lift/1"
HOLDS, LEVEL, POWER = 0.8, 0.1, 0.8
FEW_DAYS = 6
RATES = ("capture_rate", "conversion")
MUCH = 0.5
NARROW = 0.1  # a range that is told in tenths of a per cent

Method = Literal["shops", "days", "history"]
Outcome = Literal["rose", "fell", "perhaps", "none", "unknown"]


class Placebos(Struct, frozen=True, kw_only=True):
    """The same comparison made where nothing ran.

    Of `tried`, `as_large` came out as large as the lift, and `called` would have been called a rise or a fall.
    """

    tried: int
    as_large: int
    called: int
    lifts: list[float]
    sentence: str


class Lift(Struct, frozen=True, kw_only=True):
    """`lift` is a share (0.08: 8 % more); its coverage is the share of the campaign's days that could be compared.

    `chance` is the probability of a difference as large where a campaign does nothing. `exposed` and `control` are the
    shops that were used, `days` the dates of the campaign that were. Null and empty where nothing can be told: then
    `verdict` says why.
    """

    lift: Figure
    outcome: Outcome
    verdict: str
    chance: Share | None
    method: Method | None
    how: str
    days: int
    exposed: list[str]
    control: list[str]
    warnings: list[str]
    in_time: Placebos
    in_shops: Placebos


class Power(Struct, frozen=True, kw_only=True):
    """The smallest lift (a share) that would be called one four times out of five; null where nothing can be told.

    Its range is how well that is known. `days` is how long the campaign is to run, `exposed` and `control` are the
    shops that can be used.
    """

    detectable: Figure
    days: int
    exposed: list[str]
    control: list[str]
    sentence: str
    warnings: list[str]


class Indexed(Struct, frozen=True, kw_only=True):
    """A date of the chart: 1.0 is what was usual on that weekday before the campaign; null is a gap."""

    date: str
    campaign: bool
    exposed: float | None
    control: float | None


def unknown(why: Saying, warnings: Sequence[str], covered: float = 0.0) -> Lift:
    """The answer where nothing can be told."""
    return Lift(
        lift=undefined(covered, LIFT),
        outcome="unknown",
        verdict=Saying("No lift can be told: {why}.", why=why),
        chance=None,
        method=None,
        how="",
        days=0,
        exposed=[],
        control=[],
        warnings=list(warnings),
        in_time=placebos_in_time(0, [], 0, 0),
        in_shops=placebos_in_shops([], 0, 0),
    )


def no_power(why: Saying, days: int, warnings: Sequence[str]) -> Power:
    """The answer where nothing can be told beforehand."""
    sentence = Saying("What can be seen cannot be told: {why}.", why=why)
    return Power(
        detectable=undefined(0.0, DETECTABLE),
        days=days,
        exposed=[],
        control=[],
        sentence=sentence,
        warnings=list(warnings),
    )


def outcome_of(figure: Figure, chance: float) -> Outcome:
    """What a disclosed lift is called (rule 1)."""
    value, low, high = figure.value or 0.0, figure.low or 0.0, figure.high or 0.0
    if low <= 0 <= high:
        return "none"
    if chance >= LEVEL:
        return "perhaps"
    return "rose" if value > 0 else "fell"


def verdict(metric: Metric, outcome: Outcome, figure: Figure, chance: float, control: int) -> Saying:
    """The lift in one sentence."""
    value, low, high = figure.value or 0.0, figure.low or 0.0, figure.high or 0.0
    what, against = _what(metric), _against(control)
    if outcome == "none":
        between = _between(low, high)
        return Saying(
            "{what}: no difference can be told {against}: {between}.", what=what, against=against, between=between
        )
    by = _by(value, low, high) if value > 0 else _by(-value, -high, -low)
    if outcome == "perhaps":
        perhaps = Saying("may have risen by {by}", by=by) if value > 0 else Saying("may have fallen by {by}", by=by)
        return Saying(
            "{what} {perhaps} {against}; but chance makes as much in {chance:percent} of campaigns that do nothing.",
            what=what, perhaps=perhaps, against=against, chance=chance,
        )  # fmt: skip
    if outcome == "rose":
        return Saying("{what} rose by {by} {against}.", what=what, by=by, against=against)
    return Saying("{what} fell by {by} {against}.", what=what, by=by, against=against)


def how(method: Method) -> Saying:
    """What was compared, in one sentence."""
    if method == "shops":
        return Saying(
            "Each shop is one number, its change from the weeks before: those of the campaign, and the others."
        )
    if method == "days":
        return Saying("Day by day, the shops of the campaign are compared with the others, as they stood before.")
    return Saying("Compared with the weeks before, weekday by weekday, on the trend there was.")


def promise(exposed: int, control: int, days: int, value: float) -> Saying:
    """What can be seen, in one sentence."""
    shops = Saying("this shop") if exposed == 1 else Saying("these {n} shops", n=exposed)
    return Saying(
        "With {shops} in {time}, {against}, you can see a lift of {value:percent} or more.",
        shops=shops, time=span(86_400 * days), against=_against(control), value=value,
    )  # fmt: skip


def placebos_in_time(days: int, lifts: list[float], as_large: int, called: int) -> Placebos:
    """What came of trying campaigns of so many `days` on earlier dates."""
    if not lifts:
        said = Saying("Not tried on earlier dates: there are too few weeks before.")
    elif len(lifts) == 1:
        said = _tried_once(Saying("an earlier span of {days} days", days=days), as_large)
    else:
        said = Saying(
            "Tried on {n} earlier spans of {days} days, on which nothing ran: {large} looked as large.",
            n=len(lifts), days=days, large=as_large,
        )  # fmt: skip
    return Placebos(tried=len(lifts), as_large=as_large, called=called, lifts=lifts, sentence=said)


def placebos_in_shops(lifts: list[float], as_large: int, called: int) -> Placebos:
    """What came of trying control shops as if the campaign had run in them."""
    if not lifts:
        said = Saying("Not tried on other shops: that takes two to compare with.")
    else:
        said = Saying("Tried on {n} shops in which nothing ran: {large} looked as large.", n=len(lifts), large=as_large)
    return Placebos(tried=len(lifts), as_large=as_large, called=called, lifts=lifts, sentence=said)


def _tried_once(where: Saying, as_large: int) -> Saying:
    if as_large:
        return Saying("Tried on {where}, on which nothing ran: it looked as large.", where=where)
    return Saying("Tried on {where}, on which nothing ran: it looked smaller.", where=where)


def cautions(metric: Metric, figure: Figure, days: int, control: int) -> list[str]:
    """What weakens a comparison of so many days with so many control shops."""
    said: list[str] = []
    if not control:
        said.append(no_control())
    if control == 1:
        said.append(Saying("One shop to compare with is few: whatever happened there counts as well."))
    if figure.coverage < COMPLETE:
        said.append(Saying("Of the campaign's days only {p:percent} could be compared.", p=figure.coverage))
    if days < FEW_DAYS:
        said.append(Saying("Of its days {n} could be compared, which is few.", n=days))
    if metric in RATES:
        said.append(Saying("It is per cent of the rate and not points: 20 % more than 0.10 is 0.12."))
    return said


def foresight(value: float, days: int, tried: int, control: int) -> list[str]:
    """What weakens a look ahead, tried on so many days instead of `days`."""
    said: list[str] = []
    if not control:
        said.append(no_control())
    if tried < days:
        said.append(Saying("There are too few weeks of figures for that: it was tried on {tried} days.", tried=tried))
    if value > MUCH:
        said.append(Saying("Few campaigns do so much: let it run longer, or in more shops."))
    return said


def no_control() -> Saying:
    """The warning where a shop is compared with itself alone."""
    return Saying(
        "There is no shop to compare with: whatever else changed at that time - weather, season, a sale next door - "
        "counts as the campaign. Name shops in which it does not run."
    )


def drifting(a_week: float) -> Saying:
    """The warning that the two sides drifted apart by that share a week before the campaign."""
    return Saying(
        "Already before the campaign its shops moved away from the others by {p:percent1} a week: the lift may be no "
        "more than that going on.",
        p=a_week,
    )


def _what(metric: Metric) -> Saying:
    said = {
        "visitors": Saying("Visitors"),
        "passers_by": Saying("Passers-by"),
        "capture_rate": Saying("The capture rate"),
        "conversion": Saying("Conversion"),
        "sales": Saying("Sales"),
    }
    return said[metric]


def _against(control: int) -> Saying:
    if control == 0:
        return Saying("against the weeks before")
    return Saying("against one other shop") if control == 1 else Saying("against {n} other shops", n=control)


def _between(low: float, high: float) -> Saying:
    if high - low < NARROW:
        return Saying("between {low:percent1} and {high:percent1}", low=low, high=high)
    return Saying("between {low:percent} and {high:percent}", low=_down(low), high=-_down(-high))


def _by(value: float, low: float, high: float) -> Saying:
    if high - low < NARROW:
        return Saying("{value:percent1} ({low:percent1} to {high:percent1})", value=value, low=low, high=high)
    return Saying(
        "{value:percent} ({low:percent} to {high:percent})",
        value=half_up(100 * value) / 100, low=_down(low), high=-_down(-high),
    )  # fmt: skip


def _down(share: float) -> float:
    """A share down to whole per cent."""
    return math.floor(100 * share + 1e-9) / 100
