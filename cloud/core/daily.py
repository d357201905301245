"""Daily: what a shop is told at 08:00 of the day before, in the order in which somebody wants to know it.

1. No number stands without its range. Where two ranges overlap, one is "about as many as" the other.
2. A day of which too little was listened to is called incomplete and compared with nothing. One of which nothing was
   heard has no number; what to do stands in its place.
3. One line says what needs attention, or that nothing does. A closed day gets no report; the next one says so.
4. Until the shop is calibrated the words are devices.
"""

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from cloud.core import calendar
from cloud.core.compared import Compared, Day, compared, overlap, same_people
from cloud.core.figures import COMPLETE, Figure, Period, Shop
from cloud.core.glossary import half_up
from cloud.core.saying import Saying

_LONGEST_BREAK = 31  # days


class Daily(Struct, frozen=True, kw_only=True):
    """The report of one local date of a shop: what it says, and the figures it says it of."""

    shop: str
    name: str
    date: str
    calibrated: bool
    headline: Saying
    lines: list[Saying]
    figures: Compared


def daily(shop: Shop, days: Sequence[Day], alert: Saying | None = None) -> Daily:
    """The report of `days[0]`; the others are those of `compared.dates` that are known.

    `alert`: what needs attention most.
    """
    day, found = days[0], compared(shop, days)
    lines = [*_told(shop, days, found), _listened(found), _closed_before(shop, day.date), _attention(found, alert)]
    if not day.calibrated and found.visitors.value is not None:
        lines.append(Saying("Devices are counted until somebody counts people at the door for a quarter of an hour."))
    return Daily(
        shop=shop.shop,
        name=shop.name,
        date=day.date.isoformat(),
        calibrated=day.calibrated,
        headline=_headline(day, found),
        lines=[one for one in lines if one is not None],
        figures=found,
    )


def is_closed(shop: Shop, day: date) -> bool:
    """Whether the shop does not open on a local date."""
    return not calendar.opened(shop, day)


def _headline(day: Day, found: Compared) -> Saying:
    if found.visitors.value is None:
        if found.coverage == 0:
            return Saying("{day:weekday}: no figures, nothing was heard.", day=day.date)
        return Saying("{day:weekday}: no figures, not enough was heard.", day=day.date)
    people = _people(found.visitors, calibrated=day.calibrated)
    if found.complete:
        return Saying("{day:weekday}: {people}.", day=day.date, people=people)
    return Saying("{day:weekday} is incomplete: {people} in the time listened to.", day=day.date, people=people)


def _people(figure: Figure, *, calibrated: bool) -> Saying:
    n = figure.value or 0.0
    if calibrated and n == 1:
        return Saying("1 person ({range})", range=_range(figure))
    if calibrated:
        return Saying("{n} people ({range})", n=n, range=_range(figure))
    if n == 1:
        return Saying("1 device ({range})", range=_range(figure))
    return Saying("{n} devices ({range})", n=n, range=_range(figure))


def _told(shop: Shop, days: Sequence[Day], found: Compared) -> list[Saying | None]:
    if not found.complete:
        return []
    return [*_comparisons(shop, days, found), *_hours(shop, found), _capture(found)]


def _comparisons(shop: Shop, days: Sequence[Day], found: Compared) -> list[Saying]:
    day = days[0]
    if known := calendar.holiday(shop, day.date):
        return [Saying("It was {name}, so it is compared with nothing.", name=known.name)]
    said, last = [], Saying("last {day:weekday}", day=day.date)
    if found.last_week is not None:
        said.append(_than(found.visitors, found.last_week, last))
    else:
        week_ago = (one for one in days[1:] if one.date == day.date - timedelta(weeks=1))
        said += [_not_compared(shop, one, day, last) for one in week_ago if one.period.visitors.value is not None]
    if found.usual is not None:
        said.append(_than(found.visitors, found.usual, Saying("your usual {day:weekday}", day=day.date)))
    return said


def _not_compared(shop: Shop, week_ago: Day, day: Day, last: Saying) -> Saying:
    if known := calendar.holiday(shop, week_ago.date):
        return Saying("Not compared with {last}, which was {name}.", last=last, name=known.name)
    if not same_people(week_ago, day):
        return Saying("Not compared with {last}: people per device were calibrated since.", last=last)
    return Saying("Not compared with {last}, which is incomplete.", last=last)


