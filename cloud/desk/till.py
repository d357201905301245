"""Till: what a shop sold, told by files, programs and tills, and shown beside its figures.

1. What is told is exact and of no person, so it is shown as it was told: it has no interval. Null is what nobody told.
2. (shop, hour, source) is told once; told again, it is replaced. Sources add up, so one till told under two names
   counts twice: who sees `sources` can see that, and forget one of them.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import date

import msgspec
from msgspec import Struct

from agent.contract import TillHours
from cloud.core import calendar, till, till_file
from cloud.core.calendar import Span
from cloud.core.figures import Shop
from cloud.core.saying import Saying
from cloud.core.till import Sale, Takings
from cloud.desk.reader import Reader
from cloud.store import Kept, Store
from cloud.store.till import Till

PREVIEW_ROWS = 5


class TillTold(Struct, frozen=True, kw_only=True):
    """What became of sales that were told: of how many hours they were new, changed or known, in a sentence too."""

    sentence: str
    source: str
    new: int
    changed: int
    same: int
    notes: list[str]


class TillPreview(Struct, frozen=True, kw_only=True):
    """A file as it would be taken: its sums, its first rows, and what would become of it."""

    told: TillTold
    currency: str
    takings: Takings
    rows: list[Sale]


class TillSources(Struct, frozen=True, kw_only=True):
    """What each source of a shop has told in all, by name. `notes` say which two may be one till told twice."""

    shop: str
    currency: str
    sources: list[Takings]
    notes: list[str]


class TillForgotten(Struct, frozen=True, kw_only=True):
    """All that a source had told is deleted: so many hours."""

    sentence: str
    source: str
    hours: int


class TillSold(Struct, frozen=True, kw_only=True):
    """What a shop sold in the periods of the local dates `from` to `to` that have begun; `currency`: ISO 4217."""

    shop: str
    time_zone: str
    currency: str
    from_: str = msgspec.field(name="from")
    to: str
    periods: list[Takings]


class Tills:
    """The tills of `tenant`'s shops in `store`; `clock` gives UTC seconds. Methods raise UnknownShopError."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float]) -> None:
        self._reader, self._till, self._clock = Reader(store, tenant, clock), Till(store), clock

    def preview(self, shop_id: str, payload: bytes, source: str) -> TillPreview:
        """What `add_csv` would do. Raises Refusal."""
        shop = self._reader.shop(shop_id)
        content = self._read(shop, payload, source)
        kept = self._till.compared(shop.tenant, shop.shop, content.sales)
        sentence = Saying(
            "Hours that would be added: {new}; changed: {changed}; known already: {same}.", **kept._asdict()
        )
        return TillPreview(
            told=_told(sentence, content.sales, kept, content.notes),
            currency=shop.currency,
            takings=_sum(shop, content.sales),
            rows=content.sales[:PREVIEW_ROWS],
        )

    def add_csv(self, shop_id: str, payload: bytes, source: str) -> TillTold:
        """Keep what a file says, as sold by `source`. Raises Refusal."""
        shop = self._reader.shop(shop_id)
        content = self._read(shop, payload, source)
        return self._keep(shop, content.sales, content.notes)

    def put(self, shop_id: str, hours: TillHours) -> TillTold:
        """Keep what a till says. Raises Refusal."""
        shop = self._reader.shop(shop_id)
        return self._keep(shop, till.from_rows(hours, shop.time_zone, int(self._clock())), [])

    def hours(self, shop_id: str, first: date, last: date) -> TillSold:
        """Every hour of the local dates `first` to `last` that has begun, gaps included."""
        shop = self._reader.shop(shop_id)
        span = calendar.day_of(shop.time_zone, first)[0], calendar.day_of(shop.time_zone, last)[1]
        return self._sold(shop, first, last, calendar.hours_of(shop.time_zone, span))

    def days(self, shop_id: str, first: date, last: date) -> TillSold:
        """Every local day from `first` to `last` that has begun, gaps included."""
        shop = self._reader.shop(shop_id)
        ordinals = range(first.toordinal(), last.toordinal() + 1)
        return self._sold(
            shop, first, last, [calendar.day_of(shop.time_zone, date.fromordinal(one)) for one in ordinals]
        )

    def sources(self, shop_id: str) -> TillSources:
        """Who has told of this shop."""
        shop = self._reader.shop(shop_id)
        by_source: dict[str, list[Sale]] = {}
        for sale in (sales := self._till.sales(shop.tenant, shop.shop)):
            by_source.setdefault(sale.source, []).append(sale)
        return TillSources(
            shop=shop.shop,
            currency=shop.currency,
            sources=[_sum(shop, some) for _, some in sorted(by_source.items())],
            notes=[
                Saying(
                    '"{one}" and "{other}" say the same of {hours} hours. If they are one till told twice, forget one.',
                    one=one,
                    other=other,
                    hours=hours,
                )
                for one, other, hours in till.alike(sales)
            ],
        )

    def forget(self, shop_id: str, source: str) -> TillForgotten:
        """Delete all that a source told."""
        shop = self._reader.shop(shop_id)
        hours = self._till.forget(shop.tenant, shop.shop, source)
        sentence = Saying('Hours of "{source}" that were deleted: {hours}.', source=source[:40], hours=hours)
        return TillForgotten(sentence=sentence, source=source, hours=hours)

    def _read(self, shop: Shop, payload: bytes, source: str) -> till_file.Content:
        content = till_file.read(payload, shop.time_zone, source)
        till.check(content.sales, shop.time_zone, int(self._clock()))
        return content

    def _keep(self, shop: Shop, sales: Sequence[Sale], notes: Sequence[Saying]) -> TillTold:
        kept = self._till.put(shop.tenant, shop.shop, sales)
        sentence = Saying("Hours added: {new}; changed: {changed}; known already: {same}.", **kept._asdict())
        return _told(sentence, sales, kept, notes)

    def _sold(self, shop: Shop, first: date, last: date, spans: Sequence[Span]) -> TillSold:
        now = int(self._clock())
        begun = [span for span in spans if span[0] < min(now, span[1])]
        sold: list[list[Sale]] = [[] for _ in begun]
        if begun:
            starts = [start for start, _ in begun]
            for sale in self._till.sales(shop.tenant, shop.shop, starts[0], begun[-1][1]):
                sold[bisect_right(starts, sale.hour) - 1].append(sale)
        return TillSold(
            shop=shop.shop,
            time_zone=shop.time_zone,
            currency=shop.currency,
            from_=first.isoformat(),
            to=last.isoformat(),
            periods=[till.total(*span, some) for span, some in zip(begun, sold, strict=True)],
        )


def _sum(shop: Shop, sales: Sequence[Sale]) -> Takings:
    """The sum of sales, from the first hour to the last."""
    hours = [sale.hour for sale in sales]
    return till.total(min(hours), calendar.hour_at(shop.time_zone, max(hours))[1], sales)


def _told(sentence: Saying, sales: Sequence[Sale], kept: Kept, notes: Sequence[Saying]) -> TillTold:
    return TillTold(sentence=sentence, source=sales[0].source, notes=list(notes), **kept._asdict())
