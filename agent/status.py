"""Status: how the two processes are, for each other and for `footfall-agent status`.

Files in the run directory, which is memory and not disk, replaced as a whole so that a reader never sees half of
one. They hold a `Health` and a `Line`: nothing in those says anything about any device.
"""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.contract import ContractError, Health, decode, encode

T = TypeVar("T", bound=msgspec.Struct)


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The line to the cloud: connected or not, the last acknowledged sequence, and a sentence."""

    connected: bool
    acknowledged: int | None
    sentence: str


def write(path: Path, record: msgspec.Struct) -> None:
    """Replace the status at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(encode(record))
    os.replace(fresh, path)  # noqa: PTH105 - the atomic one


def read(path: Path) -> Health | None:
    """The sensing process's health; None where there is none, or none that can be read."""
    return _read(Health, path)


def read_line(path: Path) -> Line | None:
    """The talking process's line; None where there is none, or none that can be read."""
    return _read(Line, path)


def _read(kind: type[T], path: Path) -> T | None:
    try:
        return decode(kind, path.read_bytes())
    except (OSError, ContractError):
        return None
