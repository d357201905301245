"""Whom the sensor recognises, and for how long: visits, those who are left out, rest, and the end of it all."""

import os
from collections.abc import Iterator
from random import Random
from zoneinfo import ZoneInfo

from msgspec import UNSET

from agent.contract import Report
from agent.core.hours import opening
from agent.core.memory import Place, Visits
from agent.core.sensor import Sensor
from agent.core.window import Zones
from tests.air import heard

BERLIN = ZoneInfo("Europe/Berlin")
T = 1_699_966_800  # 2023-11-14 14:00 in Berlin
STABLE, RANDOM = "00:11:22:33:44:55", "02:11:22:33:44:55"


def place(days: list[int] | None = None, **settings: object) -> Place:
    """A shop under profile D24 whose noise is real but seeded; `days` collects the budgets that are opened."""
    opened: list[int] = [] if days is None else days

    def may_open(day: int) -> bool:
        if day in opened:
            return False
        opened.append(day)
        return True

    return Place(Zones(-70, -90), BERLIN, visits=Visits(Random(1).randrange, may_open), **settings)  # type: ignore[arg-type]


def sensor(at: float = T, made: Place | None = None, **more: object) -> Sensor:
    one = Sensor(("wifi",), lambda: os.urandom(32), 300, made or place(), **more)  # type: ignore[arg-type]
    one.poll(at, boot=at - T)
    one.listen("wifi", at)
    one.looked = at  # type: ignore[attr-defined]
    return one


def poll(one: Sensor, until: float) -> list[Report]:
    """Look every half minute, as the process does, up to `until`."""
    start = getattr(one, "looked", until - 30)
    one.looked = until  # type: ignore[attr-defined]
    times = [*range(int(start) + 30, int(until), 30), until]
    return [report for at in times for report in one.poll(at, boot=at - T)]


def hours(reports: list[Report]) -> Iterator[tuple[int, int, int]]:
    """(start, end, window start) of the hours told."""
    for report in reports:
        if report.wifi is not None and report.wifi.visits is not UNSET:
            yield report.wifi.visits.start, report.wifi.visits.end, report.window_start


def test_every_shop_local_hour_is_told_once_with_its_last_window() -> None:
    one = sensor()
    told = list(hours(poll(one, T + 3 * 3600)))
    assert told == [(T + 3600 * n, T + 3600 * (n + 1), T + 3600 * (n + 1) - 300) for n in range(3)]


def test_stays_are_told_once_at_the_end_of_the_epoch() -> None:
    one = sensor()
    reports = [report for hour in range(1, 16) for report in poll(one, T + 3600 * hour)]
    days = [report for report in reports if report.wifi and report.wifi.dwell is not UNSET]
    assert [report.window_start for report in days] == [T + 14 * 3600 - 300]  # 04:00 in Berlin
    assert one.memory.epoch_ended


def test_profile_f5_keeps_nothing_and_tells_nothing() -> None:
    one = sensor(made=Place(Zones(-70, -90), BERLIN))
    for minute in range(0, 120, 2):
        one.feed(heard(T + 60 * minute, STABLE))
    reports = poll(one, T + 3 * 3600)
    assert not list(hours(reports))
    assert one.memory.hold() is None
    assert one.memory.panel == "off"
    assert all(report.key_reset is UNSET for report in reports)


def test_visits_wait_for_a_clock_that_can_be_trusted() -> None:
    one = Sensor(("wifi",), lambda: os.urandom(32), 300, place())
    one.poll(T, trusted=False, boot=0)
    assert one.memory.panel == "waiting"
    assert not list(hours(one.poll(T + 3600, trusted=False, boot=3600)))
    one.poll(T + 3900, trusted=True, boot=3900)
    one.poll(T + 4200, trusted=True, boot=4200)
    assert one.memory.panel == "open"


def test_a_second_epoch_on_one_day_has_no_budget_left() -> None:
    days: list[int] = []
    first = sensor(made=place(days))
    assert first.memory.panel == "open"
    second = sensor(T + 7200, place(days))
    assert second.memory.panel == "sealed"
    reports = poll(second, T + 4 * 3600)
    assert not list(hours(reports))
    assert reports[0].key_reset is True
    assert all(report.key_reset is UNSET for report in reports[1:])


def test_after_a_crash_the_day_goes_on_and_nobody_arrives_twice() -> None:
    days: list[int] = []
    before = sensor(made=place(days))
    for at in (10.0, 80.0):
        before.feed(heard(T + at, STABLE))
    poll(before, T + 600)
    held = before.memory.hold()
    assert held is not None
    after = sensor(T + 700, place(days), held=held)
    assert after.memory.panel == "open"
    for at in (1800.0, 1900.0):  # after 15 minutes of silence: a second visit, by the same device
        after.feed(heard(T + at, STABLE))
    reports = poll(after, T + 2100)
    assert reports[0].key_reset is UNSET
    again = after.memory.hold()
    assert again is not None
    assert again.panels is not None
    assert again.panels.packed["wifi"][2][:2] == (1, 2)  # one arrival, two visits in the open hour


def test_what_was_held_is_forgotten_when_its_epoch_would_have_ended() -> None:
    held = sensor().memory.hold()
    after = sensor(T + 20 * 3600, held=held)
    again = after.memory.hold()
    assert held is not None
    assert again is not None
    assert again.key != held.key
    assert poll(after, T + 20 * 3600 + 300)[0].key_reset is UNSET


def test_no_text_form_shows_a_key_or_a_tag() -> None:
    one = sensor()
    one.feed(heard(T + 10, STABLE))
    held = one.memory.hold()
    assert repr(held) == str(held) == "Held(redacted)"
    assert held is not None
    assert repr(held.panels) == "HeldPanels(redacted)"


