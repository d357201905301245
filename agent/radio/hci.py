"""Hci: which Bluetooth adapters there are, a socket to one of the kernel's Bluetooth channels, and power off and on.

1. An adapter is found by its name in /sys, without asking Bluetooth for anything.
2. Switching one off and on goes past bluetoothd, which may be what hangs.

Sources: net/bluetooth/hci_sock.c; BlueZ doc/mgmt-api.txt (Set Powered); Documentation/ABI/stable/sysfs-class-bluetooth.
"""

import ctypes
import os
import re
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

AF_BLUETOOTH, BTPROTO_HCI = 31, 1  # Python may be built without them
MONITOR, CONTROL = 2, 3  # HCI_CHANNEL_*
NO_DEVICE = 0xFFFF
_CLASS = Path("/sys/class/bluetooth")
_HEADER = struct.Struct("<HHH")  # opcode or event, adapter, length of what follows
_SET_POWERED, _COMPLETE, _STATUS = 0x0005, 0x0001, 0x0002
_PATIENCE_S = 5.0


def adapters(root: Path = _CLASS) -> list[str]:
    """The names of all adapters, lowest first; connections, which stand beside them (hci0:12), are none."""
    found = [one.name for one in root.iterdir() if re.fullmatch(r"hci\d+", one.name)] if root.is_dir() else []
    return sorted(found, key=index)


def adapter(wanted: str) -> str | None:
    """The adapter of that name, or the lowest for "auto"; None if it is not there."""
    found = adapters()
    if wanted == "auto":
        return found[0] if found else None
    return wanted if wanted in found else None


def index(name: str) -> int:
    """The kernel's number of an adapter."""
    return int(name.removeprefix("hci"))


def open_channel(channel: int, prepare: Callable[[socket.socket], None] | None = None) -> socket.socket:
    """A socket on a channel of all adapters. Raises OSError: without the right, or where there is no Bluetooth.

    `prepare` is done to it before it is bound, which is when it begins to receive.
    """
    opened = socket.socket(AF_BLUETOOTH, socket.SOCK_RAW | socket.SOCK_CLOEXEC, BTPROTO_HCI)
    try:
        if prepare:
            prepare(opened)
        address = struct.pack("HHH", AF_BLUETOOTH, NO_DEVICE, channel)
        libc = ctypes.CDLL(None, use_errno=True)  # Python's bind knows no channels
        if libc.bind(opened.fileno(), address, len(address)):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    except OSError:
        opened.close()
        raise
    return opened


def power_cycle(name: str, off_s: float) -> bool:
    """Switch an adapter off, and on `off_s` seconds later; whether both could be done. Raises OSError."""
    with open_channel(CONTROL) as control:
        control.settimeout(_PATIENCE_S)
        was_off = _set_powered(control, index(name), on=False)
        time.sleep(off_s)
        return _set_powered(control, index(name), on=True) and was_off


def _set_powered(control: socket.socket, number: int, *, on: bool) -> bool:
    control.send(_HEADER.pack(_SET_POWERED, number, 1) + bytes((on,)))
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        try:
            answer = control.recv(512)
        except TimeoutError:
            return False
        event, of, _ = _HEADER.unpack_from(answer)
        if event in (_COMPLETE, _STATUS) and of == number and answer[6:8] == struct.pack("<H", _SET_POWERED):
            return answer[8] == 0
    return False
