"""Week: a shop's local hours by weekday, of one week and as they usually are.

1. A cell is a weekday and an hour on the wall. Where a clock change repeats that hour the cell is both, added; the hour
   it skips has no cell. So a week's cells add up to its days, whether they have 23, 24 or 25 hours.
2. Usual is the median of the same cell in the weeks before that have ended. Only complete cells count, none of a
   holiday, and none that people per device were calibrated after. The range is where four of five of them lie.
3. With fewer than `FEWEST` such cells nothing is usual.
4. Hours are ranked only as far as their ranges lie apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from statistics import fmean, median, quantiles
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from msgspec.structs import replace

from cloud.core import calendar, ranges, rollup, slots, today
from cloud.core.calendar import Span
from cloud.core.compared import overlap
from cloud.core.figures import Figure, Period, Shop, undefined
from cloud.core.glossary import disclosed, half_up
from cloud.core.saying import Saying
from cloud.core.slots import State

WEEKS, FEWEST = 8, 3
USUAL_HOUR = "usual-hour/1"
MOST_HOURS = 6  # an opening of which more than so many hours are not told apart has no busiest


class Cell(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An hour of one week: `weekday` 0 is Monday, `hour` that on the wall, `start` and `end` UTC seconds."""

    weekday: int
    hour: int
    start: int
    end: int
    open: bool
    state: State
    visitors: Figure


