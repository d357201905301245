"""Outbox: reports on their way to the cloud, on disk.

1. A report is the sensor's responsibility from the commit of `append` on: write-ahead log, synchronous FULL, one
   commit per window. It survives a kill and a power cut.
2. Only `acknowledge`, told by the cloud's watermark, and `append` when the outbox is full, delete. What is
   given up is always the oldest, and is counted.
3. An epoch is one life of the sensing process, and begins with its first report; sequences grow by one in it. So no
   (epoch, sequence) is given twice, whatever a disk forgets or a person puts back. A sequence that is passed over
   stands for a report that is lost: the cloud counts it missing.
4. Noised figures of an hour are let in once, and the budget of a day is opened once, whatever is killed when: noise
   that was drawn twice for one figure would average away. Where damage took the note of it, it counts as done.
5. A report taken before the time of day was known waits for it (`redate`), or until it is let go without (`release`).
6. Two processes use the file: the sensing one appends, the talking one reads and acknowledges; one at a time. A disk
   that refuses is an OutboxError of what was asked, and all is as before. A file that is damaged or gone is mended by
   the process that meets it (`salvage`); the other one finds another file in place of its own, and opens that.
"""

import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from agent import filing, line, salvage
from agent.contract import Heard, Report, decode, encode
from agent.core.undated import dated
from agent.filing import State
from agent.line import Line

log = logging.getLogger("footfall.outbox")

_BUSY_S = 5.0
_GLITCH_S = 3.0  # a disk that does not give all of a damaged file may do so again; after this, what it gives is all
_FIRST_LIFE = 1_577_836_800  # 2020, so that a number of 31 bits holds out until 2087
_LAST_BY_CLOCK = 2**31 - 2**24
P = ParamSpec("P")
T = TypeVar("T")


class OutboxError(Exception):
    """The outbox cannot be used now. The message names the file and says what to do."""


class Pending(NamedTuple):
    """What waits: of the oldest epoch in it the sequences `first` to `last` (none if last < first); over all epochs
    how many wait, the oldest window's start, and how many were given up."""

    epoch: str
    first: int
    last: int
    waiting: int
    oldest_window_start: int | None
    evicted: int


class Life(NamedTuple):
    """The epoch of a sensing process, and the last sequence it gave."""

    epoch: str
    given: int


