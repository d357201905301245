"""The core as a whole: frames and time in, reports out."""

import gc
import os
from collections.abc import Iterator
from itertools import count, permutations

import pytest

from agent.contract import Report
from agent.core.frame import Frame, Link
from agent.core.memory import Place
from agent.core.sensor import Sensor
from agent.core.window import Zones
from tests.air import advertisement, heard

T = 1_700_000_100  # on the 300 s grid


def sensor(**settings: object) -> Sensor:
    made = Sensor(("wifi",), lambda: os.urandom(32), **settings)  # type: ignore[arg-type]
    made.listen("wifi", T)
    return made


def only(reports: list[Report]) -> Report:
    assert len(reports) == 1
    return reports[0]


def test_a_window_that_heard_nobody_says_zero() -> None:
    report = only(sensor().poll(T + 300))
    assert report.window_start == T
    assert report.wifi is not None
    assert report.wifi.listened_s == 300
    assert report.wifi.present is not None
    assert report.wifi.present.devices == 0
    assert report.wifi.inside is not None
    assert report.wifi.inside.devices == 0


def test_a_window_not_listened_to_says_so_and_not_zero() -> None:
    made = sensor()
    made.deafen("wifi", T + 300)
    made.poll(T + 300)
    report = only(made.poll(T + 600))
    assert report.wifi is not None
    assert report.wifi.listened_s == 0
    assert report.wifi.present is None
    assert report.wifi.inside is None


def test_listening_is_counted_in_seconds() -> None:
    made = sensor()
    made.deafen("wifi", T + 100)
    made.listen("wifi", T + 250)
    report = only(made.poll(T + 300))
    assert report.wifi is not None
    assert report.wifi.listened_s == 150


def test_devices_are_counted_by_zone() -> None:
    made = sensor(place=Place(Zones(inside_dbm=-70, outside_dbm=-85)))
    for number, signal in enumerate((-50, -60, -75, -90)):
        for at in (T + 1, T + 2):  # a single frame of a kind never met is no evidence
            made.feed(heard(at, f"00:11:22:33:44:0{number}", signal))
    heard_by = only(made.poll(T + 300)).wifi
    assert heard_by is not None
    assert heard_by.present is not None
    assert heard_by.inside is not None
    assert heard_by.outside is not None
    counted = (heard_by.present, heard_by.inside, heard_by.outside)
    assert [round(zone.devices) for zone in counted] == [3, 2, 1]
    assert (heard_by.frames, heard_by.ignored) == (8, 2)


def test_a_neighbouring_channels_signal_is_not_used() -> None:
    made = sensor()
    made.feed(heard(T + 1, "00:11:22:33:44:55", -80, channel=5))  # tuned to 6
    made.feed(heard(T + 2, "00:11:22:33:44:55", -60, channel=6))
    found = only(made.poll(T + 300)).wifi
    assert found is not None
    assert found.inside is not None
    assert round(found.inside.devices) == 1


def test_without_any_signal_the_zones_are_unknown() -> None:
    made = sensor()
    for at in (T + 1, T + 2):
        made.feed(heard(at, "00:11:22:33:44:55", None))
    found = only(made.poll(T + 300)).wifi
    assert found is not None
    assert found.present is not None
    assert round(found.present.devices) == 1
    assert found.inside is None
    assert found.outside is None


def test_a_frame_closes_the_windows_before_it() -> None:
    made = sensor()
    made.feed(heard(T + 10, "00:11:22:33:44:55"))
    made.feed(heard(T + 910, "00:11:22:33:44:55"))
    assert [report.window_start for report in made.poll(T + 911)] == [T, T + 300, T + 600]


def test_a_frame_from_the_past_counts_in_the_open_window() -> None:
    made = sensor()
    made.poll(T + 310)
    made.feed(heard(T + 290, "00:11:22:33:44:55"))
    found = only(made.poll(T + 600)).wifi
    assert found is not None
    assert found.frames == 1


def test_a_jump_of_a_year_makes_no_windows_up() -> None:
    made = sensor()
    year = 365 * 86_400
    assert [report.window_start for report in made.poll(T + year)] == [T]
    report = only(made.poll(T + year + 300))
    assert report.window_start == T + year
    assert report.wifi is not None
    assert report.wifi.listened_s == 300


def test_stopping_closes_the_open_window_early() -> None:
    made = sensor()
    made.feed(heard(T + 10, "00:11:22:33:44:55"))
    made.feed(heard(T + 11, "00:11:22:33:44:55"))
    report = only(made.stop(T + 60))
    assert report.wifi is not None
    assert report.wifi.listened_s == 60
    assert report.wifi.present is not None
    assert round(report.wifi.present.devices) == 1


def test_time_that_cannot_be_trusted_is_marked() -> None:
    made = sensor()
    assert only(made.poll(T + 300, trusted=False)).clock == "untrusted"
    assert only(made.poll(T + 600, trusted=True)).clock == "trusted"


def test_losses_are_named() -> None:
    made = sensor()
    made.drop("wifi", 7)
    made.feed(Frame(T + 1, Link.RADIOTAP, b"\0\0\xff\xff"))
    found = only(made.poll(T + 300)).wifi
    assert found is not None
    assert (found.dropped, found.damaged) == (7, 1)
    after = only(made.poll(T + 600)).wifi
    assert after is not None
    assert (after.dropped, after.damaged) == (0, 0)


def test_every_window_draws_a_new_key() -> None:
    drawn = count()
    made = Sensor(("wifi",), lambda: bytes((next(drawn),)) * 32)
    made.listen("wifi", T)
    made.poll(T + 900)
    assert next(drawn) == 4  # one a window


def test_bluetooth_is_counted_beside_wifi_and_not_with_it() -> None:
    made = Sensor(("wifi", "ble"), lambda: os.urandom(32))
    made.listen("wifi", T)
    made.listen("ble", T)
    made.feed(Frame(T + 1, Link.BLE_WITH_RADIO, advertisement("c0:11:22:33:44:55")))
    made.feed(heard(T + 1, "00:11:22:33:44:55"))
    report = only(made.poll(T + 300))
    assert report.wifi is not None
    assert report.ble is not None
    assert (report.wifi.frames, report.ble.frames) == (1, 1)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_of_frames_at_one_moment_changes_nothing(order: tuple[int, ...]) -> None:
    frames = [heard(T + 5, f"02:00:00:00:00:0{n % 2}", -50 - 10 * n) for n in range(4)]
    made = sensor()
    for number in order:
        made.feed(frames[number])
    straight = sensor()
    for frame in frames:
        straight.feed(frame)
    assert made.poll(T + 300) == straight.poll(T + 300)


def test_no_object_keeps_an_address_after_the_call() -> None:
    """Neither the address nor the buffer it came in can be reached from the sensor once `feed` has returned."""
    made = sensor()
    address = bytes.fromhex("5a17c3d4e5f6")
    buffer = bytearray(heard(T + 1, address.hex(":")).payload)
    made.feed(Frame(T + 1, Link.RADIOTAP, memoryview(buffer)))
    for found in reachable(made):
        assert found is not buffer
        if isinstance(found, (bytes, bytearray, memoryview)):
            assert address not in bytes(found)
        if isinstance(found, int):
            assert found not in (int.from_bytes(address, "big"), int.from_bytes(address, "little"))


def reachable(root: object) -> Iterator[object]:
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type) or type(one).__name__ == "module":
            continue
        seen.add(id(one))
        yield one
        waiting.extend(gc.get_referents(one))
