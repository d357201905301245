"""The time of day on a sensor: UTC that never runs backwards, and whether it can be trusted.

1. A Raspberry Pi has no battery clock: until the network has told it the time, the time is wrong. What is
   counted until then is marked `untrusted`. Once told it is known for as long as this process lives, though the line
   be down for a month: the machine's clock drifts by seconds. Only somebody who sets it makes it doubtful again.
2. `boot` never jumps and counts sleep (CLOCK_BOOTTIME, clock_gettime(2)): the lives of keys go by it.
3. `now` goes with `boot`. That somebody set the system's clock shows at `follow` and not before, so that it falls
   between two looks at the time and never among the frames of one.
4. A scaled clock lets a day of the simulated street pass in minutes; everything else is the same.
"""

import ctypes
import os
import time
from pathlib import Path
from typing import Protocol

from agent.contract.health import TimeHealth

_REFUSED = -1  # as in some containers: then nobody vouches for it
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised; so the kernel says again some hours after the line broke
_NANO = 0x2000  # STA_NANO: the offset is in nanoseconds
_STEP_S = 2.0  # no leap second, and nothing that is being steered


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as it is read; all zero: ask and change nothing."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),  # microseconds
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def boot_s() -> float:
    """Seconds since the machine started, its sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """A name of this boot of the machine, 32 digits (random(4)); the units give it, for they hide where it stands."""
    given = os.environ.get("FOOTFALL_BOOT") or Path("/proc/sys/kernel/random/boot_id").read_text()
    return given.strip().replace("-", "")


class Clock(Protocol):
    """What the processes need of a clock."""

    def now(self) -> float:
        """UTC seconds since 1970, as the system had it when `follow` was last called."""

    def follow(self) -> None:
        """Take over what the system says now."""

    def boot(self) -> float:
        """Seconds on a clock that nobody sets."""

    def trusted(self) -> bool:
        """Whether the time of day can be trusted."""

    @property
    def told(self) -> float | None:
        """What another image of this process has to know to trust it as this one does; None if there is nothing."""

    def kept(self) -> TimeHealth | None:
        """How well the machine keeps the time of day; None of a simulation."""

    def real(self, seconds: float) -> float:
        """How long a process has to wait, in real seconds, for `seconds` of this clock."""


class Trust:
    """Whether a time of day can be trusted. `told`: how far UTC was ahead of `boot` when it was last vouched for."""

    def __init__(self, told: float | None = None) -> None:
        self.told = told

    def look(self, ahead: float, *, vouched: bool) -> bool:
        """Whether it can, now that UTC is `ahead`; `vouched`: somebody says that it is right."""
        if vouched:
            self.told = ahead
        return self.told is not None and abs(ahead - self.told) < _STEP_S


class SystemClock:
    """The machine's clock. With `battery` it keeps the time of day without power, so that it can always be trusted.

    `told` is what another image of the same process had as `told`.
    """

    def __init__(self, *, battery: bool = False, told: float | None = None) -> None:
        self._battery = battery
        self._libc = ctypes.CDLL(None)
        self._ahead = 0.0
        self._trust = Trust(told)
        self.follow()

    @property
    def told(self) -> float | None:
        """By how far UTC was ahead of `boot` when the kernel last vouched for it; None before it ever did."""
        return self._trust.told

    def now(self) -> float:
        """UTC seconds."""
        return self.boot() + self._ahead

    def follow(self) -> None:
        """Take over what the system says now."""
        self._ahead = time.time() - self.boot()

    def boot(self) -> float:
        """Seconds since the machine started, its sleep included."""
        return boot_s()

    def trusted(self) -> bool:
        """Whether the kernel says that the clock is synchronised, or has said so and nobody has set it since."""
        if self._battery:
            return True
        vouched = self._libc.adjtimex(ctypes.byref(_Timex())) not in (_TIME_ERROR, _REFUSED)
        return self._trust.look(self._ahead, vouched=vouched)

    def kept(self) -> TimeHealth:
        """How well the machine keeps the time of day; how far it is off only where somebody steers it."""
        answer = _Timex()
        state = self._libc.adjtimex(ctypes.byref(answer))
        if state in (_TIME_ERROR, _REFUSED):
            return TimeHealth(source="battery" if self._battery else "none")
        unit = 1e-9 if answer.status & _NANO else 1e-6
        return TimeHealth(source="network", off_s=round(answer.offset * unit, 9), error_s=answer.maxerror / 1e6)

    def real(self, seconds: float) -> float:
        """The same."""
        return seconds


class ScaledClock:
    """Starts at `start` (UTC seconds) when the real clock shows `real_start`, and runs `speed` times as fast."""

    def __init__(self, start: float, real_start: float, speed: float) -> None:
        self._start, self._real_start, self._speed = start, real_start, speed

    def now(self) -> float:
        """UTC seconds of the simulation."""
        return self._start + max(0.0, time.time() - self._real_start) * self._speed

    def follow(self) -> None:
        """Nobody sets it."""

    def boot(self) -> float:
        """The same: nobody sets it."""
        return self.now()

    @property
    def told(self) -> float | None:
        """Nothing."""
        return None

    def trusted(self) -> bool:
        """Always: a simulation is never wrong about its own time."""
        return True

    def kept(self) -> None:
        """Nothing: it is no clock of a machine."""

    def real(self, seconds: float) -> float:
        """`seconds` of the simulation in real ones."""
        return seconds / self._speed
