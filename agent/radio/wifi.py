"""Wi-Fi: probe requests from a monitor-mode interface, through a packet socket with a filter in the kernel.

1. The filter passes probe requests only, so the beacons of a shopping street cost nothing here.
2. Frames are received into one buffer, again and again; a frame's payload is a slice of it.
3. What the kernel loses because we were too slow is counted (PACKET_STATISTICS).
4. The socket wakes us at most 50 times a second: between two looks its buffer holds what arrives, and the kernel
   notes when.

Sources: packet(7).
"""

import errno
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from agent.core.frame import Frame, Link
from agent.radio import RadioError, sockets

_ETH_P_ALL = 0x0003
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_RECEIVE_BUFFER_BYTES = 4 << 20
_LONGEST_FRAME = 4096
_BATCH = 512
_LINKS = {803: Link.RADIOTAP, 801: Link.DOT11}  # ARPHRD_IEEE80211_RADIOTAP, ARPHRD_IEEE80211

# (code, jump if true, jump if false, operand): load the radiotap length, then the first byte behind it.
_AFTER_RADIOTAP = ((0x30, 0, 0, 3), (0x64, 0, 0, 8), (0x07, 0, 0, 0), (0x30, 0, 0, 2), (0x4C, 0, 0, 0), (0x07, 0, 0, 0))
_IF_PROBE_REQUEST = ((0x15, 0, 1, 0x40), (0x06, 0, 0, _LONGEST_FRAME), (0x06, 0, 0, 0))
_FILTERS = {
    Link.RADIOTAP: (*_AFTER_RADIOTAP, (0x50, 0, 0, 0), *_IF_PROBE_REQUEST),
    Link.DOT11: ((0x30, 0, 0, 0), *_IF_PROBE_REQUEST),
}


class Wifi:
    """A monitor-mode interface. `clock` gives UTC seconds. Raises RadioError if it cannot be listened to."""

    def __init__(self, interface: str, clock: Callable[[], float]) -> None:
        self.source = interface
        self._clock = clock
        self._buffer = memoryview(bytearray(_LONGEST_FRAME))
        self._statistics = Path(f"/sys/class/net/{interface}/statistics/rx_packets")
        self._received = 0
        self._socket, self._link = _listen(interface)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    @property
    def ready(self) -> bool:
        """From the start."""
        return True

    def frames(self, wait_s: float) -> Iterator[Frame]:
        """The probe requests heard by now, at most 512. Each payload is valid until the next is asked for."""
        self._wait(wait_s)
        now, system = self._clock(), time.time()
        receive = self._socket.recvmsg_into
        for _ in range(_BATCH):
            try:
                size, stamped, _flags, _sender = receive([self._buffer], sockets.ANCILLARY_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError as error:
                raise self._lost(error) from None
            yield Frame(now - sockets.age(stamped, system), self._link, self._buffer[:size])

    def dropped(self) -> int:
        """Frames lost in the kernel since this was last asked; 0 once the interface is gone."""
        try:
            statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        except OSError:
            return 0
        drops: int = struct.unpack("II", statistics)[1]
        return drops

    def signs(self) -> int:
        """Frames of any kind that the interface has received, those the filter leaves out too."""
        with suppress(OSError, ValueError):  # it went away, which the next frame tells
            self._received = int(self._statistics.read_text())
        return self._received

    def close(self) -> None:
        """Close the socket and overwrite what it last received."""
        self._socket.close()
        self._buffer[:] = bytes(len(self._buffer))

    def _wait(self, wait_s: float) -> None:
        if any(happened & ~select.POLLIN for _, happened in sockets.wait(self._poll, wait_s)):
            error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            raise self._lost(OSError(error or errno.ENETDOWN, "")) from None

    def _lost(self, error: OSError) -> RadioError:
        reason = errno.errorcode.get(error.errno or 0, "unknown error")
        return RadioError(f"The Wi-Fi interface {self.source} went away ({reason}): plug the Wi-Fi stick in again.")


def _listen(interface: str) -> tuple[socket.socket, Link]:
    try:
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError:
        raise RadioError(
            "Listening to Wi-Fi needs the right CAP_NET_RAW: start the service footfall-sense, or run this as root."
        ) from None
    try:
        link = _link_of(opened, interface)
        sockets.attach(opened, _FILTERS[link])
        sockets.widen(opened, _RECEIVE_BUFFER_BYTES)
        sockets.date(opened)
        opened.bind((interface, _ETH_P_ALL))
    except OSError as error:
        opened.close()
        raise RadioError(
            f"The Wi-Fi interface {interface} cannot be listened to ({error.strerror}): check that the stick is "
            f"plugged in and that 'ip link' shows {interface}."
        ) from None
    except RadioError:
        opened.close()
        raise
    return opened, link


def _link_of(opened: socket.socket, interface: str) -> Link:
    opened.bind((interface, 0))  # protocol 0: bound, but nothing is received before the filter is in place
    link = _LINKS.get(opened.getsockname()[3])
    if link is None:
        raise RadioError(
            f"The interface {interface} is not in monitor mode: start the service footfall-keep, "
            f"or set it with 'iw dev {interface} set type monitor'."
        )
    return link
