"""Radiotap headers made by hand after radiotap.org: where the fields lie, and what is no header."""

import struct

import pytest

from agent.core.radiotap import layout, present_words

TSFT, FLAGS, RATE, CHANNEL, FHSS, SIGNAL, ANTENNA, MCS = (1 << bit for bit in (0, 1, 2, 3, 4, 5, 11, 19))
AGAIN, VENDOR, MORE = 1 << 29, 1 << 30, 1 << 31


def header(words: list[int], fields: bytes, version: int = 0, length: int | None = None) -> bytes:
    size = 4 + 4 * len(words) + len(fields)
    head = struct.pack("<BBH", version, 0, size if length is None else length)
    return head + struct.pack(f"<{len(words)}I", *words) + fields


def read(words: list[int], fields: bytes) -> tuple[int | None, int | None, int | None, list[int]]:
    """(flags, MHz, own signal, signals of single antennas) by the layout."""
    packet = header(words, fields)
    found, _ = layout(packet, present_words(packet))
    flags = packet[found.flags] if found.flags else None
    mhz = struct.unpack_from("<H", packet, found.channel)[0] if found.channel else None
    signal = struct.unpack_from("<b", packet, found.signal)[0] if found.signal else None
    return flags, mhz, signal, [struct.unpack_from("<b", packet, offset)[0] for offset in found.antennas]


def test_fields_lie_in_the_order_of_their_bits() -> None:
    fields = struct.pack("<BBHHb", 0x10, 2, 2437, 0x00A0, -60)
    assert read([FLAGS | RATE | CHANNEL | SIGNAL], fields) == (0x10, 2437, -60, [])


def test_each_field_is_aligned_to_its_own_size_from_the_start_of_the_header() -> None:
    # Flags end at 9, so one byte of padding comes before the channel.
    assert read([FLAGS | CHANNEL | SIGNAL], struct.pack("<BxHHb", 0, 2412, 0xA0, -70)) == (0, 2412, -70, [])
    # Two present words end at 12, so four bytes of padding come before the eight of the time.
    fields = struct.pack("<4xQBxHHb", 2**63, 0, 2462, 0xA0, -71)
    assert read([TSFT | FLAGS | CHANNEL | SIGNAL | AGAIN | MORE, 0], fields) == (0, 2462, -71, [])
    # Frequency hopping is a field of two, though each of its parts is a byte.
    assert read([FLAGS | FHSS | SIGNAL], struct.pack("<BxBBb", 0, 1, 2, -72)) == (0, None, -72, [])


def test_absent_fields_have_no_offset() -> None:
    assert read([RATE], b"\x02") == (None, None, None, [])
    assert read([0], b"") == (None, None, None, [])


def test_each_antenna_of_a_chain_has_its_own_signal_behind_the_combined_one() -> None:
    words = [CHANNEL | SIGNAL | AGAIN | MORE, SIGNAL | ANTENNA | AGAIN | MORE, SIGNAL | ANTENNA]
    fields = struct.pack("<HHbbBbB", 2437, 0xA0, -50, -55, 0, -52, 1)
    packet_fields = b"" + fields
    assert read(words, packet_fields) == (None, 2437, -50, [-55, -52])


def test_fields_behind_one_byte_aligned_mcs_are_found() -> None:
    words = [RATE | MCS | AGAIN | MORE, SIGNAL]
    assert read(words, struct.pack("<BBBBb", 2, 7, 0, 3, -61)) == (None, None, None, [-61])


def test_a_vendors_fields_are_stepped_over_whatever_its_present_words_say() -> None:
    words = [SIGNAL | VENDOR | MORE, 0x1FFFFFFF | AGAIN | MORE, SIGNAL | ANTENNA]
    fields = struct.pack("<bx3sBH5sbB", -60, b"\x00\x11\x22", 0, 5, b"\xff" * 5, -66, 0)
    assert read(words, fields) == (None, None, -60, [-66])


def test_a_layout_with_a_vendors_fields_holds_for_its_packet_only() -> None:
    vendors = header([SIGNAL | VENDOR | MORE, 0], struct.pack("<bx3sBH", -60, b"abc", 0, 0))
    assert not layout(vendors, present_words(vendors))[1]
    plain = header([SIGNAL], b"\xc4")
    assert layout(plain, present_words(plain))[1]


def test_the_walk_ends_at_a_field_of_unknown_size() -> None:
    fields = struct.pack("<b", -60) + bytes(40)
    assert read([SIGNAL | 1 << 28 | AGAIN | MORE, SIGNAL], fields) == (None, None, -60, [])


def test_a_second_word_of_the_same_namespace_holds_nothing_we_know() -> None:
    assert read([SIGNAL | MORE, SIGNAL], struct.pack("<bb", -60, -20)) == (None, None, -60, [])


@pytest.mark.parametrize(
    "packet",
    [
        header([SIGNAL], b"\xc4", version=1),
        header([TSFT | SIGNAL], b"\xc4", length=9),  # shorter than its own fields
        header([SIGNAL], b"\xc4", length=7),
        header([SIGNAL | VENDOR | MORE, 0], b"\xc4"),  # cut off before the length of the vendor's fields
    ],
)
def test_what_is_no_header_is_refused(packet: bytes) -> None:
    with pytest.raises(struct.error):
        layout(packet, present_words(packet))


def test_a_cut_off_header_is_refused() -> None:
    with pytest.raises(struct.error):
        present_words(header([SIGNAL | AGAIN | MORE], b""))


def test_an_endless_chain_of_present_words_is_not_followed() -> None:
    assert len(present_words(header([MORE] * 10_000, b"", length=8))) == 16
