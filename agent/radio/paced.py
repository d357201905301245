"""Frames that exist beforehand - a capture, the simulated street - played as a radio hears them: when they are due."""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from agent.clock import Clock
from agent.core.frame import Frame
from agent.radio import capture


class Paced:
    """A radio that gives each frame of `frames` (in order of time) once `clock` has reached its time."""

    def __init__(self, source: str, frames: Iterator[Frame], clock: Clock) -> None:
        self.source = source
        self._frames = frames
        self._clock = clock
        self._next = next(frames, None)

    @property
    def ready(self) -> bool:
        """From the start."""
        return True

    def frames(self, wait_s: float) -> Iterator[Frame]:
        """Every frame that is due by now, waiting up to `wait_s` real seconds for the first."""
        now = self._clock.now()
        due_in = self._clock.real(self._next.at - now) if self._next else wait_s
        if due_in > 0:
            time.sleep(min(wait_s, due_in))
            now = self._clock.now()
        while self._next is not None and self._next.at <= now:
            yield self._next
            self._next = next(self._frames, None)

    def dropped(self) -> int:
        """None: what is played waits until it is fetched."""
        return 0

    def signs(self) -> None:
        """Nothing: what is played may well be silent."""

    def close(self) -> None:
        """Stop playing."""
        self._next = None


def played(path: Path, start: float | None, *, loop: bool) -> Iterator[Frame]:
    """The frames of a capture, moved in time so that the first is heard at `start` (None: at its own time).

    Again and again if `loop`, each turn a second after the one before.
    """
    moved: float | None = None
    length = 0.0
    for turn in count():
        for frame in _whole(path):
            if moved is None:
                moved = 0.0 if start is None else start - frame.at
                first = frame.at
            length = max(length, frame.at - first + 1.0) if turn == 0 else length
            yield frame._replace(at=frame.at + moved + turn * length)
        if not loop or moved is None:
            return


def _whole(path: Path) -> Iterator[Frame]:
    try:
        yield from capture.read(path)
    except capture.CaptureCutError:
        return  # `footfall-agent replay` tells of it; a played capture simply ends there
