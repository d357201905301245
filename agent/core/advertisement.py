"""Bluetooth LE advertisements: an HCI event or a link-layer packet becomes `Sighting`s, or nothing.

1. Nothing the air sends raises. What is not an advertisement is `foreign`, what is cut off is `damaged`.
2. The kind of an address follows from the type its sender declares and, where that is random, from its two
   highest bits (Bluetooth Core 6.0, Vol 6 Part B 1.3).
3. Advertising data is read once, for what tells kinds of things apart: flags, transmit power, appearance, service
   ids, company ids, and the one or two bytes behind an id that say what its message is. Names and all other content are
   stepped over by their length and never read.
4. Advertisements arrive on three channels that all receivers hear alike, so the signal is always usable.

Sources: Core 6.0 Vol 6 Part B 2.3 (packets), Vol 4 Part E 7.7.65 (HCI events); Core Supplement 12 Part A
(advertising data); tcpdump.org link types 187, 201, 251, 256 (captures); `nature` for what lies behind a company's id.
"""

from collections.abc import Callable
from hashlib import blake2s
from struct import error

from agent.core.frame import Link
from agent.core.nature import Advertised, nature_of
from agent.core.sighting import AddressKind, Sighting

Packet = bytes | memoryview

_ADVERTISING_ACCESS = b"\xd6\xbe\x89\x8e"
_WITH_DATA = frozenset((0, 2, 4, 6))  # ADV_IND, ADV_NONCONN_IND, SCAN_RSP, ADV_SCAN_IND: address, then data
_DIRECTED, _EXTENDED = 1, 7
_RANDOM_SENDER = 0x40
_RADIO_HEADER, _DEWHITENED, _SIGNAL_VALID, _CRC_CHECKED, _CRC_VALID = 10, 0x0001, 0x0002, 0x0400, 0x0800
_HCI_EVENT, _LE_META, _REPORT, _EXTENDED_REPORT = 0x04, 0x3E, 0x02, 0x0D
_ANONYMOUS = 0xFF  # as an address type: there is no address
_NO_SIGNAL = 127
_FLAGS, _SOME_SERVICES, _ALL_SERVICES, _SERVICE_DATA, _COMPANY = 0x01, 0x02, 0x03, 0x16, 0xFF
_TX_POWER, _APPEARANCE = 0x0A, 0x19
_LEADING = {_FLAGS: 1, _SOME_SERVICES: 254, _ALL_SERVICES: 254, _SERVICE_DATA: 2, _COMPANY: 2}
_APPLE, _OVERFLOW, _IBEACON, _HOMEKIT = 0x004C, 0x01, 0x02, 0x06
_RANDOM_KINDS = (AddressKind.BLE_NON_RESOLVABLE, AddressKind.BLE_RESOLVABLE, None, AddressKind.BLE_STATIC)


class Decoder:
    """Reads advertisements. `foreign` and `damaged` count what was not one."""

    def __init__(self) -> None:
        self.foreign = 0
        self.damaged = 0

    def sightings(self, link: Link, packet: Packet) -> list[Sighting]:
        """The sightings in a packet of one of the Bluetooth link types; none where it is foreign or damaged."""
        try:
            if link == Link.BLE:
                return self._link_layer(packet, 0, None)
            if link == Link.BLE_WITH_RADIO:
                return self._with_radio(packet)
            return self._hci(packet, 4 if link == Link.HCI_WITH_DIRECTION else 0)
        except (error, IndexError):
            self.damaged += 1
            return []

    def _with_radio(self, packet: Packet) -> list[Sighting]:
        flags = packet[8] | packet[9] << 8
        if not flags & _DEWHITENED:
            return self._count_foreign()  # as it was on the air, scrambled
        if flags & _CRC_CHECKED and not flags & _CRC_VALID:
            self.damaged += 1
            return []
        return self._link_layer(packet, _RADIO_HEADER, _dbm(packet[1]) if flags & _SIGNAL_VALID else None)

    def _link_layer(self, packet: Packet, at: int, signal: int | None) -> list[Sighting]:
        if packet[at : at + 4] != _ADVERTISING_ACCESS:
            return self._count_foreign() if len(packet) >= at + 4 else self._count_damaged()
        header, length = packet[at + 4], packet[at + 5]
        start, end = at + 6, at + 6 + length
        kind, is_random = header & 0x0F, bool(header & _RANDOM_SENDER)
        if end > len(packet):
            return self._count_damaged()
        if kind == _EXTENDED:
            if length < 8 or not packet[start + 1] & 1 or packet[start] & 0x3F < 7:
                return self._count_foreign()  # it points to another packet and names no sender itself
            return self._sighting(packet, start + 2, _kind(packet, start + 2, is_random=is_random), signal, end, end)
        if kind not in _WITH_DATA and kind != _DIRECTED:
            return self._count_foreign()
        if length < 6:
            return self._count_damaged()
        data = start + 6 if kind in _WITH_DATA else end
        return self._sighting(packet, start, _kind(packet, start, is_random=is_random), signal, data, end)

    def _hci(self, packet: Packet, at: int) -> list[Sighting]:
        if packet[at] != _HCI_EVENT or packet[at + 1] != _LE_META:
            return self._count_foreign()
        subevent, count, at = packet[at + 3], packet[at + 4], at + 5
        if subevent not in (_REPORT, _EXTENDED_REPORT):
            return self._count_foreign()
        found: list[Sighting] = []
        for _ in range(count):
            if at + (9 if subevent == _REPORT else 24) > len(packet):
                return found + self._count_damaged()
            if subevent == _REPORT:
                kind, sender_at, data, size = packet[at + 1], at + 2, at + 9, packet[at + 8]
                signal = data + size
                at = signal + 1
            else:
                kind, sender_at, data, size, signal = packet[at + 2], at + 3, at + 24, packet[at + 23], at + 13
                at = data + size
            if at > len(packet):
                return found + self._count_damaged()
            if kind == _ANONYMOUS:
                found += self._count_foreign()
                continue
            sender = _kind(packet, sender_at, is_random=bool(kind & 1))
            found += self._sighting(packet, sender_at, sender, _dbm(packet[signal]), data, data + size)
        return found

    def _sighting(
        self, packet: Packet, sender_at: int, kind: AddressKind | None, signal: int | None, data: int, end: int
    ) -> list[Sighting]:
        if kind is None:  # the remaining value of the two bits is reserved: nobody may send it
            return self._count_damaged()
        said = advertised(packet, data, end)
        address = packet[sender_at : sender_at + 6]
        return [Sighting(address, kind, signal, True, None, said.signature, nature_of(said))]

    def _count_foreign(self) -> list[Sighting]:
        self.foreign += 1
        return []

    def _count_damaged(self) -> list[Sighting]:
        self.damaged += 1
        return []


