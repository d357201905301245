"""Walk: four stands with a phone in the hand become the two thresholds between inside, outside and ignored.

1. Nobody is followed. All that is known is how many frames came in at which level in which second; the phone is what is
   there at one stand, again and again, and is not there otherwise.
2. First comes a time before, with the phone still quiet. Then each stand: as long as the phone scans twice.
3. A stand at which no phone stands out was not heard, and is no level; its neighbours are not taken for it.
4. Where outside is as strong as inside the walk says so, and which stand it is. It makes up no separation.

The phone's level at a stand is the one at which bursts are likeliest to be of a phone that scans every `SCAN_S`
rather than of the surroundings: a Poisson ratio, the rate of the surroundings at that level being the median over
the other stands and the time before.
"""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

Place = Literal["door", "till", "back", "outside"]
PLACES: tuple[Place, ...] = get_args(Place)
Second = tuple[float, Mapping[int, int]]  # when, and the frames by dBm since the one before
Grade = Literal["good", "fair", "none"]

BEFORE_S, SHORTEST_STAND_S, LONGEST_STAND_S, LONGEST_S = 20.0, 15.0, 35.0, 180.0
SCAN_S = 9.0  # how often a phone scans whose Wi-Fi settings are open
GOOD_DB, FAIR_DB = 10.0, 6.0  # a body turns a phone's level by about 5 dB
_NEAR_DB = 6  # of one phone at one place nearly all frames lie within so much of its level
_BURST_S = 3.0  # frames that are nearer to each other are of one scan
_SURE = 2.5  # of the logarithm of the ratio: twelve times as likely a phone as not
_PASSING_DB = 8  # how much weaker than at the window a passer-by may look
_CLEAR = 1.5  # the same, of the likeliest level against any other
_AGAIN_S = (6.0, 14.0)  # from one scan of a phone to the next, one way and another
_SELDOM, _TRUST = 0.1, 0.5  # bursts where none was heard; the least of the usual rate that holds at any level
_WEAKEST = -95
_LEVELS, _AROUND = range(_WEAKEST, -20), range(-90, -40)  # where a phone may be; where the surroundings mostly are


class Zoning(NamedTuple):
    """What a walk suggests, in dBm, and why. `levels`: the phone's at each stand, None where it was not heard.

    `separation_db`: by how much outside is weaker than the weakest stand inside, which is `weakest`.
    """

    inside_dbm: int
    outside_dbm: int
    separation_db: int
    grade: Grade
    weakest: Place
    levels: dict[Place, int | None]


class Stand(NamedTuple):
    """One time of standing still; `end` is None while it goes on."""

    start: float
    end: float | None = None


class Walk:
    """One walk, begun at `at`. Times are seconds of any clock that only moves on."""

    def __init__(self, at: float) -> None:
        self._begun = at
        self._heard: list[Second] = []
        self._stands: dict[Place, Stand] = {}
        self.levels: dict[Place, int | None] = {}

    @property
    def place(self) -> Place | None:
        """Where one stands now."""
        return next((place for place, one in self._stands.items() if one.end is None), None)

    def hear(self, at: float, levels: Mapping[int, int]) -> None:
        """Frames that came in just before `at`; may end the stand."""
        if at <= self._begun + LONGEST_S:
            self._heard.append((at, levels))
        place = self.place
        if place is None or at < self._stands[place].start + SHORTEST_STAND_S:
            return
        found = self._level(place, at)
        if found is not None or at >= self._stands[place].start + LONGEST_STAND_S:
            self._stands[place] = self._stands[place]._replace(end=at)
            self.levels[place] = found

    def stand(self, place: Place, at: float) -> bool:
        """Somebody stands there from now on; False where the time before or a stand goes on, or no time is left."""
        if self.waits_s(at) > 0 or self.place is not None or self.over(at):
            return False
        self._stands[place] = Stand(at)
        self.levels.pop(place, None)
        return True

    def waits_s(self, at: float) -> float:
        """How long the time before still lasts."""
        return max(0.0, self._begun + BEFORE_S - at)

    def over(self, at: float) -> bool:
        """Whether no time is left for another stand."""
        return self.place is None and at + SHORTEST_STAND_S > self._begun + LONGEST_S

    def zoning(self) -> Zoning | None:
        """The suggestion; None until it was stood everywhere, and where too little was heard to suggest anything."""
        return zoning(self.levels) if set(self.levels) == set(PLACES) else None

    def _level(self, place: Place, now: float) -> int | None:
        """The phone's level at a place where one stood, or stands."""
        spans = {one: (each.start, each.end or now) for one, each in self._stands.items()}
        here = spans.pop(place)
        others = [(self._begun, self._begun + BEFORE_S), *spans.values()]
        return phone_level(
            self._between(here), here[1] - here[0], [(self._between(one), one[1] - one[0]) for one in others]
        )

    def _between(self, span: tuple[float, float]) -> list[Second]:
        return [one for one in self._heard if span[0] < one[0] <= span[1]]


