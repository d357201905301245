"""Outbox: reports on their way to the cloud, on disk.

1. A report is the sensor's responsibility from the commit of `append` on: write-ahead log, synchronous FULL, one
   commit per window. It survives a kill and a power cut.
2. Only `acknowledge`, told by the cloud's watermark, and `append` when the outbox is full, delete. What is
   given up is always the oldest, and is counted.
3. Sequences grow by one and are never reused. (epoch, sequence) names a report for ever.
4. Noised figures of an hour are let in once, and the budget of a day is opened once, whatever is killed when: noise
   that was drawn twice for one figure would average away.
5. Two processes use the file: the sensing one appends, the talking one reads and acknowledges.
"""

import secrets
import sqlite3
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from agent.contract import Heard, Report, encode

SCHEMA = 2
_BUSY_S = 10.0


class OutboxError(Exception):
    """The outbox cannot be used. The message names the file and says what to do."""


class Pending(NamedTuple):
    """What waits: `first` to `last` (none if last < first), the oldest window's start, and the evicted count."""

    epoch: str
    first: int
    last: int
    waiting: int
    oldest_window_start: int | None
    evicted: int


class Outbox:
    """The outbox in the file `path`; made if it is missing. At most `max_reports` are kept. Raises OutboxError."""

    def __init__(self, path: Path, max_reports: int = 105_120) -> None:
        self._path = path
        self._max = max_reports
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o660)  # SQLite would make it 0640 or less, and both processes write here as users of one group
            self._db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
            self._db.execute("PRAGMA page_size = 512")  # a report is small, and a commit writes whole pages
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._create_or_check()
            self.epoch: str = self._db.execute("SELECT epoch FROM outbox").fetchone()[0]
        except (sqlite3.Error, OSError) as error:
            raise OutboxError(
                f"The outbox {path} cannot be opened ({error}): check the folder's owner and the disk."
            ) from None

    def append(self, report: Report) -> int:
        """Commit one report to disk; its sequence."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            acknowledged, told_until = self._db.execute("SELECT acknowledged, told_until FROM outbox").fetchone()
            body = self._once(report, told_until)
            (last,) = self._db.execute("SELECT max(sequence) FROM report").fetchone()
            sequence = int(last or acknowledged) + 1
            self._evict(sequence - self._max)
            self._db.execute("INSERT INTO report VALUES (?, ?, ?)", (sequence, report.window_start, body))
            self._db.execute("COMMIT")
        except sqlite3.Error:
            self._rollback()
            raise
        return sequence

    def open_budget(self, day: int) -> bool:
        """Whether visits may be counted on the shop-local day of this number: yes once, and never for an older day."""
        return self._db.execute("UPDATE outbox SET budget_day = ? WHERE budget_day < ?", (day, day)).rowcount == 1

    def pending(self) -> Pending:
        """What waits for the cloud."""
        epoch, acknowledged, evicted = self._db.execute("SELECT epoch, acknowledged, evicted FROM outbox").fetchone()
        count, first, last, oldest = self._db.execute(
            "SELECT count(*), min(sequence), max(sequence), min(window_start) FROM report"
        ).fetchone()
        return Pending(epoch, first or acknowledged + 1, last or acknowledged, count, oldest, evicted)

    def after(self, sequence: int, limit: int) -> list[tuple[int, bytes]]:
        """(sequence, body) of at most `limit` reports after `sequence`, in order."""
        return self._db.execute(
            "SELECT sequence, body FROM report WHERE sequence > ? ORDER BY sequence LIMIT ?", (sequence, limit)
        ).fetchall()

    def acknowledge(self, sequence: int) -> None:
        """The cloud has committed everything up to `sequence`: those may go.

        The next `append` carries this to disk: lost in a power cut, it costs a delivery that changes nothing.
        """
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.execute("DELETE FROM report WHERE sequence <= ?", (sequence,))
            self._db.execute("UPDATE outbox SET acknowledged = max(acknowledged, ?)", (sequence,))
            self._db.execute("COMMIT")
        except sqlite3.Error:
            self._rollback()
            raise
        finally:
            self._db.execute("PRAGMA synchronous = FULL")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _create_or_check(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            schema = files("agent").joinpath("outbox.sql").read_text()
            for statement in schema.split(";\n"):
                self._db.execute(statement)
            self._db.execute("INSERT INTO outbox VALUES (?, 0, 0, 0, 0)", (secrets.token_hex(8),))
        if version == 1:
            for column in ("budget_day", "told_until"):
                self._db.execute(f"ALTER TABLE outbox ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")
        if version < SCHEMA:
            self._db.execute(f"PRAGMA user_version = {SCHEMA}")
        self._db.execute("COMMIT")
        if version > SCHEMA:
            raise OutboxError(
                f"The outbox {self._path} was written by a newer version (schema {version}, this one knows "
                f"{SCHEMA}): install that version again, or move the file away to start a new outbox."
            )

    def _once(self, report: Report, told_until: int) -> bytes:
        """The report's bytes, without noised figures of a time that was told before."""
        hours = [one.visits for one in (report.wifi, report.ble) if one is not None and one.visits is not UNSET]
        if any(hour.start < told_until for hour in hours):
            return encode(replace(report, wifi=_without_visits(report.wifi), ble=_without_visits(report.ble)))
        if hours:
            self._db.execute("UPDATE outbox SET told_until = ?", (max(hour.end for hour in hours),))
        return encode(report)

    def _evict(self, upto: int) -> None:
        given_up = self._db.execute("DELETE FROM report WHERE sequence <= ?", (upto,)).rowcount
        if given_up:
            self._db.execute("UPDATE outbox SET evicted = evicted + ?", (given_up,))

    def _rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _without_visits(heard: Heard | None) -> Heard | None:
    return heard and replace(heard, visits=UNSET, dwell=UNSET)
