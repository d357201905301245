"""Window: what one radio hears between two marks of the UTC grid, and how it becomes a `Heard`.

1. Windows are aligned: they start at whole multiples of their length since 1970.
2. Listening is accounted for in seconds, and so is rest by plan. A window not listened to has no estimate: null,
   never 0. Where hearing has to be proven, time counts as listened to as far as it is (`hearing`).
3. Everything derived from an address is dropped at `close`; what is learnt of classes of devices stays.
4. What says that it is no phone is set apart by its nature (`others`) and in no estimate.
"""

import math
from typing import NamedTuple

from msgspec import UNSET

from agent.contract.report import Heard
from agent.core import count, lifetimes
from agent.core.others import Others
from agent.core.pseudonym import Trace
from agent.core.rates import Learnt


class Zones(NamedTuple):
    """Thresholds in dBm: inside from `inside_dbm` up, outside from `outside_dbm` up, ignored below."""

    inside_dbm: int = -70
    outside_dbm: int = -90


class Window:
    """One radio's open window. Times are UTC seconds. `radio`: "wifi" or "ble", which are counted differently."""

    def __init__(self, zones: Zones, window_s: int, learnt: Learnt | None = None, *, radio: str = "wifi") -> None:
        self._zones, self._window_s = zones, float(window_s)
        self._sweeps = count.Counter(window_s, learnt) if radio == "wifi" else None
        self._counter = self._sweeps or lifetimes.Lifetimes()
        self._estimator = count.NAME if self._sweeps else lifetimes.NAME
        self._others = Others()
        self._since: float | None = None
        self._proven = math.inf  # until when the radio is known to have heard
        self._rests_since: float | None = None
        self._listened = self._rested = 0.0
        self._frames = self._ignored = self._damaged = self._dropped = 0

    def learnt(self) -> Learnt:
        """What is known of classes of devices, to be kept over a restart."""
        return self._sweeps.rates.learnt() if self._sweeps else Learnt()

    def listen(self, at: float, *, on_proof: bool = False) -> None:
        """The radio hears from `at` on; `on_proof`: until the last `prove`, and no longer."""
        self.rouse(at)
        if self._since is None:
            self._since = at
            self._proven = at if on_proof else math.inf

    def prove(self, at: float) -> None:
        """The radio is known to have heard until `at`."""
        self._proven = max(self._proven, at)

    def deafen(self, at: float) -> None:
        """The radio heard until `at`, as far as is proven."""
        if self._since is not None:
            self._listened += max(0.0, min(at, self._proven) - self._since)
            self._since = None

    def rest(self, at: float) -> None:
        """The radio is told to rest from `at` on, until it listens again."""
        self.deafen(at)
        if self._rests_since is None:
            self._rests_since = at

    def rouse(self, at: float) -> None:
        """The rest ends at `at`; whether the radio hears again is another matter."""
        if self._rests_since is not None:
            self._rested += max(0.0, at - self._rests_since)
            self._rests_since = None

    def shift(self, by: float) -> None:
        """The clock was set by so many seconds: what began, began that much later on it."""
        if self._since is not None:
            self._since += by
            self._proven += by
        if self._rests_since is not None:
            self._rests_since += by

    def lose(self, *, damaged: int = 0, dropped: int = 0) -> None:
        """Count frames that could not be decoded, and frames the kernel lost."""
        self._damaged += damaged
        self._dropped += dropped

    def open(self, at: float) -> None:
        """Begin the window; a radio that listens or rests does so in it from `at` on."""
        if self._since is not None:
            self._since = at
        if self._rests_since is not None:
            self._rests_since = at

    def hear(self, trace: Trace | None, at: float) -> bool:
        """Count one sighting by its trace, None for one from below the floor; whether it may be a phone's."""
        self._frames += 1
        if trace is None:
            self._ignored += 1
            return False
        if self._others.hear(trace):
            self._counter.forget(trace.tag)
            return False
        self._counter.hear(trace, at)
        return True

    def close(self, end: float) -> Heard:
        """What was heard until `end`, the window's or the radio's. Forgets it; the radio goes on listening."""
        if self._since is not None:
            self._listened += max(0.0, min(end, self._proven) - self._since)
            self._since = end
        if self._rests_since is not None:
            self.rouse(end)
            self._rests_since = end
        heard = self._heard()
        self._listened = self._rested = 0.0
        self._frames = self._ignored = self._damaged = self._dropped = 0
        return heard

    def _heard(self) -> Heard:
        counted = self._counter.close(self._zones.inside_dbm)
        others, self._others = self._others, Others()
        listened = self._listened > 0
        return Heard(
            listened_s=round(min(self._listened, self._window_s), 3),
            frames=self._frames,
            ignored=self._ignored,
            damaged=self._damaged,
            dropped=self._dropped,
            estimator=self._estimator,
            flooded=counted.flooded or others.flooded,
            present=counted.present if listened else None,
            inside=counted.inside if listened else None,
            outside=counted.outside if listened else None,
            rested_s=round(self._rested, 3) if self._rested > 0 else UNSET,
            others=(others.counted() if listened else {}) or UNSET,
        )


def start_of(at: float, window_s: int) -> int:
    """Start of the window that holds the moment `at`, UTC seconds."""
    return int(at // window_s) * window_s
