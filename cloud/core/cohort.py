"""Cohort: the shops of a campaign day by day, and what of each day may be compared.

1. Due is a day on which the shop opened, that was no holiday of its own, and on which it ran no other campaign. Of
   those it has a number for each that has ended, was complete, and on which anybody came. The others are left out,
   before and during a campaign alike; nothing is filled in.
2. People are divided by the factor that held, so that a count at the door in between is no lift; what is over visitors
   too. A day within which the factor changed is left out.
3. What else changed in a shop - a sensor, its opening hours - is told, for the reader to judge.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from math import fsum

from msgspec import Struct

from cloud.core import calendar, calibration
from cloud.core.calibration import Factor
from cloud.core.campaign import Metric
from cloud.core.coverage import Placement
from cloud.core.figures import Shop
from cloud.core.ledger import Line
from cloud.core.saying import Saying
from cloud.core.till import Sale

Dates = tuple[date, date]  # both included


class ShopDays(Struct, frozen=True, kw_only=True):
    """One shop's days: `due` says which could be compared, `values` has the number of those that can be."""

    shop: str
    name: str
    exposed: bool
    values: list[float | None]
    due: list[bool]


class Cohort(Struct, frozen=True, kw_only=True):
    """Shops over the same dates, from `first` on. From the day `begins` (0 is `first`) to the end the campaign runs."""

    metric: Metric
    first: date
    begins: int
    shops: list[ShopDays]


class ShopHistory(Struct, frozen=True, kw_only=True):
    """What is known of a shop: the lines of days that have ended, its factors, its sales, where its sensors stood.

    `shop` is as it was before any factor; `elsewhere` is when it is exposed in other campaigns.
    """

    shop: Shop
    lines: Sequence[Line]
    factors: Sequence[Factor]
    sales: Sequence[Sale]
    placements: Sequence[Placement]
    elsewhere: Sequence[Dates]


def shop_days(known: ShopHistory, metric: Metric, dates: Sequence[date], *, exposed: bool) -> ShopDays:
    """A shop's numbers on these dates (rules 1 and 2)."""
    zone, sold = known.shop.time_zone, _sold(known)
    lines = {calendar.date_at(zone, one.start): one for one in known.lines}
    due = [_is_due(known, day) for day in dates]
    numbers = [
        _number(known, metric, lines.get(day), sold.get(day, ())) if is_due else None
        for day, is_due in zip(dates, due, strict=True)
    ]
    return ShopDays(
        shop=known.shop.shop,
        name=known.shop.name,
        exposed=exposed,
        values=[one if one is not None and one > 0 else None for one in numbers],
        due=due,
    )


def changes(known: ShopHistory, dates: Sequence[date]) -> list[Saying]:
    """What changed in a shop on these dates, but the first, that is not the campaign (rule 3)."""
    name, said = known.shop.name, []
    for day in dates[1:]:
        if _moved(known, day):
            said.append(
                Saying("In {shop} a sensor came or went on {day:day}, which may look like a lift.", shop=name, day=day)
            )
        if any(day.isoformat() in {rule.valid_from, rule.valid_to} for rule in known.shop.hours):
            said.append(
                Saying("In {shop} opening hours changed on {day:day}, which may look like a lift.", shop=name, day=day)
            )
    return said


def _is_due(known: ShopHistory, day: date) -> bool:
    busy = any(first <= day <= last for first, last in known.elsewhere)
    return not busy and calendar.holiday(known.shop, day) is None and bool(calendar.opened(known.shop, day))


def _number(known: ShopHistory, metric: Metric, line: Line | None, sold: Sequence[Sale]) -> float | None:
    if metric == "sales":
        return _added(one.net_sales for one in sold)
    factor = None if line is None or not line.complete else _factor(known, line)
    if factor is None or line is None or line.visitors is None:
        return None
    visitors, passers_by = line.visitors.value, None if line.passers_by is None else line.passers_by.value
    if metric == "visitors":
        return visitors / factor
    if metric == "conversion":
        transactions = _added(float(one.transactions) for one in sold)
        return None if transactions is None or visitors <= 0 else transactions / (visitors / factor)
    if passers_by is None or metric == "passers_by":
        return None if passers_by is None else passers_by / factor
    return None if visitors + passers_by <= 0 else visitors / (visitors + passers_by)


def _factor(known: ShopHistory, line: Line) -> float | None:
    """People per device on a day; None where that changed within it."""
    held = [calibration.in_force(known.factors, second) for second in (line.start, line.end - 1)]
    first, last = (known.shop.people_per_device if one is None else one.value for one in held)
    return first if first == last else None


def _sold(known: ShopHistory) -> dict[date, list[Sale]]:
    found: dict[date, list[Sale]] = {}
    for one in known.sales:
        found.setdefault(calendar.date_at(known.shop.time_zone, one.hour), []).append(one)
    return found


def _added(numbers: Iterable[float | None]) -> float | None:
    """The sum; None where there is nothing, or one is not told."""
    some = list(numbers)
    told = [one for one in some if one is not None]
    return fsum(told) if some and len(told) == len(some) else None


def _moved(known: ShopHistory, day: date) -> bool:
    """Whether a sensor came or went on a date, where one had stood before."""
    start, end = calendar.day_of(known.shop.time_zone, day)
    stood = any(one.valid_from < start for one in known.placements)
    ends = (moment for one in known.placements for moment in (one.valid_from, one.valid_to))
    return stood and any(one is not None and start <= one < end for one in ends)
