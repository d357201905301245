"""Salvage: what a damaged outbox still holds, put into a new file.

1. Lines are looked for in every byte of the file and of its log, whatever SQLite makes of them, and in what a
   connection still reads that had the file open.
2. What lies before the newest mark of the cloud is gone by right. Of one name, the report with a date holds.
3. Where the state cannot be read it is unknown, and what depends on it is taken as done.
4. The new file is on the disk as a whole before the old one is moved aside. A kill at any point between leaves one of
   the two, and whoever opens the outbox next finishes.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from agent import filing, line
from agent.filing import DamagedError, Known, State
from agent.line import Line

_PIECE, _SECTOR = 1 << 18, 4096
_LOG = "-wal"
_COMPANIONS = ("", _LOG, "-shm")
_DATED = b'"clock":"redated"'


def before(path: Path) -> set[int]:
    """Before the file is opened: the places of the lines in it and in its log. Raises OSError."""
    making, new = _beside(path, "making"), _beside(path, "new")
    making.unlink(missing_ok=True)
    if new.exists():
        _install(path, new)
    return {one.place for one in _search(path)}


def compare(db: sqlite3.Connection, searched: set[int], known: Iterable[Known]) -> None:
    """Whether an open file has all that a search found in it, and is known of it otherwise.

    Raises DamagedError, sqlite3.Error.
    """
    (sound,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise DamagedError(sound)
    state, places = filing.state(db), {one.place for one in filing.lines(db)}
    front = min(places, default=-1)
    for one in known:
        searched |= {found.place for found in one.lines}
        if one.state is not None and _age(one.state) > _age(state):
            raise DamagedError("an older file lies there")
    if any(place > front for place in searched - places):
        raise DamagedError("reports are in it that SQLite does not find")


def mend(path: Path, known: list[Known], epoch: str | None) -> tuple[Path | None, int, int]:
    """Put a new file in the place of a damaged one; (where that is now, reports saved, reports known to be lost).

    No connection of this process may have it open. `epoch`: of the process that lives. Raises OSError, sqlite3.Error.
    """
    found: dict[int, tuple[Line, str | None]] = {}
    everything = [*known, Known(None, dict.fromkeys(_search(path)))]
    for one in everything:
        for each, boot in one.lines.items():
            if each.place not in found or _DATED in each.body:
                found[each.place] = each, boot
    front = max((each.place for one in everything for each in one.lines if not each.body), default=-1)
    kept = {place: each for place, each in sorted(found.items()) if place > front}
    names = [found[place][0] for place in ([front] if front in found else []) + list(kept)]
    missing = _holes(names)
    state = max((one.state for one in known if one.state), key=_age, default=State("0" * 16, 0, None, None))
    newest = max([state.epoch, epoch or "", *(one.epoch for one in names)])
    marked = [(found[front][0]._replace(body=b""), None)] if front in found else []
    new = _beside(path, "making")
    new.unlink(missing_ok=True)
    _write(new, state._replace(epoch=newest, evicted=state.evicted + missing), [*marked, *kept.values()])
    new = new.replace(_beside(path, "new"))
    return _install(path, new), len(kept), missing


def _write(path: Path, state: State, lines: Iterable[tuple[Line, str | None]]) -> None:
    path.touch(0o660)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size = {line.PAGE}")
        db.execute("PRAGMA synchronous = FULL")
        with filing.writing(db):
            filing.create(db, state)
            for one, boot in lines:
                filing.put(db, one, boot)


def _install(path: Path, new: Path) -> Path | None:
    """Move what lies there aside, in place of what lay aside before, and the new file to its place."""
    aside = _beside(path, "damaged")
    there = path.exists()
    for companion in _COMPANIONS:
        with suppress(FileNotFoundError):
            Path(f"{path}{companion}").replace(f"{aside}{companion}")
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return aside if there else None


def _holes(names: list[Line]) -> int:
    """How many names are missing between names in order; what an epoch began with that nobody marked is missing too."""
    missing = 0
    for one, after in zip([None, *names], names, strict=False):
        goes_on = one is not None and one.epoch == after.epoch
        expected = one.sequence + 1 if one is not None and goes_on else (1 if one is not None else after.sequence)
        missing += after.sequence - expected
    return missing


def _age(state: State) -> tuple[str, int, int]:
    """Grows from change to change."""
    return state.epoch, state.budget_day or 0, state.told_until or 0


def _search(path: Path) -> Iterator[Line]:
    for one in (path, Path(f"{path}{_LOG}")):
        yield from line.search(_pieces(one))


def _pieces(path: Path) -> Iterator[bytes]:
    """A file's content; what the disk does not give is left out, unless it gives nothing at all: then OSError."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    refused, read = None, 0
    try:
        size = os.fstat(file).st_size
        for start in range(0, size, _PIECE):
            try:
                piece = os.pread(file, _PIECE, start)
                read += len(piece)
                yield piece
            except OSError as error:
                refused = error
                for at in range(start, min(start + _PIECE, size), _SECTOR):
                    with suppress(OSError):
                        piece = os.pread(file, _SECTOR, at)
                        read += len(piece)
                        yield piece
    finally:
        os.close(file)
    if refused is not None and read == 0:
        raise refused


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}")
