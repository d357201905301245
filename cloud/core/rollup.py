"""Rollup: raw reports to a shop's windows, hours and days.

1. A figure is a function of the set of reports alone: what order they came in, how often, and in which
   batches changes no bit. Sums are exact (`fsum`) and choices between reports do not look at their arrival.
2. One sensor may report a window twice (a restart; two outboxes). The estimate is the one of the report
   that listened longest (then of the smallest epoch and sequence); the time listened is the sum, at most
   the window, and the time rested the sum, at most what is left of it.
3. A window belongs to the local hour it starts in. An hour comes from its windows, a day from its hours, so
   hours add up to their day exactly.
4. Sensors of a shop hear different zones: their devices add up. BLE is never added to Wi-Fi: one phone has
   both.
5. Ends of intervals are added, not combined as if independent: the windows share one estimator and its
   learnt rates, so its error repeats. The interval of a day is therefore as wide, relatively, as that of a
   window.
6. What is heard with nobody there is taken off every window, sensor by sensor (`background`).
7. Visitors are Little's law: a device that stays `dwell_s` is heard in `dwell_s / window_s + 1` windows. Staff who are
   on the floor by the shop's rota are taken off, each as one device: they are heard in every window, and would be as
   many visits. They stay in the occupancy.
8. Time at rest by plan is not due. What was wholly at rest has no figures, like a gap, but lowers no coverage.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import fsum

from msgspec import UNSET, Struct
from msgspec.structs import replace

from agent.contract.report import Estimate, Heard, Report
from cloud.core import calendar, coverage, people
from cloud.core.background import NONE, Background, above
from cloud.core.coverage import Placement
from cloud.core.figures import Figure, Period, Shop, undefined
from cloud.core.visits import Radio

OCCUPANCY = "occupancy/1"
VISITORS = "visitors/2"
PASSERS_BY = "passers-by/1"
CAPTURE_RATE = "capture-rate/1"


class Reading(Struct, frozen=True):
    """A report with the key it is stored by."""

    sensor: str
    epoch: str
    sequence: int
    report: Report


class Listening(Struct, frozen=True):
    """One sensor over one window: the report that speaks for it, and the seconds listened and rested by all of them."""

    sensor: str
    window_start: int
    window_s: int
    listened_s: float
    rested_s: float
    flooded: bool
    inside: Estimate | None
    outside: Estimate | None


def period(
    shop: Shop,
    start: int,
    end: int,
    placements: Sequence[Placement],
    readings: Iterable[Reading],
    backgrounds: Mapping[str, Background] | None = None,
) -> Period:
    """Figures of a window or an hour from the readings whose windows start in it.

    `backgrounds`: by sensor, what it hears with nobody there; it is taken off.
    """
    known = backgrounds or {}
    heard = [_above(one, known.get(one.sensor, NONE)) for one in listenings(readings)]
    placed_s = coverage.expected_s(placements, start, end)
    rested_s = fsum(one.rested_s for one in heard)
    due_s = placed_s - rested_s
    inside = [(one, one.inside) for one in heard if one.inside is not None]
    outside = [(one, one.outside) for one in heard if one.outside is not None]
    listened_inside = coverage.share(fsum(one.listened_s for one, _ in inside), due_s)
    listened_outside = coverage.share(fsum(one.listened_s for one, _ in outside), due_s)
    begun = _begun(inside, shop.dwell_s)
    visitors = people.apply(begun and above(begun, _staff(shop, placements, inside)), shop, listened_inside, VISITORS)
    passers_by = people.apply(_begun(outside, shop.pass_s), shop, listened_outside, PASSERS_BY)
    return Period(
        start=start,
        end=end,
        open=calendar.is_open(shop, start, end),
        flooded=any(one.flooded for one in heard),
        coverage=coverage.share(fsum(one.listened_s for one in heard), due_s),
        occupancy=people.apply(_present(inside), shop, listened_inside, OCCUPANCY),
        visitors=visitors,
        passers_by=passers_by,
        capture_rate=people.share(visitors, passers_by, shop, CAPTURE_RATE),
        rested=coverage.share(rested_s, placed_s),
    )


def total(shop: Shop, start: int, end: int, hours: Sequence[Period]) -> Period:
    """Figures of a day from its hours; with `end` = now and the hours so far, those of a day in progress.

    Visitors and passers-by add up; occupancy is the mean over the time listened, hour by hour.
    """
    visitors = _added([one.visitors for one in hours], hours, start, end, VISITORS)
    passers_by = _added([one.passers_by for one in hours], hours, start, end, PASSERS_BY)
    return Period(
        start=start,
        end=end,
        open=calendar.is_open(shop, start, end),
        flooded=any(one.flooded for one in hours),
        coverage=_covered([one.coverage for one in hours], hours, start, end),
        occupancy=_averaged(hours, start, end),
        visitors=visitors,
        passers_by=passers_by,
        capture_rate=people.share(visitors, passers_by, shop, CAPTURE_RATE),
        rested=coverage.share(fsum(one.rested * (one.end - one.start) for one in hours), end - start),
    )


def due_s(hours: Iterable[Period]) -> float:
    """Seconds of the periods that were to be listened to."""
    return fsum((1.0 - one.rested) * (one.end - one.start) for one in hours)


def silent(shop: Shop, start: int, end: int) -> Period:
    """A period of which nothing was heard: a gap. Figures null, coverage 0."""
    return period(shop, start, end, (), ())


def listenings(readings: Iterable[Reading], radio: Radio = "wifi") -> list[Listening]:
    """One per sensor and window of a radio, ordered by (sensor, window start); duplicates of a reading count once."""
    windows: dict[tuple[str, int], dict[tuple[str, int], Report]] = {}
    for one in readings:
        same = windows.setdefault((one.sensor, one.report.window_start), {})
        same[one.epoch, one.sequence] = one.report
    return [_listening(sensor, same, radio) for (sensor, _), same in sorted(windows.items(), key=lambda item: item[0])]


def heard_by(report: Report, radio: Radio) -> Heard | None:
    """What one radio of the sensor says."""
    return report.wifi if radio == "wifi" else report.ble


def _listening(sensor: str, same: dict[tuple[str, int], Report], radio: Radio) -> Listening:
    told = {key: heard_by(report, radio) for key, report in same.items()}
    longest = min(told, key=lambda key: (-_listened_s(told[key]), key))
    best, heard = same[longest], told[longest]
    listened_s = min(float(best.window_s), fsum(map(_listened_s, told.values())))
    if listened_s == 0:
        heard = None  # an estimate without listening would be a silence shown as zero
    return Listening(
        sensor=sensor,
        window_start=best.window_start,
        window_s=best.window_s,
        listened_s=listened_s,
        rested_s=min(best.window_s - listened_s, fsum(map(_rested_s, told.values()))),
        flooded=any(one is not None and one.flooded for one in told.values()),
        inside=None if heard is None else heard.inside,
        outside=None if heard is None else heard.outside,
    )


def _above(one: Listening, level: Background) -> Listening:
    return replace(
        one,
        inside=one.inside and above(one.inside, level.inside),
        outside=one.outside and above(one.outside, level.outside),
    )


def _listened_s(heard: Heard | None) -> float:
    return 0.0 if heard is None else heard.listened_s


def _rested_s(heard: Heard | None) -> float:
    return 0.0 if heard is None or heard.rested_s is UNSET else heard.rested_s


def _present(parts: list[tuple[Listening, Estimate]]) -> Estimate | None:
    """Devices present: per sensor the mean over the time it listened, added over the sensors."""
    if not parts:
        return None
    by_sensor: dict[str, list[tuple[Listening, Estimate]]] = {}
    for one in parts:
        by_sensor.setdefault(one[0].sensor, []).append(one)
    means = [_weighted([(one.listened_s, estimate) for one, estimate in own]) for own in by_sensor.values()]
    return _sum([(1.0, one) for one in means])


def _begun(parts: list[tuple[Listening, Estimate]], stay_s: float) -> Estimate | None:
    """Visits begun, by Little's law (rule 7)."""
    return _sum([(1.0 / (stay_s / one.window_s + 1.0), estimate) for one, estimate in parts]) if parts else None


