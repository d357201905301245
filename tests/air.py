"""Frames made by hand for tests: a world of transmitters with no receiver in it.

Built from the standards' tables and not with the code under test: radiotap.org for the header, IEEE 802.11-2020
9.3.3.9 for the probe request, Bluetooth Core Vol 6 Part B 2.3 for the advertisement.
"""

import struct
from collections.abc import Iterable
from pathlib import Path

from agent.core.frame import Frame, Link

BROADCAST = b"\xff" * 6
RATES = bytes((1, 4, 2, 4, 11, 22))


def radiotap(signal: int | None = -60, mhz: int = 2437, flags: int = 0) -> bytes:
    """A header with flags, channel and, unless None, the signal in dBm."""
    present = 1 << 1 | 1 << 3 | (signal is not None) << 5
    fields = struct.pack("<BxHH", flags, mhz, 0x00A0) + (b"" if signal is None else struct.pack("<b", signal))
    return struct.pack("<BBHI", 0, 0, 8 + len(fields), present) + fields


def probe(address: str, name: bytes = b"", elements: bytes = RATES, channel: int | None = None) -> bytes:
    """A probe request: no radiotap header, no check sequence."""
    source = bytes.fromhex(address.replace(":", ""))
    head = struct.pack("<HH6s6s6sH", 0x0040, 0, BROADCAST, source, BROADCAST, 0)
    ds = b"" if channel is None else bytes((3, 1, channel))
    return head + bytes((0, len(name))) + name + elements + ds


def heard(at: float, address: str, signal: int | None = -60, **content: object) -> Frame:
    """A probe request as a monitor interface gives it."""
    return Frame(at, Link.RADIOTAP, radiotap(signal) + probe(address, **content))  # type: ignore[arg-type]


def advertisement(address: str, data: bytes = b"\x02\x01\x06", *, random: bool = True, signal: int = -60) -> bytes:
    """A legacy advertisement as a sniffer gives it (link type 256)."""
    payload = bytes.fromhex(address.replace(":", ""))[::-1] + data
    radio = struct.pack("<BbbBIH", 37, signal, -90, 0, 0x8E89BED6, 0x0C03)
    return radio + b"\xd6\xbe\x89\x8e" + bytes((0x40 if random else 0, len(payload))) + payload + b"\0\0\0"


def written(path: Path, frames: Iterable[Frame]) -> Path:
    """The frames as a capture file with radiotap."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 127))
        for frame in frames:
            size = len(frame.payload)
            file.write(struct.pack("<IIII", int(frame.at), int(frame.at % 1 * 1e6), size, size) + bytes(frame.payload))
    return path
