"""Tap: what a Bluetooth adapter reports of the advertisements it hears, as the kernel shows it to whoever may look.

1. The place is the kernel's monitor channel. It shows every report whole, with its own signal, before BlueZ has merged,
   left out or rounded anything; it only shows, so nothing can be sent or changed there; and CAP_NET_RAW is enough. The
   management channel has reports too, but merges them, leaves out what a discovery filter does not want, and gives
   them to CAP_NET_ADMIN only, with which an adapter can be reconfigured.
2. The filter in the kernel lets advertising reports of one adapter pass, legacy and extended, and of its coming and
   going the header alone. No connection's data, key, command or name request ever reaches this process.
3. A report is received into one buffer, again and again. The byte before it becomes its packet type, so that a frame's
   payload is a slice of that buffer and nothing is copied.
4. The socket wakes us at most 50 times a second: between two looks its buffer holds what arrives, and the kernel notes
   when.

Sources: net/bluetooth/hci_sock.c and hci_mon.h (the channel); Core 6.0 Vol 4 Part E 7.7.65.2 and 7.7.65.13 (reports).
"""

import errno
import select
import socket
import time
from collections.abc import Callable, Iterator

from agent.core.frame import Frame, Link
from agent.radio import RadioError, hci, sockets

# hci_mon.h: a header of opcode, adapter and length, 16 bits each with the low byte first, then the packet without type.
_HEADER = 6
_GONE, _EVENT, _CLOSED = 1, 3, 9
_TYPE_AT, _HCI_EVENT = _HEADER - 1, 0x04
_LE_META, _REPORT, _EXTENDED_REPORT = 0x3E, 0x02, 0x0D
_LONGEST = 512  # an event has at most 257 bytes
_RECEIVE_BUFFER_BYTES = 4 << 20
_BATCH = 512
_LEAVING_S = 0.3
_NOT_FOR_US = (errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)


class Tap:
    """The reports of adapter `name` out of `opened`: a socket of `listen`, or any that carries the same.

    `clock` gives UTC seconds. `reports` counts what was received.
    """

    def __init__(self, opened: socket.socket, name: str, clock: Callable[[], float]) -> None:
        self._socket, self._name, self._clock = opened, name, clock
        self._buffer = memoryview(bytearray(_LONGEST))
        self._lost = sockets.lost(opened)
        self._poll = select.poll()
        self._poll.register(opened, select.POLLIN)
        self.reports = 0

    def frames(self, wait_s: float) -> Iterator[Frame]:
        """The reports received by now, at most 512. Each payload is valid until the next is asked for.

        Raises RadioError once the adapter is gone or off.
        """
        sockets.wait(self._poll, wait_s)
        now, system = self._clock(), time.time()
        receive, buffer = self._socket.recvmsg_into, self._buffer
        for _ in range(_BATCH):
            try:
                size, stamped, _flags, _sender = receive([buffer], sockets.ANCILLARY_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                raise self._ended(gone=True) from None
            if buffer[0] != _EVENT:
                gone = buffer[0] == _GONE or self._is_leaving()
                raise self._ended(gone=gone)
            buffer[_TYPE_AT] = _HCI_EVENT
            self.reports += 1
            yield Frame(now - sockets.age(stamped, system), Link.HCI, buffer[_TYPE_AT:size])

    def dropped(self) -> int:
        """Reports lost in the kernel since this was last asked."""
        before, self._lost = self._lost, sockets.lost(self._socket)
        return (self._lost - before) & 0xFFFFFFFF

    def close(self) -> None:
        """Close the socket and overwrite what it last received."""
        self._socket.close()
        self._buffer[:] = bytes(len(self._buffer))

    def _is_leaving(self) -> bool:
        """Whether the adapter, which was closed, is taken away: the kernel says so right behind."""
        while self._poll.poll(_LEAVING_S * 1000):
            self._socket.recv_into(self._buffer)
            if self._buffer[0] == _GONE:
                return True
        return False

    def _ended(self, *, gone: bool) -> RadioError:
        if gone:
            return RadioError(f"The Bluetooth adapter {self._name} went away: plug it in again.")
        return RadioError(
            f"The Bluetooth adapter {self._name} was switched off: it is switched on again by itself, unless "
            "'rfkill list' shows that it is blocked."
        )


def listen(name: str) -> socket.socket | None:
    """A socket for the reports of adapter `name`; None where this process may not look. Raises RadioError."""
    try:
        return hci.open_channel(hci.MONITOR, lambda opened: prepare(opened, name))
    except OSError as error:
        if error.errno in _NOT_FOR_US:
            return None
        raise RadioError(
            f"The Bluetooth adapter {name} cannot be listened to ({error.strerror}): restart the machine."
        ) from None


def prepare(opened: socket.socket, name: str) -> None:
    """Make a socket that is not yet bound ready for `Tap`. Raises OSError."""
    sockets.attach(opened, _only(hci.index(name)))
    sockets.widen(opened, _RECEIVE_BUFFER_BYTES)
    sockets.date(opened)


def _only(number: int) -> sockets.Program:
    """The filter for one adapter. It reads 16 bits with the high byte first, so they stand here turned round."""
    adapter = number >> 8 | (number & 0xFF) << 8
    return (
        (0x28, 0, 0, 2),  # 0: the adapter
        (0x15, 0, 9, adapter),
        (0x28, 0, 0, 0),  # 2: the opcode
        (0x15, 8, 0, _GONE << 8),
        (0x15, 7, 0, _CLOSED << 8),
        (0x15, 0, 5, _EVENT << 8),
        (0x30, 0, 0, _HEADER),  # 6: the event, then its kind
        (0x15, 0, 3, _LE_META),
        (0x30, 0, 0, _HEADER + 2),
        (0x15, 3, 0, _REPORT),
        (0x15, 2, 0, _EXTENDED_REPORT),
        (0x06, 0, 0, 0),  # 11: nothing
        (0x06, 0, 0, _HEADER),  # 12: the header alone
        (0x06, 0, 0, _LONGEST),  # 13: all of it
    )
