"""Vitals: how the sensor is, put together: what the sensing process says of itself, and what the talking one knows.

The talking thread brings it up to date with `look`; `now` may be asked by another thread.
"""

import time
from pathlib import Path
from typing import NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from agent import machine, status, uplink, validity
from agent.contract import Health, OutboxHealth
from agent.contract.health import Machine
from agent.outbox import Pending
from agent.uplink import Sent, Tcp


class Seen(NamedTuple):
    """What was seen of the sensor at `at` (UTC seconds); `connected`: the broker answered then."""

    at: float
    connected: bool
    held: Pending
    machine: Machine


class Vitals:
    """`status_path`: where the sensing process says how it is. `state_dir`: a folder on the disk that matters.

    `certificate`: the file of the sensor's own; `interval_s`: how often the cloud is told.
    """

    def __init__(self, status_path: Path, state_dir: Path, certificate: Path | None, interval_s: float) -> None:
        self._status_path, self._state_dir, self._certificate = status_path, state_dir, certificate
        self.interval_s = interval_s
        self._sent, self._sent_today = Sent(), 0
        self.seen: Seen | None = None

    def connected(self) -> None:
        """A new connection to the broker begins."""
        self._sent.connected()

    def look(self, held: Pending, line: Tcp | None) -> Health | None:
        """How it is now, with so much in the outbox; `line`: the connection to the broker. None before it ever was."""
        now = time.time()
        if line is not None:
            self._sent_today = self._sent.count(line.sent, now)
        until = None if self._certificate is None else validity.until(self._certificate)
        found = replace(
            machine.look(self._state_dir),
            uplink=uplink.look(line, self._sent_today),
            certificate_until=UNSET if until is None else until,
        )
        self.seen = Seen(now, line is not None, held, found)
        return self.now()

    def now(self) -> Health | None:
        """What the sensing process says now, completed by what was seen last."""
        health, seen = status.read(self._status_path), self.seen
        if health is None or seen is None:
            return health
        oldest = seen.held.oldest_window_start
        age = None if oldest is None else max(0.0, health.at - oldest)
        waiting = OutboxHealth(pending=seen.held.waiting, oldest_age_s=age, evicted=seen.held.evicted)
        return replace(health, outbox=waiting, machine=seen.machine, interval_s=self.interval_s)
