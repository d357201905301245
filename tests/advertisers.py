"""Advertisers: what phones and other things send over Bluetooth LE, in formats that are public, with made-up contents.

Built from the sources that `agent/core/nature.py` names and not with the code under test. `KNOWN` says of each what it
is; `LAYOUTS` wraps advertising data in every way a capture or a kernel hands it over; `survive` decodes mutated ones.
"""

import struct
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from agent.core.advertisement import Decoder
from agent.core.frame import Link
from agent.core.nature import Nature
from agent.core.sighting import AddressKind
from tests.air import advertisement

PUBLIC, STATIC, CHANGING = "3c:5a:b4:00:00:01", "c8:00:00:00:00:01", "52:00:00:00:00:01"
KIND = {PUBLIC: AddressKind.BLE_PUBLIC, STATIC: AddressKind.BLE_STATIC, CHANGING: AddressKind.BLE_RESOLVABLE}
NOISE = bytes.fromhex("839096f28a1927bd62fd895b5a57364dc7fb77866c40c910")


class Advertiser(NamedTuple):
    """A thing, what it is, its address, what it sends, and what it answers when asked (a scan response)."""

    name: str
    nature: Nature
    address: str
    data: bytes
    response: bytes = b""


def ad(kind: int, content: bytes) -> bytes:
    """One AD structure."""
    return bytes((len(content) + 1, kind)) + content


def flags(value: int) -> bytes:
    return ad(0x01, bytes((value,)))


def name(text: str) -> bytes:
    return ad(0x09, text.encode())


def appearance(value: int) -> bytes:
    return ad(0x19, struct.pack("<H", value))


def services(*uuids: int) -> bytes:
    return ad(0x03, struct.pack(f"<{len(uuids)}H", *uuids))


def service_data(uuid: int, content: bytes) -> bytes:
    return ad(0x16, struct.pack("<H", uuid) + content)


def company(ident: int, content: bytes) -> bytes:
    return ad(0xFF, struct.pack("<H", ident) + content)


def apple(*messages: tuple[int, bytes]) -> bytes:
    return company(0x004C, b"".join(bytes((kind, len(content))) + content for kind, content in messages))


def cdp(device: int) -> bytes:
    """Microsoft's beacon of a device that takes part in cross-device experiences."""
    return company(0x0006, bytes((0x01, 0x20 | device, 0x20, 0x02)) + NOISE[:23])


def all_are(nature: Nature, *things: tuple[str, str, bytes] | tuple[str, str, bytes, bytes]) -> tuple[Advertiser, ...]:
    return tuple(Advertiser(one[0], nature, *one[1:]) for one in things)


MOBILE, SINGLE = flags(0x1A), flags(0x06)
POWER = ad(0x0A, b"\x0c")
NEARBY = (0x10, b"\x03\x1c" + NOISE[:3])

