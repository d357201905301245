"""Pace: how much faster than their timers the phones of this place scan. People who look at them make them do so.

Two sweeps of one class of N devices are of one device with chance 1/N, and else as far apart in level as sweeps of
two classes. So the sweeps of a class lie closer together than those of different classes, the more so the fewer devices
there are; where they are closer than the number of devices by the timers explains, each device sweeps more often.

Rules of this file
* One number for the place, at least 1; three sums over classes and windows are kept, none of them of a device.
* A faster pace is believed as far as nine in ten chances go: phones keep their timers until shown otherwise.
* No range of levels is assumed: the other classes of the window have it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import exp, pi, sqrt

SAME = 0.65  # closeness of two sweeps of a device: .8 / sqrt 2, and .2 / sqrt(1 + 2.5^2) for a phone in a moving hand
PACE_PRIOR = 0.5  # weight of "phones keep their timers": some ten large classes of a window
PACE_Z = 1.28  # the lower end of the 80 % interval
PACE_MOST = 8.0  # a phone that is looked at scans every 10 to 20 s, the timers are 60 to 300 s
RANGE_DB = 40.0
TINY = 1e-6  # what is left of a weight after subtracting it

Weights = dict[int, float]  # by level in dBm
Sums = tuple[float, float, float]  # closeness seen beyond other classes', what the timers explain, squared misses


class Pace:
    """The pace of a place, learnt from large classes."""

    def __init__(self, sums: Sums = (0.0, 0.0, 0.0)) -> None:
        self.sums = sums

    @property
    def value(self) -> float:
        """How many times faster than their timers phones scan here."""
        seen, due, squares = self.sums
        sure = seen - PACE_Z * sqrt(squares)
        return min(PACE_MOST, max(1.0, (PACE_PRIOR + sure) / (PACE_PRIOR + due)))

    def learn(self, devices: float, levels: list[int], others: Weights, sigma: float) -> None:
        """Take the levels (dBm) of a class that by the timers has so many devices, and those of all other classes."""
        n = len(levels)
        own = {level: float(levels.count(level)) for level in set(levels)}
        within = (closeness(own, own, sigma) * n - 1) / (n - 1)
        anywhere = 2 * sqrt(pi) * sigma / RANGE_DB  # as if one more class were all over
        size = sum(others.values())
        other = (anywhere + size * closeness(own, others, sigma)) / (1 + size)
        if other < SAME:
            seen, due, squares = self.sums
            more = (SAME - other) / devices
            usual = (PACE_PRIOR + seen) / (PACE_PRIOR + due)
            miss = within - other - usual * more
            self.sums = (seen + within - other, due + more, squares + miss * miss)

    def age(self, keep: float) -> None:
        """Forget a little."""
        seen, due, squares = self.sums
        self.sums = (seen * keep, due * keep, squares * keep)


def closeness(a: Weights, b: Weights, sigma: float) -> float:
    """Mean of exp(-difference^2 / 4 sigma^2) over the pairs of two weighted sets of levels."""
    if not a or not b:
        return 0.0
    kernel = [exp(-(d * d) / (4 * sigma * sigma)) for d in range(256)]
    whole = sum(m * n * kernel[min(255, abs(x - y))] for x, m in a.items() for y, n in b.items())
    return whole / (sum(a.values()) * sum(b.values()))


def surroundings(classes: dict[int, list[int]], held: Iterable[int], least: int) -> Iterator[tuple[int, Weights]]:
    """Each class with more than `least` levels, and the levels of all others of the window.

    Every other class, and every held address, counts as much as the next.
    """
    weights: defaultdict[int, float] = defaultdict(float)
    for levels in (*classes.values(), *([level] for level in held)):
        for level in levels:
            weights[level] += 1 / len(levels)
    for name, levels in classes.items():
        if len(levels) > least:
            others = dict(weights)
            for level in levels:
                others[level] -= 1 / len(levels)
            yield name, {level: weight for level, weight in others.items() if weight > TINY}
