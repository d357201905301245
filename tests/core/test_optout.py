"""The opt-out list: it knows whom it lists, and hides them among addresses that match by chance."""

import base64
import random
from hashlib import blake2s

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract import ContractError, DeviceConfig, OptOuts, Signed, decode, encode
from agent.contract.handover import MAX_PAYLOAD_BYTES
from agent.contract.optout import (
    ADDRESSES_PER_ENTRY,
    FEWEST_ENTRIES,
    KINDS,
    MOST_ENTRIES,
    Filter,
    entry,
    make_list,
)
from agent.core.sighting import AddressKind

KEY = bytes(range(32))
BLOCK = bytes.fromhex("001122")  # a vendor's: the three bytes behind it are 2^24 addresses
ADDRESSES = st.tuples(st.sampled_from(sorted(KINDS.values())), st.binary(min_size=6, max_size=6))


def draw(seed: int = 1):
    return random.Random(seed).randrange


def block(number: int) -> bytes:
    return BLOCK + number.to_bytes(3, "big")


def test_an_entry_is_keyed_blake2s_of_kind_and_address() -> None:
    address = block(7)
    digest = blake2s(bytes((7, 3)) + address, digest_size=8, key=KEY, person=b"opt-out").digest()
    assert entry(KEY, 65536, 3, address) == int.from_bytes(digest, "little") % 65536


@given(st.lists(ADDRESSES, max_size=200), st.integers(0, 2**32))
def test_whoever_is_listed_is_held(addresses: list[tuple[int, bytes]], seed: int) -> None:
    listed = Filter(decode(OptOuts, encode(make_list(addresses, KEY, 1, draw(seed)))))
    buffer = memoryview(bytearray(b"".join(address for _, address in addresses)))
    for at, (kind, address) in enumerate(addresses):
        assert listed.holds(kind, address)
        assert listed.holds(kind, buffer[6 * at : 6 * at + 6])


def test_kinds_are_those_of_sightings_that_stay_the_same_by_themselves() -> None:
    assert set(KINDS.values()) == {int(kind) for kind in AddressKind if kind.stable}


def test_another_kind_or_key_is_another_entry() -> None:
    assert (
        len({entry(KEY, 2**40, 1, block(1)), entry(KEY, 2**40, 3, block(1)), entry(bytes(32), 2**40, 1, block(1))}) == 3
    )


@pytest.mark.parametrize(("asked", "size"), [(0, 64), (1, 64), (64, 64), (65, 128), (4097, 8192), (8192, 8192)])
def test_the_length_shows_no_number(asked: int, size: int) -> None:
    addresses = [(1, block(number)) for number in range(asked)]
    listed = make_list(addresses + addresses[:5], KEY, 1, draw())
    assert (len(listed.entries), listed.modulus) == (size, ADDRESSES_PER_ENTRY * size)


def test_of_devices_that_did_not_ask_one_in_1024_is_left_out() -> None:
    listed = Filter(make_list([(1, block(number)) for number in range(FEWEST_ENTRIES)], KEY, 1, draw()))
    tried = 200_000
    held = sum(listed.holds(1, block(number)) for number in range(1000, 1000 + tried))
    assert abs(held - tried / 1024) < 5 * (tried / 1024) ** 0.5


def test_of_a_block_1024th_matches_one_list_and_1024th_of_that_another_under_another_key() -> None:
    """The first hides who is listed, the second is what rule 5 of the module warns of. 1/64 of a block is tried."""
    people = [(1, block(number)) for number in range(3)]
    one = Filter(make_list(people, KEY, 1, draw(1)))
    other = Filter(make_list(people, bytes(32), 1, draw(2)))
    of_one = {number for number in range(2**18) if one.holds(1, block(number))}
    of_both = {number for number in of_one if other.holds(1, block(number))}
    assert abs(len(of_one) - 256) < 80
    assert {0, 1, 2} <= of_both
    assert len(of_both) < 8


def test_lists_of_one_key_give_little_more_than_one_of_them_as_they_grow() -> None:
    """The modulus of the longer list is a multiple of the shorter one's: what matches it matched before."""
    people = [(1, block(number)) for number in range(100)]
    lists = [Filter(make_list(people[:count], KEY, 1, draw())) for count in (60, 64, 100)]
    found = [number for number in range(2**18) if all(one.holds(1, block(number)) for one in lists)]
    assert len(found) > 256 / 4


def test_the_longest_list_fits_in_one_signed_message() -> None:
    longest = make_list(((1, number.to_bytes(6, "big")) for number in range(MOST_ENTRIES)), KEY, 2**40, draw())
    name = "a" * 32
    wanted = DeviceConfig(
        sensor=f"{name}:{name}",
        version=2**53,
        not_before=2**40,
        expires=2**40,
        profile="D24",
        inside_dbm=-127,
        outside_dbm=-127,
        opt_outs=longest,
    )
    payload = base64.b64encode(encode(wanted)).decode()
    message = encode(Signed(payload=payload, kid=name, sig="A" * 86 + "=="))
    assert decode(Signed, message)
    assert len(message) < MAX_PAYLOAD_BYTES


def test_what_no_list_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 8192"):
        make_list(((1, number.to_bytes(6, "big")) for number in range(MOST_ENTRIES + 1)), KEY, 1, draw())
    with pytest.raises(ValueError, match="32 bytes"):
        make_list([], bytes(31), 1, draw())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"modulus": 1024}, "modulus must be"),
        ({"modulus": 2**40}, "modulus"),
        ({"entries": [5, 4]}, "modulus must be"),
        ({"modulus": 2048, "entries": [5, 4]}, "ascend"),
        ({"modulus": 2048, "entries": [5, 5]}, "ascend"),
        ({"modulus": 2048, "entries": [5, 2048]}, "ascend"),
        ({"modulus": 2048, "entries": [-1, 5]}, "entries"),
        ({"key": "00"}, "key"),
        ({"addresses": []}, "unknown field"),
    ],
)
def test_a_list_that_would_silence_the_sensor_or_is_none_is_refused(change: dict[str, object], says: str) -> None:
    listed = msgspec.to_builtins(make_list([], KEY, 1, draw()))
    with pytest.raises(ContractError, match=says):
        decode(OptOuts, msgspec.json.encode(listed | change))


def test_a_list_of_nobody_holds_nobody_who_is_not_there_by_chance() -> None:
    empty = Filter(OptOuts(made_at=1, key="00" * 32, modulus=1024, entries=[]))
    assert not any(empty.holds(1, block(number)) for number in range(5000))
