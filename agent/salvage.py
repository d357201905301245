"""Salvage: what a damaged outbox still holds, put into a new file.

1. Lines are looked for in every byte of the file and of its log, whatever SQLite makes of them, and in what a
   connection still reads that had the file open.
2. What lies before the newest mark of the cloud is gone by right. Of one name, the report with a date holds.
3. Where the state cannot be read it is unknown, and what depends on it is taken as done. A file that is not there and
   has left no trace is no damage, but a new outbox.
4. A new file is on the disk as a whole before the old one is moved aside. A kill at any point between leaves one of
   the two, and whoever opens the outbox next finishes.
5. SQLite deletes the log of an empty file, and of any that it is the last to close. So nothing is opened that has no
   head, and what is damaged is closed after it was moved aside.
6. What a disk does not give at once it may give in some seconds: only what it goes on refusing is done without.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path

from agent import disk, filing, line
from agent.contract import Report, decode
from agent.filing import DamagedError, Known, State
from agent.line import Line

_PIECE, _SECTOR = 1 << 18, 4096
_COMPANIONS = ("", filing.LOG, filing.INDEX, "-journal")
_DATED, _VISITS = b'"clock":"redated"', b'"visits":'
# https://www.sqlite.org/fileformat2.html, 1.3: without and with a write-ahead log.
_HEADS = tuple(b"SQLite format 3\0%b%b\0\x40\x20\x20" % (line.PAGE.to_bytes(2), mode) for mode in (b"\1\1", b"\2\2"))


class UnreadableError(OSError):
    """The disk does not give so many bytes of what lies there."""

    def __init__(self, missing: int) -> None:
        super().__init__(f"{missing:,} bytes of it cannot be read")
        self.missing = missing


def before(path: Path) -> set[int]:
    """Before the file is opened, made where there is none: the places of the lines in it and in its log.

    Drops the locks of this process on it (fcntl(2)). Raises DamagedError, OSError, sqlite3.Error.
    """
    new = _beside(path, "new")
    if new.exists():
        _install(path, new)
    if not any(Path(f"{path}{companion}").exists() for companion in _COMPANIONS):
        _install(path, _made(path, filing.NEW, []))
    if _head(path) not in _HEADS:
        raise DamagedError("the file has no head")
    return {one.place for one in _search(path)}


def compare(db: sqlite3.Connection, searched: set[int], known: Known | None) -> None:
    """Whether an open file has all that a search found in it, and is known of it otherwise.

    Raises DamagedError, sqlite3.Error.
    """
    (sound,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise DamagedError(sound.splitlines()[-1])
    state, places = filing.state(db), {one.place for one in filing.lines(db)}
    front, mark = min(places, default=-1), filing.acknowledged(db)
    hidden = [place for place in searched - places if place > front]
    if hidden and min(hidden) > max(places, default=-1):
        raise DamagedError("a process was killed as it wrote the last report")  # or the log is cut off: it is the same
    if hidden:
        raise DamagedError("reports are in it that SQLite does not find")
    if known is None:
        return
    unknown = known.lines.keys() - places
    if _is_older(state, known.state) or any(place > (mark.place if mark else -1) for place in unknown):
        raise DamagedError("another file lies there than before")


def gather(path: Path, db: sqlite3.Connection | None, known: Known | None, without: int) -> Known:
    """All that is left: in what lies there, in a connection to it, and of what is known otherwise.

    Raises UnreadableError if the disk gives nothing, or leaves out another number of bytes than `without`.
    """
    there = filing.known(db) if db is not None else Known(filing.UNKNOWN, {})
    for one in _search(path, without):
        _add(there, one, None)
    if known is None:
        return there
    if db is None and not path.exists():
        there = there._replace(state=known.state)
    return joined(known, there)


def joined(one: Known, other: Known) -> Known:
    """What both know."""
    for each, boot in other.lines.values():
        _add(one, each, boot)
    a, b = one.state, other.state
    day, told = _greater(a.budget_day, b.budget_day), _greater(a.told_until, b.told_until)
    return Known(State(max(a.epoch, b.epoch), max(a.evicted, b.evicted), day, told), one.lines)


def mend(path: Path, known: Known, epoch: str | None) -> tuple[Path | None, int, int]:
    """Put a new file in the place of a damaged one; (where that is now, reports saved, reports known to be lost).

    `epoch`: of the process that lives. Raises OSError, sqlite3.Error.
    """
    front = max((place for place, (one, _) in known.lines.items() if not one.body), default=-1)
    rows = [known.lines[place] for place in sorted(known.lines) if place >= front]
    names = [one for one, _ in rows]
    newest = max([known.state.epoch, epoch or "", *(one.epoch for one in names)])
    told_until = known.state.told_until
    if told_until is not None:  # a process may have been killed as it wrote down what it told
        told_until = max([told_until, *(_told_until(one) for one in names)])
    new = _made(path, known.state._replace(epoch=newest, told_until=told_until), rows)
    return _install(path, new), sum(1 for one in names if one.body), _holes(names)


def _greater(one: int | None, other: int | None) -> int | None:
    """The greater of two; where one is unknown, so is this."""
    return None if one is None or other is None else max(one, other)


def _add(known: Known, one: Line, boot: str | None) -> None:
    there, _ = known.lines.get(one.place, (None, None))
    if there is None or (there.body and not one.body) or (there.body and _DATED in one.body):
        known.lines[one.place] = one, boot


def _is_older(state: State, known: State) -> bool:
    """Whether somebody knows of a later change than the state."""
    pairs = ((state.budget_day, known.budget_day), (state.told_until, known.told_until))
    return state.epoch < known.epoch or any(a is not None and b is not None and a < b for a, b in pairs)


def _told_until(one: Line) -> int:
    told = filing.hours(decode(Report, one.body)) if _VISITS in one.body else []
    return max((hour.end for hour in told), default=0)


def _holes(names: list[Line]) -> int:
    """How many names are missing between names in order; what an epoch began with that nobody marked is missing too."""
    missing = 0
    for one, after in zip([None, *names], names, strict=False):
        goes_on = one is not None and one.epoch == after.epoch
        expected = one.sequence + 1 if one is not None and goes_on else (1 if one is not None else after.sequence)
        missing += after.sequence - expected
    return missing


def _made(path: Path, state: State, rows: Iterable[tuple[Line, str | None]]) -> Path:
    making = _beside(path, "making")
    making.unlink(missing_ok=True)
    filing.make(making, state, rows)
    return making.replace(_beside(path, "new"))


def _install(path: Path, new: Path) -> Path | None:
    """Move what lies there aside, in place of what lay aside before, and the new file to its place."""
    aside = _beside(path, "damaged")
    there = path.exists()
    for companion in _COMPANIONS:
        with suppress(FileNotFoundError):
            Path(f"{path}{companion}").replace(f"{aside}{companion}")
    new.replace(path)
    disk.settle(path.parent)
    return aside if there else None


def _search(path: Path, without: int | None = None) -> Iterator[Line]:
    return line.search(_pieces(path, without))


def _pieces(path: Path, without: int | None) -> Iterator[bytes]:
    """What can be read of a file and its log. Raises UnreadableError as `gather` does; None: whatever is missing."""
    size = read = 0
    for one in (path, Path(f"{path}{filing.LOG}")):
        with suppress(FileNotFoundError), one.open("rb", buffering=0) as file:
            there = os.fstat(file.fileno()).st_size
            for start in range(0, there, _PIECE):
                piece = _piece(file, start, _PIECE)
                yield piece
                read += len(piece)
            size += there
    missing = size - read
    if missing and (not read or (without is not None and missing != without)):
        raise UnreadableError(missing)


def _piece(file: FileIO, start: int, length: int) -> bytes:
    try:
        return os.pread(file.fileno(), length, start)
    except OSError:
        if length == _SECTOR:
            return b""
        return b"".join(_piece(file, at, _SECTOR) for at in range(start, start + length, _SECTOR))


def _head(path: Path) -> bytes:
    with suppress(FileNotFoundError), path.open("rb", buffering=0) as file:
        return _piece(file, 0, _SECTOR)[: len(_HEADS[0])]
    return b""


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}")