def advertised(packet: Packet, start: int, end: int) -> Advertised:
    """What the advertising data in `packet[start:end]` tells, up to where it is cut off or padded."""
    said, hashed = Advertised(), bytearray()
    while start + 1 < end and packet[start]:
        kind, content = packet[start + 1], start + 2
        start += 1 + packet[start]
        if start > end:
            break
        counts = min(start - content, _LEADING.get(kind, 0))
        hashed += bytes((kind, counts))  # with the length, so that contents cannot run together
        hashed += packet[content : content + counts]
        read = _READERS.get(kind)
        if read is not None:
            read(said, packet, content, start)
    said.signature = int.from_bytes(blake2s(hashed, digest_size=8).digest(), "little")
    return said


def _read_flags(said: Advertised, packet: Packet, at: int, end: int) -> None:
    if at < end:
        said.flags = packet[at]


def _read_tx_power(said: Advertised, packet: Packet, at: int, end: int) -> None:
    if at < end:
        said.tx_power = (packet[at] ^ 0x80) - 0x80


def _read_appearance(said: Advertised, packet: Packet, at: int, end: int) -> None:
    if at + 2 <= end:
        said.appearance = packet[at] | packet[at + 1] << 8


def _read_services(said: Advertised, packet: Packet, at: int, end: int) -> None:
    said.services += [packet[one] | packet[one + 1] << 8 for one in range(at, end - 1, 2)]


def _read_service_data(said: Advertised, packet: Packet, at: int, end: int) -> None:
    if at + 2 <= end:
        said.service_data.append((packet[at] | packet[at + 1] << 8, packet[at + 2] if at + 2 < end else -1))


def _read_company(said: Advertised, packet: Packet, at: int, end: int) -> None:
    if at + 2 > end:
        return
    company, at = packet[at] | packet[at + 1] << 8, at + 2
    if company == _APPLE:
        _read_apple(said, packet, at, end)
    else:
        first, second = packet[at] if at < end else -1, packet[at + 1] if at + 1 < end else -1
        said.messages.append((company, first, second))


def _read_apple(said: Advertised, packet: Packet, at: int, end: int) -> None:
    """Apple's messages follow one another as type, length, content. The overflow area alone has no length."""
    while at + 2 <= end and packet[at] > _OVERFLOW:
        kind, length, content = packet[at], packet[at + 1], at + 2
        at = content + (length & 0x1F if kind == _HOMEKIT else length)  # the three highest bits are its subtype
        if at > end:
            break
        said.messages.append((_APPLE, kind, length if kind == _IBEACON else packet[content] if content < at else -1))


_READERS: dict[int, Callable[[Advertised, Packet, int, int], None]] = {
    _FLAGS: _read_flags,
    _SOME_SERVICES: _read_services,
    _ALL_SERVICES: _read_services,
    _TX_POWER: _read_tx_power,
    _SERVICE_DATA: _read_service_data,
    _APPEARANCE: _read_appearance,
    _COMPANY: _read_company,
}


def _kind(packet: Packet, sender_at: int, *, is_random: bool) -> AddressKind | None:
    return _RANDOM_KINDS[packet[sender_at + 5] >> 6] if is_random else AddressKind.BLE_PUBLIC


def _dbm(value: int) -> int | None:
    return None if value == _NO_SIGNAL else value - 256 if value > 127 else value
