"""A second opinion on frames: what scapy reads in them, and frames to ask both about.

1. `expected` is written from the rules in `agent/core/elements.py` and from the standards, and shares no code
   with our decoder: scapy finds the fields, this file says what follows from them.
2. scapy reads the receiver's own radiotap fields and not those of single antennas; who makes a frame with
   antennas says what their signals are.
3. `generated` and `mutated` follow a seed: the same seed gives the same bytes.
"""

import struct
from collections.abc import Iterator
from hashlib import blake2s
from pathlib import Path
from random import Random
from typing import NamedTuple
from zlib import crc32

from scapy.layers.dot11 import Dot11, Dot11Elt, Dot11ProbeReq, RadioTap, RadioTapExtendedPresenceMask

from agent.core import advertisement as bluetooth
from agent.core import dot11
from agent.core.frame import Link
from agent.core.nature import Nature
from agent.core.sighting import AddressKind
from agent.radio import capture
from tests.air import advertisement

FOREIGN, DAMAGED = "foreign", "damaged"
STABLE = {1, 45, 50, 107, 127, 191}
WRECKING = ("0050f204", "0050f208", "506f9a", "8cfdf0")
AGAIN, VENDOR, MORE = 1 << 29, 1 << 30, 1 << 31
OPTIONAL = ("TSFT", "Flags", "Rate", "Channel", "dBm_AntSignal", "dBm_AntNoise", "Lock_Quality", "Antenna", "RXFlags")
LATER = ("A_MPDU", "VHT", "timestamp", "HE", "L_SIG")  # scapy builds ChannelPlus too short, and MCS aligned to two


class Made(NamedTuple):
    """A frame, and the signals of single antennas in its header."""

    packet: bytes
    antennas: tuple[int, ...] = ()


def captured(folder: Path) -> list[bytes]:
    """The frames of all captures in a folder, radiotap and all."""
    frames = (frame for path in sorted(folder.glob("*.pcap")) for frame in capture.read(path))
    return [bytes(frame.payload) for frame in frames if frame.link == Link.RADIOTAP]


def expected(made: Made) -> tuple[object, ...] | str:
    """The fields of the `Sighting` that scapy's reading leads to, or what else the frame is."""
    tap = RadioTap(made.packet)
    frame = tap.getlayer(Dot11)
    if frame is None or (frame.proto, frame.type, frame.subtype) != (0, 0, 4):
        return FOREIGN
    has = tap.present
    sender = bytes.fromhex(frame.addr2.replace(":", ""))
    if (has.Flags and tap.Flags.badFCS) or sender[0] & 1:
        return DAMAGED
    signal = int(tap.dBm_AntSignal) if has.dBm_AntSignal else max(made.antennas, default=None)
    mhz = tap.ChannelFrequency if has.Channel else None
    elements = list(_elements(frame))
    channel = next((content[0] for ident, content in reversed(elements) if ident == 3 and content), 0)
    on_channel = not 1 <= channel <= 14 or mhz == (2484 if channel == 14 else 2407 + 5 * channel)
    kind = AddressKind.WIFI_LOCAL if sender[0] & 2 else AddressKind.WIFI_GLOBAL
    return sender, kind, signal, on_channel, mhz, signature(elements), Nature.UNKNOWN


def signature(elements: list[tuple[int, bytes]]) -> int:
    """The 64-bit hash of the stable elements, from (id, content) of all but a leading network name."""
    told = b"".join(bytes((ident, len(kept))) + kept for ident, kept in ((i, _kept(i, c)) for i, c in elements))
    return int.from_bytes(blake2s(told, digest_size=8).digest(), "little")


def _kept(ident: int, content: bytes) -> bytes:
    if ident == 221:
        return content[:4] if content.hex().startswith(WRECKING) else content
    if ident == 255:
        return b"" if content[:1] == b"\x02" else content
    return content if ident in STABLE else b""


