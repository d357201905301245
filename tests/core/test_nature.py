"""What kind of thing sends an advertisement, and what becomes of things that are no phones."""

import os
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract import Report
from agent.contract.report import Heard
from agent.core import others
from agent.core.advertisement import Decoder, advertised
from agent.core.frame import Frame, Link
from agent.core.memory import Place
from agent.core.nature import Advertised, Nature, nature_of
from agent.core.pseudonym import Trace
from agent.core.sensor import Sensor
from agent.core.visits import Panel
from agent.core.window import Window, Zones
from tests import advertisers as known
from tests.advertisers import KIND, KNOWN, LAYOUTS, Advertiser

T = 1_700_000_100  # on the 300 s grid


def read(data: bytes) -> Advertised:
    return advertised(data, 0, len(data))


def told(said: Advertised) -> dict[str, object]:
    return {one.name: getattr(said, one.name) for one in fields(said)}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("one", KNOWN, ids=lambda one: one.name)
def test_a_thing_is_what_it_is_in_every_layout(one: Advertiser, layout: str) -> None:
    link, wrap = LAYOUTS[layout]
    said = [Decoder().sightings(link, wrap(one.address, data))[0] for data in (one.data, one.response)]
    assert {sighting.kind for sighting in said} == {KIND[one.address]}
    assert min((sighting.nature for sighting in said if sighting.nature), default=Nature.UNKNOWN) == one.nature


def test_everything_that_tells_a_kind_is_read_in_one_pass() -> None:
    data = known.SINGLE + known.POWER + known.appearance(0x0341) + known.services(0x180D, 0xFE1F)
    data += known.ad(0x02, b"\x0a\x18") + known.service_data(0xFEAA, b"\x10\x00") + known.service_data(0xFE95, b"")
    data += known.company(0x0087, b"\x01\x02\x03") + known.apple((0x0C, b"\x08\x01"), known.NEARBY)
    assert told(read(data)) | {"signature": 0} == {
        "signature": 0,
        "flags": 0x06,
        "tx_power": 12,
        "appearance": 0x0341,
        "messages": [(0x87, 1, 2), (0x4C, 0x0C, 0x08), (0x4C, 0x10, 0x03)],
        "services": [0x180D, 0xFE1F, 0x180A],
        "service_data": [(0xFEAA, 0x10), (0xFE95, -1)],
    }


def test_transmit_power_is_signed() -> None:
    assert read(known.ad(0x0A, b"\xf4")).tx_power == -12


def test_what_is_cut_off_tells_nothing() -> None:
    for kind in (0x01, 0x0A, 0x19, 0x03, 0x16, 0xFF):
        said = read(known.ad(kind, b"") + known.ad(kind, b"\x4c" if kind > 0x0A else b""))
        assert told(said) | {"signature": 0} == told(Advertised()), kind
    assert read(known.company(0x4C, b"\x10\x05\x03\x1c\x83\x90")).messages == []
    assert read(known.services(0x180D)[:-1]).services == []


def test_no_text_form_shows_what_was_said() -> None:
    assert repr(read(known.SINGLE)) == "Advertised(redacted)"


@given(st.sampled_from(KNOWN), st.binary(max_size=12), st.sampled_from((0x08, 0x09)))
def test_a_name_never_changes_a_nature(one: Advertiser, text: bytes, kind: int) -> None:
    assert nature_of(read(known.ad(kind, text) + one.data)) == nature_of(read(one.data))


@given(st.sampled_from([one for one in KNOWN if known.NOISE[:3] in one.data]), st.binary(min_size=3, max_size=3))
def test_what_stands_behind_the_kind_of_a_message_tells_nothing(one: Advertiser, content: bytes) -> None:
    """Contents differ from device to device: exchanged, they leave signature and nature as they were."""
    said, changed = read(one.data), read(one.data.replace(known.NOISE[:3], content))
    assert (changed.signature, nature_of(changed)) == (said.signature, nature_of(said))


def test_a_phone_that_also_shows_something_else_is_a_phone() -> None:
    phone = known.services(0xFD6F)
    assert all(nature_of(read(phone + one.data)) == Nature.PHONE for one in KNOWN)


def test_every_nature_but_phones_and_unknown_ones_has_a_name_in_the_report() -> None:
    assert [nature for nature in Nature if not nature.counts] == list(others._NAMES)
    assert [nature.name.lower() for nature in others._NAMES] == list(others._NAMES.values())


def listening(**place: object) -> Sensor:
    made = Sensor(("ble",), lambda: os.urandom(32), place=Place(Zones(-70, -90), **place))  # type: ignore[arg-type]
    made.listen("ble", T)
    return made


def closed(sensor: Sensor, at: float = T + 300) -> Heard:
    reports: list[Report] = sensor.poll(at)
    assert len(reports) == 1
    assert reports[0].ble is not None
    return reports[0].ble


def send(sensor: Sensor, address: str, data: bytes, *times: float, signal: int = -60) -> None:
    for at in times:
        sensor.feed(Frame(at, Link.BLE_WITH_RADIO, known.advertisement(address, data, signal=signal)))