def test_a_device_outside_a_random_address_and_another_channel_get_no_visit_tag() -> None:
    one = sensor()
    for at in (10.0, 80.0):
        one.feed(heard(T + at, STABLE, -75))
        one.feed(heard(T + at, RANDOM, -50))
        one.feed(heard(T + at, "00:aa:22:33:44:55", -50, channel=11))
        one.feed(heard(T + at, "00:bb:22:33:44:55", None))
    held = one.memory.hold()
    assert held is not None
    assert held.panels is not None
    assert held.panels.packed["wifi"][0] == b""


def test_who_asks_at_the_point_is_not_heard_any_more() -> None:
    one = sensor()
    one.memory.ask_to_leave(T + 1)
    one.feed(heard(T + 2, RANDOM, -30))
    one.feed(heard(T + 3, STABLE, -50))
    assert one.memory.answer(T + 20) is None
    assert one.memory.answer(T + 32) == "left-out"
    assert one.memory.answer(T + 33) is None
    assert not one.feed(heard(T + 40, RANDOM, -30))
    assert one.feed(heard(T + 40, STABLE, -50))
    poll(one, T + 900)
    assert not one.feed(heard(T + 901, RANDOM, -30))  # also in later windows of the epoch


def test_a_wish_ends_with_the_epoch_and_under_f5_with_the_window() -> None:
    for made, until in ((place(), 14 * 3600), (Place(Zones(-70, -90), BERLIN), 300)):
        one = sensor(made=made)
        one.memory.ask_to_leave(T + 1)
        one.feed(heard(T + 2, RANDOM, -30))
        one.memory.answer(T + 32)
        for at in range(300, until, 300):
            poll(one, T + at)
        assert not one.feed(heard(T + until - 1, RANDOM, -30))
        poll(one, T + until)
        assert one.feed(heard(T + until + 1, RANDOM, -30))


def test_nobody_near_the_point_is_nobody_left_out() -> None:
    one = sensor()
    one.memory.ask_to_leave(T + 1)
    one.feed(heard(T + 2, RANDOM, -80))
    assert one.memory.answer(T + 32) == "nobody-near"
    assert one.feed(heard(T + 40, RANDOM, -80))


def test_the_opt_out_list_is_heard_before_anything_is_counted() -> None:
    one = sensor()
    one.memory.leave_out(lambda _kind, address: bytes(address) == bytes.fromhex(STABLE.replace(":", "")))
    assert not one.feed(heard(T + 1, STABLE))
    assert not one.feed(heard(T + 1, STABLE, -95))  # nor among those ignored below the floor
    report = poll(one, T + 300)[0]
    assert report.wifi is not None
    assert (report.wifi.frames, report.wifi.ignored) == (0, 0)


def test_out_of_hours_the_radio_rests_and_no_frame_is_read() -> None:
    week = (opening(["tue"], "14:10", "14:20"),)
    one = sensor(made=place(week=week))
    assert one.resting
    assert not one.feed(heard(T + 60, STABLE))
    poll(one, T + 600)
    assert not one.resting
    one.listen("wifi", T + 600)
    assert one.feed(heard(T + 700, STABLE))
    assert not one.feed(heard(T + 1201, STABLE))
    reports = poll(one, T + 1800)
    times = [(one.wifi.listened_s, one.wifi.rested_s) for one in reports if one.wifi]
    assert times == [(300, UNSET), (300, UNSET), (0, 300), (0, 300)]


def test_a_window_that_is_half_at_rest_says_how_long() -> None:
    one = sensor(made=place(week=(opening(["tue"], "14:02", "20:00"),)))
    poll(one, T + 121)
    one.listen("wifi", T + 121)
    report = poll(one, T + 300)[0]
    assert report.wifi is not None
    assert (report.wifi.rested_s, report.wifi.listened_s) == (120, 179)


def test_what_never_leaves_is_left_out_of_the_count_only_where_no_closed_hours_can_show_it() -> None:
    """With hours the radio rests at night and the sensor has to see to it; without, the cloud takes it off."""
    for week, counted in (((), True), ((opening(["tue", "wed"], "04:00", "24:00"),), False)):
        start = T - 10 * 3600  # 04:00
        one = sensor(start, place(week=week))
        for at in range(0, 9 * 3600, 240):
            poll(one, start + at)
            one.feed(heard(start + at, STABLE))
        assert one.feed(heard(start + 9 * 3600, STABLE)) == counted


def test_time_that_stands_still_closes_the_window_by_the_clock_nobody_sets() -> None:
    one = sensor()
    one.feed(heard(T + 10, STABLE))
    reports = [report for boot in range(20, 700) for report in one.poll(T + 20, boot=float(boot))]
    assert [report.window_start for report in reports] == [T]
    assert not one.feed(heard(T + 21, STABLE))
    assert one.poll(T + 299, boot=978.0) == []
    assert one.poll(T + 310, boot=989.0) == []
    assert one.feed(heard(T + 311, STABLE))


def test_a_clock_set_back_by_far_is_followed() -> None:
    one = sensor()
    year = 365 * 86_400
    reports = one.poll(T - year, boot=100.0)
    assert [report.window_start for report in reports] == [T]
    assert one.feed(heard(T - year + 1, STABLE))


def test_a_sensor_of_one_epoch_counts_nothing_after_it_and_opens_no_other_days_budget() -> None:
    days: list[int] = []
    one = sensor(made=place(days), one_epoch=True)
    reports = poll(one, T + 15 * 3600)
    assert reports[-1].window_start == T + 14 * 3600 - 300
    assert not one.feed(heard(T + 15 * 3600, STABLE))
    assert len(days) == 1
