"""Reports: what a Bluetooth adapter tells of advertisements, as the kernel's monitor channel shows it.

Built from the standards' tables and not with the code under test: net/bluetooth/hci_mon.h for the header, Core 6.0
Vol 4 Part E 7.7.65.2 and 7.7.65.13 for the reports.
"""

import struct

ADDED, REMOVED, COMMAND, EVENT, ACL_SENT, ACL, SCO, OPENED, CLOSED, NOTE, CONTROL = 0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 17
FLAGS = b"\x02\x01\x06"


def shown(opcode: int, content: bytes, adapter: int = 0) -> bytes:
    """A packet of the monitor channel."""
    return struct.pack("<HHH", opcode, adapter, len(content)) + content


def event(code: int, body: bytes) -> bytes:
    """An HCI event without its packet type."""
    return bytes((code, len(body))) + body


def legacy(sender: str = "52:00:00:00:00:01", data: bytes = FLAGS, signal: int = -60) -> bytes:
    """An LE Advertising Report from a random address."""
    address = bytes.fromhex(sender.replace(":", ""))[::-1]
    body = struct.pack("<BBBB6sB", 2, 1, 0, 1, address, len(data))
    return event(0x3E, body + data + struct.pack("b", signal))


def extended(sender: str = "52:00:00:00:00:01", data: bytes = FLAGS, signal: int = -60) -> bytes:
    """An LE Extended Advertising Report from a random address."""
    address = bytes.fromhex(sender.replace(":", ""))[::-1]
    who = struct.pack("<BBHB6s", 0x0D, 1, 0x13, 1, address)
    how = struct.pack("<BBBbbHB6sB", 1, 0, 0xFF, 127, signal, 0, 0, bytes(6), len(data))
    return event(0x3E, who + how + data)
