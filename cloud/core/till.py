"""Till: what a shop sold in its local hours, by the source that says so.

1. A sale names its hour by the UTC second at which it starts (`calendar.hour_at`). What lies within an hour, has not
   begun, or comes twice is refused, and the refusal says what to write instead.
2. A wall time that a clock change repeats or skips is refused: only its offset tells which hour is meant.
3. Sources add up. What one of them does not tell is null of the sum too, never 0.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import combinations, groupby
from operator import attrgetter
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from agent.contract.desired import Second
from agent.contract.till import Items, Money, Source, TillHours, Transactions
from cloud.core import calendar
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying

AHEAD_S = 3600  # how far a till's clock may be ahead of ours
EARLIEST, LATEST = 946_684_800, 4_102_444_800  # 2000-01-01 and 2100-01-01: a clock that was never set
ALIKE_HOURS, ALIKE_SHARE = 3, 0.9  # two sources that say the same of so many hours are one till told twice


class Sale(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `source` sold in the local hour that starts at the UTC second `hour`.

    `transactions`: receipts. `items`: pieces sold. `net_sales`: without tax, in the shop's currency. Returns may make
    the last two negative.
    """

    hour: Second
    source: Source
    transactions: Transactions
    items: Items | None = None
    net_sales: Money | None = None


class Takings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all sources sold from `start` to `end` (UTC seconds), as they told it of `hours` local hours.

    All three are null where nothing was told, `items` and `net_sales` also where a source does not tell them.
    """

    start: Second
    end: Second
    hours: int
    transactions: int | None
    items: int | None
    net_sales: float | None
    sources: list[Source]


def from_rows(told: TillHours, zone: str, now: int) -> list[Sale]:
    """The sales in a till's message, as of UTC second `now`. Raises Refusal."""
    sales = [
        Sale(
            hour=row.hour if isinstance(row.hour, int) else second_of(zone, _moment(row.hour)),
            source=told.source,
            transactions=row.transactions,
            items=row.items,
            net_sales=row.net_sales,
        )
        for row in told.rows
    ]
    check(sales, zone, now)
    return sales


def check(sales: Sequence[Sale], zone: str, now: int) -> None:
    """Whether each is of one hour that has begun and of which no other tells by that source. Raises Refusal."""
    seen: set[tuple[int, str]] = set()
    for sale in sales:
        hour = whole_hour(zone, sale.hour)
        if hour > now + AHEAD_S:
            raise Refusal(Saying("{hour} has not begun yet: check the clock of the till.", hour=written(zone, hour)))
        if (hour, sale.source) in seen:
            raise Refusal(Saying("{hour} is there twice: tell each hour once.", hour=written(zone, hour)))
        seen.add((hour, sale.source))


def whole_hour(zone: str, second: int) -> int:
    """`second`, which must start a local hour of this century. Raises Refusal naming the hour that it lies in."""
    if not EARLIEST <= second < LATEST:
        raise Refusal(Saying("{second} s after 1970 is not in this century: check the date.", second=str(second)))
    start = calendar.hour_at(zone, second)[0]
    if second != start:
        raise Refusal(
            Saying(
                "{moment} lies within an hour: write {hour} (or {second}), and add up all of the hour.",
                moment=written(zone, second),
                hour=written(zone, start),
                second=str(start),
            )
        )
    return second


def second_of(zone: str, moment: datetime) -> int:
    """UTC second of a moment; one without an offset is wall time. Raises Refusal where that is not one moment."""
    if moment.tzinfo is not None:
        return int(moment.timestamp())
    first, last = (int(moment.replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()) for fold in (0, 1))
    wall = moment.isoformat(timespec="minutes")
    if first > last:
        raise Refusal(Saying("{wall} is skipped by the change of the clock: leave it out.", wall=wall))
    if first < last:
        raise Refusal(
            Saying(
                "{wall} comes twice by the change of the clock: write {first} or {last}.",
                wall=wall,
                first=written(zone, first),
                last=written(zone, last),
            )
        )
    return first


def written(zone: str, second: int) -> str:
    """A UTC second as the local ISO time with its offset: "2026-11-24T14:00+01:00"."""
    moment = datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(zone))
    return moment.isoformat(timespec="seconds" if moment.second else "minutes")


def source_name(text: str) -> str:
    """The name of a source as somebody gave it. Raises Refusal."""
    try:
        return msgspec.convert(text, Source)
    except msgspec.ValidationError:
        raise Refusal(
            Saying(
                '"{name}" cannot name a source: take up to 32 letters, digits, dots and dashes, as till-1.',
                name=text[:40],
            )
        ) from None


def total(start: int, end: int, sales: Iterable[Sale]) -> Takings:
    """The sum of sales that all lie in `start` to `end`."""
    some = list(sales)
    items = [sale.items for sale in some if sale.items is not None]
    money = [sale.net_sales for sale in some if sale.net_sales is not None]
    return Takings(
        start=start,
        end=end,
        hours=len({sale.hour for sale in some}),
        transactions=sum(sale.transactions for sale in some) if some else None,
        items=sum(items) if some and len(items) == len(some) else None,
        net_sales=round(math.fsum(money), 3) if some and len(money) == len(some) else None,
        sources=sorted({sale.source for sale in some}),
    )


def alike(sales: Iterable[Sale]) -> list[tuple[str, str, int]]:
    """Pairs of sources of a shop that look like one till told twice, and of how many hours they say the same.

    Compared are transactions of hours that had any; alike is who says the same of nine tenths of the hours of either.
    """
    busy = sorted((sale for sale in sales if sale.transactions), key=attrgetter("hour", "transactions", "source"))
    told: dict[str, int] = {}
    same: dict[tuple[str, str], int] = {}
    for _, group in groupby(busy, key=attrgetter("hour", "transactions")):
        sources = [sale.source for sale in group]
        for source in sources:
            told[source] = told.get(source, 0) + 1
        for pair in combinations(sources, 2):
            same[pair] = same.get(pair, 0) + 1
    return [
        (one, other, hours)
        for (one, other), hours in sorted(same.items())
        if hours >= max(ALIKE_HOURS, ALIKE_SHARE * min(told[one], told[other]))
    ]


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(Saying('"{text}" is no time: write it as 2026-11-24T14:00.', text=text)) from None
