"""Spark: a small chart of days as the path of an SVG, drawn on the server; a gap is a gap."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from msgspec import Struct

from cloud.core.ranking import Point

WIDTH, HEIGHT = 120.0, 32.0


class Spark(Struct, frozen=True):
    """Paths of the range and of the line, in a box of `WIDTH` by `HEIGHT`."""

    band: str
    line: str


def spark(series: Sequence[Point]) -> Spark:
    """The paths of a series; days in a row are joined, others are not."""
    most = max((one.high or 0.0 for one in series), default=0.0) or 1.0
    step = WIDTH / max(1, len(series) - 1)
    band, line = [], []
    for days in _runs(series):
        high = [f"{_number(step * at)} {_number(_height(one.high, most))}" for at, one in days]
        low = [f"{_number(step * at)} {_number(_height(one.low, most))}" for at, one in reversed(days)]
        middle = [f"{_number(step * at)} {_number(_height(one.value, most))}" for at, one in days]
        band.append(f"M{'L'.join([*high, *low])}Z")
        line.append(f"M{'L'.join(middle)}" + ("h1" if len(days) == 1 else ""))
    return Spark("".join(band), "".join(line))


def _runs(series: Sequence[Point]) -> Iterable[list[tuple[int, Point]]]:
    for known, days in groupby(enumerate(series), lambda one: one[1].value is not None):
        if known:
            yield list(days)


def _height(value: float | None, most: float) -> float:
    return HEIGHT - 1 - (HEIGHT - 2) * (value or 0.0) / most


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
