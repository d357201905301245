"""Stays: the median length of stay from counts by length, noised bin by bin.

1. Within a bin devices are taken to be spread evenly. The last bin has no upper end, so a median cannot lie in it.
2. The median is where those who stayed less outnumber those who stayed longer by nothing; the range is all that lies
   between outnumbered by the noise's half-width and outnumbering by it. At an edge the noise of that difference is that
   of all bins together, each with either sign; within a bin it is less.
3. Where the noise could move it by more than a quarter of the panel either way, there is no median. Nor is there where
   the range would reach into the last bin.
"""

from collections.abc import Sequence
from itertools import accumulate

_BEYOND_QUARTERS = 2  # times the half-width: half of a panel of so many is within a quarter of it


def fewest(half: int) -> int:
    """How many devices a panel must have for a median, where the noise of all bins has this half-width."""
    return _BEYOND_QUARTERS * half


def median_s(edges_s: Sequence[int], devices: Sequence[float], half: int) -> tuple[float, float, float] | None:
    """(median, low, high) in seconds, or None where there is none. One bin more than edges; some may be below zero."""
    total = sum(devices)
    if total <= 0 or total < fewest(half):
        return None
    lengths = [0.0, *map(float, edges_s)]
    leads = [2 * so_far - total for so_far in accumulate(devices[:-1], initial=0)]
    if leads[-1] <= half:
        return None
    # Noise can make a lead fall from one edge to the next: between the first and the last crossing lie all of them.
    low = next(i for i, lead in enumerate(leads) if lead >= -half)
    middle = next(i for i, lead in enumerate(leads) if lead >= 0)
    high = next(i for i in reversed(range(1, len(leads))) if leads[i - 1] <= half)
    return (
        _between(lengths, leads, middle, 0),
        _between(lengths, leads, low, -half),
        _between(lengths, leads, high, half),
    )


def _between(lengths: Sequence[float], leads: Sequence[float], edge: int, level: float) -> float:
    """The length at which the lead becomes `level`, between the edge before `edge` and that."""
    part = (level - leads[edge - 1]) / (leads[edge] - leads[edge - 1])
    return lengths[edge - 1] + part * (lengths[edge] - lengths[edge - 1])
