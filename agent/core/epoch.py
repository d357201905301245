"""Epoch: the longest time two sightings may be compared, and the life of the keys that make them comparable.

1. Two keys. The count key lives one window, ten minutes at most. The epoch key lives until the shop's 04:00 or for 24
   hours of a clock that never jumps and counts sleep, whichever ends first: a wrong time of day may end it early and
   never late, and a day of 25 hours does not stretch it.
2. An epoch ends with a window: before one that would outlast it, never within one.
3. A key that is over is overwritten where it lies, and nothing is made with it any more.

Times: `utc` in seconds since 1970, `boot` in seconds of CLOCK_BOOTTIME (clock_gettime(2)).
"""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

KEY_BYTES = 32
LONGEST_WINDOW_S = 600.0
LONGEST_EPOCH_S = 86_400.0
_ENDS = timedelta(hours=4)


class Moment(NamedTuple):
    """One moment on both clocks."""

    utc: float
    boot: float


def day_of(utc: float, zone: tzinfo) -> int:
    """Number of the shop-local day, from 04:00 to 04:00, that holds a moment; days follow each other by one."""
    return (datetime.fromtimestamp(utc, zone) - _ENDS).date().toordinal()


def hour_of(utc: float, zone: tzinfo) -> tuple[int, int, int]:
    """Which shop-local hour holds a moment: day, hour, and which of the two when the clocks go back."""
    local = datetime.fromtimestamp(utc, zone)
    return local.toordinal(), local.hour, local.fold


class Keys:
    """The keys in force. `draw` gives 32 secret random bytes; `with_epoch`: whether there is an epoch key at all."""

    def __init__(self, draw: Callable[[], bytes | bytearray], window_s: int, zone: tzinfo, *, with_epoch: bool) -> None:
        self._draw, self._window_s, self._zone, self._with_epoch = draw, window_s, zone, with_epoch
        self.count = bytearray()
        self.epoch = bytearray()
        self._opened = Moment(0.0, 0.0)
        self.began: Moment | None = None

    def open(self, now: Moment) -> bool:
        """A window opens: a new count key, and a new epoch key where there is none; whether there was none."""
        _overwrite(self.count)
        self.count = self._drawn()
        self._opened = now
        if not self._with_epoch or self.began is not None:
            return False
        self.epoch, self.began = self._drawn(), now
        return True

    def restore(self, key: bytes, began: Moment) -> None:
        """Go on with an epoch key after a crash; it dies when it would have died."""
        self.epoch, self.began = bytearray(key), began

    def outlasted(self, opens: Moment) -> bool:
        """Whether a window that opens at `opens` would outlast the epoch."""
        if self.began is None:
            return False
        aged = opens.boot + self._window_s - self.began.boot
        day = day_of(opens.utc + self._window_s - 1, self._zone)
        return not 0 <= aged <= LONGEST_EPOCH_S or day != day_of(self.began.utc, self._zone)

    def expired(self, boot: float) -> bool:
        """Whether a key is past its life on the clock that never jumps."""
        if self.count and abs(boot - self._opened.boot) >= LONGEST_WINDOW_S:
            return True
        return self.began is not None and abs(boot - self.began.boot) >= LONGEST_EPOCH_S

    def close(self) -> None:
        """The window is over: so is its key."""
        _overwrite(self.count)
        self.count = bytearray()

    def end(self) -> None:
        """The epoch is over: so is its key."""
        _overwrite(self.epoch)
        self.epoch, self.began = bytearray(), None

    def _drawn(self) -> bytearray:
        drawn = self._draw()
        if len(drawn) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(drawn)}")
        return drawn if isinstance(drawn, bytearray) else bytearray(drawn)


def _overwrite(key: bytearray) -> None:
    key[:] = bytes(len(key))
