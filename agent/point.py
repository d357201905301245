"""Point: the place in the shop where somebody asks to be left out. A socket on this machine, for a button or a page.

1. Who connects has asked. After half a minute comes one line, the answer, and the connection ends.
2. One person at a time: who comes meanwhile is told so and has changed nothing.
3. The socket is a file (unix(7)); who may write to it may ask. Nothing that is sent to it is read.
"""

import socket
from contextlib import suppress
from pathlib import Path

from agent.core.leave import Answer

_BACKLOG = 4


class Point:
    """Listens at `path`. Never blocks."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(path))
        self._listening.listen(_BACKLOG)
        self._listening.setblocking(False)
        self._asking: socket.socket | None = None

    def asked(self) -> bool:
        """Whether somebody has just come."""
        try:
            came, _ = self._listening.accept()
        except BlockingIOError:
            return False
        if self._asking is not None:
            _say(came, "busy")
            return False
        self._asking = came
        return True

    def answer(self, answer: Answer) -> None:
        """Tell who asked what came of it."""
        if self._asking is not None:
            _say(self._asking, answer)
            self._asking = None

    def close(self) -> None:
        """Nobody can ask any more."""
        self._listening.close()
        if self._asking is not None:
            self._asking.close()


def _say(to: socket.socket, word: str) -> None:
    with to, suppress(OSError):  # who asked may have gone; it holds all the same
        to.sendall(word.encode() + b"\n")
