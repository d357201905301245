"""Ranking: many shops beside each other over a span of dates that have ended.

1. A shop's place is a range of places: it is certainly behind as many as lie wholly above its range, and before as many
   as lie wholly below. Shops whose ranges overlap share places.
2. A span of which less than `COMPLETE` was listened to, over its opening days, has no place and is compared with
   nothing.
3. The span before is the same weekdays, the least number of whole weeks earlier that does not touch it. A change is of
   the dates that were opening days both times.
4. A region is the sum of its shops, whether or not they may be compared, and says which of them were not heard enough.
5. Conversion is of the days that are complete and that the till tells of.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from cloud.core import coverage, ledger, metrics, people, ranges, rollup
from cloud.core.figures import COMPLETE, Figure, Shop
from cloud.core.glossary import disclosed
from cloud.core.ledger import Line
from cloud.core.saying import Saying, span

By = Literal["visitors", "capture-rate", "conversion"]
Over = Literal["week", "28-days", "month"]
CONVERSION = "conversion-of-days/1"
LOST_S = 1800  # opening time not listened to that is worth a word


class Candidate(Struct, frozen=True, kw_only=True):
    """A shop with its lines of the span and of the span before, date by date, gaps included.

    `sold`: transactions by the start of the day, of the days that its till tells of. `same_people`: whether devices
    became people by the same factor in both spans.
    """

    shop: Shop
    now: Sequence[Line]
    before: Sequence[Line]
    sold: Mapping[int, int]
    same_people: bool


class Point(Struct, frozen=True, forbid_unknown_fields=True, array_like=True, gc=False):
    """A day in a series: value, its 80 % interval and coverage. Null is a gap, or a closed day."""

    value: float | None
    low: float | None
    high: float | None
    coverage: float


class Ranked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A shop: its figure, the places `place` to `place_to` it may have (null: it cannot be compared), and its days.

    `change`: against the span before; null where they may not be compared. `badges`: what to know before comparing.
    """

    shop: str
    name: str
    region: str
    place: int | None
    place_to: int | None
    figure: Figure
    change: Figure | None
    series: list[Point]
    badges: list[str]