UNKNOWN = all_are(
    Nature.UNKNOWN,
    ("iPhone in a pocket", CHANGING, MOBILE + POWER + apple(NEARBY)),
    ("iPhone in use", CHANGING, MOBILE + apple((0x0C, b"\x08" + NOISE[:13]), (0x10, b"\x07" + NOISE[:4]))),
    ("iPhone beside a watch", CHANGING, MOBILE + apple((0x10, b"\x1a\x1c" + NOISE[:3]))),
    ("iPhone in Find My", CHANGING, MOBILE + apple((0x12, b"\x00\x01"), NEARBY)),
    ("iPhone without a network", STATIC, apple((0x12, b"\x00" + NOISE[:22] + b"\x03\x00"))),
    ("iPhone with an app behind", CHANGING, MOBILE + company(0x4C, b"\x01\0\x06\0" + bytes(13))),
    ("iPhone that shares", CHANGING, MOBILE + apple((0x05, bytes(8) + b"\x01" + NOISE[:9]))),
    ("MacBook looking for a hotspot", CHANGING, MOBILE + apple((0x0D, b"\1\0\x2d\x40"), NEARBY)),
    ("Android that shares", CHANGING, service_data(0xFE2C, b"\xfc\x12\x8e\x01\x42" + bytes(9))),
    ("Galaxy phone offline", CHANGING, flags(2) + service_data(0xFD69, NOISE[:20])),
    ("Galaxy, phone or television", PUBLIC, company(0x75, b"\x42\x04\x01\x80\x60" + NOISE[:19])),
    ("Xiaomi, phone or band", PUBLIC, SINGLE + company(0x038F, NOISE[:8])),
    ("an app with a number of its own", CHANGING, flags(2) + company(0x03FF, b"\x65\x66\x61")),
    ("somebody with flags", STATIC, SINGLE),
    ("somebody with a name", PUBLIC, SINGLE + name("iBeacon 7")),
    ("somebody with nothing", CHANGING, b""),
)
PHONES = all_are(
    Nature.PHONE,
    ("a phone by appearance", CHANGING, flags(2) + appearance(0x0040)),
    ("iPhone lending its line", CHANGING, apple((0x0E, b"\1\0\x57\0\x07\x05"), NEARBY)),
    ("exposure notification", CHANGING, MOBILE + services(0xFD6F) + service_data(0xFD6F, NOISE[:20])),
    ("a phone as a passkey", CHANGING, flags(2) + service_data(0xFFF9, NOISE[:20])),
    ("Android linked to Windows", CHANGING, cdp(8)),
    ("phone that plays an iBeacon", CHANGING, appearance(0x40) + apple((0x02, NOISE[:21]))),
)
WEARABLES = all_are(
    Nature.WEARABLE,
    ("AirPods", CHANGING, apple((0x07, b"\x01\x0e\x20\x55\x99\x8f\x39\0\0" + NOISE[:16]))),
    ("AirPods left behind", STATIC, apple((0x12, b"\x30" + NOISE[:22] + b"\x01\x00"))),
    ("Apple Watch without its phone", CHANGING, apple((0x0B, NOISE[:3]), NEARBY)),
    ("headphones, paired", CHANGING, service_data(0xFE2C, b"\x00\x40" + NOISE[:5] + b"\x11\x42")),
    ("headphones, to be paired", PUBLIC, SINGLE + service_data(0xFE2C, b"\x71\x8f\xa4") + POWER),
    ("sports watch", STATIC, SINGLE + services(0xFE1F) + company(0x0087, NOISE[:4])),
    ("heart rate strap", STATIC, SINGLE + appearance(0x0341), services(0x180D, 0x180A) + name("H10")),
    ("hearing aid", CHANGING, SINGLE + services(0xFDF0) + service_data(0xFDF0, NOISE[:6])),
    ("earbuds with LE Audio", CHANGING, service_data(0x184E, b"\x01\xff\x0f\xff\x0f\0")),
    ("ring", CHANGING, SINGLE, company(0x02B2, NOISE[:6])),
)
COMPUTERS = all_are(
    Nature.COMPUTER,
    ("Windows desktop", CHANGING, cdp(9)),
    ("Windows laptop", CHANGING, cdp(15)),
    ("keyboard", STATIC, SINGLE + services(0x1812, 0x180F) + appearance(0x03C1)),
    ("mouse to be paired", STATIC, SINGLE + company(0x0006, b"\x03\x00\x80")),
)
TAGS = all_are(
    Nature.TAG,
    ("AirTag away from its owner", STATIC, apple((0x12, b"\x10" + NOISE[:22] + b"\x03\xe4"))),
    ("AirTag near its owner", STATIC, apple((0x12, b"\x54\x02"))),
    ("Find My bicycle", STATIC, apple((0x12, b"\x24" + NOISE[:22] + b"\x00\x00"))),
    ("AirTag out of the box", STATIC, apple((0x07, b"\x05\x00\x55\x10" + NOISE[:21]))),
    ("Tile", STATIC, SINGLE + services(0xFEED) + service_data(0xFEED, b"\x02\0" + NOISE[:8])),
    ("SmartTag", CHANGING, flags(4) + service_data(0xFD5A, b"\x13" + NOISE[:19])),
    ("Chipolo", STATIC, SINGLE + service_data(0xFE33, NOISE[:8])),
    ("Find Hub tag", CHANGING, SINGLE + service_data(0xFEAA, b"\x40" + NOISE[:20])),
    ("Find Hub tag away", CHANGING, services(0xFEAA) + service_data(0xFEAA, b"\x41" + NOISE[:20])),
    ("tracker of any maker", STATIC, SINGLE + service_data(0xFCB2, b"\x02\x01" + NOISE[:20])),
)
BEACONS = all_are(
    Nature.BEACON,
    ("iBeacon", PUBLIC, SINGLE + apple((0x02, NOISE[:16] + b"\0\x01\0\x02\xc5"))),
    ("Eddystone URL", STATIC, services(0xFEAA) + service_data(0xFEAA, b"\x10\xee\x02example\x00")),
    ("Eddystone telemetry", STATIC, services(0xFEAA) + service_data(0xFEAA, b"\x20\0" + NOISE[:12])),
    ("AltBeacon", STATIC, SINGLE + company(0x0118, b"\xbe\xac" + NOISE[:20] + b"\xc5\0")),
    ("AltBeacon of anybody", STATIC, company(0xFFFF, b"\xbe\xac" + NOISE[:20] + b"\xc5\0")),
)
FURNITURE = all_are(
    Nature.FURNITURE,
    ("HomeKit sensor", STATIC, SINGLE + company(0x4C, b"\x06\x31\0" + NOISE[:16])),
    ("Apple TV", CHANGING, MOBILE + apple((0x09, b"\x13\x08\xc0\0\x02\x0a"), NEARBY)),
    ("AirPrint printer", PUBLIC, apple((0x03, NOISE[:22]))),
    ("HP printer", PUBLIC, SINGLE + services(0xFE78), name("Laser")),
    ("LG television", PUBLIC, SINGLE + services(0xFEB9) + company(0xC4, NOISE[:8])),
    ("Hue lamp", PUBLIC, SINGLE + services(0xFE0F) + service_data(0xFE0F, b"\x02\x10" + NOISE[:5])),
    ("Xiaomi thermometer", PUBLIC, SINGLE + service_data(0xFE95, b"\x50\x58\x5b\x05" + NOISE[:11])),
    ("Govee thermometer", PUBLIC, SINGLE + name("GVH5075_0001"), company(0xEC88, b"\0" + NOISE[:5])),
    ("Ruuvi", STATIC, SINGLE + company(0x0499, b"\x05" + NOISE[:23])),
    ("BTHome sensor", PUBLIC, SINGLE + service_data(0xFCD2, b"\x40\0\x01")),
    ("shelf label", PUBLIC, SINGLE + services(0x1857)),
    ("shelf label of one maker", STATIC, company(0x0A89, NOISE[:12])),
    ("digital sign", STATIC, SINGLE + appearance(0x0AC0)),
    ("lamp to be set up with Matter", CHANGING, SINGLE + service_data(0xFFF6, NOISE[:8])),
    ("games console", CHANGING, cdp(1)),
)
KNOWN = UNKNOWN + PHONES + WEARABLES + COMPUTERS + TAGS + BEACONS + FURNITURE


