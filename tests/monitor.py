"""A monitor-mode Wi-Fi interface of the test's own: real to every packet socket, and it hears what the test sends.

1. A tap device (Documentation/networking/tuntap.rst) whose ARP hardware type is that of a monitor interface. What is
   written to its descriptor is received on the interface; closing it removes the interface.
2. Only a device that is down changes its type, so it is brought up last.
3. It needs root and /dev/net/tun; where those are missing, the test is skipped with what to do.
"""

import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_TUN = Path("/dev/net/tun")
_TUNSETIFF, _TUNSETLINK = 0x400454CA, 0x400454CD  # linux/if_tun.h
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_ARPHRD_IEEE80211_RADIOTAP = 803  # linux/if_arp.h
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1  # netdevice(7)


class Feed:
    """What is in the air around the interface."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name, self._descriptor = name, descriptor

    def send(self, frame: bytes) -> None:
        """One frame, radiotap header first, 14 bytes or more, is heard now."""
        os.write(self._descriptor, frame)

    def listeners(self) -> int:
        """How many packet sockets listen on the interface."""
        number = str(socket.if_nametoindex(self.name))
        rows = Path("/proc/net/packet").read_text().splitlines()[1:]
        return sum(row.split()[4] == number for row in rows)


@contextmanager
def interface(name: str) -> Iterator[Feed]:
    """A monitor interface called `name` (15 characters at most) for as long as the block runs."""
    if os.geteuid() != 0 or not _TUN.exists():
        pytest.skip(f"a monitor interface is made by root and with {_TUN}: run it as root, after 'modprobe tun'")
    descriptor = os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
        fcntl.ioctl(descriptor, _TUNSETLINK, _ARPHRD_IEEE80211_RADIOTAP)
        _bring_up(name)
        yield Feed(name, descriptor)
    finally:
        os.close(descriptor)


def _bring_up(name: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        request = struct.pack("16sH22x", name.encode(), 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(asking, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(asking, _SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), flags | _IFF_UP))
