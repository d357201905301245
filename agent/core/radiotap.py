"""The radiotap header: what the receiver knows about a frame (radiotap.org, "Radiotap").

1. Fields lie in the order of the bits of the present word, each aligned to its own size from the header's start.
2. Bit 31 chains another present word. Bit 29 starts the radiotap fields anew (one antenna each), bit 30 a
   vendor's fields, whose length stands before them.
3. Where the fields lie depends on the present words alone, so each set of them is worked out once. Vendor
   fields are the exception: their length is in the packet.
4. An absent signal is None, never 0. With several antennas the first value, which drivers set to the combined
   one, counts; where only single antennas report, the strongest does.
"""

from struct import Struct, error
from typing import NamedTuple

# (size, alignment) of the fields of bits 0 to 28. A field beyond these ends the walk: we need none after it.
_FIELDS = (
    (8, 8), (1, 1), (1, 1), (4, 2), (2, 2), (1, 1), (1, 1), (2, 2), (2, 2), (2, 2),
    (1, 1), (1, 1), (1, 1), (1, 1), (2, 2), (2, 2), (1, 1), (1, 1), (8, 4), (3, 1),
    (8, 4), (12, 2), (12, 8), (12, 2), (12, 2), (6, 2), (1, 1), (4, 2),
)  # fmt: skip
_FLAGS, _CHANNEL, _SIGNAL = 1, 3, 5
_AGAIN, _VENDOR, _MORE = 1 << 29, 1 << 30, 1 << 31
_MAX_WORDS = 16  # more present words than any receiver has antennas: not a header
_WORD = Struct("<I").unpack_from
_LENGTH = Struct("<H").unpack_from


class Layout(NamedTuple):
    """Offsets from the start of the packet, 0 where a field is absent; `start` is that of the 802.11 frame.

    `signal` is the one before any antenna's own, `antennas` those of single antennas.
    """

    start: int
    flags: int
    channel: int
    signal: int
    antennas: tuple[int, ...]


def present_words(packet: bytes | memoryview) -> tuple[int, ...]:
    """All present words of a packet. Raises struct.error where it is cut off; at most 16 are read."""
    words: tuple[int, ...] = ()
    while (not words or words[-1] & _MORE) and len(words) < _MAX_WORDS:
        words += _WORD(packet, 4 + 4 * len(words))
    return words


def layout(packet: bytes | memoryview, words: tuple[int, ...]) -> tuple[Layout, bool]:
    """(where the fields lie, whether that holds for every packet of this header length and these present words).

    Raises struct.error where this is no radiotap header: of another version, or shorter than its own fields.
    """
    own, antennas, end = _walk(packet, words)
    (start,) = _LENGTH(packet, 2)
    if packet[0] or start < end:
        raise error("not a radiotap header")
    flags, channel, signal = (own.get(bit, 0) for bit in (_FLAGS, _CHANNEL, _SIGNAL))
    return Layout(start, flags, channel, signal, tuple(antennas)), not any(word & _VENDOR for word in words)


def _walk(packet: bytes | memoryview, words: tuple[int, ...]) -> tuple[dict[int, int], list[int], int]:
    """(offsets of the receiver's own fields by bit, of the antennas' signals, where the known fields end)."""
    offset = 4 + 4 * len(words)
    own: dict[int, int] = {}
    antennas: list[int] = []
    first_bit, is_own, is_vendors = 0, True, False
    for word in words:
        for bit in () if is_vendors else range(29):
            if not word >> bit & 1:
                continue
            if first_bit + bit >= len(_FIELDS):  # a field of unknown size: what lies behind it cannot be found
                return own, antennas, offset
            size, align = _FIELDS[first_bit + bit]
            offset += -offset % align
            if is_own:
                own[bit] = offset
            elif bit == _SIGNAL:
                antennas.append(offset)
            offset += size
        if word & _VENDOR:  # OUI, sub-namespace, then the length of the vendor's fields: all of it is stepped over
            offset += -offset % 2
            offset += 6 + _LENGTH(packet, offset + 4)[0]
        is_own = is_own and not word & (_AGAIN | _VENDOR)
        is_vendors = bool(word & _VENDOR) or (is_vendors and not word & _AGAIN)
        first_bit = 0 if word & (_AGAIN | _VENDOR) else first_bit + 32
    return own, antennas, offset
