"""Cells: what the sensors told of their panels, each number once, by the local hours of a shop.

1. A cell is one sensor, one radio and one start. One that came twice counts once: that of the smallest epoch and
   sequence. Two values of one cell must never be, and are never added.
2. A cell belongs to the local hour of the window that brings it: a crash can stretch it over the hours before.
3. Where a sensor listened to nothing for an hour, its cell is noise alone, and is left out.
4. Due is the time of all sensors placed, but for their rest by plan: one that counts no visits lowers coverage.
"""

from collections.abc import Callable, Iterable, Sequence
from math import fsum
from typing import Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType

from agent.contract.report import DwellDay, Heard, VisitsHour
from cloud.core import calendar, coverage, rollup
from cloud.core.calendar import Span
from cloud.core.coverage import PlacedShop
from cloud.core.rollup import Reading
from cloud.core.visits import Radio

T = TypeVar("T", VisitsHour, DwellDay)


class Cell(Struct, Generic[T], frozen=True):
    """What a sensor told of an hour or of a day, with the start of the window that brought it."""

    sensor: str
    window_start: int
    told: T


class Slot(Struct, frozen=True):
    """One local hour of all sensors: what they told of it, and the seconds they stood and rested there."""

    span: Span
    cells: list[Cell[VisitsHour]]
    placed_s: float
    rested_s: float


def of_hours(readings: Iterable[Reading], radio: Radio) -> list[Cell[VisitsHour]]:
    """What one radio of every sensor told of hours."""
    return _once(readings, radio, lambda heard: heard.visits)


def of_days(readings: Iterable[Reading], radio: Radio) -> list[Cell[DwellDay]]:
    """What one radio of every sensor told of days."""
    return _once(readings, radio, lambda heard: heard.dwell)


def slots(placed: PlacedShop, readings: Sequence[Reading], radio: Radio, span: Span) -> list[Slot]:
    """The local hours of a span that starts on one, in order. `readings` are those of windows in it."""
    zone = placed.shop.time_zone
    cells: dict[int, list[Cell[VisitsHour]]] = {}
    for cell in of_hours(readings, radio):
        if cell.told.listened_s > 0:
            cells.setdefault(calendar.hour_at(zone, cell.window_start)[0], []).append(cell)
    rested: dict[int, list[float]] = {}
    for one in rollup.listenings(_of_rests(readings, radio), radio):
        rested.setdefault(calendar.hour_at(zone, one.window_start)[0], []).append(one.rested_s)
    return [
        Slot(
            span=hour,
            cells=cells.get(hour[0], []),
            placed_s=coverage.expected_s(placed.placements, *hour),
            rested_s=fsum(rested.get(hour[0], [])),
        )
        for hour in calendar.hours_of(zone, span)
    ]


def covered(hours: Sequence[Slot], cells: Iterable[Cell[VisitsHour]]) -> float:
    """The share of the time due in these hours that the sensors listened, as these cells say."""
    due_s = fsum(one.placed_s - one.rested_s for one in hours)
    return coverage.share(fsum(cell.told.listened_s for cell in cells), due_s)


def _of_rests(readings: Sequence[Reading], radio: Radio) -> list[Reading]:
    """The readings of windows that the radio rested in, to spare the others a closer look."""
    rests = {
        (one.sensor, one.report.window_start)
        for one in readings
        if (heard := rollup.heard_by(one.report, radio)) is not None and heard.rested_s
    }
    return [one for one in readings if (one.sensor, one.report.window_start) in rests]


def _once(readings: Iterable[Reading], radio: Radio, pick: Callable[[Heard], T | UnsetType]) -> list[Cell[T]]:
    found: dict[tuple[str, int], tuple[tuple[str, int], Cell[T]]] = {}
    for one in readings:
        heard = rollup.heard_by(one.report, radio)
        told = UNSET if heard is None else pick(heard)
        if told is UNSET:
            continue
        came, cell = (one.epoch, one.sequence), Cell(one.sensor, one.report.window_start, told)
        known = found.setdefault((one.sensor, told.start), (came, cell))
        if came < known[0]:
            found[one.sensor, told.start] = (came, cell)
    return [cell for _, (_, cell) in sorted(found.items(), key=lambda item: item[0])]
