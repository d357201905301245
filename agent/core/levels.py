"""Levels: how strongly one radio hears: frames by steps of 5 dB. They tell a weak aerial from a quiet street.

1. They are counts of frames over a span that is never shorter than a window, so they say nothing of a moment that the
   reports do not say. Who is left out is in none, nor is what is weaker than the outside threshold.
2. Fewer than `FEWEST` frames are not told at all. More may still be those of a single phone: what they say of it is
   that somebody was there, which the reports of these minutes say too.
"""

from collections import Counter

STEP_DB = 5
FEWEST = 10
WEAKEST = -125  # all that is weaker counts here


class Levels:
    """Counts from one `take` to the next."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def hear(self, signal: int | None) -> None:
        """One frame came at `signal` dBm; None where that says nothing."""
        if signal is not None:
            self._counts[max(WEAKEST, min(0, signal // STEP_DB * STEP_DB))] += 1

    def take(self) -> dict[str, int]:
        """Frames by the lowest dBm of their step, the weakest first, and begin anew; empty if they are too few."""
        taken, self._counts = self._counts, Counter()
        return {} if taken.total() < FEWEST else {f"{step}": taken[step] for step in sorted(taken)}
