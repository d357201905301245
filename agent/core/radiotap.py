"""The radiotap header: what the receiver knows about a frame (radiotap.org, "Radiotap").

1. Fields lie in the order of the bits of the present word, each aligned to its own size from the header's start.
2. Bit 31 chains another present word. Bit 29 starts the radiotap fields anew (one antenna each), bit 30 a
   vendor's fields, whose length stands before them.
3. Where the fields lie depends on the present words alone, so each set of them is worked out once. Vendor
   fields are the exception: their length is in the packet.
4. An absent signal is None, never 0. With several antennas the first value, which drivers set to the combined
   one, counts; where only single antennas report, the strongest does.
"""

from struct import Struct
from typing import NamedTuple

# (size, alignment) of the fields of bits 0 to 28. A field beyond these ends the walk: we need none after it.
_FIELDS = (
    (8, 8), (1, 1), (1, 1), (4, 2), (2, 1), (1, 1), (1, 1), (2, 2), (2, 2), (2, 2),
    (1, 1), (1, 1), (1, 1), (1, 1), (2, 2), (2, 2), (1, 1), (1, 1), (8, 4), (3, 1),
    (8, 4), (12, 2), (12, 8), (12, 2), (12, 2), (6, 2), (1, 1), (4, 2),
)  # fmt: skip
_FLAGS, _CHANNEL, _SIGNAL = 1, 3, 5
_AGAIN, _VENDOR, _MORE = 1 << 29, 1 << 30, 1 << 31
_MAX_WORDS = 16  # more present words than any receiver has antennas: not a header
_WORD = Struct("<I").unpack_from
_LENGTH = Struct("<H").unpack_from


class Layout(NamedTuple):
    """Offsets from the header's start, 0 where a field is absent; `size`: the least the header must be long.

    `signal` is the one before any antenna's own, `antennas` those of single antennas.
    """

    flags: int
    channel: int
    signal: int
    antennas: tuple[int, ...]
    size: int


def present_words(packet: bytes | memoryview) -> tuple[int, ...]:
    """All present words of a packet. Raises struct.error where it is cut off; at most 16 are read."""
    words: tuple[int, ...] = ()
    while (not words or words[-1] & _MORE) and len(words) < _MAX_WORDS:
        words += _WORD(packet, 4 + 4 * len(words))
    return words


def layout(packet: bytes | memoryview, words: tuple[int, ...]) -> tuple[Layout, bool]:
    """(where the fields lie, whether that holds for every packet with these present words).

    Raises struct.error where a vendor's fields are cut off.
    """
    offset = 4 + 4 * len(words)
    places: dict[int, int] = {}
    antennas: list[int] = []
    fixed, namespace, first_bit = True, 0, 0
    for word in words:
        for bit in range(29):
            if not word >> bit & 1:
                continue
            if first_bit + bit >= len(_FIELDS):  # a field of unknown size: what lies behind it cannot be found
                return _result(places, antennas, offset), fixed
            size, align = _FIELDS[first_bit + bit]
            offset += -offset % align
            if not namespace:
                places[bit] = offset
            elif bit == _SIGNAL:
                antennas.append(offset)
            offset += size
        if word & _VENDOR:  # OUI, sub-namespace, then the length of what follows; its own words are stepped over
            fixed = False
            offset += -offset % 2
            offset += 6 + _LENGTH(packet, offset + 4)[0]
            first_bit = len(_FIELDS)
        else:
            first_bit = 0 if word & _AGAIN else first_bit + 32
        namespace += bool(word & (_AGAIN | _VENDOR))
    return _result(places, antennas, offset), fixed


def _result(places: dict[int, int], antennas: list[int], size: int) -> Layout:
    return Layout(places.get(_FLAGS, 0), places.get(_CHANNEL, 0), places.get(_SIGNAL, 0), tuple(antennas), size)
