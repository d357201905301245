"""Kin: which classes are one phone that sends two kinds of probe requests.

They come and go together, and at the same level. Two people who stay in the shop do so too, so a window is evidence
only if one of the two classes was absent from the window before.

Rules of this file
* Keys are classes, never devices. What is kept of a pair of classes is a score and a number of windows.
* A bond is made when chance would make one among all pairs with probability e^-KIN_SCORE (Wald's test).
* Bounded: MAX_PAIRS, MAX_BONDS; the least supported go first.
"""

from collections.abc import Iterable
from math import exp, log, pi, sqrt

MAX_PAIRS = 1024
MAX_BONDS = 256
KIN_SCORE = 7.0  # a false bond gets there with chance e^-7; there are some 100 pairs
KIN_WINDOWS = 4
KIN_OFFSET_DB = 2.0  # two kinds of requests may leave at different power
KIN_SWEEPS = 16  # more are many devices, whose levels match by chance
ODD = 0.05  # chance that kin disagree in level in one window
RANGE_DB = 40.0

Groups = list[tuple[float, int]]  # mean level in dBm and number of sweeps
Fits = dict[tuple[int, int], list[float]]


class Kin:
    """Bonds between classes. `bonds` maps a class to the one it belongs to, which has a smaller name."""

    def __init__(self, bonds: dict[int, int] | None = None) -> None:
        self.bonds = {a: b for a, b in (bonds or {}).items() if b < a}
        self._pairs: dict[tuple[int, int], list[float]] = {}
        self._before: frozenset[int] = frozenset()

    def root(self, name: int) -> int:
        """The class that a class or element set belongs to."""
        while name in self.bonds:
            name = self.bonds[name]
        return name

    def meet(self, levels: dict[int, list[int]], sigma: float) -> list[int]:
        """Take one window's on-channel levels (dBm) of each class's sweeps; the classes whose rates are now void."""
        groups = {c: grouped(x, sigma) for c, x in sorted(levels.items()) if 0 < len(x) <= KIN_SWEEPS}
        fits = {(a, b): fitting(groups[a], groups[b], sigma) for a in groups for b in groups if a != b}
        for a, b in fits:
            if a < b and not (a in self._before and b in self._before):
                pair = self._pairs.setdefault((a, b), [0.0, 0.0])
                pair[0] += (alike(fits, a, b, groups) + alike(fits, b, a, groups)) / 2
                pair[1] += 1
        self._before = frozenset(levels)
        void: list[int] = []
        for (a, b), (score, windows) in sorted(self._pairs.items()):
            if score > KIN_SCORE and windows >= KIN_WINDOWS:
                void += self._join(self.root(a), self.root(b))
        self._bound()
        return void

    def _join(self, a: int, b: int) -> list[int]:
        if a == b:
            return []
        self.bonds[max(a, b)] = min(a, b)
        return [a, b]

    def _bound(self) -> None:
        while len(self._pairs) > MAX_PAIRS:
            del self._pairs[min(self._pairs, key=lambda p: (self._pairs[p][1], self._pairs[p][0], p))]
        while len(self.bonds) > MAX_BONDS:
            del self.bonds[min(self.bonds)]


def grouped(levels: list[int], sigma: float) -> Groups:
    """Mean and number of levels that span at most three sigma."""
    out: list[list[int]] = []
    for level in sorted(levels):
        if out and level - out[-1][0] <= 3 * sigma:
            out[-1].append(level)
        else:
            out.append([level])
    return [(sum(group) / len(group), len(group)) for group in out]


def fitting(here: Groups, there: Groups, sigma: float) -> list[float]:
    """Density (per dB) of each group of `there` if it is one of the devices of `here`."""
    out = []
    for y, m in there:
        density = 0.0
        for x, n in here:
            variance = sigma**2 * (1 / n + 1 / m) + KIN_OFFSET_DB**2
            density += exp(-((x - y) ** 2) / (2 * variance)) / sqrt(2 * pi * variance)
        out.append(density / len(here))
    return out


def alike(fits: Fits, here: int, there: int, names: Iterable[int]) -> float:
    """Mean log likelihood ratio that the groups of `there` are the devices of `here`.

    The rival: they are like the groups of any other class of the window, or anywhere.
    """
    others = [fits[c, there] for c in names if c not in (here, there)]
    total = 0.0
    for k, fit in enumerate(fits[here, there]):
        rival = (1 / RANGE_DB + sum(f[k] for f in others)) / (1 + len(others))
        total += log(ODD + (1 - ODD) * fit / rival)
    return total / len(fits[here, there])
