"""Advertisements made by hand after the Bluetooth Core specification, in every layout captures hold them in."""

import struct
from hashlib import blake2s
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.advertisement import Decoder, advertised
from agent.core.frame import Link
from agent.core.nature import Nature, nature_of
from agent.core.sighting import AddressKind, Sighting
from tests import advertisers, oracle_ble
from tests.air import advertisement

STATIC, RESOLVABLE, NON_RESOLVABLE, RESERVED = (f"{top:02x}:00:00:00:00:01" for top in (0xC0, 0x40, 0x00, 0x80))
FLAGS = b"\x02\x01\x06"


def pdu(kind: int, content: bytes, random: bool = True) -> bytes:
    """A link-layer packet (link type 251): access address, header, content, check."""
    return b"\xd6\xbe\x89\x8e" + bytes((kind | random << 6, len(content))) + content + b"\0\0\0"


def address(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))[::-1]  # the lowest byte comes first on the air


def event(subevent: int, *reports: bytes) -> bytes:
    """An HCI event (link type 187) with LE advertising reports."""
    content = bytes((subevent, len(reports))) + b"".join(reports)
    return b"\x04\x3e" + bytes((len(content),)) + content


def legacy(sender: str, kind: int = 1, data: bytes = FLAGS, signal: int = -60) -> bytes:
    return struct.pack("<BB", 0, kind) + address(sender) + bytes((len(data),)) + data + struct.pack("<b", signal)


def extended(sender: str, kind: int = 1, data: bytes = FLAGS, signal: int = -60) -> bytes:
    head = struct.pack("<HB6sBBBbbHB6s", 0x13, kind, address(sender), 1, 0, 0xFF, 127, signal, 0, 0, bytes(6))
    return head + bytes((len(data),)) + data


def read(link: Link, packet: bytes) -> list[Sighting]:
    return Decoder().sightings(link, packet)


def counts(link: Link, packet: bytes) -> tuple[int, int]:
    """(foreign, damaged) after a packet that is no sighting."""
    decoder = Decoder()
    assert decoder.sightings(link, packet) == []
    return decoder.foreign, decoder.damaged


@pytest.mark.parametrize(
    ("link", "packet", "signal"),
    [
        (Link.BLE, pdu(0, address(STATIC) + FLAGS), None),
        (Link.BLE_WITH_RADIO, advertisement(STATIC, FLAGS, signal=-60), -60),
        (Link.HCI, event(2, legacy(STATIC)), -60),
        (Link.HCI, event(13, extended(STATIC)), -60),
        (Link.HCI_WITH_DIRECTION, b"\0\0\0\1" + event(2, legacy(STATIC)), -60),
        (Link.HCI_WITH_DIRECTION, b"\0\0\0\1" + event(13, extended(STATIC)), -60),
    ],
)
def test_every_layout_gives_the_same_sighting(link: Link, packet: bytes, signal: int | None) -> None:
    (found,) = read(link, packet)
    assert found == (
        address(STATIC),
        AddressKind.BLE_STATIC,
        signal,
        True,
        None,
        signature(FLAGS, 0, 3),
        Nature.UNKNOWN,
    )
    assert "redacted" in repr(found)
    assert read(link, memoryview(bytearray(packet))) == [found]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sender", "kind"),
    [
        (STATIC, AddressKind.BLE_STATIC),
        (RESOLVABLE, AddressKind.BLE_RESOLVABLE),
        (NON_RESOLVABLE, AddressKind.BLE_NON_RESOLVABLE),
    ],
)
def test_the_two_highest_bits_tell_the_kind_of_a_random_address(sender: str, kind: AddressKind) -> None:
    assert [found.kind for found in read(Link.BLE, pdu(0, address(sender)))] == [kind]
    assert [found.kind for found in read(Link.HCI, event(2, legacy(sender)))] == [kind]


def test_a_public_address_is_public_whatever_its_bits() -> None:
    for sender in (STATIC, RESOLVABLE, RESERVED):
        assert read(Link.BLE, pdu(0, address(sender), random=False))[0].kind == AddressKind.BLE_PUBLIC
        assert read(Link.HCI, event(2, legacy(sender, kind=0)))[0].kind == AddressKind.BLE_PUBLIC