def zoning(levels: Mapping[Place, int | None]) -> Zoning | None:
    """Thresholds from the phone's level at each place; None without one outside and one inside."""
    outside = levels.get("outside")
    inside = [(level, place) for place, level in levels.items() if place != "outside" and level is not None]
    if outside is None or not inside:
        return None
    lowest, weakest = min(inside)
    apart = lowest - outside
    inside_dbm = round(outside + max(apart, 0) / 2)
    return Zoning(
        inside_dbm=inside_dbm,
        outside_dbm=max(_WEAKEST, min(outside - _PASSING_DB, inside_dbm - 1)),
        separation_db=apart,
        grade="good" if apart >= GOOD_DB else "fair" if apart >= FAIR_DB else "none",
        weakest=weakest,
        levels=dict(levels),
    )


def phone_level(
    here: Sequence[Second], lasted_s: float, others: Sequence[tuple[Sequence[Second], float]]
) -> int | None:
    """dBm of the phone that is here and not elsewhere; None where none stands out.

    `others`: what was heard elsewhere, with how long that was in seconds; first the time before.
    """
    before, before_s = others[0]
    usual = statistics.fmean(len(_bursts(before, level)) for level in _AROUND) / before_s
    likely = {level: _likely(here, lasted_s, _rate(others, level, usual), level) for level in _LEVELS}
    best = max(_LEVELS, key=lambda level: likely[level])
    rival = max(one for level, one in likely.items() if abs(level - best) > 2 * _NEAR_DB)
    if likely[best] < _SURE or likely[best] - rival < _CLEAR:
        return None
    return round(statistics.median(_near(here, best)))


def _likely(here: Sequence[Second], lasted_s: float, rate: float, level: int) -> float:
    """The logarithm of how much likelier a phone that scans again and again is near the level than none."""
    bursts, chain, longest = _bursts(here, level), 1, 0
    for one, next_one in pairwise(bursts):
        chain = chain + 1 if _AGAIN_S[0] <= next_one - one <= _AGAIN_S[1] else 1
        longest = max(longest, chain)
    return longest * math.log(1 + 1 / (SCAN_S * rate)) - lasted_s / SCAN_S if longest else -math.inf


def _rate(others: Sequence[tuple[Sequence[Second], float]], level: int, usual: float) -> float:
    """Bursts a second of the surroundings near the level: of the emptier half, which the phone is not in."""
    counts = sorted(((len(_bursts(span, level)), length) for span, length in others), key=lambda one: one[0] / one[1])
    half = counts[: (len(counts) + 1) // 2]
    time = sum(length for _, length in half)
    return max((sum(count for count, _ in half) + _SELDOM) / time, usual * _TRUST)


def _bursts(heard: Sequence[Second], level: int) -> list[float]:
    """When something came in near the level, frames that are near in time taken as one."""
    found: list[float] = []
    last = -math.inf
    for at, levels in heard:
        if any(abs(one - level) <= _NEAR_DB for one in levels):
            if at - last > _BURST_S:
                found.append(at)
            last = at
    return found


def _near(heard: Sequence[Second], level: int) -> Iterator[int]:
    for _, levels in heard:
        for one, frames in levels.items():
            if abs(one - level) <= _NEAR_DB:
                yield from [one] * frames
