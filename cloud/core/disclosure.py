"""Disclosure: the panel's figures as anyone outside may see them.

1. Less than `FEW` devices is null: the noise is of that size. What is compared is the noised number; the true one is
   known to nobody here. This is for the reader: privacy comes from the noise alone.
2. Nobody is shown less than nobody: bounds end at zero. Sums were made before.
3. A median is shown in whole minutes, its bounds outward.
"""

import math
from typing import TypeVar

from msgspec.structs import replace

from cloud.core.glossary import half_up, round_down
from cloud.core.visits import Panel, PanelDay, PanelFigure, PanelHour, PanelToday, Stays

FEW = 10
T = TypeVar("T", Panel, PanelHour, PanelToday)


def disclosed_day(day: PanelDay) -> PanelDay:
    """A date with every figure of it disclosed."""
    return replace(day, wifi=_panel(day.wifi), ble=None if day.ble is None else _panel(day.ble))


def disclosed_panel(panel: PanelToday) -> PanelToday:
    """The panel of the first page with every figure of it disclosed."""
    return replace(_counts(panel), stays=None if panel.stays is None else _stays(panel.stays))


def _panel(panel: Panel) -> Panel:
    stays = None if panel.stays is None else _stays(panel.stays)
    hours = [replace(_counts(hour), rested=round_down(hour.rested)) for hour in panel.hours]
    return replace(_counts(panel), stays=stays, hours=hours)


def _counts(one: T) -> T:
    return replace(one, arrivals=_count(one.arrivals), visits=_count(one.visits), returns=_count(one.returns))


def _stays(stays: Stays) -> Stays:
    return replace(stays, devices=[_count(one) for one in stays.devices], median=_minutes(stays.median))


def _count(figure: PanelFigure) -> PanelFigure:
    coverage = round_down(figure.coverage)
    if figure.value is None:
        return replace(figure, coverage=coverage)
    if figure.value < FEW:
        return replace(figure, value=None, low=None, high=None, coverage=coverage, fewer_than=FEW)
    return replace(figure, low=max(0.0, figure.low or 0.0), coverage=coverage)


def _minutes(figure: PanelFigure) -> PanelFigure:
    return replace(
        figure,
        value=None if figure.value is None else float(half_up(figure.value)),
        low=None if figure.low is None else float(math.floor(figure.low)),
        high=None if figure.high is None else float(math.ceil(figure.high)),
        coverage=round_down(figure.coverage),
    )
