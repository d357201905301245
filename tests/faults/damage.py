"""Damage: what can happen to a file and its write-ahead log, on a disk, in a file system, or by a hand."""

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agent.line import PAGE

Fault = Callable[[random.Random, Path], None]


def files(path: Path) -> list[Path]:
    """The file and its log, as far as there is something in them."""
    return [one for one in (path, Path(f"{path}-wal")) if one.exists() and one.stat().st_size]


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def bits(dice: random.Random, path: Path) -> None:
    one = dice.choice(files(path))
    for _ in range(dice.choice((1, 1, 2, 8))):
        at = dice.randrange(one.stat().st_size)
        overwrite(one, at, bytes([one.read_bytes()[at] ^ 1 << dice.randrange(8)]))


def cut(dice: random.Random, path: Path) -> None:
    one = dice.choice(files(path))
    os.truncate(one, dice.randrange(one.stat().st_size))


def pages(dice: random.Random, path: Path) -> None:
    one = dice.choice(files(path))
    for _ in range(dice.randint(1, 4)):
        overwrite(one, dice.randrange(one.stat().st_size) // PAGE * PAGE, bytes(PAGE))


def garbage(dice: random.Random, path: Path) -> None:
    one = dice.choice(files(path))
    overwrite(one, dice.randrange(one.stat().st_size), dice.randbytes(dice.choice((16, 512, 5000))))


def header(dice: random.Random, path: Path) -> None:
    one = dice.choice(files(path))
    overwrite(one, 0, dice.randbytes(100 if one == path else 32))


def log(dice: random.Random, path: Path) -> None:
    """The write-ahead log: cut to nothing, deleted, or the head of it or of a frame overwritten."""
    one = Path(f"{path}-wal")
    if one not in files(path):
        header(dice, path)
        return
    frame = PAGE + 24
    match dice.randrange(4):
        case 0:
            os.truncate(one, 0)
        case 1:
            one.unlink()
        case 2:
            overwrite(one, dice.randrange(32), dice.randbytes(8))
        case _:
            overwrite(one, 32 + dice.randrange(one.stat().st_size // frame) * frame, dice.randbytes(24))


def other_kind(dice: random.Random, path: Path) -> None:
    content = dice.choice((b"GIF89a" + dice.randbytes(3000), b"sensor = 'demo:door'\n" * 40, b"SQLite format 3\0" * 64))
    if dice.random() < 0.3:
        path.unlink()
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE person (name TEXT)")
            other.commit()
        return
    path.write_bytes(content)


def empty(_dice: random.Random, path: Path) -> None:
    os.truncate(path, 0)


def deleted(dice: random.Random, path: Path) -> None:
    there = [one for one in (path, Path(f"{path}-wal"), Path(f"{path}-shm")) if one.exists()]
    for one in dice.sample(there, dice.randint(1, len(there))):
        one.unlink()


def replaced(_dice: random.Random, path: Path) -> None:
    """A copy takes the place of the file, as a restore does; its log stays."""
    copy = path.with_name("copy")
    shutil.copyfile(path, copy)
    copy.rename(path)


def two_at_once(dice: random.Random, path: Path) -> None:
    for one in dice.sample((bits, cut, pages, garbage, header, log, empty, other_kind), 2):
        if files(path):
            one(dice, path)


FAULTS: dict[str, Fault] = {
    "bits flipped": bits, "cut short": cut, "pages zeroed": pages, "garbage within": garbage, "garbage header": header,
    "log damaged": log, "another kind of file": other_kind, "empty file": empty, "deleted": deleted,
    "replaced": replaced, "two at once": two_at_once,
}  # fmt: skip
