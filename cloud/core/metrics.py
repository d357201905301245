"""Metrics: quotients of what was counted, sold and staffed, each with the interval of what it is made of.

1. A quotient is undefined, null, where its divisor is not known or may be nothing: where its `low` is 0.
2. Ends are divided end by end: the least by the most. What a till or a rota says is exact, so its ends are its value.
3. Both sides of a quotient are of the same hours. An hour of which less than `COMPLETE` was listened to is left out of
   both, and coverage falls to the share of the transactions, or of the staff's time, that is left.
4. A till tells of the hours from its first to its last of a date; one between them that it does not name sold nothing.
   Of the dates that have ended and on which the shop was open, those it tells nothing of lower coverage.
5. Quotients of sums, never means of quotients: hours add up, their quotients do not.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from math import fsum

from msgspec import Struct

from cloud.core import calendar, coverage, rollup, till
from cloud.core.figures import COMPLETE, Figure, Period, Shop, undefined
from cloud.core.till import Sale, Takings

DRAW_RATE = "draw-rate/1"
CONVERSION = "conversion/1"
ATV = "atv/1"
UPT = "upt/1"
SALES_PER_VISITOR = "sales-per-visitor/1"
STAR = "star/1"


class Traded(Struct, frozen=True):
    """An hour that the till tells of: who came, and what was sold."""

    hour: Period
    takings: Takings

    @property
    def listened(self) -> bool:
        """Whether enough of the hour was listened to for its visitors to be compared with its sales."""
        return _complete(self.hour)


class Trade(Struct, frozen=True):
    """The hours that the till tells of, and the share of the open dates that it tells of."""

    hours: Sequence[Traded]
    dates: float


def trade(shop: Shop, hours: Sequence[Period], sales: Iterable[Sale]) -> Trade:
    """Sales beside the visitors of their hours. `hours`: all of some whole dates, or the first hours of the last."""
    told: dict[int, list[Sale]] = {}
    for sale in sales:
        told.setdefault(calendar.hour_at(shop.time_zone, sale.hour)[0], []).append(sale)
    by_date: dict[date, list[Period]] = {}
    for hour in hours:
        by_date.setdefault(calendar.date_at(shop.time_zone, hour.start), []).append(hour)
    named = {day: [one.start for one in own if one.start in told] for day, own in by_date.items()}
    ended = {day for day, own in by_date.items() if own[-1].end >= calendar.day_of(shop.time_zone, day)[1]}
    due = [day for day, own in by_date.items() if named[day] or (day in ended and any(hour.open for hour in own))]
    traded = [
        Traded(hour, _takings(hour, told.get(hour.start, [])))
        for day, own in by_date.items()
        for hour in own
        if named[day] and min(named[day]) <= hour.start <= max(named[day])
    ]
    return Trade(traded, coverage.share(sum(bool(named[day]) for day in due), len(due)))


def draw_rate(visitors: Figure, passers_by: Figure, shop: Shop) -> Figure:
    """visitors / passers-by: the capture rate of vendors who divide by passers-by alone (Bumbee Labs' glossary).

    The factor multiplies both alike, so it cancels, as in `people.share`.
    """
    least, most = shop.people_per_device_low, shop.people_per_device_high
    if visitors.value is None or passers_by.value is None or not passers_by.low:
        return undefined(min(visitors.coverage, passers_by.coverage), DRAW_RATE)
    value = visitors.value / passers_by.value
    low = ((visitors.low or 0.0) / least) / ((passers_by.high or 0.0) / most)
    high = ((visitors.high or 0.0) / most) / (passers_by.low / least)
    return Figure(
        value=value,
        low=min(low, value),
        high=max(high, value),
        coverage=min(visitors.coverage, passers_by.coverage),
        definition=DRAW_RATE,
    )


def conversion(trade: Trade) -> Figure:
    """transactions / visitors, of the hours listened to (RetailNext, "Defining the terms", 2012)."""
    pairs = [(float(one.takings.transactions or 0), one) for one in trade.hours]
    return _per_visitor(pairs, trade, CONVERSION)


def sales_per_visitor(trade: Trade) -> Figure:
    """Net sales / visitors (shopper yield), in the shop's currency, of the hours listened to."""
    money = [(one.takings.net_sales, one) for one in trade.hours]
    return _per_visitor([(sum_, one) for sum_, one in money if sum_ is not None], trade, SALES_PER_VISITOR)


def atv(trade: Trade) -> Figure:
    """Net sales / transactions: the average transaction's value, in the shop's currency. No visitors are needed."""
    return _per_transaction([(one.takings.net_sales, one) for one in trade.hours], trade, ATV)


def upt(trade: Trade) -> Figure:
    """Items / transactions: units per transaction. No visitors are needed."""
    return _per_transaction([(one.takings.items, one) for one in trade.hours], trade, UPT)


def star(hours: Sequence[Period], staff_s: Sequence[float | None]) -> Figure:
    """Visitors / hours worked on the floor: the shopper-to-associate ratio as traffic by labour hours (ShopperTrak).

    `staff_s`: person-seconds on the floor in each of `hours`, null where no rota says. Hours without are left out.
    People inside by staff at a time is the same times the mean stay in hours (Little's law).
    """
    rota = [(float(worked), hour) for worked, hour in zip(staff_s, hours, strict=True) if worked]
    used = [(worked, hour) for worked, hour in rota if _complete(hour)]
    worked_s = fsum(worked for worked, _ in used)
    visitors = _added([hour for _, hour in used])
    covered = min(visitors.coverage, coverage.share(worked_s, fsum(worked for worked, _ in rota)))
    return quotient(visitors, exact(worked_s / 3600, covered, STAR), STAR)


def quotient(part: Figure, whole: Figure, definition: str) -> Figure:
    """`part / whole` of a whole that is never negative, the ends divided so that the range holds every possibility."""
    covered = min(part.coverage, whole.coverage)
    if (
        part.value is None
        or part.low is None
        or part.high is None
        or not whole.value
        or not whole.low
        or not whole.high
    ):
        return undefined(covered, definition)
    return Figure(
        value=part.value / whole.value,
        low=min(part.low / whole.low, part.low / whole.high),
        high=max(part.high / whole.low, part.high / whole.high),
        coverage=covered,
        definition=definition,
    )


def exact(number: float, covered: float, definition: str) -> Figure:
    """A number that has no interval."""
    return Figure(value=number, low=number, high=number, coverage=covered, definition=definition)


def _takings(hour: Period, sales: Sequence[Sale]) -> Takings:
    if sales:
        return till.total(hour.start, hour.end, sales)
    return Takings(start=hour.start, end=hour.end, hours=0, transactions=0, items=0, net_sales=0.0, sources=[])


def _per_visitor(pairs: Sequence[tuple[float, Traded]], trade: Trade, definition: str) -> Figure:
    used = [(number, one) for number, one in pairs if one.listened]
    visitors = _added([one.hour for _, one in used])
    covered = min(trade.dates, _share([one for _, one in used], trade))
    if not used:
        return undefined(covered, definition)
    return quotient(exact(fsum(number for number, _ in used), covered, definition), visitors, definition)


def _per_transaction(pairs: Sequence[tuple[float | None, Traded]], trade: Trade, definition: str) -> Figure:
    used = [(number, one) for number, one in pairs if number is not None]
    covered = min(trade.dates, _share([one for _, one in used], trade))
    transactions = exact(sum(one.takings.transactions or 0 for _, one in used), covered, definition)
    return quotient(exact(fsum(number for number, _ in used), covered, definition), transactions, definition)


def _share(used: Sequence[Traded], trade: Trade) -> float:
    """The share of the transactions that the used hours speak of; of the hours, where nobody bought."""
    of = sum(one.takings.transactions or 0 for one in trade.hours)
    if not of:
        return coverage.share(len(used), len(trade.hours))
    return coverage.share(sum(one.takings.transactions or 0 for one in used), of)


def _added(hours: Sequence[Period]) -> Figure:
    """Visitors of these hours, all of them complete."""
    due_s = rollup.due_s(hours)
    covered = coverage.share(fsum(one.visitors.coverage * rollup.due_s([one]) for one in hours), due_s)
    if not hours:
        return undefined(covered, rollup.VISITORS)
    value, low, high = (fsum(getattr(one.visitors, end) or 0.0 for one in hours) for end in ("value", "low", "high"))
    return Figure(value=value, low=low, high=high, coverage=covered, definition=rollup.VISITORS)


def _complete(hour: Period) -> bool:
    return hour.visitors.value is not None and hour.visitors.coverage >= COMPLETE