def test_only_what_may_be_a_phone_is_counted_and_the_rest_by_kind() -> None:
    sensor = listening()
    for number, one in enumerate(KNOWN):
        for data in filter(None, (one.data, one.response)):
            send(sensor, f"c8:00:00:00:00:{number:02x}", data, T + 1, T + 50)
    heard = closed(sensor)
    assert heard.present is not None
    assert heard.others == {
        "wearable": len(known.WEARABLES),
        "computer": len(known.COMPUTERS),
        "tag": len(known.TAGS),
        "beacon": len(known.BEACONS),
        "furniture": len(known.FURNITURE),
    }
    assert not heard.flooded
    alone = listening()
    for number, one in enumerate(KNOWN):
        if one.nature.counts and one.data:
            send(alone, f"c8:00:00:00:00:{number:02x}", one.data, T + 1, T + 50)
    assert closed(alone).present == heard.present


def test_a_device_that_answers_that_it_is_no_phone_leaves_the_count() -> None:
    """An advertisement without a kind, then the scan response with one, in either order, and on its own again."""
    plain, answer = known.SINGLE + known.name("GVH5075"), known.company(0xEC88, b"\0" + known.NOISE[:5])
    for order in ((plain, answer, plain), (answer, plain, plain)):
        sensor = listening()
        for at, data in enumerate(order):
            send(sensor, "c8:00:00:00:00:01", data, T + 1.0 + at, T + 100.0 + at)
        heard = closed(sensor)
        assert heard.present is not None
        assert (heard.present.devices, heard.others) == (0, {"furniture": 1})
        assert heard.frames == 6


def test_an_address_of_two_natures_is_counted_once_whatever_the_order() -> None:
    seen = []
    for order in ((Nature.FURNITURE, Nature.BEACON), (Nature.BEACON, Nature.FURNITURE)):
        window = Window(Zones(), 300)
        window.listen(T)
        for nature in order:
            assert not window.hear(Trace(1, False, -60, 7, nature=nature), T + 1)
        seen.append(window.close(T + 300).others)
    assert seen == [{"beacon": 1}] * 2


def test_others_die_with_their_window() -> None:
    sensor = listening()
    send(sensor, "c8:00:00:00:00:01", known.services(0xFEED), T + 1)
    assert closed(sensor).others == {"tag": 1}
    send(sensor, "c8:00:00:00:00:01", known.SINGLE, T + 301, T + 350)
    heard = closed(sensor, T + 600)
    assert heard.others is not None
    assert not isinstance(heard.others, dict)
    assert heard.present is not None
    assert round(heard.present.devices) == 1


def test_below_the_floor_nothing_is_counted_by_kind() -> None:
    sensor = listening()
    send(sensor, "c8:00:00:00:00:01", known.services(0xFEED), T + 1, signal=-95)
    heard = closed(sensor)
    assert not isinstance(heard.others, dict)
    assert heard.ignored == 1


def test_a_window_not_listened_to_says_nothing_of_others() -> None:
    window = Window(Zones(), 300)
    window.hear(Trace(1, False, -60, 7, nature=Nature.TAG), T + 1)
    assert not isinstance(window.close(T + 300).others, dict)


def test_a_flood_of_others_is_bounded_and_flagged() -> None:
    window = Window(Zones(), 300)
    window.listen(T)
    for tag in range(others.MOST + 500):
        window.hear(Trace(tag, False, -60, 7, nature=Nature.WEARABLE), T + tag / 100)
    heard = window.close(T + 300)
    assert heard.others == {"wearable": others.MOST}
    assert heard.flooded
    assert heard.present is not None
    assert heard.present.devices == 0
    assert not window.close(T + 600).flooded


def test_what_is_no_phone_is_in_no_visit_even_if_it_says_so_late() -> None:
    panel = Panel()
    panel.hear(1, T)
    panel.dismiss(1)  # it answered that it is a lamp
    for at in range(T + 300, T + 3000, 300):
        panel.hear(1, at)  # in each window the advertisement comes first
        panel.dismiss(1)
    panel.dismiss(2)  # never taken for a phone: nothing of it is kept
    assert panel.hour() == (0, 0)
    assert panel.pack()[1] == [1]
    assert sum(panel.day()) == 0


def test_a_visit_that_was_recognised_before_counts_no_second_time() -> None:
    panel = Panel()
    for at in (T, T + 5):
        panel.hear(1, at)
    panel.dismiss(1)
    for at in (T + 1000, T + 1005, T + 4000, T + 4005):
        panel.hear(1, at)
    assert panel.hour() == (1, 1)


def test_who_asks_to_be_left_out_is_not_taken_for_the_furniture_beside_the_point() -> None:
    sensor = listening()
    send(sensor, "52:00:00:00:00:01", known.UNKNOWN[0].data, T + 1)
    sensor.memory.ask_to_leave(T + 2)
    send(sensor, "c8:00:00:00:00:02", known.FURNITURE[4].data, T + 3, signal=-20)
    send(sensor, "52:00:00:00:00:01", known.UNKNOWN[0].data, T + 4, signal=-35)
    assert sensor.memory.answer(T + 40) == "left-out"
    send(sensor, "52:00:00:00:00:01", known.UNKNOWN[0].data, T + 50)
    send(sensor, "c8:00:00:00:00:02", known.FURNITURE[4].data, T + 51)
    assert closed(sensor).frames == 4  # the phone's last is not among them
