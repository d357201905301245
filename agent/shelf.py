"""Shelf: reports on their way to the outbox, in memory only while the disk refuses them.

A closed window is committed before anything else happens to it. While the disk refuses, reports wait, the oldest is
given up beyond a day, and that is logged.
"""

import logging
import sqlite3
from collections import deque
from collections.abc import Iterable

from agent.contract import Report
from agent.outbox import Outbox

log = logging.getLogger("footfall.shelf")

_UNSAVED = 288


class Shelf:
    """What waits for the disk, oldest first."""

    def __init__(self, outbox: Outbox, unsaved: Iterable[Report] = ()) -> None:
        self._outbox = outbox
        self._unsaved = deque(unsaved)
        self._refused = ""

    @property
    def unsaved(self) -> list[Report]:
        """What still waits."""
        return list(self._unsaved)

    def keep(self, reports: Iterable[Report]) -> None:
        """Commit the reports, and those still waiting before them."""
        self._unsaved.extend(reports)
        while len(self._unsaved) > _UNSAVED:
            lost = self._unsaved.popleft()
            log.error("the window of %d is lost: the disk has refused it for a day", lost.window_start)
        while self._unsaved:
            try:
                self._outbox.append(self._unsaved[0])
            except sqlite3.Error as error:
                if str(error) != self._refused:
                    log.error("the outbox refuses reports (%s); they wait in memory", error)
                self._refused = str(error)
                return
            self._unsaved.popleft()
            self._refused = ""
