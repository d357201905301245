"""Filing: the outbox's file, statement by statement.

1. What is read is believed only if its check holds: a line's own, and the state's seal. Anything else is damage.
2. In front lies at most one line without content: the cloud has everything up to it. What waits comes after it.
3. What was told and which day was opened is written back into the file at once (`settle`): a write-ahead log that is
   damaged in its middle ends there for SQLite, without a word, and what stood in it would be as it was before.
4. The number of the schema stands in the file's head twice: one that a flipped bit made is of no newer version.
"""

import fcntl
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from msgspec import UNSET

from agent import line
from agent.contract import Report, VisitsHour
from agent.line import Line

SCHEMA = 3
_MAGIC = int.from_bytes(b"Foo") << 8  # beside it the schema's number: the application id (pragma.html)
_TABLES = files("agent").joinpath("outbox.sql").read_text().split(";\n")
LOG, INDEX = "-wal", "-shm"  # what SQLite puts beside a file
_BUSY_S = 10.0
_REFUSALS = (
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS,
)  # fmt: skip
_UNREADABLE = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS)


class DamagedError(Exception):
    """What lies there is not what was written."""


# Text that is none raises the last, where SQLite quotes it from the file.
FAULTS = (sqlite3.Error, DamagedError, UnicodeDecodeError)


class NewerError(Exception):
    """The file is of a newer version of this program."""


class Identity(NamedTuple):
    """Which files lie there, the database, its log and the log's index: (device, inode) of each."""

    file: tuple[int, int] | None
    log: tuple[int, int] | None
    log_index: tuple[int, int] | None


class State(NamedTuple):
    """The one row about the outbox itself, as in outbox.sql. It only grows."""

    epoch: str
    evicted: int
    budget_day: int | None
    told_until: int | None

    @property
    def seal(self) -> int:
        """What stands beside these values."""
        return zlib.crc32(repr(tuple(self)).encode())


NEW, UNKNOWN = State("0" * 16, 0, 0, 0), State("0" * 16, 0, None, None)


class Known(NamedTuple):
    """What is known of an outbox: its state; by place its lines, with the boot of those that wait for the time."""

    state: State
    lines: dict[int, tuple[Line, str | None]]


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the file; nothing of it is read yet. Raises sqlite3.Error."""
    return sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)


def prepare(db: sqlite3.Connection) -> None:
    """Set what holds for a connection, and see that the file is an outbox. Raises sqlite3.Error, NewerError,
    DamagedError."""
    db.execute("PRAGMA journal_mode = WAL").fetchone()
    db.execute("PRAGMA synchronous = FULL")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    if application == _MAGIC + version and version > SCHEMA:
        raise NewerError(version)
    if application != _MAGIC + version or version != SCHEMA:
        raise DamagedError("the file's head is not what was written")


def make(path: Path, state: State, lines: Iterable[tuple[Line, str | None]]) -> None:
    """Write a whole outbox into a new file. Raises sqlite3.Error, OSError."""
    path.touch()
    path.chmod(0o660)  # both processes write here as users of one group, whoever made the file and under whatever umask
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size = {line.PAGE}")  # a line lies within a page, and a commit writes whole pages
        db.execute("PRAGMA synchronous = FULL")
        with writing(db):
            for statement in _TABLES:
                db.execute(statement)
            db.execute("INSERT INTO outbox VALUES (?, ?, ?, ?, ?)", (*state, state.seal))
            db.execute(f"PRAGMA application_id = {_MAGIC + SCHEMA}")
            db.execute(f"PRAGMA user_version = {SCHEMA}")
            for one, boot in lines:
                put(db, one, boot)


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction: all of it, or none."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
        raise


def is_damage(error: Exception, path: Path) -> bool:
    """Whether the file is to blame, and not the disk under it; a sector that cannot be read is the file's."""
    if not isinstance(error, sqlite3.Error):
        return isinstance(error, FAULTS)
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # text that is none has no code
    if code & 0xFF == sqlite3.SQLITE_READONLY:
        return os.access(path.parent, os.W_OK)  # the disk takes files: its head says so, or somebody put it there
    return code in _UNREADABLE or code & 0xFF not in _REFUSALS


def identity(path: Path) -> Identity:
    """Which files lie there now."""
    return Identity(*(_identity(Path(f"{path}{companion}")) for companion in ("", LOG, INDEX)))


def drop_index(path: Path) -> None:
    """Delete the index of a log that is gone: another process may have both open, and would share it with a new log."""
    Path(f"{path}{INDEX}").unlink(missing_ok=True)


def locked(folder: int) -> bool:
    """Lock an open folder against the other process; False while that one has it. Closing it unlocks (flock(2))."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def state(db: sqlite3.Connection) -> State:
    """The state. Raises DamagedError."""
    *values, seal = db.execute("SELECT epoch, evicted, budget_day, told_until, seal FROM outbox").fetchone() or [None]
    found = State(*values) if len(values) == len(State._fields) else None
    if found is None or found.seal != seal:
        raise DamagedError("the row about the outbox is not what was written")
    return found


def change(db: sqlite3.Connection, before: State, after: State) -> None:
    """Write the state, where it differs."""
    if after != before:
        db.execute(
            "UPDATE outbox SET epoch = ?, evicted = ?, budget_day = ?, told_until = ?, seal = ?", (*after, after.seal)
        )


def settle(db: sqlite3.Connection) -> None:
    """Write the log back into the file."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def put(db: sqlite3.Connection, one: Line, undated: str | None) -> None:
    """Write a line, over what has its place."""
    db.execute("INSERT OR REPLACE INTO report VALUES (?, ?, ?)", (one.place, line.write(one), undated))


