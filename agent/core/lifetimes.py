"""Lifetimes: devices present in a window, from Bluetooth advertisements, whose addresses live for minutes.

How: a Bluetooth device speaks all the time, so each address has a lifetime within the window. A stable address is one
device. Of the others, one that ends and one that begins within a few of its intervals, alike in what they send and in
level, are one device that changed its address. People who come and go look so by chance too, so no more changes are
believed than are to be expected of addresses that live for a quarter of an hour.

Rules of this file
* One pass; closing a window uses nothing but that window, and nothing of it is held afterwards.
* An address counts from its second frame on, so that a flood of addresses that are never heard again is nobody.
* Bounded by MOST addresses. What comes beyond is not counted, and the window is flagged.
* The interval is what the addresses allow: at most each its own device, at least as many as remain if all that might be
  changes of address are. No capture with a known truth exists, so it is no statistic.

Sources: Bluetooth Core 6.0 Vol 3 Part C App. A (T_GAP of private addresses: 15 minutes); the least number of devices
that explains the lifetimes is the best published idea (docs/accuracy.md, Bluetooth).
"""

from collections import deque
from collections.abc import Iterable
from math import sqrt

from agent.contract.report import Estimate
from agent.core.count import Counted
from agent.core.pseudonym import Trace

NAME = "lifetimes/1"
MOST = 4096
LIFE_S = 900.0
NEAR_DB = 8  # two addresses of one device differ in level by no more as the one follows the other
INTERVALS = 3.0  # silent for so many of its own intervals: it has ended
GAP_S, LONGEST_GAP_S = 1.0, 15.0  # an address follows another within a second at least, and this at most


class _Life:
    """One address in the window: when it was heard, how often, at what levels, and what it sent."""

    __slots__ = ("first", "frames", "last", "level", "peak", "signatures", "stable", "start_level")

    def __init__(self, trace: Trace, at: float) -> None:
        self.first = self.last = at
        self.frames, self.stable, self.signatures = 1, trace.stable, {trace.signature}
        self.level = self.start_level = self.peak = trace.signal

    def hear(self, trace: Trace, at: float) -> None:
        self.frames += 1
        self.last = max(self.last, at)
        self.signatures.add(trace.signature)
        if trace.signal is not None:
            self.level = trace.signal
            self.peak = trace.signal if self.peak is None else max(self.peak, trace.signal)

    @property
    def gap_s(self) -> float:
        """Within which another follows it, if it is the same device's."""
        interval = (self.last - self.first) / (self.frames - 1)
        return min(LONGEST_GAP_S, max(GAP_S, INTERVALS * interval))


class Lifetimes:
    """Counts the devices of one window after another."""

    def __init__(self) -> None:
        self._lives: dict[int, _Life] = {}
        self._flooded = False

    def hear(self, trace: Trace, at: float) -> None:
        """Take a trace, heard at `at` (UTC seconds)."""
        life = self._lives.get(trace.tag)
        if life is not None:
            life.hear(trace, at)
        elif len(self._lives) >= MOST:
            self._flooded = True
        else:
            self._lives[trace.tag] = _Life(trace, at)

    def forget(self, tag: int) -> None:
        """Take an address out of the window: it is no phone's."""
        self._lives.pop(tag, None)

    def close(self, inside_dbm: int) -> Counted:
        """Count and forget the window. Inside is what is heard at `inside_dbm` or more at its strongest."""
        lives, flooded = [one for one in self._lives.values() if one.frames > 1], self._flooded
        self._lives, self._flooded = {}, False
        if flooded:
            return Counted(None, None, None, flooded)
        present = _devices(lives)
        near = _devices(one for one in lives if one.peak is not None and one.peak >= inside_dbm)
        far = _devices(one for one in lives if one.peak is None or one.peak < inside_dbm)
        return Counted(present, near, far, flooded)


def _devices(lives: Iterable[_Life]) -> Estimate:
    found = sorted(lives, key=lambda one: (one.first, one.last))
    private = [one for one in found if not one.stable]
    expected = sum(one.last - one.first for one in private) / LIFE_S
    bound = expected + 2 * sqrt(expected) + 1
    total = float(len(found))
    likely, possible = min(_changes(private), bound), min(_changes(private, LONGEST_GAP_S), bound)
    return Estimate(round(total - likely, 2), round(total - max(likely, possible), 2), total)


def _changes(lives: list[_Life], gap_s: float | None = None) -> float:
    """How many addresses may follow another of the same device, within `gap_s` or the gap of each. In order of time.

    Each is compared with those alone that ended shortly before it began, for a flood has thousands.
    """
    ending = deque(sorted(lives, key=lambda one: one.last))
    ended: list[_Life] = []
    changes = 0
    for life in lives:
        ended = [one for one in ended if life.first - one.last <= LONGEST_GAP_S]
        while ending and ending[0].last < life.first:
            ended.append(ending.popleft())
        before = [one for one in ended if _follows(life, one, gap_s or one.gap_s)]
        if before:
            ended.remove(max(before, key=lambda one: one.last))
            changes += 1
    return float(changes)


def _follows(later: _Life, earlier: _Life, gap_s: float) -> bool:
    if not 0 < later.first - earlier.last <= gap_s or not later.signatures & earlier.signatures:
        return False
    levels = later.start_level, earlier.level
    return None in levels or abs(levels[0] - levels[1]) <= NEAR_DB  # type: ignore[operator]
