"""Tags: what the key connects and nothing else does. Expected values come from RFC 7693's function by hand."""

from hashlib import blake2s

from agent.core.pseudonym import Pseudonym, Trace, tagger
from agent.core.sighting import AddressKind, Sighting

KEY = bytes(range(32))


def sighting(address: bytes, kind: AddressKind = AddressKind.WIFI_LOCAL) -> Sighting:
    return Sighting(address, kind, -60, True, 2437, 1)


def test_the_tag_is_keyed_blake2s_of_kind_and_address() -> None:
    address = bytes.fromhex("021122334455")
    expected = blake2s(bytes((7, 2)) + address, digest_size=8, key=KEY, person=b"count").digest()
    trace = Pseudonym(KEY, -90).trace(sighting(address))
    assert trace is not None
    assert trace.tag == int.from_bytes(expected, "little")


def test_key_purpose_kind_and_address_each_change_the_tag() -> None:
    one = sighting(bytes(6))
    traces = {
        Pseudonym(KEY, -90).trace(one),
        Pseudonym(bytes(32), -90).trace(one),
        Trace(tagger(KEY, b"visit")(one), False, None, 0),
        Pseudonym(KEY, -90).trace(sighting(bytes(6), AddressKind.BLE_PUBLIC)),
        Pseudonym(KEY, -90).trace(sighting(bytes(5) + b"\1")),
    }
    assert len({trace.tag for trace in traces if trace}) == 5


def test_a_slice_of_the_receive_buffer_gives_the_same_tag() -> None:
    pseudonym = Pseudonym(KEY, -90)
    buffer = memoryview(bytearray(b"xx\x02\x11\x22\x33\x44\x55yy"))
    assert pseudonym.trace(sighting(buffer[2:8])) == pseudonym.trace(sighting(bytes(buffer[2:8])))


def test_no_text_form_shows_an_address() -> None:
    one = sighting(bytes.fromhex("021122334455"))
    for text in (repr(one), str(one), f"{one}"):
        assert "2233" not in text.replace("\\x", "").replace(":", "")


def test_below_the_floor_no_tag_is_made() -> None:
    pseudonym = Pseudonym(KEY, -59)
    assert pseudonym.trace(sighting(bytes(6))) is None


def test_a_signal_from_another_channel_is_not_passed_on() -> None:
    other = sighting(bytes(6))._replace(on_channel=False)
    trace = Pseudonym(KEY, -90).trace(other)
    assert trace is not None
    assert trace.signal is None
