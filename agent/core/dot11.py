"""Probe requests: a radiotap packet or a plain 802.11 frame becomes a `Sighting`, or nothing.

1. Nothing the air sends raises. A frame of another kind is `foreign`; one that is cut off, or that the receiver
   marked as damaged (bad FCS), is `damaged`. Both are counted, neither is used.
2. A frame check sequence, where radiotap says there is one, is not read as an element.
3. The signal is that of the receiver for this frame. Whether it may be used depends on the channel: the DS
   parameter names the one the frame was sent on, which may be a neighbour of the one listened to.
4. Seen layouts and element lists are remembered, because a device sends the same ones again and again: this is
   most of the speed. The memory is bounded, keyed by a checksum and never by the bytes, and emptied by `forget`.

Sources: IEEE 802.11-2020 9.2.4 and 9.3.3.9; radiotap.org.
"""

from struct import Struct, error
from zlib import crc32

from agent.core import elements
from agent.core.radiotap import Layout, layout, present_words
from agent.core.sighting import AddressKind, Sighting

_PROBE_REQUEST = 0x40  # protocol version 0, type 0 (management), subtype 4
_HEADER = 24
_HTC = 0x80  # +HTC: four more bytes of header
_FCS, _BAD_FCS = 0x10, 0x40
_REMEMBERED = 4096
_HEAD = Struct("<BxHI").unpack_from  # version, header length, first present word
_U16 = Struct("<H").unpack_from
_LOCAL, _GROUP = 0x02, 0x01
_GLOBAL_KIND, _LOCAL_KIND = AddressKind.WIFI_GLOBAL, AddressKind.WIFI_LOCAL


class Decoder:
    """Reads probe requests. `foreign` and `damaged` count what was not one."""

    def __init__(self) -> None:
        self.foreign = 0
        self.damaged = 0
        self._layouts: dict[int | tuple[int, ...], Layout] = {}
        self._elements: dict[int, tuple[int, int]] = {}

    def forget(self) -> None:
        """Empty the memory of seen element lists."""
        self._elements.clear()

    def radiotap(self, packet: bytes | memoryview) -> Sighting | None:
        """The sighting in a radiotap packet (link type 127); None if it is foreign or damaged."""
        try:
            version, start, present = _HEAD(packet)
            found = self._layouts.get(present) or self._layout(packet)
            if version or start < found.size:
                self.damaged += 1
                return None
            if packet[start] != _PROBE_REQUEST:
                self.foreign += 1
                return None
            end = len(packet)
            flags = packet[found.flags] if found.flags else 0
            if flags & _BAD_FCS:
                end = 0
            elif flags & _FCS:
                end -= 4
            if found.signal:
                level = packet[found.signal]
                signal: int | None = level - 256 if level > 127 else level
            else:
                signal = _strongest(packet, found)
            frequency = _U16(packet, found.channel)[0] if found.channel else None
        except (error, IndexError):
            self.damaged += 1
            return None
        return self._probe_request(packet, start, end, signal, frequency)

    def plain(self, frame: bytes | memoryview) -> Sighting | None:
        """The sighting in an 802.11 frame without radiotap (link type 105): signal and channel are unknown."""
        if not len(frame):
            self.damaged += 1
            return None
        if frame[0] != _PROBE_REQUEST:
            self.foreign += 1
            return None
        return self._probe_request(frame, 0, len(frame), None, None)

    def _layout(self, packet: bytes | memoryview) -> Layout:
        words = present_words(packet)
        key = words[0] if len(words) == 1 else words
        known = self._layouts.get(key)
        if known is not None:
            return known
        found, fixed = layout(packet, words)
        if fixed and len(self._layouts) < _REMEMBERED:
            self._layouts[key] = found
        return found

    def _probe_request(
        self, packet: bytes | memoryview, start: int, end: int, signal: int | None, frequency: int | None
    ) -> Sighting | None:
        body = start + _HEADER
        if end < body or packet[start + 10] & _GROUP:  # nobody sends from a group address (802.11 9.2.4.3.7)
            self.damaged += 1
            return None
        if packet[start + 1] & _HTC:
            body += 4
        if body + 2 <= end and packet[body] == elements.SSID:
            body += 2 + packet[body + 1]  # stepped over, never read
        seen = crc32(packet[body:end]) if body < end else 0
        known = self._elements.get(seen)
        if known is None:
            known = self._read(packet, body, end, seen)
        signature, channel = known
        on_channel = not channel or frequency == (2484 if channel == 14 else 2407 + 5 * channel)
        address = packet[start + 10 : start + 16]
        kind = _LOCAL_KIND if packet[start + 10] & _LOCAL else _GLOBAL_KIND
        return Sighting(address, kind, signal, on_channel, frequency, signature)

    def _read(self, packet: bytes | memoryview, body: int, end: int, seen: int) -> tuple[int, int]:
        if len(self._elements) >= _REMEMBERED:
            self._elements.clear()
        known = self._elements[seen] = elements.read(packet, body, end)
        return known


def _strongest(packet: bytes | memoryview, found: Layout) -> int | None:
    """dBm of the best antenna, where the driver reports no combined value; None where it reports none."""
    values = [packet[offset] for offset in found.antennas]
    return max((value - 256 if value > 127 else value for value in values), default=None)
