"""Glossary: the definitions by name, and figures as they may be shown.

1. A figure's `definition` is the name of an entry in `cloud.core.definitions`.
2. Whole people are shown. `disclosed` rounds a figure to what its definition can bear and its bounds outward,
   so that the shown interval never holds less than the computed one.
"""

import math
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace

from cloud.core.definitions import DEFINITIONS, Definition
from cloud.core.figures import Figure, Period

__all__ = [
    "DEFINITIONS",
    "Definition",
    "digits",
    "disclosed",
    "disclosed_figures",
    "disclosed_period",
    "half_up",
    "round_down",
]

S = TypeVar("S", bound=Struct)
_DIGITS = {definition.name: definition.digits for definition in DEFINITIONS}


def digits(definition: str) -> int:
    """How many decimals of a figure by this definition are shown; none of one that is unknown."""
    return _DIGITS.get(definition, 0)


def disclosed(figure: Figure) -> Figure:
    """The figure as anyone outside may see it: value rounded, `low` down, `high` up; coverage rounded down.

    Coverage goes down so that 89.99 % never reads as the 90 % it missed. An unknown definition shows none.
    """
    scale = 10 ** digits(figure.definition)
    return Figure(
        value=None if figure.value is None else half_up(figure.value * scale) / scale,
        low=None if figure.low is None else math.floor(figure.low * scale) / scale,
        high=None if figure.high is None else math.ceil(figure.high * scale) / scale,
        coverage=round_down(figure.coverage),
        definition=figure.definition,
    )


def disclosed_period(period: Period) -> Period:
    """A period with every figure of it `disclosed`."""
    return replace(
        period,
        coverage=round_down(period.coverage),
        occupancy=disclosed(period.occupancy),
        visitors=disclosed(period.visitors),
        passers_by=disclosed(period.passers_by),
        capture_rate=disclosed(period.capture_rate),
        rested=round_down(period.rested),
    )


def disclosed_figures(one: S) -> S:
    """A struct with every figure that is one of its fields `disclosed`."""
    return replace(one, **{name: disclosed(value) for name, value in asdict(one).items() if isinstance(value, Figure)})


def round_down(share: float) -> float:
    """A share from 0 to 1, down to three decimals."""
    return math.floor(share * 1000 + 1e-9) / 1000  # 0.999 * 1000 is 998.999...: that is not a loss


def half_up(number: float) -> int:
    """The nearest whole number, the greater of two as near."""
    return math.floor(number + 0.5)