def test_a_random_address_of_the_reserved_kind_is_damaged() -> None:
    assert counts(Link.BLE, pdu(0, address(RESERVED))) == (0, 1)


def test_an_anonymous_report_is_foreign() -> None:
    assert counts(Link.HCI, event(13, extended(STATIC, kind=0xFF))) == (1, 0)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (0x0C03, None),  # checked and right
        (0x0003, None),  # not checked
        (0x0403, (0, 1)),  # checked and wrong
        (0x0C02, (1, 0)),  # still scrambled as on the air
    ],
)
def test_the_capture_says_whether_a_packet_arrived_whole(flags: int, expected: tuple[int, int] | None) -> None:
    radio = struct.pack("<BbbBIH", 37, -60, -90, 0, 0x8E89BED6, flags)
    packet = radio + pdu(0, address(STATIC))
    if expected:
        assert counts(Link.BLE_WITH_RADIO, packet) == expected
    else:
        assert len(read(Link.BLE_WITH_RADIO, packet)) == 1


def test_a_signal_that_is_not_told_is_unknown() -> None:
    radio = struct.pack("<BbbBIH", 37, -60, -90, 0, 0x8E89BED6, 0x0001)
    assert read(Link.BLE_WITH_RADIO, radio + pdu(0, address(STATIC)))[0].signal is None
    assert read(Link.HCI, event(2, legacy(STATIC, signal=127)))[0].signal is None


@pytest.mark.parametrize("kind", [0, 1, 2, 4, 6])
def test_packets_that_carry_their_sender_are_sightings(kind: int) -> None:
    assert len(read(Link.BLE, pdu(kind, address(STATIC) + FLAGS))) == 1


@pytest.mark.parametrize("kind", [3, 5, 8, 15])
def test_requests_and_others_are_foreign(kind: int) -> None:
    assert counts(Link.BLE, pdu(kind, address(STATIC) + bytes(6))) == (1, 0)


def test_the_target_of_a_directed_advertisement_is_not_read_as_data() -> None:
    one = pdu(1, address(STATIC) + b"\x02\x01\x06abc")
    other = pdu(1, address(STATIC) + b"\x02\x01\x05xyz")
    assert read(Link.BLE, one) == read(Link.BLE, other) != []


def test_an_extended_advertisement_is_a_sighting_where_it_names_its_sender() -> None:
    named = pdu(7, bytes((7, 0x01)) + address(RESOLVABLE))
    assert read(Link.BLE, named)[0][:2] == (address(RESOLVABLE), AddressKind.BLE_RESOLVABLE)
    assert counts(Link.BLE, pdu(7, bytes((7, 0x18)) + bytes(6))) == (1, 0)


def test_other_packets_are_foreign() -> None:
    connection = b"\x12\x34\x56\x78" + pdu(0, address(STATIC))[4:]
    assert counts(Link.BLE, connection) == (1, 0)
    assert counts(Link.HCI, b"\x01\x0c\x20\x02\x01\x00") == (1, 0)  # a command
    assert counts(Link.HCI, b"\x04\x0e\x04\x01\x0c\x20\x00") == (1, 0)  # another event
    assert counts(Link.HCI, event(1, bytes(18))) == (1, 0)  # another LE event


def test_cut_off_packets_are_damaged() -> None:
    for link, packet in ((Link.BLE, pdu(0, address(STATIC))[:-3]), (Link.HCI, event(2, legacy(STATIC)))):
        for size in range(len(packet)):
            assert counts(link, packet[:size]) == (0, 1), (link, size)
    assert counts(Link.BLE, pdu(0, b"\1\2\3")) == (0, 1)


@pytest.mark.parametrize(("subevent", "report"), [(2, legacy), (13, extended)])
def test_one_event_may_hold_several_reports(subevent: int, report: type[bytes]) -> None:
    packet = event(subevent, report(STATIC, signal=-50), report(RESOLVABLE, kind=1, signal=-70))
    assert [found.signal for found in read(Link.HCI, packet)] == [-50, -70]
    decoder = Decoder()
    assert [found.signal for found in decoder.sightings(Link.HCI, packet[:-1])] == [-50]
    assert decoder.damaged == 1