def on_air(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))[::-1]


def event(subevent: int, *reports: bytes) -> bytes:
    """An HCI event (link type 187) with LE advertising reports."""
    content = bytes((subevent, len(reports))) + b"".join(reports)
    return b"\x04\x3e" + bytes((len(content),)) + content


def legacy(address: str, data: bytes) -> bytes:
    return bytes((0, address != PUBLIC)) + on_air(address) + bytes((len(data),)) + data + struct.pack("<b", -60)


def extended(address: str, data: bytes) -> bytes:
    kind = address != PUBLIC
    head = struct.pack("<HB6sBBBbbHB6s", 0x13, kind, on_air(address), 1, 0, 0xFF, 127, -60, 0, 0, bytes(6))
    return head + bytes((len(data),)) + data


def sniffed(address: str, data: bytes) -> bytes:
    return advertisement(address, data, random=address != PUBLIC)


LAYOUTS: dict[str, tuple[Link, Callable[[str, bytes], bytes]]] = {
    "link layer": (Link.BLE, lambda address, data: sniffed(address, data)[10:]),
    "with radio": (Link.BLE_WITH_RADIO, sniffed),
    "report": (Link.HCI, lambda address, data: event(2, legacy(address, data))),
    "extended report": (Link.HCI, lambda address, data: event(13, extended(address, data))),
    "report with direction": (
        Link.HCI_WITH_DIRECTION,
        lambda address, data: b"\0\0\0\1" + event(2, legacy(address, data)),
    ),
}


