"""Flow: which zone of a shop fills after which, from how many are in each and when. Nobody is followed.

1. A zone is what its sensors hear together, slot by slot of `SLOT_S`, while the shop is open.
2. Compared are changes over a quarter of an hour, without what the zone does on every day at that time: that all zones
   fill in the morning says nothing about a way between them.
3. Of each day there is one correlation per lag (Box and Jenkins, Time Series Analysis, 12.1); a day is a block, and the
   interval is Student's over the days, of Fisher's z.
4. "The back fills after the door" is said where the correlation is largest at that lag of all from -60 to 60 minutes,
   lies above zero with all lags and pairs that were looked at allowed for (Bonferroni; `FALSE` in all), and no lag of
   the other sign or of zero does as well. Otherwise nothing is said.
5. A slot less than `COMPLETE` listened to is a gap; a day with more than a tenth of gaps is left out, and with fewer
   than `FEWEST_DAYS` days nothing is said.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import combinations
from math import tanh
from statistics import fmean
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from msgspec.structs import replace

from cloud.core import calendar, coverage, rollup
from cloud.core.figures import COMPLETE, Figure, Period, Shop, undefined
from cloud.core.glossary import disclosed
from cloud.core.saying import Saying

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Days = NDArray[np.float64]  # days x slots, or days x lags; NaN is a gap

SLOT_S = 300
CHANGE_SLOTS = 3
MOST_LAGS = 12
FEWEST_DAYS = 7
FALSE = 0.05
LAG, CORRELATION = "zone-lag/1", "zone-correlation/1"


class ZoneHour(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many are in a zone in an hour on the wall, on average over the days."""

    hour: int
    occupancy: Figure