def _elements(frame: Dot11) -> Iterator[tuple[int, bytes]]:
    """(id, content) as scapy separates them, without the leading network name and without one cut off at the end."""
    element = frame.getlayer(Dot11ProbeReq).payload
    is_first = True
    while isinstance(element, Dot11Elt):
        content = element.original[2 : 2 + element.len]
        if len(content) == element.len and not (is_first and element.ID == 0):
            yield element.ID, content
        element, is_first = element.payload, False


def generated(seed: int, count: int) -> Iterator[Made]:
    """Frames of many receivers and transmitters: most of them probe requests."""
    rng = Random(seed)
    for _ in range(count):
        chosen = [name for name in OPTIONAL if rng.random() < 0.6]
        chosen += [name for name in LATER if rng.random() < 0.1]
        has_fcs, is_bad = "Flags" in chosen and rng.random() < 0.5, "Flags" in chosen and rng.random() < 0.1
        flags = [name for name, is_set in (("FCS", has_fcs), ("badFCS", is_bad)) if is_set]
        head, antennas = _header(rng, chosen, "+".join(flags))
        body = _frame(rng)
        check = struct.pack("<I", crc32(body)) if has_fcs else b""
        yield Made(head + body + check, antennas)


def _header(rng: Random, chosen: list[str], flags: str) -> tuple[bytes, tuple[int, ...]]:
    """A radiotap header built by scapy, with up to four more present words and their fields behind it."""
    nexts = [rng.choice((AGAIN, AGAIN, VENDOR)) for _ in range(rng.choice((0, 0, 1, 2, 4)))]
    words = [1 << 5 | 1 << 11 if kind == AGAIN else rng.getrandbits(29) for kind in nexts]
    follows = [kind | MORE for kind in nexts] + [0]  # each word says what the next one speaks of
    values = {"mac_timestamp": rng.getrandbits(64), "Flags": flags, "Antenna": rng.randrange(4)}
    values |= {"ChannelFrequency": rng.choice((2412, 2437, 2462, 2472, 2484, 5180, 5500))}
    values |= {"dBm_AntSignal": rng.randrange(-128, 128), "dBm_AntNoise": rng.randrange(-128, 0)}
    tap = RadioTap(present="+".join(chosen), **values)
    tap.present = int(tap.present or 0) | follows[0]
    tap.Ext = [RadioTapExtendedPresenceMask(present=w | f) for w, f in zip(words, follows[1:], strict=True)]
    head, signals = bytes(tap), []
    for number, kind in enumerate(nexts):
        if kind == VENDOR:
            content = rng.randbytes(rng.randrange(6))
            head += bytes(len(head) % 2) + rng.randbytes(4) + struct.pack("<H", len(content)) + content
        else:
            signals.append(rng.randrange(-128, 128))
            head += struct.pack("<bB", signals[-1], number)
    head += bytes(rng.choice((0, 0, 0, 1, 3)))
    return head[:2] + struct.pack("<H", len(head)) + head[4:], tuple(signals)


def _frame(rng: Random) -> bytes:
    control = rng.choices((b"\x40\x00", b"\x80\x00", b"\x08\x01", b"\xd4\x00"), (90, 4, 3, 3))[0]
    sender = bytes((rng.randrange(256) & (0xFF if rng.random() < 0.05 else 0xFE),)) + rng.randbytes(5)
    head = control + b"\x00\x00" + b"\xff" * 6 + sender + b"\xff" * 6 + rng.randbytes(2)
    elements = [bytes((0, len(name))) + name for name in (rng.choice((b"", b"Guest", b"x" * 32)),)]
    elements += [_element(rng) for _ in range(rng.randrange(12))]
    body = head + b"".join(elements)
    return body[: -rng.randrange(1, 4)] if rng.random() < 0.1 and len(elements) > 1 else body


