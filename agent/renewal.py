"""Renewal: at the end of an epoch the sensing process becomes a new one, so that no memory of it is left.

1. What CPython frees it does not clear: tags, and copies of the key, lie in freed memory until it is used again. A new
   program image (execve(2)) has none of it. The process keeps its id, so nobody has to start it again.
2. Only what belongs to no device is handed over: reports the disk has refused so far, the outbox's epoch, what is known
   of classes and of the time of day, and totals. It lies in memory (memfd_create(2)) and is read once.
"""

import os
import sys
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from agent.contract import Report
from agent.core.rates import Learnt
from agent.outbox import Life

_HANDED = "FOOTFALL_HANDED"


class Total(Struct, frozen=True, forbid_unknown_fields=True):
    """What one radio has counted: frames heard, frames lost in the kernel, and how often its listening began anew."""

    frames: int = 0
    dropped: int = 0
    restarts: int = 0


class Handed(Struct, frozen=True, forbid_unknown_fields=True):
    """What the process hands to itself. `began`: of the first of them, seconds of CLOCK_BOOTTIME.

    `epoch_over`: it becomes a new one because the epoch is over, and not for new settings within it. `totals`: of its
    radios, in their order. `told`: of its clock (`agent.clock`).
    """

    began: float
    epoch_over: bool
    learnt: dict[str, Learnt]
    unsaved: list[Report]
    lost: int
    life: Life | None
    totals: list[Total]
    told: float | None = None


def become(handed: Handed, words: Sequence[str]) -> None:
    """Become `python words...` with what is handed over. Does not return."""
    memory = os.memfd_create("footfall", 0)  # 0: it stays open over the exec
    os.write(memory, msgspec.json.encode(handed))
    environment = {**os.environ, _HANDED: str(memory)}
    os.execve(sys.executable, [sys.executable, *words], environment)  # noqa: S606


def taken() -> Handed | None:
    """What the process before handed over, once; None in one that was started and did not become."""
    number = os.environ.pop(_HANDED, None)
    if number is None:
        return None
    with open(int(number), "rb") as memory:  # noqa: PTH123 - a descriptor has no path
        memory.seek(0)
        return msgspec.json.decode(memory.read(), type=Handed)
