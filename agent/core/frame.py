"""Frame: bytes off the air, or from a capture, with the time they were heard.

The payload may be a slice of one receive buffer that the next frame overwrites, so nobody keeps it.
Its text form never shows a byte of it.
"""

from enum import IntEnum
from typing import NamedTuple


class Link(IntEnum):
    """How the payload is laid out. The numbers are the link types of capture files."""

    DOT11 = 105  # IEEE 802.11 frame without anything before it
    RADIOTAP = 127  # radiotap header, then the 802.11 frame
    HCI = 187  # Bluetooth HCI packet with its packet type
    HCI_WITH_DIRECTION = 201  # the same behind a 4-byte direction
    BLE = 251  # Bluetooth LE link-layer packet from its access address on
    BLE_WITH_RADIO = 256  # the same behind a 10-byte radio header


class Frame(NamedTuple):
    """`at`: UTC seconds when it was heard. `payload`: bytes-like, laid out as `link` says."""

    at: float
    link: Link
    payload: bytes | memoryview

    def __repr__(self) -> str:
        return f"Frame({self.link.name}, {len(self.payload)} bytes, redacted)"