def packets() -> list[tuple[Link, bytes]]:
    """Every known advertiser in every layout, and events that hold several."""
    found = [
        (link, wrap(one.address, data))
        for link, wrap in LAYOUTS.values()
        for one in KNOWN
        for data in (one.data, one.response)
    ]
    crowd = [extended(one.address, one.data) for one in KNOWN[:4]]
    return [*found, (Link.HCI, event(13, *crowd)), (Link.HCI, event(2, legacy(STATIC, SINGLE), legacy(PUBLIC, MOBILE)))]


def structure(rng: Random) -> bytes:
    """One AD structure as somebody could send it: whole, of any kind, with any content."""
    uuid = rng.choice((0x180D, 0xFD6F, 0xFE2C, 0xFEAA, rng.randrange(1 << 16)))
    kind = rng.choice((0x0C, 0x10, 0x12, 0x07, 0x02, 0x01, rng.randrange(7, 0x20)))
    ident = rng.choice((0x0006, 0x0087, rng.randrange(0x80, 1 << 16)))
    return rng.choice(
        (
            flags(rng.randrange(0x20)),
            ad(0x0A, rng.randbytes(1)),
            appearance(rng.randrange(1 << 16)),
            services(*(rng.randrange(1 << 16) for _ in range(rng.randrange(5)))),
            ad(0x02, struct.pack("<H", uuid)),
            service_data(uuid, rng.randbytes(rng.randrange(9))),
            company(ident, rng.randbytes(rng.randrange(9))),
            apple((kind, rng.randbytes(rng.randrange(9))), NEARBY),
            ad(rng.choice((0x08, 0x09)), rng.randbytes(rng.randrange(12))),
            ad(0x21, rng.randbytes(16 + rng.randrange(4))),
            ad(0x07, rng.randbytes(16 * rng.randrange(3))),
        )
    )


def mutated(rng: Random, pool: list[tuple[Link, bytes]]) -> tuple[Link, bytes]:
    """One of the packets with bytes changed, put in or taken out, cut, spliced with another, or random all along."""
    link, packet = pool[int(rng.random() * len(pool))]
    at, way = int(rng.random() * len(packet)), int(rng.random() * 6)
    match way:
        case 0:
            return link, packet[:at]
        case 1:
            other = pool[int(rng.random() * len(pool))][1]
            return link, packet[:at] + other[int(rng.random() * len(other)) :]
        case 2:
            return link, rng.randbytes(int(rng.random() * 80))
        case 3:
            return link, packet[:at] + rng.randbytes(int(rng.random() * 4)) + packet[at + int(rng.random() * 3) :]
    changed = bytearray(packet)
    for _ in range(1 + int(rng.random() * 6)):
        where = int(rng.random() * len(changed))
        changed[where] = int(rng.random() * 256) if way == 4 else changed[where] ^ 1 << int(rng.random() * 8)
    return link, bytes(changed)


class Survived(NamedTuple):
    """What became of mutated packets: how many raised, and how many were sightings, damaged or foreign."""

    raised: int
    sightings: int
    damaged: int
    foreign: int


def survive(seed: int, count: int) -> Survived:
    """Decode `count` mutated packets, each as bytes and as a slice of one receive buffer: both must read alike."""
    rng, pool, decoder = Random(seed), packets(), Decoder()
    receive_buffer = memoryview(bytearray(1 << 12))
    raised = found = 0
    for _ in range(count):
        link, packet = mutated(rng, pool)
        received = receive_buffer[: len(packet)]
        received[:] = packet
        try:
            sightings = decoder.sightings(link, packet)
            damaged, foreign = decoder.damaged, decoder.foreign
            if decoder.sightings(link, received) != sightings:
                raise AssertionError("bytes and memoryview differ")
            decoder.damaged, decoder.foreign = damaged, foreign
        except Exception:
            raised += 1
            continue
        found += bool(sightings)
    return Survived(raised, found, decoder.damaged, decoder.foreign)
