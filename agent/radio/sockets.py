"""Sockets: what the kernel does for a raw socket, whatever it listens to - filter, wait, date, and count what is lost.

1. A filter is attached before a socket is bound, so that nothing it leaves out was ever received.
2. When something was heard is what the kernel noted, unless its clock was set meanwhile.

Sources: socket(7); linux/filter.h for the filter's layout; linux/sock_diag.h for the memory counters.
"""

import ctypes
import select
import socket
import struct
import time

_SO_ATTACH_FILTER, _SO_RCVBUFFORCE, _SO_MEMINFO, _SO_TIMESTAMPNS_NEW = 26, 33, 55, 64
_MEMINFO = struct.Struct("9I")
_DROPS = 8  # SK_MEMINFO_DROPS
_TIMESTAMP = struct.Struct("qq")  # seconds, nanoseconds of the system's clock
_OLDEST_S = 5.0
_REST_S = 0.02
ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESTAMP.size)

Program = tuple[tuple[int, int, int, int], ...]  # instructions: code, jump if true, jump if false, operand
Ancillary = list[tuple[int, int, bytes]]


def attach(opened: socket.socket, program: Program) -> None:
    """Have the kernel leave out what `program` does not let pass. Raises OSError."""
    code = bytearray(b"".join(struct.pack("HBBI", *instruction) for instruction in program))
    place = ctypes.addressof(ctypes.c_char.from_buffer(code))
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", len(program), place))


def widen(opened: socket.socket, size: int) -> None:
    """Let what arrives between two looks wait in `size` bytes, or in as many as this process may ask for."""
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    except PermissionError:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def date(opened: socket.socket) -> None:
    """Have the kernel note when it received what it gives."""
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS_NEW, 1)


def age(stamped: Ancillary, system: float) -> float:
    """Seconds before `system` (the system's clock) that the kernel received it; 0 where the clock was set meanwhile."""
    for _level, _kind, stamp in stamped:
        seconds, nanoseconds = _TIMESTAMP.unpack(stamp)
        past: float = system - seconds - nanoseconds / 1e9
        return past if 0.0 <= past <= _OLDEST_S else 0.0
    return 0.0


def wait(poll: select.poll, wait_s: float) -> list[tuple[int, int]]:
    """What happened on the sockets of `poll` within `wait_s` seconds. It wakes us 50 times a second at most.

    Between two looks a socket's buffer holds what arrives.
    """
    time.sleep(min(wait_s, _REST_S))
    return poll.poll(max(0.0, wait_s - _REST_S) * 1000)


def lost(opened: socket.socket) -> int:
    """How many the kernel could not keep for this socket, ever; it counts in 32 bits. Raises OSError."""
    counters: tuple[int, ...] = _MEMINFO.unpack(opened.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))
    return counters[_DROPS]
