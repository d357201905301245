"""Ble: a Bluetooth adapter. A process beside this one keeps it scanning, and what it hears comes from the kernel.

1. The reports come from the kernel (`tap`), each with its own signal. Where this process may not look there, they are
   what BlueZ tells, put into the same form (`retold`), and `detail` says what that costs.
2. The scan is kept by a process of its own (`scan`), for it takes asyncio, D-Bus and bleak, which hang, leak and end.
   It does not get the right to raw sockets that the service has. It is killed and waited for when this is closed. If
   it ends, or says nothing for half a minute, that is a RadioError.
3. Opening does not wait for the scan to begin. That it has begun is seen by what is heard.

Sources: socketpair(2), unix(7) for SOCK_SEQPACKET, which keeps packets apart; capabilities(7), prctl(2).
"""

import ctypes
import importlib.util
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from agent.core.frame import Frame, Link
from agent.radio import RadioError, hci, sockets, tap

BEAT, SCANS, ENDS = b"b", b"s", b"e"  # what the scan's packets begin with, if not with the type of an HCI event
BEAT_S = 5.0
_PATIENCE_S = 30.0
_HCI_EVENT = 0x04
_LONGEST = 1024
_BATCH = 512
_CAP_AMBIENT, _LOWER, _CAP_NET_RAW = 47, 3, 13  # PR_CAP_*


class Ble:
    """The adapter "auto" (the lowest) or one such as "hci0", in the mode "auto", "passive" or "active".

    `clock` gives UTC seconds. `detail` is a sentence on how it scans, once it does. Raises RadioError.
    """

    def __init__(self, adapter: str, mode: str, clock: Callable[[], float]) -> None:
        name = hci.adapter(adapter)
        if name is None:
            what = "Bluetooth adapter" if adapter == "auto" else f"Bluetooth adapter {adapter}"
            raise RadioError(f"There is no {what}: plug one in, or take radio.ble out of the settings.")
        if importlib.util.find_spec("bleak") is None:
            raise RadioError("The library bleak is missing: install the sensor with 'pip install footfall[agent]'.")
        self.source, self.detail = name, ""
        self._clock = clock
        opened = tap.listen(name)
        self._tap = None if opened is None else tap.Tap(opened, name, clock)
        self._buffer = memoryview(bytearray(_LONGEST))
        self._told = self._lost = self._beaten = 0
        self._line, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._line, select.POLLIN)
        self._beat_at = time.monotonic()
        try:
            self._begin(mode, far)
        except OSError as error:
            self._end()
            raise RadioError(f"The Bluetooth scan cannot be begun ({error.strerror}): restart the machine.") from None

    @property
    def ready(self) -> bool:
        """Once the scan has said how it scans."""
        return bool(self.detail)

    def frames(self, wait_s: float) -> Iterator[Frame]:
        """The advertisements heard by now, at most 512. Each payload is valid until the next is asked for."""
        if self._tap is None:
            yield from self._from_scan(wait_s)
            return
        for _ in self._from_scan(0.0):
            pass  # its words are heeded; the frames come from the tap
        yield from self._tap.frames(wait_s)

    def dropped(self) -> int:
        """Advertisements lost, by the kernel or between the scan and us, since this was last asked."""
        lost, self._lost = self._lost, 0
        return lost + (self._tap.dropped() if self._tap else 0)

    def signs(self) -> int:
        """Advertisements of any kind so far."""
        return self._tap.reports if self._tap else self._told

    def close(self) -> None:
        """End the scan, and overwrite what was last received."""
        self._scan.kill()
        self._scan.wait()
        self._end()

    def _begin(self, mode: str, far: socket.socket) -> None:
        way = "told" if self._tap is None else "tapped"
        command = [sys.executable, "-m", "agent.radio.scan", self.source, mode, way, "0"]
        nowhere = subprocess.DEVNULL  # no text of it but its sentences reaches anybody
        with far:
            self._scan = subprocess.Popen(  # noqa: S603
                command,
                stdin=far.fileno(),
                stdout=nowhere,
                stderr=nowhere,
                preexec_fn=partial(_keep_to_ourselves, ctypes.CDLL(None)),  # noqa: PLW1509 - there are no threads
            )

    def _end(self) -> None:
        self._line.close()
        self._buffer[:] = bytes(len(self._buffer))
        if self._tap:
            self._tap.close()

    def _from_scan(self, wait_s: float) -> Iterator[Frame]:
        """What the scan has told by now. Raises RadioError if it ended or hangs."""
        if wait_s > 0:
            sockets.wait(self._poll, wait_s)
        now = self._clock()
        for _ in range(_BATCH):
            try:
                size = self._line.recv_into(self._buffer)
            except BlockingIOError:
                break
            except OSError:
                size = 0
            if size and self._buffer[0] == _HCI_EVENT:
                self._told += 1
                yield Frame(now, Link.HCI, self._buffer[:size])
            else:
                self._heed(self._buffer[:size])
        if time.monotonic() - self._beat_at > _PATIENCE_S:
            raise RadioError("The Bluetooth scan hangs: it is ended and begun anew by itself.")

    def _heed(self, words: memoryview) -> None:
        """What the scan says of itself; nothing where it has ended."""
        if not words:
            raise RadioError("The Bluetooth scan ended by itself: see 'journalctl -u bluetooth.service' for why.")
        kind, said = bytes(words[:1]), bytes(words[1:])
        if kind == ENDS:
            raise RadioError(said.decode())
        if kind == SCANS:
            self.detail = said.decode()
        if kind == BEAT:
            before, (self._beaten,) = self._beaten, struct.unpack("<I", said)
            self._lost += (self._beaten - before) & 0xFFFFFFFF
        self._beat_at = time.monotonic()


def _keep_to_ourselves(libc: ctypes.CDLL) -> None:
    """Between fork and exec: what the unit lets be inherited is the right to raw sockets, and here it is not."""
    libc.prctl(_CAP_AMBIENT, _LOWER, _CAP_NET_RAW, 0, 0)
