"""Today: the first page's numbers, from a shop's hours, windows and sensors.

1. The day so far ends at the last window that must have arrived by now; an hour in progress counts by its
   windows.
2. Every hour of the local day has a place, those of which nothing is known as gaps. One that starts at or
   after `now` is yet to come, and null for that reason.
3. The same weekday is a week ago up to the same time of day. It is withheld unless both days are complete so
   far, as a whole and in their opening hours: a lost noon is 4 % of a day and a fifth of its visitors.
   Time at rest by plan counts for neither: it was not due.
4. "Inside now" is the newest window, unless that is older than `STALE_S`: then it is not now. Where the radios rest,
   nobody is inside that could be heard, and it is null for that reason.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from cloud.core import calendar, coverage, rollup
from cloud.core.calendar import Span
from cloud.core.disclosure import disclosed_panel
from cloud.core.figures import COMPLETE, Figure, Period, SensorState, Shop, Today, undefined
from cloud.core.glossary import disclosed, disclosed_period
from cloud.core.saying import Saying
from cloud.core.visits import PanelToday

WINDOW_S = 300
ARRIVAL_S = 60  # a closed window has this long to travel before its absence counts as a gap
STALE_S = 900
COUNTING = "counting"


class Wanted(Struct, frozen=True):
    """What to fetch: hours over `day` and `before`, windows over `open_hour` and `open_before`.

    `day` is the whole local day; `so_far` and `before` end at the same local time of day, a week apart. The
    other two are the parts of an hour that those end in, empty where they end with an hour.
    """

    day: Span
    so_far: Span
    before: Span
    open_hour: Span
    open_before: Span


def wanted(shop: Shop, now: int) -> Wanted:
    """The spans of UTC seconds that `today` needs at `now`."""
    zone = shop.time_zone
    day = calendar.day_at(zone, now)
    end = max(day[0], last_due(now))
    before = (_week_before(zone, day[0]), _week_before(zone, end))
    return Wanted(day, (day[0], end), before, _open_hour(zone, end), _open_hour(zone, before[1]))


def today(
    shop: Shop,
    now: int,
    *,
    hours: Sequence[Period],
    windows: Sequence[Period],
    latest: Period | None,
    sensors: list[SensorState],
    panel: PanelToday | None = None,
) -> Today:
    """Today at `now` from the hours and windows that `wanted` names, the newest window of all, and the panel so far."""
    want = wanted(shop, now)
    day = _so_far(shop, want.so_far, want.open_hour, hours, windows)
    all_hours = filled(shop, hours, calendar.hours_of(shop.time_zone, want.day))
    inside_now, resting_now = inside(latest, now)
    return Today(
        shop=shop.shop,
        name=shop.name,
        date=calendar.date_at(shop.time_zone, now).isoformat(),
        time_zone=shop.time_zone,
        now=now,
        open_now=calendar.is_open(shop, now, now + 1),
        calibrated=shop.calibrated,
        day=day,
        inside_now=inside_now,
        inside_at=None if latest is None else latest.end,
        busiest_hour=_busiest(all_hours, now),
        same_weekday=_same_weekday(shop, want, day, hours, windows),
        hours=all_hours,
        sensors=sensors,
        resting_now=resting_now,
        panel=panel,
    )


def last_due(now: int) -> int:
    """The end of the last window that must have arrived by `now`."""
    return (now - ARRIVAL_S) // WINDOW_S * WINDOW_S


def so_far(day: Period, now: int) -> Period:
    """A day in progress as it was last rolled up; its coverage is of the time up to now and not of the whole day."""
    end = min(day.end, max(day.start, last_due(now)))
    rested_s = day.rested * (day.end - day.start)
    whole_s, due_s = rollup.due_s([day]), end - day.start - rested_s

    def of_time_so_far(figure: Figure) -> Figure:
        return replace(figure, coverage=coverage.share(figure.coverage * whole_s, due_s))

    return replace(
        day,
        end=end,
        coverage=coverage.share(day.coverage * whole_s, due_s),
        occupancy=of_time_so_far(day.occupancy),
        visitors=of_time_so_far(day.visitors),
        passers_by=of_time_so_far(day.passers_by),
        capture_rate=of_time_so_far(day.capture_rate),
        rested=coverage.share(rested_s, end - day.start),
    )


def inside(latest: Period | None, now: int) -> tuple[Figure, bool]:
    """(who is inside, whether the radios rest) at `now`, by the newest window."""
    if latest is not None and latest.end > now - STALE_S:
        return latest.occupancy, at_rest(latest, latest.end)
    return undefined(0.0, rollup.OCCUPANCY), False


def at_rest(period: Period, until: int) -> bool:
    """Whether nothing was to be heard of the part before `until`, but for a lost window or two: a rest, not a gap."""
    rested_s = period.rested * (period.end - period.start)
    return period.coverage == 0 and rested_s > 0 and rested_s >= COMPLETE * (min(period.end, until) - period.start)


def filled(shop: Shop, periods: Iterable[Period], spans: Iterable[Span]) -> list[Period]:
    """One period per span, in the order of the spans: the given one, or a gap where there is none."""
    known = {one.start: one for one in periods}
    return [known.get(start) or rollup.silent(shop, start, end) for start, end in spans]


def disclosed_today(exact: Today) -> Today:
    """Today with every figure as anyone outside may see it."""
    return replace(
        exact,
        day=disclosed_period(exact.day),
        inside_now=disclosed(exact.inside_now),
        busiest_hour=None if exact.busiest_hour is None else disclosed_period(exact.busiest_hour),
        same_weekday=None if exact.same_weekday is None else disclosed_period(exact.same_weekday),
        hours=[disclosed_period(hour) for hour in exact.hours],
        panel=None if exact.panel is None else disclosed_panel(exact.panel),
    )


def listened(day: Period, hours: Iterable[Period]) -> float:
    """The share of a day so far that was listened to, or of its opening hours so far, whichever is less.

    `hours` are all hours of the day, gaps included.
    """
    return min(day.coverage, listened_open(day, hours))


def listened_open(day: Period, hours: Iterable[Period]) -> float:
    """The share of a day's opening hours so far that was listened to; of the day where none were due."""
    opened = [one for one in hours if one.open and day.start <= one.start < day.end]
    heard = sum(one.coverage * rollup.due_s([one]) for one in opened)
    due = sum(min(one.end, day.end) - one.start - one.rested * (one.end - one.start) for one in opened)
    return min(1.0, heard / due) if due >= 1 else day.coverage  # less than a second is but rounding