class Zone(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A zone by the hours in which the shop was open."""

    zone: str
    hours: list[ZoneHour]


class Following(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`then` fills `lag` minutes after `first`; `correlation` is that of their changes at that lag."""

    first: str
    then: str
    lag: Figure
    correlation: Figure
    sentence: str


class Flow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Zones over the local dates `from` to `to` that have ended; `days` of them were heard well enough to compare."""

    shop: str
    name: str
    time_zone: str
    from_: str = field(name="from")
    to: str
    days: int
    zones: list[Zone]
    following: list[Following]
    notes: list[str]


def flow(shop: Shop, first: date, last: date, windows: Mapping[str, Sequence[Period]]) -> Flow:
    """The flow over dates that have ended, disclosed. `windows`: those of every zone, in the order of time."""
    opened = _slots(shop, first, last)
    zones = {zone: _occupancy(some) for zone, some in sorted(windows.items())}
    series = {zone: _by_day(known, opened) for zone, known in zones.items()}
    days = [i for i in range(len(opened)) if all(_heard(some[i]) for some in series.values())]
    enough = len(zones) >= 2 and len(days) >= FEWEST_DAYS
    following = _following({zone: [some[i] for i in days] for zone, some in series.items()}) if enough else []
    return Flow(
        shop=shop.shop,
        name=shop.name,
        time_zone=shop.time_zone,
        from_=first.isoformat(),
        to=last.isoformat(),
        days=len(days),
        zones=[Zone(zone=zone, hours=_hours(shop, opened, known)) for zone, known in zones.items()],
        following=[_disclosed(one) for one in following],
        notes=_notes(len(zones), len(days), len(following)),
    )


def _disclosed(one: Following) -> Following:
    return replace(one, lag=disclosed(one.lag), correlation=disclosed(one.correlation))


def _slots(shop: Shop, first: date, last: date) -> list[list[int]]:
    """The starts of the slots in the opening hours of every opening day."""
    dates = (date.fromordinal(one) for one in range(first.toordinal(), last.toordinal() + 1))
    openings = (calendar.opened(shop, day) for day in dates)
    days = [[slot for start, end in spans for slot in range(start, end - SLOT_S + 1, SLOT_S)] for spans in openings]
    return [one for one in days if len(one) > CHANGE_SLOTS + MOST_LAGS]


def _occupancy(windows: Sequence[Period]) -> dict[int, Figure]:
    """Who is in a zone by the start of the slot; none of a slot too little of which was listened to."""
    parts: dict[int, list[Period]] = {}
    for one in windows:
        parts.setdefault(one.start // SLOT_S * SLOT_S, []).append(one)
    found = {}
    for slot, some in parts.items():
        known = [one for one in some if one.occupancy.value is not None]
        told = [(one.occupancy.coverage * (one.end - one.start), one.occupancy) for one in known]
        listened_s = sum(seconds for seconds, _ in told)
        if listened_s < COMPLETE * SLOT_S:
            continue
        found[slot] = Figure(
            value=sum(seconds * (one.value or 0.0) for seconds, one in told) / listened_s,
            low=sum(seconds * (one.low or 0.0) for seconds, one in told) / listened_s,
            high=sum(seconds * (one.high or 0.0) for seconds, one in told) / listened_s,
            coverage=coverage.share(listened_s, SLOT_S),
            definition=rollup.OCCUPANCY,
        )
    return found


def _by_day(known: Mapping[int, Figure], opened: Sequence[Sequence[int]]) -> list[list[float | None]]:
    return [[known[slot].value if slot in known else None for slot in day] for day in opened]


def _heard(day: Sequence[float | None]) -> bool:
    return sum(one is not None for one in day) >= COMPLETE * len(day)


def _hours(shop: Shop, opened: Sequence[Sequence[int]], known: Mapping[int, Figure]) -> list[ZoneHour]:
    zone = ZoneInfo(shop.time_zone)
    slots: dict[int, list[int]] = {}
    for day in opened:
        for slot in day:
            slots.setdefault(datetime.fromtimestamp(slot, zone).hour, []).append(slot)
    return [
        ZoneHour(hour=hour, occupancy=disclosed(_averaged([known[one] for one in some if one in known], len(some))))
        for hour, some in sorted(slots.items())
    ]


def _averaged(figures: Sequence[Figure], of: int) -> Figure:
    covered = coverage.share(sum(one.coverage for one in figures), of)
    if not figures:
        return undefined(covered, rollup.OCCUPANCY)
    return Figure(
        value=fmean(one.value or 0.0 for one in figures),
        low=fmean(one.low or 0.0 for one in figures),
        high=fmean(one.high or 0.0 for one in figures),
        coverage=covered,
        definition=rollup.OCCUPANCY,
    )


def _following(series: Mapping[str, Sequence[Sequence[float | None]]]) -> list[Following]:
    changes = {zone: _changes(days) for zone, days in series.items()}
    covered = fmean(_share(day) for days in series.values() for day in days)
    pairs = list(combinations(changes, 2))
    looked_at = len(pairs) * (2 * MOST_LAGS + 1)
    found = (_pair(one, other, _correlations(changes[one], changes[other]), looked_at, covered) for one, other in pairs)
    return sorted(
        (one for one in found if one is not None), key=lambda one: (one.lag.value or 0.0, one.first, one.then)
    )


def _share(day: Sequence[float | None]) -> float:
    return sum(one is not None for one in day) / len(day)


def _changes(days: Sequence[Sequence[float | None]]) -> "Days":
    """Changes over a quarter of an hour from every slot, less what is usual then; days x slots."""
    import numpy as np  # noqa: PLC0415 - the server starts without it

    longest = max(map(len, days))
    rows = [[np.nan if one is None else one for one in day] + [np.nan] * (longest - len(day)) for day in days]
    inside = np.array(rows, dtype=np.float64)
    changes = inside[:, CHANGE_SLOTS:] - inside[:, :-CHANGE_SLOTS]
    known = np.sum(~np.isnan(changes), axis=0)
    usual = np.nansum(changes, axis=0) / np.maximum(known, 1)
    shapeless: Days = changes - usual
    return shapeless


def _correlations(one: "Days", other: "Days") -> "Days":
    """Fisher's z of the correlation of `one` with what `other` is so many slots later; days x lags, first the least."""
    import numpy as np  # noqa: PLC0415 - the server starts without it

    width = one.shape[1]
    found = []
    for lag in range(-MOST_LAGS, MOST_LAGS + 1):
        early = one[:, max(0, -lag) : width - max(0, lag)]
        late = other[:, max(0, lag) : width - max(0, -lag)]
        both = np.where(np.isnan(early * late), 0.0, 1.0)
        x, y = np.nan_to_num(early) * both, np.nan_to_num(late) * both
        size = np.sqrt(np.sum(x * x, axis=1) * np.sum(y * y, axis=1))
        r = np.sum(x * y, axis=1) / np.where(size > 0, size, 1.0)
        found.append(np.arctanh(np.clip(r, -0.999, 0.999)))
    lags: Days = np.stack(found, axis=1)
    return lags


def _pair(one: str, other: str, z: "Days", looked_at: int, covered: float) -> Following | None:
    """What may be said of two zones from their correlations by day and lag; None for nothing."""
    from statsmodels.stats import weightstats  # noqa: PLC0415 - a second to load

    means = z.mean(axis=0)
    peak = int(means.argmax())
    of_peak = weightstats.DescrStatsW(z[:, peak])
    if float(of_peak.tconfint_mean(alpha=FALSE / looked_at, alternative="larger")[0]) <= 0:
        return None
    alike = [i for i in range(z.shape[1]) if i == peak or _as_good(z[:, peak] - z[:, i])]
    lags = [i - MOST_LAGS for i in alike]
    if not (min(lags) > 0 or max(lags) < 0):
        return None
    first, then = (one, other) if lags[0] > 0 else (other, one)
    slots = sorted(abs(lag) for lag in lags)
    low, high = map(float, of_peak.tconfint_mean(alpha=0.2))
    lag = Figure(
        value=abs(peak - MOST_LAGS) * SLOT_S / 60,
        low=(slots[0] - 0.5) * SLOT_S / 60,
        high=(slots[-1] + 0.5) * SLOT_S / 60,
        coverage=covered,
        definition=LAG,
    )
    correlation = Figure(
        value=tanh(float(means[peak])), low=tanh(low), high=tanh(high), coverage=covered, definition=CORRELATION
    )
    return Following(first=first, then=then, lag=lag, correlation=correlation, sentence=_said(first, then, lag))


def _as_good(behind: "NDArray[np.float64]") -> bool:
    """Whether a lag cannot be told to be worse than the peak, by so much per day."""
    from statsmodels.stats import weightstats  # noqa: PLC0415 - a second to load

    return float(weightstats.DescrStatsW(behind).tconfint_mean(alpha=FALSE, alternative="larger")[0]) <= 0


def _said(first: str, then: str, lag: Figure) -> Saying:
    return Saying("The {then} fills about {n} minutes after the {first}.", then=then, n=lag.value or 0.0, first=first)


def _notes(zones: int, days: int, following: int) -> list[str]:
    if zones < 2:
        return [Saying("There is one zone: it takes sensors in two to see what fills after what.")]
    if days < FEWEST_DAYS:
        return [
            Saying(
                "Nothing can be said of what fills after what: {n} days were heard well enough, and it takes {least}.",
                n=days,
                least=FEWEST_DAYS,
            )
        ]
    notes: list[str] = [] if following else [Saying("No zone can be told to fill after another.")]
    return [*notes, Saying("Nobody is followed: this is from how many were in each zone, over {n} days.", n=days)]
