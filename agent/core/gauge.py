"""Gauge: what is heard just now, in numbers, while somebody who sets the sensor up looks at it.

1. It exists only while it is looked at. Nothing of it is stored, and nothing leaves the shop's own network.
2. Phones are counted by the tags of the open window, which die with it: `forget` leaves of them the moments they were
   last heard and nothing else. A phone that draws a new address for every scan, or is heard on both sides of a window's
   end, counts again, so the number is an upper bound.
3. Levels are counted by the dB, without any tag: of frames from addresses drawn at random, on the channel listened to,
   also from below the floor, because a walk test has to find that floor.
"""

from collections import Counter

from msgspec import Struct

LATELY_S = 60.0


class Reading(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At most so many phones within the last `over_s` seconds. `levels`: frames by dBm since the reading before.

    `rests`: the shop is closed by its hours, so nothing is listened to. `levels` is empty unless a walk is on.
    """

    phones: int
    over_s: float
    rests: bool = False
    levels: dict[str, int] = {}


class Gauge:
    """Counts from `at` (UTC seconds) on."""

    def __init__(self, at: float) -> None:
        self._since = at
        self._tags: dict[int, float] = {}  # by tag of the open window, when it was last heard
        self._gone: list[float] = []  # the same of windows that have ended, without tags
        self._levels: Counter[int] = Counter()

    def phone(self, tag: int, at: float) -> None:
        """Something that may be a phone was heard at `at`."""
        self._tags[tag] = at

    def frame(self, level: int | None) -> None:
        """A frame came in at `level` dBm; None for one whose level says nothing."""
        if level is not None:
            self._levels[level] += 1

    def forget(self) -> None:
        """The window and its key have ended."""
        self._gone.extend(self._tags.values())
        self._tags.clear()

    def read(self, at: float, *, rests: bool, walks: bool) -> Reading:
        """How it stands at `at`. `walks`: whether levels are told; they are forgotten either way."""
        since = at - LATELY_S
        self._tags = {tag: last for tag, last in self._tags.items() if last > since}
        self._gone = [last for last in self._gone if last > since]
        levels, self._levels = self._levels, Counter()
        return Reading(
            phones=len(self._tags) + len(self._gone),
            over_s=round(max(0.0, min(LATELY_S, at - self._since)), 1),
            rests=rests,
            levels={f"{level}": frames for level, frames in levels.items()} if walks else {},
        )
