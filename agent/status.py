"""Status: how the processes of a sensor are, for each other and for `footfall-agent status`.

Files in the run directory, which is memory and not disk, replaced as a whole so that a reader never sees half of
one. They hold a `Health`, a `Line` and `Radios`: nothing in those says anything about any device.
"""

import os
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from agent.contract import ContractError, Health, decode, encode
from agent.contract.health import Rung

T = TypeVar("T", bound=msgspec.Struct)
_STALE_S = 15.0
SILENT_S = 30.0  # a process that has written nothing for so long does not run


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The line to the cloud: connected or not, the last acknowledged sequence, and a sentence."""

    connected: bool
    acknowledged: int | None
    sentence: str


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One radio that the keeping process looks after, or would.

    `name`: its interface or adapter, "" where there is none. `ready`: it can be listened to. `sentence`: why not.
    `channels`: the share of the last hour on each; `rungs`: the steps taken to bring it back.
    """

    radio: Literal["wifi", "ble"]
    name: str
    ready: bool
    sentence: str
    channels: dict[str, float] = {}
    rungs: dict[Rung, int] = {}


class Radios(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The radios that the settings ask for, as of `at` (seconds of CLOCK_BOOTTIME), the first of a kind first."""

    at: float
    radios: list[Kept]


def write(path: Path, record: msgspec.Struct) -> None:
    """Replace the status at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(encode(record))
    os.replace(fresh, path)  # noqa: PTH105 - the atomic one


def read(path: Path) -> Health | None:
    """The sensing process's health; None where there is none, or none that can be read."""
    return _read(Health, path)


def is_fresh(path: Path, now: float, within_s: float) -> bool:
    """Whether something was written at `path` less than `within_s` before `now` (UTC seconds)."""
    try:
        return now - path.stat().st_mtime < within_s
    except OSError:
        return False


def read_fresh(path: Path, now: float) -> Health | None:
    """The same as of `now` (UTC seconds); None where it is older than 15 s, and says nothing of now."""
    return read(path) if is_fresh(path, now, _STALE_S) else None


def read_line(path: Path) -> Line | None:
    """The talking process's line; None where there is none, or none that can be read."""
    return _read(Line, path)


def is_connected(path: Path, now: float) -> bool:
    """Whether the line at `path` works, as of `now` (UTC seconds)."""
    line = read_line(path)
    return line is not None and line.connected and is_fresh(path, now, SILENT_S)


def read_radios(path: Path) -> Radios | None:
    """What the keeping process says of the radios; None where there is none, or none that can be read."""
    return _read(Radios, path)


def _read(kind: type[T], path: Path) -> T | None:
    try:
        return decode(kind, path.read_bytes())
    except (OSError, ContractError):
        return None
