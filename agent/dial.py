"""Dial: where the sensing process shows its gauge to the setup page, twice a second while somebody looks.

1. A socket on this machine (unix(7)); who may write to it may look. Readings go down the line and nowhere else: no file
   holds them.
2. Who sends a byte begins a walk: for three minutes readings hold levels too, and then no longer. Until then another
   byte changes nothing.
3. Who reads too slowly is hung up on. Sensing never waits.
"""

import os
import socket
import time
from pathlib import Path

from agent.contract import ContractError, decode, encode
from agent.core.gauge import Reading
from agent.core.walk import LONGEST_S

_BACKLOG, _MOST = 4, 4
_LONGEST_LINE = 16_384


class Dial:
    """Listens at `path`. Never blocks."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(path))
        os.chmod(path, 0o660)  # noqa: PTH101 - of a socket
        self._listening.listen(_BACKLOG)
        self._listening.setblocking(False)
        self._looking: list[socket.socket] = []
        self._walk_ends = 0.0

    @property
    def walks(self) -> bool:
        """Whether a walk is on."""
        return time.monotonic() < self._walk_ends

    def looked_at(self) -> bool:
        """Whether anybody looks; takes in who came, and what they ask for."""
        try:
            while True:
                came, _ = self._listening.accept()
                came.setblocking(False)
                self._looking.append(came)
                if len(self._looking) > _MOST:
                    self._looking.pop(0).close()
        except BlockingIOError:
            pass
        for one in list(self._looking):
            self._listen_to(one)
        return bool(self._looking)

    def show(self, reading: Reading) -> None:
        """Tell everybody who looks."""
        line = encode(reading) + b"\n"
        for one in list(self._looking):
            try:
                complete = one.send(line) == len(line)
            except OSError:
                complete = False
            if not complete:
                self._hang_up(one)

    def close(self) -> None:
        """Show nothing any more."""
        self._listening.close()
        for one in list(self._looking):
            self._hang_up(one)

    def _listen_to(self, one: socket.socket) -> None:
        try:
            said = one.recv(64)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            self._hang_up(one)
        elif not self.walks:
            self._walk_ends = time.monotonic() + LONGEST_S

    def _hang_up(self, one: socket.socket) -> None:
        one.close()
        self._looking.remove(one)


class Looking:
    """The other end: looks at the dial at `path`. Raises OSError while nobody shows anything there."""

    def __init__(self, path: Path, patience_s: float = 5.0) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._line.settimeout(patience_s)
        self._rest = b""
        try:
            self._line.connect(str(path))
        except OSError:
            self._line.close()
            raise

    def walk(self) -> None:
        """Ask for levels too, for three minutes. Raises OSError."""
        self._line.sendall(b"w")

    def read(self) -> Reading:
        """The next reading. Raises OSError where the sensing process has gone."""
        while b"\n" not in self._rest:
            came = self._line.recv(_LONGEST_LINE)
            if not came or len(self._rest) > _LONGEST_LINE:
                raise OSError("the sensing process has gone")
            self._rest += came
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            return decode(Reading, line)
        except ContractError:
            raise OSError("the sensing process says what nobody understands") from None

    def close(self) -> None:
        """Look away."""
        self._line.close()
