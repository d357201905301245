"""Noise: what hides one device in the figures of the panel, and the budget that says how well.

1. Neighbours are two epochs of one sensor that differ in all that one device did: its whole presence is added or
   removed (Dwork & Roth 2014, "The Algorithmic Foundations of Differential Privacy", definition 2.4). A device is one
   stable address on one radio; a phone that shows one on Wi-Fi and one on Bluetooth is two.
2. Sensitivity is what one device can change in L1, over all entries of a figure together: first arrivals of all hours
   by 1, visits of all hours by VISITS_CAP, devices by length of stay by 1. So the hours of an epoch, or the bins, are
   one vector under one epsilon, however a device spreads over them (theorem 3.6).
3. The three figures compose one after the other: their epsilons add to EPSILON (theorem 3.14). What anyone makes of
   noised figures costs nothing more (proposition 2.1), so caps act before the noise and thresholds after it.
4. The noise is discrete Laplace, the two-sided geometric law (Ghosh, Roughgarden & Sundararajan 2012, "Universally
   Utility-Maximizing Privacy Mechanisms"), drawn in whole numbers: doubles leak by their rounding (Mironov 2012).
   Nothing here looks at a true count but to add to it.
5. Constants are compiled in: no setting raises them, and a scale that is not whole stops the import.
6. Not bounded by this: once a panel is full (`visits`), whether one device is in it decides whether another is. The
   budget then covers them together, each with EPSILON (group privacy, theorem 2.2).
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from agent.contract.report import DwellDay, VisitsHour

Below = Callable[[int], int]  # a uniform whole number in [0, n), as `secrets.randbelow` draws it


def scale_of(sensitivity: int, epsilon: float) -> int:
    """The scale of noise that hides a change of `sensitivity` at `epsilon`, exactly; ValueError if it is not whole."""
    numerator, denominator = epsilon.as_integer_ratio()
    if sensitivity < 1 or numerator < 1 or sensitivity * denominator % numerator:
        raise ValueError(f"{sensitivity} / {epsilon} is not a scale: choose an epsilon that divides the sensitivity")
    return sensitivity * denominator // numerator


ARRIVALS_EPSILON: Final = 1.0
VISITS_EPSILON: Final = 1.0
DWELL_EPSILON: Final = 0.5
EPSILON: Final = ARRIVALS_EPSILON + VISITS_EPSILON + DWELL_EPSILON  # of one device, sensor and day
VISITS_CAP: Final = 3  # visits of one device that count in an epoch
ARRIVALS_SCALE: Final = scale_of(1, ARRIVALS_EPSILON)
VISITS_SCALE: Final = scale_of(VISITS_CAP, VISITS_EPSILON)
DWELL_SCALE: Final = scale_of(1, DWELL_EPSILON)
EDGES_S: Final = (300, 900, 1800, 3600, 7200, 14400)  # between lengths of stay, seconds


class Hour(NamedTuple):
    """True counts of one shop-local hour of the panel, capped: in memory only. Times in UTC seconds."""

    start: int
    end: int
    listened_s: float
    arrivals: int
    visits: int

    def __repr__(self) -> str:
        return "Hour(redacted)"


class Day(NamedTuple):
    """True counts of first visits by length of stay, one more than EDGES_S: in memory only. Times in UTC seconds."""

    start: int
    end: int
    devices: tuple[int, ...]

    def __repr__(self) -> str:
        return "Day(redacted)"


def noised_hour(hour: Hour, below: Below) -> VisitsHour:
    """The hour as it may leave the sensor. Drawing twice for one hour would average the noise away: draw once."""
    return VisitsHour(
        start=hour.start,
        end=hour.end,
        listened_s=hour.listened_s,
        arrivals=hour.arrivals + laplace(ARRIVALS_SCALE, below),
        arrivals_scale=ARRIVALS_SCALE,
        visits=hour.visits + laplace(VISITS_SCALE, below),
        visits_scale=VISITS_SCALE,
    )


def noised_day(day: Day, below: Below) -> DwellDay:
    """The lengths of stay as they may leave the sensor. Draw once, as for an hour."""
    return DwellDay(
        start=day.start,
        end=day.end,
        edges_s=list(EDGES_S),
        devices=[devices + laplace(DWELL_SCALE, below) for devices in day.devices],
        scale=DWELL_SCALE,
    )


def laplace(scale: int, below: Below) -> int:
    """One exact sample k of the law where P(k) is proportional to exp(-|k| / scale), for a whole `scale` >= 1.

    Canonne, Kamath & Steinke 2020, "The Discrete Gaussian for Differential Privacy", algorithm 2: the size is
    geometric, a remainder below `scale` and whole scales apart, and has a fair sign; of the two zeros one is refused.
    Takes nine draws on average. The time it takes depends on the sample, so nobody outside may be able to time it.
    """
    while True:
        negative, remainder = divmod(below(2 * scale), scale)
        if not _happens(remainder, scale, below):
            continue
        whole = 0
        while _happens(1, 1, below):
            whole += 1
        size = remainder + whole * scale
        if size or not negative:
            return -size if negative else size


def _happens(numerator: int, denominator: int, below: Below) -> bool:
    """True with probability exp(-numerator / denominator), for a fraction from 0 to 1.

    Algorithm 1 there, after von Neumann: the k-th trial succeeds with probability fraction / k. That the first failure
    is the k-th has probability fraction^(k-1) / (k-1)! - fraction^k / k!, and over odd k that sums to the exponential.
    """
    k = 1
    while below(denominator * k) < numerator:
        k += 1
    return k % 2 == 1
