"""Filing: the outbox's file, statement by statement.

1. What is read is believed only if its check holds: a line's own, and the state's seal. Anything else is damage.
2. In front lies at most one line without content: the cloud has everything up to it. What waits comes after it.
3. A change of the state is written back into the file at once (`settle`): a write-ahead log that is damaged in its
   middle ends there for SQLite, without a word, and what stood in it would be as it was before.
"""

import fcntl
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from agent import line
from agent.line import Line

SCHEMA = 3
_BUSY_S = 10.0
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_ERROR)
Identity = tuple[tuple[int, int] | None, tuple[int, int] | None]


class DamagedError(Exception):
    """What lies there is not what was written."""


class NewerError(Exception):
    """The file is of a newer version of this program."""


class State(NamedTuple):
    """The one row about the outbox itself, as in outbox.sql."""

    epoch: str
    evicted: int
    budget_day: int | None
    told_until: int | None

    @property
    def seal(self) -> int:
        """What stands beside these values."""
        return zlib.crc32(repr(tuple(self)).encode())


class Known(NamedTuple):
    """What a connection still reads of its file: the state and lines, with the boot of those that wait for the time."""

    state: State | None
    lines: dict[Line, str | None]


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, or make it. Raises sqlite3.Error, OSError, NewerError."""
    path.touch(0o660)  # SQLite would make it 0640 or less, and both processes write here as users of one group
    db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA page_size = {line.PAGE}")  # a line lies within a page, and a commit writes whole pages
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        with writing(db):
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version == 0 and not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                create(db, State("0" * 16, 0, 0, 0))
        if version > SCHEMA:
            raise NewerError(version)
    except BaseException:
        db.close()
        raise
    return db


def create(db: sqlite3.Connection, state: State) -> None:
    """Make the tables in an empty file."""
    schema = files("agent").joinpath("outbox.sql").read_text()
    for statement in schema.split(";\n"):
        db.execute(statement)
    db.execute("INSERT INTO outbox VALUES (?, ?, ?, ?, ?)", (*state, state.seal))
    db.execute(f"PRAGMA user_version = {SCHEMA}")


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


def is_damage(error: Exception) -> bool:
    """Whether the file is to blame, and not the disk under it; a sector that cannot be read is the file's."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # text that is none has no code
        return code == sqlite3.SQLITE_IOERR_READ or code & 0xFF in _DAMAGE
    return isinstance(error, DamagedError)


def identity(path: Path) -> Identity:
    """Which files lie there now, the database and its log: (device, inode) of each."""
    return _identity(path), _identity(Path(f"{path}-wal"))


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
    (found,) = db.execute("SELECT max(place) FROM report WHERE place BETWEEN ? AND ?", (first, _end(first))).fetchone()
    return int(found) - first


def after(db: sqlite3.Connection, place: int, limit: int) -> list[tuple[Line, str | None]]:
    """At most `limit` lines of the same epoch after a place, with the boot of those that wait for the time."""
    query = "SELECT place, line, undated FROM report WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?"
    rows = db.execute(query, (place + 1, _end(place), limit))
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


def known(db: sqlite3.Connection | None) -> Known:
    """What can still be read of a file, however damaged."""
    found: dict[Line, str | None] = {}
    if db is None:
        return Known(None, found)
    for order in ("ASC", "DESC"):  # from both ends, as far as it goes
        with suppress(sqlite3.Error):
            for raw, boot in db.execute(f"SELECT line, undated FROM report ORDER BY place {order}"):  # noqa: S608
                one = line.read(raw) if isinstance(raw, bytes) else None
                if one is not None:
                    found[one] = boot
    with suppress(sqlite3.Error, DamagedError):
        return Known(state(db), found)
    return Known(None, found)


def _read(place: int, raw: object) -> Line:
    one = line.read(raw) if isinstance(raw, bytes) else None
    if one is None or one.place != place:
        raise DamagedError("a report is not what was written")
    return one


def _end(place: int) -> int:
    return place | (1 << 32) - 1


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
