"""What BlueZ tells of a device, put back into an adapter's report: it decodes, and the device is taken for the same."""

import pytest

from agent.core.advertisement import Decoder, advertised
from agent.core.frame import Link
from agent.core.nature import nature_of
from agent.core.sighting import AddressKind
from agent.radio import retold
from tests.advertisers import KNOWN, Advertiser


def told(**more: object) -> dict[str, object]:
    return {"Address": "52:00:00:00:00:01", "AddressType": "random", "RSSI": -60, **more}


def test_what_bluez_tells_becomes_a_report_that_decodes() -> None:
    packet = retold.report(told())
    decoder = Decoder()
    (sighting,) = decoder.sightings(Link.HCI, packet)
    assert bytes(sighting.address) == bytes.fromhex("010000000052")
    assert (sighting.kind, sighting.signal) == (AddressKind.BLE_RESOLVABLE, -60)
    assert (decoder.foreign, decoder.damaged) == (0, 0)


def test_without_a_signal_there_is_none_and_a_public_address_is_public() -> None:
    (sighting,) = Decoder().sightings(
        Link.HCI, retold.report({"Address": "3C:5A:B4:00:00:01", "AddressType": "public"})
    )
    assert (sighting.kind, sighting.signal) == (AddressKind.BLE_PUBLIC, None)


def parsed(data: bytes) -> dict[str, object]:
    """Advertising data as BlueZ gives it over D-Bus."""
    found: dict[str, object] = {}
    services: list[str] = []
    while data:
        size, kind, content, data = data[0], data[1], data[2 : data[0] + 1], data[data[0] + 1 :]
        number = int.from_bytes(content[:2], "little")
        uuid = f"0000{number:04x}-0000-1000-8000-00805f9b34fb"
        if kind == 0x01:
            found["AdvertisingFlags"] = content
        elif kind in (0x02, 0x03):
            pairs = [int.from_bytes(content[at : at + 2], "little") for at in range(0, size - 1, 2)]
            services += [f"0000{one:04x}-0000-1000-8000-00805f9b34fb" for one in pairs]
        elif kind == 0x0A:
            found["TxPower"] = int.from_bytes(content, "little", signed=True)
        elif kind == 0x19:
            found["Appearance"] = number
        elif kind == 0x16:
            found.setdefault("ServiceData", {})[uuid] = content[2:]  # type: ignore[attr-defined]
        elif kind == 0xFF:
            found.setdefault("ManufacturerData", {})[number] = content[2:]  # type: ignore[attr-defined]
        elif kind == 0x09:
            found["Name"] = content.decode()
    return {**found, "UUIDs": services}


@pytest.mark.parametrize("thing", KNOWN, ids=lambda one: one.name)
def test_a_thing_is_taken_for_the_same_whether_it_is_heard_or_told(thing: Advertiser) -> None:
    data = thing.data
    packet = retold.report(told(**parsed(data)))
    assert nature_of(advertised(packet, 14, len(packet) - 1)) == nature_of(advertised(data, 0, len(data)))


def test_a_name_is_left_out() -> None:
    assert b"a name" not in retold.report(told(Name="a name", Alias="a name", AdvertisingFlags=b"\x06"))


def test_a_report_has_at_most_the_length_an_event_can_have() -> None:
    many = {number: bytes(60) for number in range(20)}
    packet = retold.report(told(ManufacturerData=many, ServiceData={}, UUIDs=["f00d" * 8] * 20))
    assert len(packet) <= 258 and packet[2] == len(packet) - 3
    assert Decoder().sightings(Link.HCI, packet)


def test_a_service_is_told_by_its_short_number_where_it_has_one() -> None:
    short, long = "0000fe2c-0000-1000-8000-00805f9b34fb", "f00dfa11-0000-4000-8000-000000000000"
    packet = retold.report(told(UUIDs=[short, long], ServiceData={short: b"\x01", long: b"\x02"}))
    assert bytes.fromhex("03032cfe") in packet and bytes.fromhex("04162cfe01") in packet
    assert b"\x11\x07" + bytes.fromhex(long.replace("-", ""))[::-1] in packet
