"""Probe requests made by hand: what is read, what is foreign, what is damaged."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.dot11 import Decoder
from agent.core.sighting import AddressKind, Sighting
from tests.air import RATES, probe, radiotap

LOCAL, GLOBAL, GROUP = "02:00:00:00:00:01", "00:11:22:33:44:55", "01:00:5e:00:00:01"
FCS, BAD_FCS = 0x10, 0x40


def sighting(packet: bytes) -> Sighting:
    found = Decoder().radiotap(packet)
    assert found is not None
    return found


def counts(*packets: bytes) -> tuple[int, int]:
    """(foreign, damaged) after packets none of which is a sighting."""
    decoder = Decoder()
    assert [decoder.radiotap(packet) for packet in packets] == [None] * len(packets)
    return decoder.foreign, decoder.damaged


def test_a_probe_request_is_a_sighting() -> None:
    found = sighting(radiotap(-60, 2437) + probe(LOCAL))
    assert found[:5] == (bytes.fromhex("020000000001"), AddressKind.WIFI_LOCAL, -60, True, 2437)
    assert sighting(radiotap() + probe(GLOBAL)).kind == AddressKind.WIFI_GLOBAL


def test_its_text_does_not_show_the_address() -> None:
    found = sighting(radiotap() + probe(GLOBAL))
    assert repr(found) == str(found) == f"{found}" == "Sighting(WIFI_GLOBAL, redacted)"


@pytest.mark.parametrize("dbm", [-128, -100, -1, 0, 1, 127])
def test_the_signal_is_a_signed_byte(dbm: int) -> None:
    assert sighting(radiotap(dbm) + probe(LOCAL)).signal == dbm


def test_an_absent_signal_is_unknown_and_not_zero() -> None:
    assert sighting(radiotap(None) + probe(LOCAL)).signal is None


def test_without_a_combined_signal_the_strongest_antenna_counts() -> None:
    words = (1 << 3 | 1 << 29 | 1 << 31, 1 << 5 | 1 << 11 | 1 << 29 | 1 << 31, 1 << 5 | 1 << 11)
    fields = struct.pack("<HHbBbB", 2437, 0xA0, -71, 0, -64, 1)
    head = struct.pack("<BBHIII", 0, 0, 16 + len(fields), *words) + fields
    decoder = Decoder()
    for _ in range(2):  # worked out, then remembered
        found = decoder.radiotap(head + probe(LOCAL))
        assert found and (found.signal, found.frequency) == (-64, 2437)


def test_other_frames_are_foreign() -> None:
    beacon = b"\x80" + probe(LOCAL)[1:]
    acknowledgement = b"\xd4\x00\x00\x00" + bytes(6)
    other_version = b"\x41" + probe(LOCAL)[1:]
    assert counts(*(radiotap() + frame for frame in (beacon, acknowledgement, other_version))) == (3, 0)


def test_truncated_frames_are_damaged() -> None:
    whole = radiotap() + probe(LOCAL)
    mandatory = len(radiotap()) + 24 + 2  # up to the head of the first element
    assert counts(*(whole[:size] for size in range(mandatory))) == (0, mandatory)
    assert Decoder().radiotap(whole[:mandatory]) is not None


def test_a_header_that_is_none_is_damaged() -> None:
    shorter_than_its_fields = bytearray(radiotap() + probe(LOCAL))
    shorter_than_its_fields[2] = 9
    assert counts(bytes(shorter_than_its_fields), b"\x01" + radiotap()[1:] + probe(LOCAL)) == (0, 2)


def test_a_frame_from_a_group_address_is_damaged() -> None:
    assert counts(radiotap() + probe(GROUP)) == (0, 1)


def test_the_check_sequence_is_not_an_element() -> None:
    looks_like_an_element = b"\x32\x02\x0c\x12"
    with_fcs = radiotap(flags=FCS) + probe(LOCAL) + looks_like_an_element
    assert sighting(with_fcs).signature == sighting(radiotap() + probe(LOCAL)).signature
    assert sighting(radiotap() + probe(LOCAL) + looks_like_an_element).signature != sighting(with_fcs).signature


def test_a_bad_check_sequence_is_damaged() -> None:
    assert counts(radiotap(flags=BAD_FCS) + probe(LOCAL), radiotap(flags=BAD_FCS | FCS) + probe(LOCAL)) == (0, 2)


def test_the_longer_header_of_htc_is_stepped_over() -> None:
    plain = probe(LOCAL, b"name")
    longer = plain[:1] + b"\x80" + plain[2:24] + b"\x01\x08\x01\x08" + plain[24:]
    assert sighting(radiotap() + longer) == sighting(radiotap() + plain)
    assert counts(radiotap() + longer[:29]) == (0, 1)


@given(st.binary(max_size=32), st.binary(max_size=32))
def test_the_name_of_the_network_never_changes_the_signature(one: bytes, other: bytes) -> None:
    assert sighting(radiotap() + probe(LOCAL, one)) == sighting(radiotap() + probe(LOCAL, other))


@pytest.mark.parametrize(
    ("mhz", "channel", "on_channel"),
    [
        (2437, None, True),
        (2437, 6, True),
        (2437, 5, False),
        (2412, 1, True),
        (2472, 13, True),
        (2484, 14, True),
        (2477, 14, False),
        (5180, None, True),
        (5180, 36, True),  # the parameter cannot speak of 5 GHz, where neighbours are not heard
        (5180, 6, False),
        (2437, 0, True),
    ],
)
def test_the_ds_parameter_tells_a_frame_of_a_neighbouring_channel(
    mhz: int, channel: int | None, on_channel: bool
) -> None:
    found = sighting(radiotap(mhz=mhz) + probe(LOCAL, channel=channel))
    assert (found.frequency, found.on_channel) == (mhz, on_channel)


def test_without_radiotap_signal_and_channel_are_unknown() -> None:
    found = Decoder().plain(probe(LOCAL))
    assert found is not None
    assert (found.address, found.signal, found.frequency) == (bytes.fromhex("020000000001"), None, None)
    decoder = Decoder()
    assert [decoder.plain(frame) for frame in (b"", b"\x80", b"\x40", memoryview(b"\x40\x00"))] == [None] * 4
    assert (decoder.foreign, decoder.damaged) == (1, 3)


def test_a_slice_of_a_receive_buffer_reads_like_bytes() -> None:
    packet = radiotap() + probe(LOCAL, b"name", channel=6)
    received = memoryview(bytearray(packet + b"left over from an earlier frame"))[: len(packet)]
    assert sighting(packet) == sighting(received)  # type: ignore[arg-type]


def test_what_is_remembered_is_bounded_and_can_be_forgotten() -> None:
    decoder = Decoder()
    packets = [radiotap() + probe(LOCAL, elements=RATES + bytes((50, 2)) + struct.pack("<H", n)) for n in range(5000)]
    first = decoder.radiotap(packets[0])
    for packet in packets:
        decoder.radiotap(packet)
    assert len(decoder._elements) <= 4096
    decoder.forget()
    assert decoder._elements == {}
    assert decoder.radiotap(packets[0]) == first


@settings(max_examples=300)
@given(st.binary(max_size=120))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    decoder = Decoder()
    for packet in (data, radiotap() + data, radiotap() + probe(LOCAL)[:26] + data):
        decoder.radiotap(packet)
        decoder.plain(packet)
