"""Passage: what a preset makes of a device that was heard: a passer-by, or visits.

A pure function of the moments a device was heard at. It is for simulations and for captures that are replayed: there
one may see what another vendor's definitions would have counted. No such moments ever come to the cloud.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby, pairwise
from typing import Literal

from msgspec import Struct

from cloud.core.metrics import DRAW_RATE
from cloud.core.presets import Band, Preset

Moment = tuple[float, float]  # (UTC second, signal in dBm)
BURST_GAP_S = 1.5  # as the sensor has it: one sweep over the 2.4 GHz channels takes less


class PresetVisit(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a device did, from its first to its last sighting (UTC seconds). A passer-by has no band."""

    kind: Literal["passer-by", "visitor"]
    start: float
    end: float
    band: str | None = None

    @property
    def dwell_s(self) -> float:
        """How long it was there."""
        return self.end - self.start


class Counted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Devices counted by a preset; `engaged` are visits. The rate is null where nobody was there to be divided by."""

    passers_by: int
    visitors: int
    visits: int
    engaged: int
    capture_rate: float | None


def visits(moments: Iterable[Moment], preset: Preset) -> list[PresetVisit]:
    """The visits that `preset` makes of one device's sightings, in the order of time.

    One that was heard and made none is a passer-by, once: over a day, as vendors count them.
    """
    heard = sorted((one for one in moments if preset.heard is None or preset.heard.met(one[1])), key=lambda one: one[0])
    runs = _strong(heard, preset) if preset.within_s is None else _dense(heard, preset, preset.within_s)
    found = [_visit(run, preset) for run in runs if _long(run, preset)]
    if heard and not found:
        return [PresetVisit(kind="passer-by", start=heard[0][0], end=heard[-1][0])]
    return found


def counted(devices: Iterable[Iterable[Moment]], preset: Preset, engaged_s: float = 300.0) -> Counted:
    """What `preset` makes of many devices; `engaged_s` holds where it has no limit of engagement of its own."""
    limit = next((band for band in preset.bands if band.engaged), Band(name="engaged", least_s=engaged_s))
    by_device = [found for found in (visits(one, preset) for one in devices) if found]
    visitors = [found for found in by_device if found[0].kind == "visitor"]
    passers_by = len(by_device) - len(visitors)
    around = passers_by if preset.capture == DRAW_RATE else len(by_device)
    return Counted(
        passers_by=passers_by,
        visitors=len(visitors),
        visits=sum(map(len, visitors)),
        engaged=sum(limit.met(visit.dwell_s) for found in visitors for visit in found),
        capture_rate=len(visitors) / around if around else None,
    )


def _strong(heard: Sequence[Moment], preset: Preset) -> list[list[float]]:
    return _runs([second for second, signal in heard if preset.inside.met(signal)], preset.gap_s)


def _dense(heard: Sequence[Moment], preset: Preset, within_s: float) -> list[list[float]]:
    """Every sighting within reach of a beginning counts, also a weak one; one that is in no reach ends the run."""
    seconds = [second for second, _ in heard]
    steady = [preset.stays is None or preset.stays.met(signal) for _, signal in heard]
    so_far = list(accumulate(steady, initial=0))
    reach, part_of = 0, []  # sightings before the index `reach` are in that of a beginning
    for i, (second, signal) in enumerate(heard):
        end = bisect_right(seconds, second + within_s)
        if preset.inside.met(signal) and so_far[end] - so_far[i] >= preset.sightings:
            reach = max(reach, end)
        part_of.append(i < reach)
    together = groupby(zip(part_of, seconds, strict=True), key=lambda one: one[0])
    runs = [[second for _, second in group] for is_part, group in together if is_part]
    return [part for run in runs for part in _runs(run, preset.gap_s)]


def _runs(seconds: Sequence[float], gap_s: float) -> list[list[float]]:
    runs: list[list[float]] = []
    for second in seconds:
        if not runs or second - runs[-1][-1] > gap_s:
            runs.append([])
        runs[-1].append(second)
    return runs


def _long(run: Sequence[float], preset: Preset) -> bool:
    bursts = 1 + sum(after - before > BURST_GAP_S for before, after in pairwise(run))
    return run[-1] - run[0] >= preset.least_s and bursts >= preset.bursts


def _visit(run: Sequence[float], preset: Preset) -> PresetVisit:
    stay = run[-1] - run[0]
    reached = [band.name for band in preset.bands if band.met(stay)]
    return PresetVisit(kind="visitor", start=run[0], end=run[-1], band=reached[-1] if reached else None)
