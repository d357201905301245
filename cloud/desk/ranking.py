"""Rankings: all shops of a tenant beside each other."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from cloud.core import calendar, ledger, ranges, ranking
from cloud.core.figures import Shop
from cloud.core.ledger import Line
from cloud.core.ranking import By, Candidate, Over, Ranking
from cloud.core.till import Sale
from cloud.store import Store
from cloud.store.till import Till


class Rankings:
    """The shops of `tenant` in `store`; `clock` gives UTC seconds. Methods block."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._store, self._tenant, self._clock = store, tenant, clock
        self._till = Till(store)

    def ranking(self, over: Over = "month", by: By = "visitors") -> Ranking:
        """The shops by a figure over dates that have ended in all of them, disclosed."""
        now, shops = int(self._clock()), self._store.shops(self._tenant)
        today = min((calendar.date_at(one.time_zone, now) for one in shops), default=date(1971, 1, 1))
        first, last = ranking.dates(over, today - timedelta(days=1))
        before = ranking.dates_before(first, last)
        spans = [_span(one, before[0], last) for one in shops]
        whole = (min((one[0] for one in spans), default=0), max((one[1] for one in spans), default=0))
        lines = self._store.lines(self._tenant, [one.shop for one in shops], *whole)
        sold = self._till.by_shop(self._tenant, *whole) if by == "conversion" else {}
        at = self._store.factored(self._tenant)
        candidates = [
            Candidate(
                shop=at(one.shop, span[1] - 1),
                now=ledger.filled(one, lines[one.shop], first, last),
                before=ledger.filled(one, lines[one.shop], *before),
                sold=_by_day(lines[one.shop], sold.get(one.shop, ())),
                same_people=ranges.same_people(at(one.shop, span[0]), at(one.shop, span[1] - 1)),
            )
            for one, span in zip(shops, spans, strict=True)
        ]
        return ranking.ranking(candidates, by, over, first, last)


def _by_day(lines: Sequence[Line], sales: Sequence[Sale]) -> Mapping[int, int]:
    """Transactions by the start of the day, of days that have a line."""
    starts = [one.start for one in lines]
    found: dict[int, int] = {}
    for sale in sales:
        at = bisect_right(starts, sale.hour) - 1
        if at >= 0 and sale.hour < lines[at].end:
            found[starts[at]] = found.get(starts[at], 0) + sale.transactions
    return found


def _span(shop: Shop, first: date, last: date) -> tuple[int, int]:
    return calendar.day_of(shop.time_zone, first)[0], calendar.day_of(shop.time_zone, last)[1]
