"""Leave: those who asked, at the point in the shop, to be left out until the epoch ends.

1. Who asks holds the phone to the point: the device heard strongest within LISTEN_S of the asking is left out, if it
   is heard inside the shop at all.
2. To leave somebody out is to recognise the address again, so its tag under the epoch key is kept, in memory and until
   the epoch ends, for this and nothing else. Where nobody asked, no such tag is made.
3. `furniture` holds the visit tags of what never leaves, where that is left out of the counts too.
4. A phone that changes its address is not recognised, neither here nor anywhere.
"""

from typing import Literal

LISTEN_S = 30.0
Answer = Literal["left-out", "nobody-near"]


class Leave:
    """Tags that are left out, and the listening for one more. Times are UTC seconds, signals dBm."""

    def __init__(self) -> None:
        self.tags: set[int] = set()
        self.furniture: set[int] = set()
        self._until: float | None = None
        self._strongest: tuple[int, int] | None = None

    def forgotten(self) -> "Leave":
        """One that knows nobody; whoever stands at the point just now still waits."""
        fresh = Leave()
        fresh._until = self._until
        return fresh

    @property
    def watching(self) -> bool:
        """Whether tags are needed: somebody was left out, or has just asked."""
        return bool(self.tags) or self._until is not None

    def ask(self, at: float) -> None:
        """Somebody stands at the point now."""
        self._until, self._strongest = at + LISTEN_S, None

    def leaves(self, tag: int, signal: int | None) -> bool:
        """Whether this device is left out; while somebody waits at the point, also notes how strong it is."""
        if tag in self.tags:
            return True
        if self._until is not None and signal is not None and (self._strongest or (-128, 0))[0] < signal:
            self._strongest = signal, tag
        return False

    def answer(self, now: float, inside_dbm: int) -> Answer | None:
        """What came of the asking, once, when its time is over; None before that and where nobody asked."""
        if self._until is None or now < self._until:
            return None
        strongest, self._strongest, self._until = self._strongest, None, None
        if strongest is None or strongest[0] < inside_dbm:
            return "nobody-near"
        self.tags.add(strongest[1])
        return "left-out"