def lines(db: sqlite3.Connection) -> Iterator[Line]:
    """All lines, oldest first. Raises DamagedError."""
    return (_read(*row) for row in db.execute("SELECT place, line FROM report ORDER BY place"))


def acknowledged(db: sqlite3.Connection) -> Line | None:
    """The line in front, if it is one without content."""
    row = db.execute("SELECT place, line FROM report ORDER BY place LIMIT 1").fetchone()
    found = _read(*row) if row else None
    return found if found is not None and not found.body else None


def oldest(db: sqlite3.Connection) -> Line | None:
    """The oldest report that waits."""
    found = (_read(*row) for row in db.execute("SELECT place, line FROM report ORDER BY place LIMIT 2"))
    return next((one for one in found if one.body), None)


def newest(db: sqlite3.Connection) -> Line | None:
    """The last line."""
    row = db.execute("SELECT place, line FROM report ORDER BY place DESC LIMIT 1").fetchone()
    return _read(*row) if row else None


def last_of(db: sqlite3.Connection, epoch: str) -> int:
    """The last sequence of an epoch."""
    first = line.place(epoch, 0)
    (found,) = db.execute(
        "SELECT max(place) FROM report WHERE place BETWEEN ? AND ?", (first, line.end(first))
    ).fetchone()
    return int(found) - first


def after(db: sqlite3.Connection, place: int, limit: int) -> list[tuple[Line, str | None]]:
    """At most `limit` lines of the same epoch after a place, with the boot of those that wait for the time."""
    query = "SELECT place, line, undated FROM report WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?"
    rows = db.execute(query, (place + 1, line.end(place), limit))
    return [(_read(at, raw), boot) for at, raw, boot in rows]


def undated(db: sqlite3.Connection, boot: str) -> list[Line]:
    """The reports of a boot that wait for the time."""
    rows = db.execute("SELECT place, line FROM report WHERE undated = ? ORDER BY place", (boot,))
    return [_read(*row) for row in rows]


def is_undated(db: sqlite3.Connection, one: Line) -> bool:
    """Whether a report waits for the time."""
    (boot,) = db.execute("SELECT undated FROM report WHERE place = ?", (one.place,)).fetchone()
    return boot is not None


def release(db: sqlite3.Connection, but: str) -> int:
    """No report waits for the time any more, but those of one boot; how many did."""
    return db.execute("UPDATE report SET undated = NULL WHERE undated IS NOT NULL AND undated != ?", (but,)).rowcount


def count(db: sqlite3.Connection) -> int:
    """How many reports wait."""
    (rows,) = db.execute("SELECT count(*) FROM report").fetchone()
    return int(rows) - (acknowledged(db) is not None)


def delete_oldest(db: sqlite3.Connection, most: int) -> int:
    """Delete so many of the reports that wait; how many there were."""
    query = "SELECT place FROM report WHERE place > ? ORDER BY place LIMIT ?"
    front = acknowledged(db)
    gone = [row[0] for row in db.execute(query, (front.place if front else -1, most))]
    db.execute("DELETE FROM report WHERE place <= ?", (max(gone, default=-1),))
    return len(gone)


def acknowledge(db: sqlite3.Connection, place: int) -> None:
    """Everything up to a place goes, and what lies at it becomes a line without content."""
    query = "SELECT place, line FROM report WHERE place <= ? ORDER BY place DESC LIMIT 1"
    last = _read(*db.execute(query, (place,)).fetchone())
    db.execute("DELETE FROM report WHERE place < ?", (last.place,))
    put(db, last._replace(body=b""), None)


def hours(report: Report) -> list[VisitsHour]:
    """The hours of visits that a report tells."""
    return [one.visits for one in (report.wifi, report.ble) if one is not None and one.visits is not UNSET]


def known(db: sqlite3.Connection) -> Known:
    """What can be read of a file, however damaged."""
    found: dict[int, tuple[Line, str | None]] = {}
    for order in ("ASC", "DESC"):  # from both ends, as far as it goes
        with suppress(*FAULTS):
            for raw, boot in db.execute(f"SELECT line, undated FROM report ORDER BY place {order}"):  # noqa: S608
                one = line.read(raw) if isinstance(raw, bytes) else None
                if one is not None:
                    found[one.place] = one, boot
    with suppress(*FAULTS):
        return Known(state(db), found)
    return Known(UNKNOWN, found)


def _read(place: int, raw: object) -> Line:
    one = line.read(raw) if isinstance(raw, bytes) else None
    if one is None or one.place != place:
        raise DamagedError("a report is not what was written")
    return one


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