def counting(sensors: Sequence[SensorState]) -> bool:
    """Whether there are sensors and every one of them counts."""
    return bool(sensors) and all(sensor.state == COUNTING for sensor in sensors)


def sensor_line(sensors: Sequence[SensorState]) -> str:
    """One sentence on a shop's sensors: all is well, or what is the matter with the first that is not."""
    if not sensors:
        return Saying("No sensor is set up in this shop yet.")
    if counting(sensors):
        if len(sensors) == 1:
            return Saying("The sensor is counting.")
        return Saying("All {n} sensors are counting.", n=len(sensors))
    ill = [sensor for sensor in sensors if sensor.state != COUNTING]
    if len(sensors) == 1:
        return ill[0].sentence
    return Saying(
        "{ill} of {all} sensors need a look. {zone}: {sentence}",
        ill=len(ill),
        all=len(sensors),
        zone=ill[0].zone.capitalize(),
        sentence=ill[0].sentence,
    )


def _so_far(shop: Shop, span: Span, open_hour: Span, hours: Sequence[Period], windows: Sequence[Period]) -> Period:
    """Figures from `span[0]` to `span[1]`: the hours that ended by then, and the windows of the open hour."""
    whole = [one for one in hours if span[0] <= one.start and one.end <= span[1]]
    rest = [one for one in windows if open_hour[0] <= one.start and one.end <= open_hour[1]]
    return rollup.total(shop, span[0], span[1], whole + rest)


def _same_weekday(
    shop: Shop, want: Wanted, day: Period, hours: Sequence[Period], windows: Sequence[Period]
) -> Period | None:
    before = _so_far(shop, want.before, want.open_before, hours, windows)
    for one, span in ((day, want.so_far), (before, want.before)):
        if listened(one, filled(shop, hours, calendar.hours_of(shop.time_zone, span))) < COMPLETE:
            return None
    return before


def _busiest(hours: Iterable[Period], now: int) -> Period | None:
    """The ended, complete hour with most visitors, the first of equals; None where nobody came in any."""
    told = [one for one in hours if one.end <= now and one.coverage >= COMPLETE and one.visitors.value]
    return max(told, key=lambda one: one.visitors.value or 0.0, default=None)


def _open_hour(zone: str, end: int) -> Span:
    """The part before `end` of the hour that `end` cuts; empty where an hour starts at `end`."""
    return calendar.hour_at(zone, end)[0], end


def _week_before(zone: str, second: int) -> int:
    """The same wall time seven local days earlier, in UTC seconds."""
    return int((datetime.fromtimestamp(second, ZoneInfo(zone)) - timedelta(days=7)).timestamp())
