"""Shelf: reports on their way to the outbox, in memory only while the disk refuses them.

1. A closed window is committed before anything else happens to it. While the disk refuses, reports wait, for a day.
2. Beyond a day the oldest is given up. It is counted with the next report that the disk takes: a sequence is passed
   over for it, which the cloud counts missing.
3. As soon as the time of day can be trusted, the reports that were taken before get it, here and in the outbox.
"""

import logging
import time
from collections import deque
from collections.abc import Iterable

from agent.contract import Report
from agent.core.undated import dated
from agent.outbox import Outbox, OutboxError

log = logging.getLogger("footfall.shelf")

_DAY_S = 86_400
_AGAIN_S = 5.0


class Shelf:
    """What waits for the disk, oldest first; `lost`: how many before it were given up and are not counted yet."""

    def __init__(self, outbox: Outbox, unsaved: Iterable[Report] = (), lost: int = 0) -> None:
        self._outbox = outbox
        self._unsaved = deque(unsaved)
        self.lost = lost
        self._undated = True  # whether some may wait for the time; the process before may have left them
        self._refused, self._again_at = "", 0.0

    @property
    def unsaved(self) -> list[Report]:
        """What still waits."""
        return list(self._unsaved)

    def keep(self, reports: Iterable[Report], ahead: float | None = None) -> None:
        """Commit the reports, and those still waiting before them; while the disk refuses, try every few seconds.

        `ahead`: by how many seconds UTC is ahead of the time since boot, if that can be trusted.
        """
        new = list(reports)
        self._unsaved.extend(new)
        while self._unsaved and len(self._unsaved) * self._unsaved[0].window_s > _DAY_S:
            given_up = self._unsaved.popleft()
            self.lost += 1
            log.error("the window of %d is lost: the disk has refused it for a day", given_up.window_start)
        due = bool(self._refused) or (self._undated and ahead is not None)
        if new or (due and time.monotonic() >= self._again_at):
            self._commit(ahead)

    def _commit(self, ahead: float | None) -> None:
        try:
            if ahead is not None and self._undated:
                found = self._outbox.redate(ahead)
                self._undated = False
                if found:
                    log.info("the time is known: %d reports got their date", found)
            while self._unsaved:
                one = self._unsaved[0] if ahead is None else dated(self._unsaved[0], ahead)
                self._undated |= one.clock == "untrusted"  # it may be there though its commit failed
                self._outbox.append(one, self.lost)
                self._unsaved.popleft()
                self.lost = 0
            self._refused = ""
        except OutboxError as error:
            if str(error) != self._refused:
                log.error("the outbox refuses reports (%s); they wait in memory", error)
            self._refused, self._again_at = str(error), time.monotonic() + _AGAIN_S