def _element(rng: Random) -> bytes:
    ident, content = rng.choice(
        (
            (1, rng.choice((b"\x02\x04\x0b\x16", b"\x82\x84\x8b\x96"))),
            (50, bytes(rng.sample(range(12, 108), rng.randrange(1, 9)))),
            (3, bytes((rng.randrange(1, 15),))),
            (45, rng.randbytes(26)),
            (127, rng.randbytes(rng.randrange(1, 10))),
            (107, rng.randbytes(rng.choice((1, 7)))),
            (191, rng.randbytes(12)),
            (70, rng.randbytes(5)),
            (255, rng.choice((b"\x02", b"\x23", b"\x6c")) + rng.randbytes(rng.randrange(9))),
            (221, bytes.fromhex(rng.choice((*WRECKING, "001018", "0017f2"))) + rng.randbytes(rng.randrange(9))),
            (rng.choice((59, 114, 216, 232)), rng.randbytes(rng.randrange(12))),
        )
    )
    return bytes((ident, len(content))) + content


def seeds(packets: list[bytes]) -> list[tuple[Link, bytes]]:
    """Whole packets of every link type, to be mutated: Wi-Fi as given, Bluetooth made by hand."""
    found = [(Link.RADIOTAP, packet) for packet in packets]
    found += [(Link.DOT11, packet[struct.unpack_from("<H", packet, 2)[0] :]) for packet in packets]
    found += [(Link.RADIOTAP, made.packet) for made in generated(1, 200)]
    radio = advertisement("c0:00:00:00:00:01", b"\x02\x01\x06\x03\x03\x0f\x18\x05\x09abcd\x05\xff\x4c\x00\x10\x05")
    report = b"\x00\x01" + bytes(range(6)) + b"\x05\x02\x01\x06\x01\x08" + b"\xc4"
    extended = b"\x00\x00\x01" + bytes(range(6)) + b"\x01\x00\xff\x7f\xc4\x00\x00" + bytes(7) + b"\x03\x02\x01\x06"
    for hci in (b"\x02\x02" + report * 2, b"\x0d\x02" + extended * 2):
        event = b"\x04\x3e" + bytes((len(hci),)) + hci
        found += [(Link.HCI, event), (Link.HCI_WITH_DIRECTION, b"\0\0\0\1" + event)] * 50
    return found + [(Link.BLE_WITH_RADIO, radio), (Link.BLE, radio[10:])] * 100


def mutated(rng: Random, pool: list[tuple[Link, bytes]]) -> tuple[Link, bytes]:
    """One of the packets after bit flips, truncation, a splice with another, or replaced by random bytes."""
    link, packet = rng.choice(pool)
    way = rng.randrange(5)
    if way == 0:
        return link, packet[: rng.randrange(len(packet) + 1)]
    if way == 1:
        other = rng.choice(pool)[1]
        return link, packet[: rng.randrange(len(packet) + 1)] + other[rng.randrange(len(other) + 1) :]
    if way == 2:
        return link, rng.randbytes(rng.randrange(80))
    changed = bytearray(packet)
    reach = len(changed) if way == 3 else min(len(changed), 48)  # the headers decide most
    for _ in range(rng.randrange(1, 9)):
        changed[rng.randrange(reach)] = rng.getrandbits(8)
    return link, bytes(changed)


def survive(seed: int, count: int, pool: list[tuple[Link, bytes]]) -> int:
    """Decode `count` mutated packets as bytes and as a slice of one receive buffer; how many were sightings.

    Nothing may raise, and both ways must read the same.
    """
    rng, wifi, ble = Random(seed), dot11.Decoder(), bluetooth.Decoder()
    receive_buffer = memoryview(bytearray(1 << 16))
    found = 0
    for _ in range(count):
        link, packet = mutated(rng, pool)
        received = receive_buffer[: len(packet)]
        received[:] = packet
        if link in (Link.RADIOTAP, Link.DOT11):
            decode = wifi.radiotap if link == Link.RADIOTAP else wifi.plain
            both = [decode(packet)], [decode(received)]
        else:
            both = ble.sightings(link, packet), ble.sightings(link, received)
        if both[0] != both[1]:
            raise AssertionError(f"bytes and memoryview differ ({link.name}, {packet.hex()})")
        found += both[0] != [None] and bool(both[0])
    return found
