"""Handover: which reports to send when, so that each arrives and none is sent for ever.

1. Nothing but hello is sent before the cloud has said from where on it wants reports. It may not have been there
   to hear the first hello, so that is said again until it answers.
2. Reports go out in order, in batches, at most `in_flight` of them beyond the watermark. After a connection that was
   too slow for one, smaller ones go; each that arrives makes the next larger.
3. Progress is a watermark that moves, never "is connected". Without progress for `patience_s` while something
   waits, the connection counts as dead, whatever TCP thinks of it.
"""

from typing import NamedTuple

IN_FLIGHT = 20
BATCH = 50
PATIENCE_S = 60.0
HELLO_AGAIN_S = 5.0


class Batch(NamedTuple):
    """Reports to fetch and send: at most `limit` after sequence `after`."""

    after: int
    limit: int


class Handover:
    """The state of one connection's handover, of at most `batch` reports at once, `begins` to begin with.

    Times are seconds of any clock that never jumps.
    """

    def __init__(
        self, in_flight: int = IN_FLIGHT, batch: int = BATCH, patience_s: float = PATIENCE_S, begins: int | None = None
    ) -> None:
        self._in_flight, self._most, self._patience_s = in_flight, batch, patience_s
        self._batch = batch if begins is None else begins
        self._watermark: int | None = None
        self._sent = 0
        self._unacknowledged: list[int] = []  # last sequence of each batch on its way
        self._progress_at = 0.0
        self._hello_at: float | None = None

    @property
    def batch(self) -> int:
        """How many reports go at once."""
        return self._batch

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
        self._unacknowledged = [last for last in self._unacknowledged if last > sequence]
        self._progress_at = now
        self._batch = min(self._most, self._batch + 1)

    def next(self) -> Batch | None:
        """What to send now; None while the cloud is silent or enough is on its way."""
        if self._watermark is None or len(self._unacknowledged) >= self._in_flight:
            return None
        return Batch(self._sent, self._batch)

    def sent(self, last: int, now: float) -> None:
        """The batch that ends with sequence `last` has been given to the connection."""
        if not self._unacknowledged:
            self._progress_at = now  # the clock of patience starts when something begins to wait
        self._unacknowledged.append(last)
        self._sent = last

    def stalled(self, now: float) -> bool:
        """Whether the cloud has owed a word for too long."""
        waiting = self._watermark is None or bool(self._unacknowledged)
        return waiting and now - self._progress_at > self._patience_s
