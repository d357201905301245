"""Element lists: what tells models apart, and what must not."""

import pytest

from agent.core.elements import read

RATES = (1, b"\x02\x04\x0b\x16")


def elements(*wanted: tuple[int, bytes]) -> bytes:
    return b"".join(bytes((ident, len(content))) + content for ident, content in wanted)


def signature(*wanted: tuple[int, bytes]) -> int:
    listed = elements(*wanted)
    return read(listed, 0, len(listed))[0]


@pytest.mark.parametrize("ident", [1, 45, 50, 107, 127, 191])
def test_contents_that_a_model_sends_alike_count(ident: int) -> None:
    assert signature((ident, b"\x01\x02")) != signature((ident, b"\x01\x03"))


@pytest.mark.parametrize(
    ("ident", "one", "other"),
    [
        (0, b"Home", b"Office network"),  # not the first element either: no name is ever read
        (3, b"\x01", b"\x0b"),
        (59, b"\x51", b"\x73\x74"),
        (221, bytes.fromhex("0050f204") + b"abc", bytes.fromhex("0050f204") + b"d"),
        (221, bytes.fromhex("0050f208") + b"abc", bytes.fromhex("0050f208") + b"xyz"),
        (221, bytes.fromhex("506f9a09") + b"abc", bytes.fromhex("506f9a09") + b"xyz"),
        (221, bytes.fromhex("8cfdf001") + b"abc", bytes.fromhex("8cfdf001") + b"xyz"),
        (255, b"\x02abc", b"\x02xyz1"),
    ],
)
def test_contents_that_change_on_one_device_do_not(ident: int, one: bytes, other: bytes) -> None:
    assert signature(RATES, (ident, one)) == signature(RATES, (ident, other))


def test_vendors_and_extensions_count_by_content() -> None:
    assert signature((221, b"\x00\x10\x18\x02\x00")) != signature((221, b"\x00\x10\x18\x02\x01"))
    assert signature((221, bytes.fromhex("506f9a16"))) != signature((221, bytes.fromhex("0050f208")))
    assert signature((255, b"\x23\x01")) != signature((255, b"\x23\x02"))


def test_the_order_and_presence_of_elements_count() -> None:
    assert signature(RATES, (59, b"")) != signature((59, b""), RATES)
    assert signature(RATES, (59, b"")) != signature(RATES)


def test_contents_cannot_run_together() -> None:
    assert signature((1, b"\x02\x04"), (50, b"\x0c")) != signature((1, b"\x02\x04\x32\x01\x0c"))
    # What counts of the first list is as long as the second one, byte for byte, if lengths are left out.
    assert signature((255, b"\x02"), (1, b"\x05")) != signature((255, b"\x01"), (5, b""))


def test_an_element_cut_off_at_the_end_is_left_out() -> None:
    whole = elements(RATES, (45, bytes(26)))
    assert read(whole[:-1], 0, len(whole) - 1)[0] == signature(RATES)
    assert read(whole, 0, len(elements(RATES)) + 1)[0] == signature(RATES)  # by the end told, not by the buffer's


def test_the_ds_parameter_names_the_channel() -> None:
    listed = elements(RATES, (3, b"\x06"))
    assert read(listed, 0, len(listed))[1] == 6
    assert read(elements((3, b"")), 0, 2)[1] == 0
    assert read(b"", 0, 0)[1] == 0
