"""Sighting: one transmitter heard once, its address in the clear. It lives for one function call.

Only the two decoders make it and only `pseudonym` reads its address. Its text form never shows the address.
"""

from enum import IntEnum
from typing import NamedTuple

from agent.core.nature import Nature


class AddressKind(IntEnum):
    """What the address itself says about how long it lives (IEEE 802-2014 8.4; Bluetooth Core 6.B 1.3)."""

    WIFI_GLOBAL = 1  # U/L bit clear: given by the maker, stays
    WIFI_LOCAL = 2  # U/L bit set: drawn at random by the phone
    BLE_PUBLIC = 3
    BLE_STATIC = 4  # random static: stays until the battery is changed
    BLE_RESOLVABLE = 5  # changes about every 15 minutes
    BLE_NON_RESOLVABLE = 6

    @property
    def stable(self) -> bool:
        """Whether the address is stable by itself, not drawn afresh by its owner."""
        return self in (AddressKind.WIFI_GLOBAL, AddressKind.BLE_PUBLIC, AddressKind.BLE_STATIC)


class Sighting(NamedTuple):
    """`address`: 6 bytes as on the air. `signal`: dBm, None where the receiver did not say.

    `on_channel` is False when the frame was sent on another channel than the receiver was tuned to: its
    signal is then 15 to 20 dB too low to be used. `frequency`: MHz the receiver was tuned to, or None.
    `signature`: 64-bit hash of what all devices of a model share, 0 where nothing is known. `nature`: what kind of
    thing it is, which only Bluetooth tells.
    """

    address: bytes | memoryview
    kind: AddressKind
    signal: int | None
    on_channel: bool
    frequency: int | None
    signature: int
    nature: Nature = Nature.UNKNOWN

    def __repr__(self) -> str:
        return f"Sighting({self.kind.name}, redacted)"