def _than(now: Figure, was: Figure, than: Saying) -> Saying:
    before = _figure(was)
    if overlap(now, was) or not was.value:
        return Saying("About as many as {than}: {before}.", than=than, before=before)
    times = _ratio(now.value, was.value), _ratio(now.low, was.high), _ratio(now.high, was.low)
    more = times[0] > 1
    if times[2] == math.inf:  # the least there may have been is nobody
        return Saying("More than {than}: {before}.", than=than, before=before)
    low, high = (times[1] - 1, times[2] - 1) if more else (1 - times[2], 1 - times[1])
    range_ = Saying("{low:percent} to {high:percent}", low=_cut(low), high=-_cut(-high))
    p = half_up(100 * abs(times[0] - 1)) / 100
    if more:
        return Saying("{p:percent} more ({range}) than {than}: {before}.", p=p, range=range_, than=than, before=before)
    return Saying("{p:percent} fewer ({range}) than {than}: {before}.", p=p, range=range_, than=than, before=before)


def _hours(shop: Shop, found: Compared) -> list[Saying]:
    if found.busiest is None or found.quietest is None:
        return [Saying("No hour stood out.")]
    return [
        Saying("Busiest {hour}.", hour=_hour(shop, found.busiest)),
        Saying("Quietest {hour}.", hour=_hour(shop, found.quietest)),
    ]


def _hour(shop: Shop, hour: Period) -> Saying:
    begins, ends = _minutes(shop, hour.start), _minutes(shop, hour.end) or 24 * 60
    return Saying("{begins:clock} to {ends:clock}: {n}", begins=begins, ends=ends, n=_figure(hour.visitors))


def _minutes(shop: Shop, second: int) -> int:
    local = datetime.fromtimestamp(second, ZoneInfo(shop.time_zone))
    return local.hour * 60 + local.minute


def _capture(found: Compared) -> Saying | None:
    if found.capture_rate.value is None:
        return None
    came = _figure(found.capture_rate, 100)
    if found.usual_capture_rate is None:
        return Saying("Of every 100 around, {came} came in.", came=came)
    usual = _figure(found.usual_capture_rate, 100)
    return Saying("Of every 100 around, {came} came in; usual are {usual}.", came=came, usual=usual)


def _listened(found: Compared) -> Saying | None:
    if found.coverage == 0:
        return None
    share, whole = _cut(found.listened), _cut(found.coverage)
    if found.listened >= COMPLETE > found.coverage:
        return Saying("Listened to: {p:percent} of the opening hours, {day:percent} of the day.", p=share, day=whole)
    return Saying("Listened to: {p:percent} of the opening hours.", p=share)


def _closed_before(shop: Shop, day: date) -> Saying | None:
    """The closed days right before, of which there was no report."""
    last = first = day - timedelta(days=1)
    if not is_closed(shop, last):
        return None
    while (day - first).days < _LONGEST_BREAK and is_closed(shop, first - timedelta(days=1)):
        first -= timedelta(days=1)
    if first < last:
        return Saying("Closed from {first:date} to {last:date}.", first=first, last=last)
    if known := calendar.holiday(shop, last):
        return Saying("Closed on {day:date}: {name}.", day=last, name=known.name)
    return Saying("Closed on {day:date}.", day=last)


def _attention(found: Compared, alert: Saying | None) -> Saying:
    if alert is not None:
        return alert
    if found.visitors.value is None:
        return Saying("See whether the sensor has power and network; what it has counted it sends later.")
    if not found.complete:
        return Saying("See whether the sensor was without power for a while.")
    return Saying("Nothing needs your attention.")


def _figure(figure: Figure, times: int = 1) -> Saying:
    return Saying("{n} ({range})", n=half_up(times * (figure.value or 0.0)), range=_range(figure, times))


def _range(figure: Figure, times: int = 1) -> Saying:
    low, high = (half_up(times * (one or 0.0)) for one in (figure.low, figure.high))
    return Saying("{low}\N{EN DASH}{high}", low=low, high=high)


def _ratio(part: float | None, of: float | None) -> float:
    return (part or 0.0) / of if of else math.inf


def _cut(share: float) -> float:
    """A share down to whole per cent."""
    return math.floor(100 * share + 1e-9) / 100