def signature(data: bytes, start: int, end: int) -> int:
    return advertised(data, start, end).signature


def told(*wanted: tuple[int, bytes]) -> int:
    data = b"".join(bytes((len(content) + 1, kind)) + content for kind, content in wanted)
    return signature(data, 0, len(data))


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_names_and_other_content_never_change_the_signature(one: bytes, other: bytes) -> None:
    for kind in (0x08, 0x09, 0x0A, 0x21):
        assert told((1, b"\x06"), (kind, one)) == told((1, b"\x06"), (kind, other))
    assert told((0xFF, b"\x4c\x00" + one)) == told((0xFF, b"\x4c\x00" + other))
    assert told((0x16, b"\x6f\xfd" + one)) == told((0x16, b"\x6f\xfd" + other))


def test_kinds_flags_services_and_companies_do() -> None:
    all_of_them = ((1, b"\x06"), (3, b"\x0f\x18"), (0xFF, b"\x4c\x00\x10"), (0x09, b"name"))
    others = ((1, b"\x1a"), (3, b"\x0a\x18"), (0xFF, b"\xe0\x00\x10"), (0x08, b"name"))
    seen = {told(*all_of_them)} | {
        told(*all_of_them[:at], other, *all_of_them[at + 1 :]) for at, other in enumerate(others)
    }
    assert len(seen) == 5


def test_contents_cannot_run_together() -> None:
    assert told((3, b"\x0f\x18"), (0x09, b"")) != told((3, b"\x0f\x18\x09"))


def test_data_cut_off_or_padded_is_read_up_to_there() -> None:
    assert signature(FLAGS + b"\x05\x09ab", 0, 7) == signature(FLAGS + bytes(4), 0, 7) == signature(FLAGS, 0, 3)


@settings(max_examples=300)
@given(st.sampled_from(Link), st.binary(max_size=80))
def test_arbitrary_bytes_never_raise(link: Link, data: bytes) -> None:
    decoder = Decoder()
    for packet in (data, pdu(0, data[:40]), event(2, data[:40]), event(13, data[:40])):
        decoder.sightings(link, packet)


def test_a_million_mutated_packets_would_raise_nothing() -> None:
    """The short form: `benchmarks/advertisements.py` takes the million."""
    survived = advertisers.survive(2026, 20_000)
    assert survived.raised == 0
    assert min(survived[1:]) > 1000  # of each kind enough


def theirs(link: Link, packet: bytes) -> list[Sighting]:
    """The sightings that scapy's reading leads to."""
    return [
        Sighting(address, kind, signal, True, None, said.signature, nature_of(said))
        for address, kind, signal, said in oracle_ble.heard(link, packet)
    ]


@pytest.mark.parametrize("layout", advertisers.LAYOUTS)
def test_advertisements_read_as_scapy_reads_them(layout: str) -> None:
    link, wrap = advertisers.LAYOUTS[layout]
    for one in advertisers.KNOWN:
        for data in (one.data, one.response):
            packet = wrap(one.address, data)
            assert read(link, packet) == theirs(link, packet) != [], one.name
            assert advertised(data, 0, len(data)) == oracle_ble.heard(link, packet)[0][3], one.name


def test_generated_advertisements_read_as_scapy_reads_them() -> None:
    rng = Random(7)
    for _ in range(400):
        data = b"".join(advertisers.structure(rng) for _ in range(rng.randrange(7)))
        packet = event(13, extended(STATIC, data=data))
        assert read(Link.HCI, packet) == theirs(Link.HCI, packet), packet.hex()
        assert advertised(data, 0, len(data)) == oracle_ble.heard(Link.HCI, packet)[0][3], packet.hex()


def test_signatures_are_those_that_classes_were_learnt_by() -> None:
    """A changed signature would be a class nobody has met, so what sensors have learnt would be lost."""
    found = [signature(one.data, 0, len(one.data)) for one in advertisers.KNOWN]
    assert blake2s(struct.pack(f"<{len(found)}Q", *found)).hexdigest()[:16] == "fbd73fa1eaf8d8f9"