class Region(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All shops of a region together; `incomplete` are the names of those that were not heard enough."""

    region: str
    shops: int
    figure: Figure
    incomplete: list[str]
    note: str


class Ranking(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shops by a figure over the local dates `from` to `to`, both included; those that cannot be compared come last."""

    by: str
    over: str
    from_: str = field(name="from")
    to: str
    before_from: str
    before_to: str
    shops: list[Ranked]
    regions: list[Region]
    notes: list[str]


def dates(over: Over, yesterday: date) -> tuple[date, date]:
    """First and last date of a span: the seven or 28 days up to `yesterday`, or its month up to there."""
    if over == "month":
        return yesterday.replace(day=1), yesterday
    return yesterday - timedelta(days=6 if over == "week" else 27), yesterday


def dates_before(first: date, last: date) -> tuple[date, date]:
    """The span that one of `first` to `last` is compared with."""
    weeks = timedelta(weeks=((last - first).days + 7) // 7)
    return first - weeks, last - weeks


def ranking(candidates: Sequence[Candidate], by: By, over: Over, first: date, last: date) -> Ranking:
    """The ranking, disclosed."""
    rated = [(one, _figure(one, [line for line in one.now if line.open], by)) for one in candidates]
    comparable = [figure for _, figure in rated if _comparable(figure)]
    lows = sorted(one.low or 0.0 for one in comparable)
    highs = sorted(one.high or 0.0 for one in comparable)
    mixed = len({one.shop.calibrated for one in candidates}) > 1 and by != "capture-rate"
    shops = [_ranked(one, figure, by, lows, highs, mixed=mixed) for one, figure in rated]
    before = dates_before(first, last)
    return Ranking(
        by=by,
        over=over,
        from_=first.isoformat(),
        to=last.isoformat(),
        before_from=before[0].isoformat(),
        before_to=before[1].isoformat(),
        shops=sorted(shops, key=_order),
        regions=_regions(rated, by),
        notes=_notes(by, len(candidates) - len(comparable)),
    )


def _figure(one: Candidate, opened: Sequence[Line], by: By) -> Figure:
    if by == "conversion":
        return _conversion([(one, opened)])
    visitors = ledger.visitors(opened)
    if by == "visitors":
        return visitors
    return people.share(visitors, ledger.passers_by(opened), one.shop, rollup.CAPTURE_RATE)


def _conversion(some: Sequence[tuple[Candidate, Sequence[Line]]]) -> Figure:
    """Transactions by visitors, of the days of these shops that are complete and told of."""
    told = [(line, one.sold.get(line.start)) for one, opened in some for line in opened]
    used = [(line, sold) for line, sold in told if sold is not None and line.complete]
    visitors = ledger.visitors([line for line, _ in used])
    covered = coverage.share(len(used), len(told))
    sold = metrics.exact(float(sum(sold for _, sold in used)), covered, CONVERSION)
    return metrics.quotient(sold, replace(visitors, coverage=covered), CONVERSION)


def _comparable(figure: Figure) -> bool:
    return figure.value is not None and figure.coverage >= COMPLETE


def _ranked(
    one: Candidate, figure: Figure, by: By, lows: Sequence[float], highs: Sequence[float], *, mixed: bool
) -> Ranked:
    place = place_to = None
    if _comparable(figure):
        place = 1 + len(lows) - bisect_right(lows, figure.high or 0.0)
        place_to = len(highs) - bisect_left(highs, figure.low or 0.0)
    change = _change(one, by)
    return Ranked(
        shop=one.shop.shop,
        name=one.shop.name,
        region=one.shop.region,
        place=place,
        place_to=place_to,
        figure=disclosed(figure),
        change=None if change is None else disclosed(change),
        series=[_point(one, line, by) for line in one.now],
        badges=_badges(one, figure, by, mixed=mixed),
    )


def _change(one: Candidate, by: By) -> Figure | None:
    pairs = [(now, was) for now, was in zip(one.now, one.before, strict=False) if now.open and was.open]
    if not pairs or not (one.same_people or by == "capture-rate"):
        return None
    now, was = (_figure(one, lines, by) for lines in zip(*pairs, strict=True))
    shop = one.shop if by == "visitors" else replace(one.shop, people_per_device_low=1.0, people_per_device_high=1.0)
    return ranges.change(now, was, shop)


def _point(one: Candidate, line: Line, by: By) -> Point:
    figure = disclosed(_figure(one, [line], by))
    return Point(figure.value, figure.low, figure.high, figure.coverage)


def _badges(one: Candidate, figure: Figure, by: By, *, mixed: bool) -> list[str]:
    opened = [line for line in one.now if line.open]
    lost_s = int(sum(line.lost_s for line in opened))
    found: list[str] = []
    if not opened:
        found.append(Saying("Not comparable: it was closed."))
    elif all(line.visitors is None for line in opened):
        found.append(Saying("Not comparable: nothing was listened to."))
    elif ledger.covered(opened) < COMPLETE:
        found.append(Saying("Not comparable: not listened to for {span} of the opening hours.", span=span(lost_s)))
    elif by == "conversion" and not one.sold:
        found.append(Saying("Not comparable: its till tells nothing."))
    elif not _comparable(figure):
        found.append(Saying("Not comparable: its till tells of too few days."))
    elif lost_s >= LOST_S:
        found.append(Saying("Not listened to for {span} of the opening hours.", span=span(lost_s)))
    if mixed and not one.shop.calibrated:
        found.append(Saying("Devices, not people: nobody has counted at its door yet."))
    return found


def _order(one: Ranked) -> tuple[bool, float, str, str]:
    return one.place is None, -(one.figure.value or 0.0), one.name, one.shop


def _regions(rated: Sequence[tuple[Candidate, Figure]], by: By) -> list[Region]:
    by_region: dict[str, list[tuple[Candidate, Figure]]] = {}
    for one, figure in rated:
        if one.shop.region:
            by_region.setdefault(one.shop.region, []).append((one, figure))
    return [_region(name, some, by) for name, some in sorted(by_region.items())]


def _region(name: str, some: Sequence[tuple[Candidate, Figure]], by: By) -> Region:
    opened = [(one, [line for line in one.now if line.open]) for one, _ in some]
    missing = [one.shop.name for one, figure in some if not _comparable(figure)]
    note: str = ""
    if len(missing) == 1:
        note = Saying("Incomplete: {shop} was not heard enough.", shop=missing[0])
    elif missing:
        note = Saying("Incomplete: {n} shops were not heard enough.", n=len(missing))
    return Region(region=name, shops=len(some), figure=disclosed(_together(opened, by)), incomplete=missing, note=note)


def _together(opened: Sequence[tuple[Candidate, Sequence[Line]]], by: By) -> Figure:
    if by == "conversion":
        return _conversion(opened)
    lines = [line for _, some in opened for line in some]
    visitors = ledger.visitors(lines)
    if by == "visitors":
        return visitors
    # Shops have factors of their own, so none cancels.
    bare = replace(opened[0][0].shop, people_per_device_low=1.0, people_per_device_high=1.0)
    return people.share(visitors, ledger.passers_by(lines), bare, rollup.CAPTURE_RATE)


def _notes(by: By, missing: int) -> list[str]:
    found: list[str] = []
    if by == "capture-rate":
        found.append(
            Saying("How far a sensor hears depends on the walls: a capture rate is best compared with itself.")
        )
    if missing == 1:
        found.append(Saying("1 shop has no place: it cannot be compared."))
    elif missing:
        found.append(Saying("{n} shops have no place: they cannot be compared.", n=missing))
    return found
