"""Hearing: whether a radio hears, judged by what comes of it. A process that looks fine may be deaf.

1. A sign of life is anything the radio receives: beacons of access points, advertisements of things. After `silent_s`
   without any, the radio is deaf; a place in which there is nothing to hear at all is treated as one, for nobody can
   tell the two apart.
2. A radio may receive and yet give no frame that counts. It is deaf too once so many were expected since the last one
   that none at all is no chance: at a steady rate, none where `doubt` are expected has a chance of exp(-doubt). The
   rate is that of the recent past, so a street that falls asleep is no deaf radio; and of the frames of a second one
   counts, for a phone sends them by the dozen, and one that leaves is no deaf radio either.
3. Time is listened to as far as it is proven: up to the last look with a sign, while the frames come as expected. Where
   they do not, and it is not found deaf, it is believed again after a quarter of an hour.

Sources: waiting times of a Poisson process; docs/radios.md for what the numbers do on recorded captures.
"""

import math
from typing import Literal

SILENT_S = 90.0
DOUBT = 20.0
_UNEASY = 10.0  # so many expected and none there: the time is not yet proven, and made up for by the next frame
_MEMORY_S = 900.0

Verdict = Literal["hears", "silent", "no frames"]


class Hearing:
    """One radio from `at` on; times in seconds of any clock that runs evenly."""

    def __init__(self, at: float, silent_s: float = SILENT_S, doubt: float = DOUBT) -> None:
        self._silent_s, self._doubt = silent_s, doubt
        self._signs: int | None = None
        self._signed_at = self._heard_at = self._looked_at = at
        self._counted_at = -math.inf
        self._rate = self._expected = 0.0  # seconds with a frame of late; how many should have come since the last

    def look(self, at: float, signs: int | None, frames: int) -> Verdict:
        """How it is at `at`. `signs`: a count that moves with all that is received, None where silence is no wonder.

        `frames`: how many that count came since the last look.
        """
        if frames or self.receives(signs):
            self._signed_at = at
        self._signs = signs
        self._expect(at, frames)
        self._looked_at = at
        if frames:
            self._heard_at = at
        if at - self._signed_at >= self._silent_s:
            return "silent"
        if signs is not None and self._expected >= self._doubt and at - self._heard_at >= self._silent_s:
            return "no frames"
        return "hears"

    def receives(self, signs: int | None) -> bool:
        """Whether anything was received since the last look, by `signs` as there. At the first nobody can tell."""
        return signs is None or (self._signs is not None and signs != self._signs)

    @property
    def proven_at(self) -> float:
        """Up to when it is known to have heard."""
        uneasy = self._expected >= _UNEASY and self._looked_at - self._heard_at < _MEMORY_S
        return self._heard_at if uneasy else self._signed_at

    def _expect(self, at: float, frames: int) -> None:
        """Frames are expected as often as they came of late (an exponentially weighted rate), one a second at most."""
        kept = math.exp(-max(0.0, at - self._looked_at) / _MEMORY_S)
        self._expected = 0.0 if frames else self._expected + self._rate * _MEMORY_S * (1 - kept)
        self._rate *= kept
        if frames and at - self._counted_at >= 1.0:
            self._rate += 1 / _MEMORY_S
            self._counted_at = at
