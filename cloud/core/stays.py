"""Stays: the median length of stay, and averages over all stays, from counts by length, noised bin by bin.

1. Within a bin devices are taken to be spread evenly. The last bin has no upper end, so a median cannot lie in it.
2. The median is where those who stayed less outnumber those who stayed longer by nothing; the range is all that lies
   between outnumbered by the noise's half-width and outnumbering by it. At an edge the noise of that difference is that
   of all bins together, each with either sign; within a bin it is less.
3. Where the noise could move it by more than a quarter of the panel either way, there is no median. Nor is there where
   the range would reach into the last bin.
4. The range of an average is every average that the noise leaves possible (Fieller 1954, "Some problems in interval
   estimation"). The weighted noise of all bins is taken for normal: added up, it is nearly that, and falls more often
   near zero, so the range holds the truth at least four times out of five.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import fsum, sqrt

_NORMAL = 1.2816  # standard deviations on either side that hold 80 % of a normal law
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


def average(
    weights: Sequence[float], devices: Sequence[float], variances: Sequence[float]
) -> tuple[float, float, float] | None:
    """(average, low, high) of the bins' `weights` over the devices, or None where there might be nobody.

    `variances` are those of the bins' noise. An average lies among its weights, so range and value end there.
    """

    def moment(power: int, of: Sequence[float]) -> float:
        return fsum(weight**power * one for weight, one in zip(weights, of, strict=True))

    total, added, most = moment(0, devices), moment(1, devices), _NORMAL**2
    square = total**2 - most * moment(0, variances)
    if total <= 0 or square <= 0:
        return None
    middle = total * added - most * moment(1, variances)
    reach = sqrt(max(0.0, middle**2 - square * (added**2 - most * moment(2, variances))))
    least, greatest = min(weights), max(weights)
    value, low, high = (
        min(greatest, max(least, one)) for one in (added / total, (middle - reach) / square, (middle + reach) / square)
    )
    return value, min(low, value), max(high, value)


def _between(lengths: Sequence[float], leads: Sequence[float], edge: int, level: float) -> float:
    """The length at which the lead becomes `level`, between the edge before `edge` and that."""
    part = (level - leads[edge - 1]) / (leads[edge] - leads[edge - 1])
    return lengths[edge - 1] + part * (lengths[edge] - lengths[edge - 1])