class Usual(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The same hour of so many `weeks` before. `visitors` is null of fewer than three."""

    weekday: int
    hour: int
    open: bool
    weeks: int
    visitors: Figure


class Week(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A week from Monday `from` to Sunday `to` beside the usual one of the `weeks` before it that have ended.

    `busiest` and `quietest` are the opening hours with usually most and fewest visitors, as many as are not told
    apart; none where that is most of them. `first_hour` to `last_hour` are all a table needs to show. `hint`: when to
    have most staff on the floor.
    """

    shop: str
    name: str
    time_zone: str
    from_: str = field(name="from")
    to: str
    now: int
    weeks: int
    first_hour: int
    last_hour: int
    cells: list[Cell]
    usual: list[Usual]
    busiest: list[Usual]
    quietest: list[Usual]
    hint: str
    notes: list[str]


def monday_of(day: date) -> date:
    """The Monday of the week of a local date."""
    return day - timedelta(days=day.weekday())


def first_of(monday: date, weeks: int = WEEKS) -> date:
    """The first local date whose hours `week` needs."""
    return monday - timedelta(weeks=weeks)


def week(shop: Shop, monday: date, now: int, hours: Iterable[Period], since: int = 0, weeks: int = WEEKS) -> Week:
    """The week from `monday`, exact, from the hours that were reported on of it and of the weeks before.

    `since`: the UTC second from which people per device are as they are now.
    """
    known = {one.start: one for one in hours}
    cells = _cells(shop, monday, now, known)
    before = [_cells(shop, monday - timedelta(weeks=one), now, known) for one in range(1, weeks + 1)]
    usual = [_usual(shop, cell, before, now, since) for cell in cells]
    busiest, quietest = _extremes(usual)
    first, last = _shown(cells)
    return Week(
        shop=shop.shop,
        name=shop.name,
        time_zone=shop.time_zone,
        from_=monday.isoformat(),
        to=(monday + timedelta(days=6)).isoformat(),
        now=now,
        weeks=weeks,
        first_hour=first,
        last_hour=last,
        cells=cells,
        usual=usual,
        busiest=busiest,
        quietest=quietest,
        hint=_hint(monday, usual, busiest),
        notes=_notes(shop, monday, usual),
    )


def disclosed_week(exact: Week) -> Week:
    """The week with every figure as anyone outside may see it."""

    def shown(some: Sequence[Usual]) -> list[Usual]:
        return [replace(one, visitors=disclosed(one.visitors)) for one in some]

    return replace(
        exact,
        cells=[replace(one, visitors=disclosed(one.visitors)) for one in exact.cells],
        usual=shown(exact.usual),
        busiest=shown(exact.busiest),
        quietest=shown(exact.quietest),
    )


def _cells(shop: Shop, monday: date, now: int, known: Mapping[int, Period]) -> list[Cell]:
    found = []
    for weekday in range(7):
        by_hour: dict[int, list[Span]] = {}
        for span in calendar.hours_of(
            shop.time_zone, calendar.day_of(shop.time_zone, monday + timedelta(days=weekday))
        ):
            by_hour.setdefault(_hour(shop, span[0]), []).append(span)
        found += [_cell(shop, weekday, hour, spans, now, known) for hour, spans in sorted(by_hour.items())]
    return found


def _cell(shop: Shop, weekday: int, hour: int, spans: Sequence[Span], now: int, known: Mapping[int, Period]) -> Cell:
    parts = today.filled(shop, [known[start] for start, _ in spans if start in known], spans)
    whole = parts[0] if len(parts) == 1 else rollup.total(shop, spans[0][0], spans[-1][1], parts)
    return Cell(
        weekday=weekday,
        hour=hour,
        start=whole.start,
        end=whole.end,
        open=whole.open,
        state=slots.state(whole, now),
        visitors=whole.visitors,
    )


def _usual(shop: Shop, cell: Cell, weeks: Sequence[Sequence[Cell]], now: int, since: int) -> Usual:
    like = [
        one
        for cells in weeks
        for one in cells
        if (one.weekday, one.hour) == (cell.weekday, cell.hour) and one.state == "heard" and one.end <= now
        if one.start >= since and calendar.holiday(shop, calendar.date_at(shop.time_zone, one.start)) is None
    ]
    opened = any(one.open for one in like) if like else cell.open
    values = [one.visitors.value or 0.0 for one in like]
    return Usual(weekday=cell.weekday, hour=cell.hour, open=opened, weeks=len(like), visitors=_spread(values, like))


def _spread(values: Sequence[float], like: Sequence[Cell]) -> Figure:
    covered = fmean(one.visitors.coverage for one in like) if like else 0.0
    if len(values) < FEWEST:
        return undefined(covered, USUAL_HOUR)
    tenths = quantiles(values, n=10, method="inclusive")
    return Figure(value=median(values), low=tenths[0], high=tenths[-1], coverage=covered, definition=USUAL_HOUR)


def _extremes(usual: Sequence[Usual]) -> tuple[list[Usual], list[Usual]]:
    known = [one for one in usual if one.open and one.visitors.value is not None]
    if not known:
        return [], []
    most = max(known, key=lambda one: one.visitors.value or 0.0)
    least = min(known, key=lambda one: one.visitors.value or 0.0)
    found = []
    for end in (most, least):
        like = [one for one in known if overlap(one.visitors, end.visitors)]
        found.append(like if 2 * len(like) < len(known) else [])
    return found[0], found[1]


def _hint(monday: date, usual: Sequence[Usual], busiest: Sequence[Usual]) -> Saying:
    if not any(one.visitors.value is not None for one in usual if one.open):
        return Saying("There are not enough complete weeks yet to say when most staff are needed.")
    if not busiest:
        return Saying("No hour stands out: the usual ranges of most opening hours overlap.")
    best = _run(busiest)
    day = monday + timedelta(days=best[0].weekday)
    if len(best) > MOST_HOURS:
        return Saying("Most people usually come on {day:weekday}, at no hour of it more than at others.", day=day)
    bounds = [ranges.whole(one.visitors) for one in best]
    return Saying(
        "Most people usually come on {day:weekday} from {begins:clock} to {ends:clock}: {low} to {high} an hour. "
        "Have most staff on the floor then.",
        day=day,
        begins=60 * best[0].hour,
        ends=60 * (best[-1].hour + 1),
        low=min(low for low, _ in bounds),
        high=max(high for _, high in bounds),
    )


def _run(busiest: Sequence[Usual]) -> list[Usual]:
    """The hours in a row, on the same day, around the one with most visitors."""
    most = max(busiest, key=lambda one: one.visitors.value or 0.0)
    by_hour = {one.hour: one for one in busiest if one.weekday == most.weekday}
    first = last = most.hour
    while first - 1 in by_hour:
        first -= 1
    while last + 1 in by_hour:
        last += 1
    return [by_hour[hour] for hour in range(first, last + 1)]


def _notes(shop: Shop, monday: date, usual: Sequence[Usual]) -> list[str]:
    dates = [monday + timedelta(days=one) for one in range(7)]
    special = [(day, calendar.holiday(shop, day)) for day in dates]
    notes: list[str] = [
        Saying("{day:date} is a holiday: {name}. It is not a usual day.", day=day, name=known.name)
        for day, known in special
        if known is not None
    ]
    changed = [day for day in dates if _length_h(shop, day) != 24]
    notes += [
        Saying("The clock is changed on {day:date}: it has {n} hours.", day=day, n=_length_h(shop, day))
        for day in changed
    ]
    fewest = min((one.weeks for one in usual if one.open and one.visitors.value is not None), default=0)
    if 0 < fewest < WEEKS:
        notes.append(Saying("Some usual hours are of {n} weeks only.", n=fewest))
    return notes


def _shown(cells: Sequence[Cell]) -> tuple[int, int]:
    """The hours that are open or were visited, and one on either side."""
    told = [one.hour for one in cells if one.open or half_up(one.visitors.value or 0.0) > 0]
    return (max(0, min(told) - 1), min(23, max(told) + 1)) if told else (0, 23)


def _hour(shop: Shop, second: int) -> int:
    return datetime.fromtimestamp(second, ZoneInfo(shop.time_zone)).hour


def _length_h(shop: Shop, day: date) -> float:
    start, end = calendar.day_of(shop.time_zone, day)
    return (end - start) / 3600
