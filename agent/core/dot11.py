"""Probe requests: a radiotap packet or a plain 802.11 frame becomes a `Sighting`, or nothing.

1. Nothing the air sends raises. A frame of another kind is `foreign`; one that is cut off, or that the receiver
   marked as damaged (bad FCS), is `damaged`. Both are counted, neither is used.
2. A frame check sequence, where radiotap says there is one, is not read as an element.
3. The signal is that of the receiver for this frame. Whether it may be used depends on the channel: the DS
   parameter names the one the frame was sent on, which may be a neighbour of the one listened to.
4. Seen layouts and element lists are remembered, because a device sends the same ones again and again: this is
   most of the speed. The memory is bounded, keyed by a checksum and never by the bytes, and emptied by `forget`.

Sources: IEEE 802.11-2020 9.2.4, 9.3.3.9 and 9.4.2.3; radiotap.org.
"""

from collections.abc import Callable
from functools import partial
from struct import Struct, error
from zlib import crc32

from agent.core import elements
from agent.core.nature import Nature
from agent.core.radiotap import Layout, layout, present_words
from agent.core.sighting import AddressKind, Sighting

_NO_RADIOTAP = b"\x00\x00\x08\x00\x00\x00\x00\x00"  # the header of a receiver that says nothing
_LONGEST = 4096  # bytes of a frame that are read; the standard's frames are shorter (9.2.4.7)
_PROBE_REQUEST = 0x40  # protocol version 0, type 0 (management), subtype 4
_HEADER = 24
_HTC = 0x80  # +HTC: four more bytes of header
_FCS, _BAD_FCS = 0x10, 0x40
_REMEMBERED = 4096
_HEAD = Struct("<Q").unpack_from  # version, header length, first present word
_U16 = Struct("<H").unpack_from
_GROUP = 0x01
_KINDS = (AddressKind.WIFI_GLOBAL, AddressKind.WIFI_LOCAL)  # by the U/L bit
_UNKNOWN = Nature.UNKNOWN
_Fields = tuple[bytes | memoryview, AddressKind, int | None, bool, int | None, int, Nature]
# What Sighting(...) does in the end; the Python function before it would cost a fifth of a frame's time.
_sighting: Callable[[_Fields], Sighting] = partial(tuple.__new__, Sighting)


class Decoder:
    """Reads probe requests. `foreign` and `damaged` count what was not one."""

    def __init__(self) -> None:
        self.foreign = 0
        self.damaged = 0
        self._layouts: dict[int | tuple[int, ...], Layout] = {}
        self._elements: dict[int, tuple[int, int]] = {}
        self._plain = bytearray(len(_NO_RADIOTAP) + _LONGEST)  # one place for a frame without a header, used again
        self._plain[: len(_NO_RADIOTAP)] = _NO_RADIOTAP

    def forget(self) -> None:
        """Empty the memory of seen element lists, and the place of the last frame."""
        self._elements.clear()
        self._plain[len(_NO_RADIOTAP) :] = bytes(_LONGEST)

    def radiotap(self, packet: bytes | memoryview) -> Sighting | None:
        """The sighting in a radiotap packet (link type 127); None if it is foreign or damaged."""
        try:
            start, flags, channel, signal, antennas = self._layouts.get(_HEAD(packet)[0]) or self._layout(packet)
            if packet[start] != _PROBE_REQUEST:
                self.foreign += 1
                return None
            flags = packet[flags]  # where it is absent this reads the version, which is 0
            end = len(packet) - 4 if flags & _FCS else len(packet)
            address = packet[start + 10 : start + 16]
            sender = address[0]
            body = start + (_HEADER + 4 if packet[start + 1] & _HTC else _HEADER)
            # Nobody sends from a group address (9.2.4.3), and the first element, the SSID, is always there (9.3.3.9).
            if flags & _BAD_FCS or sender & _GROUP or end < body + 2:
                self.damaged += 1
                return None
            level = (packet[signal] ^ 0x80) - 0x80 if signal else _strongest(packet, antennas)
            frequency = _U16(packet, channel)[0] if channel else None
            if packet[body] == elements.SSID:
                body += 2 + packet[body + 1]  # stepped over, never read
        except (error, IndexError):
            self.damaged += 1
            return None
        seen = crc32(packet[body:end])
        signature, sent_on = self._elements.get(seen) or self._read(packet, body, end, seen)
        on_channel = not sent_on or sent_on == frequency
        return _sighting((address, _KINDS[sender >> 1 & 1], level, on_channel, frequency, signature, _UNKNOWN))

    def plain(self, frame: bytes | memoryview) -> Sighting | None:
        """The sighting in an 802.11 frame without radiotap (link type 105): signal and channel are unknown."""
        start, size = len(_NO_RADIOTAP), min(len(frame), _LONGEST)
        self._plain[start : start + size] = frame[:size]
        return self.radiotap(memoryview(self._plain)[: start + size])

    def _layout(self, packet: bytes | memoryview) -> Layout:
        words = present_words(packet)
        (head,) = _HEAD(packet)
        key = head if len(words) == 1 else (head, *words[1:])
        known = self._layouts.get(key)
        if known is not None:
            return known
        found, fixed = layout(packet, words)
        if fixed and len(self._layouts) < _REMEMBERED:
            self._layouts[key] = found
        return found

    def _read(self, packet: bytes | memoryview, body: int, end: int, seen: int) -> tuple[int, int]:
        if len(self._elements) >= _REMEMBERED:
            self._elements.clear()
        signature, channel = elements.read(packet, body, end)
        known = self._elements[seen] = signature, _centre(channel)
        return known


def _centre(channel: int) -> int:
    """MHz of a 2.4 GHz channel (17.4.6.3); 0 for other numbers, of which the DS parameter cannot speak."""
    return 2484 if channel == 14 else 2407 + 5 * channel if 1 <= channel <= 13 else 0


def _strongest(packet: bytes | memoryview, antennas: tuple[int, ...]) -> int | None:
    """dBm of the best antenna, where the driver reports no combined value; None where it reports none."""
    return max(((packet[offset] ^ 0x80) - 0x80 for offset in antennas), default=None)
