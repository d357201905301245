"""Hearing: what the sensing process hears just now, while somebody looks at the page, and the walk that is on.

One thread reads the dial. It looks away soon after the last look at the page; the walk it holds is in memory only.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from agent.core.gauge import Reading
from agent.core.walk import LONGEST_S, Place, Walk
from agent.dial import Looking

_LOOKS_S = 30.0  # so long after the last look at the page
_AGAIN_S = 1.0


class Hearing:
    """Looks at the dial at `path`. A walk goes by `clock`, in seconds."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self.clock = path, clock
        self._lock = threading.Lock()
        self._reading: tuple[float, Reading] | None = None
        self._looked = 0.0
        self._thread: threading.Thread | None = None
        self._line: Looking | None = None
        self.walk: Walk | None = None
        self.lost = False

    def now(self) -> Reading | None:
        """The last reading; None while nothing is heard."""
        with self._lock:
            self._looked = time.monotonic()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._look, daemon=True)
                self._thread.start()
            told = self._reading
        return told[1] if told is not None and time.monotonic() - told[0] < 5 * _AGAIN_S else None

    def begin(self) -> bool:
        """Begin a walk; False where nothing is heard."""
        if self.now() is None:
            return False
        with self._lock:
            try:
                if self._line is None:
                    return False
                self._line.walk()
            except OSError:
                return False
            self.walk, self.lost = Walk(self.clock()), False
        return True

    def stand(self, place: Place) -> None:
        """Somebody stands there now."""
        with self._lock:
            if self.walk is not None:
                self.walk.stand(place, self.clock())

    def _look(self) -> None:
        while time.monotonic() - self._looked < (LONGEST_S if self._walking() else _LOOKS_S):
            try:
                line = Looking(self._path)
            except OSError:
                time.sleep(_AGAIN_S)
                continue
            self._line = line
            try:
                self._read(line)
            except OSError:
                self.lost = self.lost or self._walking()
            finally:
                with self._lock:
                    self._line = None
                    line.close()

    def _walking(self) -> bool:
        return self.walk is not None and not self.walk.over(self.clock())

    def _read(self, line: Looking) -> None:
        while time.monotonic() - self._looked < (LONGEST_S if self._walking() else _LOOKS_S):
            reading, now = line.read(), time.monotonic()
            with self._lock:
                self._reading = now, reading
                if self.walk is not None:
                    self.walk.hear(self.clock(), {int(level): frames for level, frames in reading.levels.items()})