def _staff(shop: Shop, placements: Sequence[Placement], parts: list[tuple[Listening, Estimate]]) -> float:
    """What staff on the floor add to the visits begun, in the share of the shop that was heard in each window."""
    if not shop.staff:
        return 0.0
    heard = Counter((one.window_start, one.window_s) for one, _ in parts)
    return fsum(
        (calendar.staff_s(shop, start, start + long_s) or 0.0)
        / long_s
        / (shop.dwell_s / long_s + 1.0)
        * coverage.share(sensors, sum(one.holds(start) for one in placements))
        for (start, long_s), sensors in heard.items()
    )


def _weighted(parts: list[tuple[float, Estimate]]) -> Estimate:
    weight = fsum(one for one, _ in parts)
    return _sum([(one / weight, estimate) for one, estimate in parts])


def _sum(parts: list[tuple[float, Estimate]]) -> Estimate:
    return Estimate(
        devices=fsum(weight * one.devices for weight, one in parts),
        low=fsum(weight * one.low for weight, one in parts),
        high=fsum(weight * one.high for weight, one in parts),
    )


def _added(figures: list[Figure], hours: Sequence[Period], start: int, end: int, definition: str) -> Figure:
    covered = _covered([one.coverage for one in figures], hours, start, end)
    defined = [one for one in figures if one.value is not None]
    if not defined:
        return undefined(covered, definition)
    return Figure(
        value=fsum(one.value or 0.0 for one in defined),
        low=fsum(one.low or 0.0 for one in defined),
        high=fsum(one.high or 0.0 for one in defined),
        coverage=covered,
        definition=definition,
    )


def _averaged(hours: Sequence[Period], start: int, end: int) -> Figure:
    covered = _covered([one.occupancy.coverage for one in hours], hours, start, end)
    parts = [(one.occupancy.coverage * due_s([one]), one.occupancy) for one in hours]
    defined = [(weight, one) for weight, one in parts if one.value is not None and weight > 0]
    weight = fsum(one for one, _ in defined)
    if not defined:
        return undefined(covered, OCCUPANCY)
    return Figure(
        value=fsum(part * (one.value or 0.0) for part, one in defined) / weight,
        low=fsum(part * (one.low or 0.0) for part, one in defined) / weight,
        high=fsum(part * (one.high or 0.0) for part, one in defined) / weight,
        coverage=covered,
        definition=OCCUPANCY,
    )


def _covered(shares: list[float], hours: Sequence[Period], start: int, end: int) -> float:
    listened = fsum(one * due_s([hour]) for one, hour in zip(shares, hours, strict=True))
    rested = fsum(one.rested * (one.end - one.start) for one in hours)
    return coverage.share(listened, end - start - rested)