class Outbox:
    """The outbox in the file `path`; made if it is missing. At most `max_reports` are kept.

    `boot` names the boot of the machine (boot_id of random(4)). `life` goes on where another image of the same process
    left off. A disk may refuse for a while: then whatever is asked raises OutboxError, until it no longer does.
    """

    def __init__(self, path: Path, max_reports: int = 105_120, boot: str = "", life: Life | None = None) -> None:
        self._path, self._max, self._boot = path, max_reports, boot
        self._db: sqlite3.Connection | None = None
        self._file: filing.Identity | None = None
        self._known: filing.Known | None = None  # of files that were at fault, or are no longer there
        self._room = 0
        self._unread = 0, 0.0  # bytes that the disk does not give, and since when
        self.life = life

    def append(self, report: Report, lost: int = 0) -> Line:
        """Commit one report to disk; as it lies there. `lost`: how many before it the disk never took.

        One whose commit failed and is there after all is not taken twice. Raises OutboxError.
        """
        return self._do(self._append, report, lost)

    def open_budget(self, day: int) -> bool:
        """Whether visits may be counted on the shop-local day of this number: yes once, and never for an older day.

        No where the disk does not let us note it, and where damage took the note: the day may have been opened before.
        """
        try:
            return self._do(self._open_budget, day)
        except OutboxError as error:
            log.warning("visits are not counted today: %s", error)
            return False

    def redate(self, ahead: float) -> int:
        """Give the time of day to the reports of this boot that wait for it; how many. Raises OutboxError.

        `ahead`: by how many seconds UTC is ahead of the time since boot.
        """
        return self._do(self._redate, ahead)

    def release(self, *, this_boot: bool) -> int:
        """Let reports go without the time of day, flagged as they are: those of earlier boots, or all. How many.

        Raises OutboxError.
        """
        return self._do(self._release, "" if this_boot else self._boot)

    def pending(self) -> Pending:
        """What waits for the cloud. Raises OutboxError."""
        return self._do(self._pending)

    def after(self, epoch: str, sequence: int, limit: int) -> list[Line]:
        """At most `limit` consecutive reports of an epoch after `sequence`, as far as they may go. Raises OutboxError.

        They begin later than `sequence` + 1 where those before are lost.
        """
        return self._do(self._after, epoch, sequence, limit)

    def newest(self) -> Line | None:
        """The newest report, if it may go. Raises OutboxError."""
        return self._do(self._newest)

    def acknowledge(self, epoch: str, sequence: int) -> None:
        """The cloud has committed everything of the epoch up to `sequence`: those may go. Raises OutboxError.

        The next `append` carries this to disk: lost in a power cut, it costs a delivery that changes nothing.
        """
        self._do(self._acknowledge, line.place(epoch, sequence))

    def check(self) -> None:
        """Look for damage, and mend it. Raises OutboxError."""
        self._do(self._look)

    def close(self) -> None:
        """Close the file."""
        with suppress(OutboxError), self._alone():
            self._file = None
            self._let_go()

    # What is asked is done on the file that lies there now, by us alone, and a second time if it had to be mended.

    def _do(self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._alone():
            try:
                try:
                    return work(self._opened(), *args, **kwargs)
                except filing.FAULTS as error:
                    if not filing.is_damage(error, self._path):
                        raise
                    self._mend(str(error))
                    return work(self._opened(), *args, **kwargs)
            except (*filing.FAULTS, OSError) as error:
                raise self._refused(error) from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            folder = os.open(self._path.parent, os.O_RDONLY)
        except OSError as error:
            raise self._refused(error) from None
        try:
            until = time.monotonic() + _BUSY_S
            while not filing.locked(folder):
                if time.monotonic() > until:
                    raise self._refused("the other process does not let go of it")
                time.sleep(0.002)
            yield
        finally:
            os.close(folder)

    def _refused(self, why: object) -> OutboxError:
        return OutboxError(f"The outbox {self._path} cannot be used ({why}): check the folder's owner and the disk.")

    def _opened(self) -> sqlite3.Connection:
        there, ours = filing.identity(self._path), self._file
        if self._db is None or there != ours:
            if ours is not None and there.file == ours.file:
                if there.log not in (None, ours.log) or there.log_index not in (None, ours.log_index):
                    self._known = filing.Known(filing.UNKNOWN, {})  # somebody has been at work on it without us
                raise filing.DamagedError("its log is no longer there")  # closed now, ours would be written over it
            self._let_go()
            searched = salvage.before(self._path)
            if there.log is None:
                filing.drop_index(self._path)
            self._db = filing.connect(self._path)
            try:
                filing.prepare(self._db)
            except filing.NewerError as error:
                raise OutboxError(
                    f"The outbox {self._path} was written by a newer version (schema {error}, this one knows "
                    f"{filing.SCHEMA}): install that version again, or move the file away to start a new outbox."
                ) from None
            salvage.compare(self._db, searched, self._known)
            self._file, self._known, self._room = filing.identity(self._path), None, 0
        return self._db

    def _mend(self, fault: str) -> None:
        self._file = None
        missing, since = self._unread
        try:
            without = missing if time.monotonic() - since > _GLITCH_S else 0
            self._known = salvage.gather(self._path, self._db, self._known, without)
        except salvage.UnreadableError as error:
            if error.missing != missing:
                self._unread = error.missing, time.monotonic()
            raise
        aside, saved, lost = salvage.mend(self._path, self._known, self.life and self.life.epoch)
        log.warning(
            "the outbox was mended (%s): %d reports are saved, %d are known to be lost; what was there is in %s",
            fault, saved, lost, aside,
        )  # fmt: skip
        self._unread = 0, 0.0

    def _let_go(self) -> None:
        """Close the file; what a sound one still says is kept until another one has it too."""
        if self._db is not None:
            if self._file is not None:
                known = filing.known(self._db)
                self._known = salvage.joined(self._known, known) if self._known else known
            with suppress(sqlite3.Error):
                self._db.close()
        self._db = self._file = None

    def _look(self, db: sqlite3.Connection) -> sqlite3.Connection:
        """Look for damage; a connection to go on with. Reading the file has dropped the locks of the one before."""
        searched = salvage.before(self._path)
        with closing(filing.connect(self._path)) as other:  # which has nothing of it in memory
            filing.prepare(other)
            salvage.compare(other, searched, None)
        self._file = None
        db.close()
        self._db = filing.connect(self._path)
        filing.prepare(self._db)
        self._file = filing.identity(self._path)
        return self._db

    # Each of these is one transaction.

    def _append(self, db: sqlite3.Connection, report: Report, lost: int) -> Line:
        tells = bool(filing.hours(report))
        if tells:
            db = self._look(db)  # only where all is found is the log written back
        with filing.writing(db):
            state = filing.state(db)
            self.life = life = self.life or _next_life(state.epoch)
            newest = filing.newest(db)
            if newest is not None and newest.epoch == life.epoch and newest.sequence > life.given:
                self.life = life = Life(newest.epoch, newest.sequence)
                if newest.body in (b"", encode(report), encode(_without_visits(report))):
                    return newest
            body, told_until = _once(report, state.told_until)
            one = Line(life.epoch, life.given + lost + 1, body)
            evicted = state.evicted + lost + self._evict(db)
            undated = self._boot if report.clock == "untrusted" else None
            filing.put(db, one, undated)
            after = State(life.epoch, evicted, state.budget_day, told_until)
            filing.change(db, state, after)
        self._room -= 1
        if tells:
            filing.settle(db)
        self.life = Life(one.epoch, one.sequence)  # and not before: where that failed, the report comes once more
        return one

    def _evict(self, db: sqlite3.Connection) -> int:
        """Make room for one more; how many had to go for it. They are counted only when there may be no room."""
        if self._room <= 0:
            self._room = self._max - filing.count(db)
        return filing.delete_oldest(db, 1 - self._room) if self._room < 1 else 0

    def _open_budget(self, db: sqlite3.Connection, day: int) -> bool:
        db = self._look(db)
        with filing.writing(db):
            state = filing.state(db)
            opens = state.budget_day is not None and state.budget_day < day
            if opens or state.budget_day is None:
                filing.change(db, state, state._replace(budget_day=day))
        filing.settle(db)
        return opens

    def _redate(self, db: sqlite3.Connection, ahead: float) -> int:
        with filing.writing(db):
            waiting = list(filing.undated(db, self._boot))
            for one in waiting:
                body = encode(dated(decode(Report, one.body), ahead))
                filing.put(db, one._replace(body=body), None)
        return len(waiting)

    def _release(self, db: sqlite3.Connection, but: str) -> int:
        with filing.writing(db):
            return filing.release(db, but)

    def _pending(self, db: sqlite3.Connection) -> Pending:
        state, oldest = filing.state(db), filing.oldest(db)
        if oldest is None:
            newest = filing.acknowledged(db) or Line(state.epoch, 0, b"")
            return Pending(newest.epoch, newest.sequence + 1, newest.sequence, 0, None, state.evicted)
        start = decode(Report, oldest.body).window_start
        last = filing.last_of(db, oldest.epoch)
        return Pending(oldest.epoch, oldest.sequence, last, filing.count(db), start, state.evicted)

    def _after(self, db: sqlite3.Connection, epoch: str, sequence: int, limit: int) -> list[Line]:
        rows: list[Line] = []
        for one, undated in filing.after(db, line.place(epoch, sequence), limit):
            if undated or one.epoch != epoch or (rows and one.sequence != rows[-1].sequence + 1):
                break
            rows.append(one)
        return rows

    def _newest(self, db: sqlite3.Connection) -> Line | None:
        one = filing.newest(db)
        return one if one is not None and one.body and not filing.is_undated(db, one) else None

    def _acknowledge(self, db: sqlite3.Connection, place: int) -> None:
        oldest = filing.oldest(db)
        if oldest is None or not oldest.place <= place <= line.end(oldest.place):
            return
        db.execute("PRAGMA synchronous = NORMAL")
        try:
            with filing.writing(db):
                filing.acknowledge(db, place)
        finally:
            db.execute("PRAGMA synchronous = FULL")


def _next_life(newest: str) -> Life:
    """One after the newest that is known here; and after others too, as long as the clock is not set back."""
    number = max(int(newest[:8], 16) + 1, min(int(time.time()) - _FIRST_LIFE, _LAST_BY_CLOCK))
    return Life(f"{number:08x}{secrets.token_hex(4)}", 0)


def _once(report: Report, told_until: int | None) -> tuple[bytes, int]:
    """The report's bytes without noised figures of a time that was told before, and until when is told after it."""
    if told_until is None:  # not known: all that was told, was told of earlier windows
        told_until = report.window_start + report.window_s
    hours = filing.hours(report)
    if any(hour.start < told_until for hour in hours):
        return encode(_without_visits(report)), told_until
    return encode(report), max([told_until, *(hour.end for hour in hours)])


def _without_visits(report: Report) -> Report:
    return replace(report, wifi=_silenced(report.wifi), ble=_silenced(report.ble))


def _silenced(heard: Heard | None) -> Heard | None:
    return heard and replace(heard, visits=UNSET, dwell=UNSET)
