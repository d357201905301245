"""Disclosure: the panel's figures as anyone outside may see them.

1. Less than `FEW` devices is null: the noise is of that size. What is compared is the noised number; the true one is
   known to nobody here. This is for the reader: privacy comes from the noise alone.
2. Nobody is shown less than nobody: bounds end at zero. Sums were made before.
3. What is no number of devices, minutes or a share, is shown with its definition's digits, its bounds outward.
"""

import math
from typing import TypeVar

from msgspec.structs import replace

from cloud.core.glossary import digits, half_up, round_down
from cloud.core.visits import Panel, PanelDay, PanelFigure, PanelHour, PanelToday, Stays

FEW = 10
T = TypeVar("T", Panel, PanelHour, PanelToday)


def disclosed_day(day: PanelDay) -> PanelDay:
    """A date with every figure of it disclosed."""
    return replace(day, wifi=_panel(day.wifi), ble=None if day.ble is None else _panel(day.ble))


def disclosed_panel(panel: PanelToday) -> PanelToday:
    """The panel of the first page with every figure of it disclosed."""
    return replace(_counts(panel), stays=None if panel.stays is None else disclosed_stays(panel.stays))


def disclosed_stays(stays: Stays) -> Stays:
    """Lengths of stay with every figure of them disclosed."""
    return replace(
        stays, devices=[disclosed_count(one) for one in stays.devices], median=disclosed_measure(stays.median)
    )


def disclosed_measure(figure: PanelFigure) -> PanelFigure:
    """Minutes or a share: value rounded, `low` down, `high` up, coverage down."""
    scale = 10 ** digits(figure.definition)
    return replace(
        figure,
        value=None if figure.value is None else half_up(figure.value * scale) / scale,
        low=None if figure.low is None else math.floor(figure.low * scale) / scale,
        high=None if figure.high is None else math.ceil(figure.high * scale) / scale,
        coverage=round_down(figure.coverage),
    )


def _panel(panel: Panel) -> Panel:
    stays = None if panel.stays is None else disclosed_stays(panel.stays)
    hours = [replace(_counts(hour), rested=round_down(hour.rested)) for hour in panel.hours]
    return replace(_counts(panel), stays=stays, hours=hours)


def _counts(one: T) -> T:
    return replace(
        one,
        arrivals=disclosed_count(one.arrivals),
        visits=disclosed_count(one.visits),
        returns=disclosed_count(one.returns),
    )


def disclosed_count(figure: PanelFigure) -> PanelFigure:
    """A number of devices, null where there are less than `FEW`."""
    coverage = round_down(figure.coverage)
    if figure.value is None:
        return replace(figure, coverage=coverage)
    if figure.value < FEW:
        return replace(figure, value=None, low=None, high=None, coverage=coverage, fewer_than=FEW)
    return replace(figure, low=max(0.0, figure.low or 0.0), coverage=coverage)
