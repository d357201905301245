"""Notify: what the process tells the service manager: that it is ready, that its work goes on, and how it is.

1. Without a service manager nothing is told, and a datagram that is not taken is let go: nobody stops counting for it.
2. That the work goes on is told by the loop that does it, after a turn that did it, and never by a timer. What a turn
   has to have done for that is its own to judge.
3. While the process is not ready it asks for more time, turn by turn: one that hangs as it starts is ended too.

Sources: sd_notify(3), systemd.service(5).
"""

import os
import socket
import time
from collections.abc import Mapping

_EVERY_S = 5.0
_PATIENCE_S = 60.0  # what one turn of a process that is not ready may take
_OPENING_S = 900.0  # mending a damaged outbox of a year's reports on a slow card


class Service:
    """This process, as the service manager knows it."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name  # unix(7): an abstract name
        self._ready = False
        self._told_at: float | None = None
        self._sentence = ""

    def opening(self, sentence: str) -> None:
        """What may take long has begun."""
        self._send(f"EXTEND_TIMEOUT_USEC={_OPENING_S * 1e6:.0f}\nSTATUS={sentence}")

    def turned(self, sentence: str, *, ready: bool = True, works: bool = True) -> None:
        """A turn ended. `ready`: it does what it is for. `works`: the turn did what it must. `sentence`: how it is."""
        now = time.monotonic()
        begins = ready and not self._ready
        due = self._told_at is None or now - self._told_at >= _EVERY_S
        if not (begins or sentence != self._sentence or due):
            return
        lines = [f"STATUS={sentence}"]
        if begins:
            lines.append("READY=1")
        if works:
            lines.append("WATCHDOG=1")
        self._ready = self._ready or ready
        if works and not self._ready:
            lines.append(f"EXTEND_TIMEOUT_USEC={_PATIENCE_S * 1e6:.0f}")
        self._told_at, self._sentence = now, sentence
        self._send("\n".join(lines))

    def _send(self, said: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto(said.encode(), self._address)
        except OSError:
            return
