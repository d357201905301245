"""Handover: which reports to send when, so that each arrives and none is sent for ever.

1. Nothing but hello is sent before the cloud has said from where on it wants reports. It may not have been there
   to hear the first hello, so that is said again until it answers.
2. Reports go out in order, in batches, at most `in_flight` of them beyond the watermark. A few reports go first, and
   twice as many whenever the answer is prompt, half as many when it is not: what is on its way keeps a live report
   waiting, and over a line that is too slow for much nothing would ever arrive in time.
3. Progress is a watermark that moves, never "is connected". Without progress for `patience_s` while something
   waits, the connection counts as dead, whatever TCP thinks of it.
"""

from typing import NamedTuple

IN_FLIGHT = 20
BATCH = 50
PATIENCE_S = 60.0
HELLO_AGAIN_S = 5.0
FIRST = 5
PROMPT_S, SLOW_S = 1.0, 2.0


class Batch(NamedTuple):
    """Reports to fetch and send: at most `limit` after sequence `after`."""

    after: int
    limit: int


class Handover:
    """The state of one connection's handover, with `first` reports on their way at first.

    Times are seconds of any clock that never jumps.
    """

    def __init__(
        self, in_flight: int = IN_FLIGHT, batch: int = BATCH, patience_s: float = PATIENCE_S, first: int = FIRST
    ) -> None:
        self._in_flight, self._batch, self._patience_s = in_flight, batch, patience_s
        self._watermark: int | None = None
        self._sent = 0
        self._first = self._allowed = first  # how many reports may be on their way: at least, and now
        self._unacknowledged: list[tuple[int, float]] = []  # last sequence of each batch on its way, and since when
        self._progress_at = 0.0
        self._hello_at: float | None = None

    @property
    def idle(self) -> bool:
        """Whether the cloud has answered, and owes no word."""
        return self._watermark is not None and not self._unacknowledged

    @property
    def upto(self) -> int:
        """The last sequence that was sent, or that the cloud has."""
        return self._sent

    @property
    def watermark(self) -> int | None:
        """What the cloud has committed, as it said on this connection; None before it has said so."""
        return self._watermark

    def connected(self, now: float) -> None:
        """A new connection: what was on its way on the old one does not count."""
        self._watermark = None
        self._sent = 0
        self._unacknowledged.clear()
        self._allowed = self._first
        self._progress_at = now
        self._hello_at = None

    def hello_due(self, now: float) -> bool:
        """Whether to say hello now; it counts as said."""
        silent = self._watermark is None
        due = silent and (self._hello_at is None or now - self._hello_at >= HELLO_AGAIN_S)
        if due:
            self._hello_at = now
        return due

    def acknowledged(self, sequence: int, now: float) -> None:
        """The cloud says it has committed everything up to `sequence`. An older word than the last changes nothing."""
        if self._watermark is not None and sequence <= self._watermark:
            return
        self._watermark = sequence
        self._sent = max(self._sent, sequence)
        for _, since in [one for one in self._unacknowledged if one[0] <= sequence][-1:]:
            self._adapt(now - since)
        self._unacknowledged = [one for one in self._unacknowledged if one[0] > sequence]
        self._progress_at = now

    def next(self) -> Batch | None:
        """What to send now; None while the cloud is silent or enough is on its way."""
        if self._watermark is None or len(self._unacknowledged) >= self._in_flight:
            return None
        room = self._allowed - (self._sent - self._watermark)
        return Batch(self._sent, min(self._batch, room)) if room > 0 else None

    def sent(self, last: int, now: float) -> None:
        """The batch that ends with sequence `last` has been given to the connection."""
        if not self._unacknowledged:
            self._progress_at = now  # the clock of patience starts when something begins to wait
        self._unacknowledged.append((last, now))
        self._sent = last

    def stalled(self, now: float) -> bool:
        """Whether the cloud has owed a word for too long."""
        waiting = self._watermark is None or bool(self._unacknowledged)
        return waiting and now - self._progress_at > self._patience_s

    def _adapt(self, took_s: float) -> None:
        """The last batch was acknowledged after so many seconds."""
        if took_s < PROMPT_S:
            self._allowed = min(2 * self._allowed, self._in_flight * self._batch)
        elif took_s > SLOW_S:
            self._allowed = max(self._first, self._allowed // 2)
