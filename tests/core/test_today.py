"""Today is a function of a shop's hours and windows and the time: nothing is guessed over a gap."""

import pytest
from msgspec.structs import replace

from cloud.core import today as page
from cloud.core.figures import OpeningHours, Shop, Today
from cloud.core.rollup import Reading
from cloud.dashboard.words import Words
from cloud.language import ENGLISH
from tests.shops import MemoryStore, a_sensor, a_shop, at, at_rest, busy, reading, without

TUESDAY, LAST_TUESDAY = at("2026-11-24 00:00"), at("2026-11-17 00:00")
WORDS = Words(ENGLISH)
DAY = 86400


def today(now: int, readings: list[Reading], shop: Shop | None = None) -> Today:
    shop = shop or a_shop()
    store = MemoryStore(shop)
    store.readings[shop.shop] = readings
    want, key = page.wanted(shop, now), (shop.tenant, shop.shop)
    return page.today(
        shop,
        now,
        hours=[*store.periods(*key, "hour", *want.before), *store.periods(*key, "hour", *want.day)],
        windows=[*store.windows(*key, *want.open_before), *store.windows(*key, *want.open_hour)],
        latest=store.latest_window(*key),
        sensors=store.sensors(*key, now),
    )


def a_week(now: int, scale: float = 1.0) -> list[Reading]:
    return busy(LAST_TUESDAY, LAST_TUESDAY + DAY) + busy(TUESDAY, now // 300 * 300, scale=scale)


def test_a_day_in_progress_ends_at_the_last_window_that_must_have_arrived() -> None:
    now = at("2026-11-24 14:12")
    told = today(now, a_week(now))
    assert (told.day.start, told.day.end) == (TUESDAY, at("2026-11-24 14:10"))
    assert told.day.coverage == 1.0
    assert told.date == "2026-11-24"
    # Little's law by hand: 12 windows an hour, 720 s of dwell are 2.4 windows and one more.
    full = (2 + 9 + 14 + 21 + 27.4 + 22) * 12
    assert told.day.visitors.value == pytest.approx((full + 2 * 17) / (720 / 300 + 1))


def test_a_window_may_travel_for_a_minute_before_it_is_missed() -> None:
    early = today(at("2026-11-24 14:10") + 30, busy(TUESDAY, at("2026-11-24 14:05")))
    assert early.day.end == at("2026-11-24 14:05")
    assert early.day.coverage == 1.0


def test_every_hour_has_its_place_and_the_rest_of_the_day_is_null() -> None:
    now = at("2026-11-24 14:12")
    told = today(now, a_week(now))
    assert len(told.hours) == 24
    assert [hour.visitors.value is None for hour in told.hours] == [False] * 15 + [True] * 9
    assert [hour.open for hour in told.hours] == [9 <= n < 20 for n in range(24)]


def test_an_hour_not_listened_to_is_a_gap_and_never_zero() -> None:
    now = at("2026-11-24 17:12")
    noon = (at("2026-11-24 12:00"), at("2026-11-24 13:00"))
    told = today(now, without(a_week(now), *noon))
    gap = told.hours[12]
    assert (gap.start, gap.end) == noon
    assert (gap.coverage, gap.visitors.value, gap.occupancy.low, gap.capture_rate.high) == (0.0, None, None, None)
    assert told.busiest_hour is not None
    assert told.busiest_hour.start == at("2026-11-24 16:00")


def test_an_hour_heard_in_silence_is_zero() -> None:
    told = today(at("2026-11-24 04:12"), busy(TUESDAY, at("2026-11-24 04:10")))
    assert told.hours[3].visitors.value == 0.0
    assert told.day.visitors.value == 0.0
    assert told.busiest_hour is None  # nobody came in any


def test_the_same_weekday_ends_at_the_same_time_of_day() -> None:
    now = at("2026-11-24 14:12")
    told = today(now, a_week(now, scale=2))
    before = told.same_weekday
    assert before is not None
    assert (before.start, before.end) == (LAST_TUESDAY, at("2026-11-17 14:10"))
    assert told.day.visitors.value == pytest.approx(2 * (before.visitors.value or 0))


@pytest.mark.parametrize("date", ["2026-11-24", "2026-11-17"])
def test_the_comparison_is_withheld_where_either_day_is_incomplete(date: str) -> None:
    now = at("2026-11-24 14:12")
    lost_night = (at(f"{date} 00:00"), at(f"{date} 02:00"))
    assert today(now, without(a_week(now), *lost_night)).same_weekday is None


def test_a_lost_noon_withholds_it_though_most_of_the_day_was_heard() -> None:
    now = at("2026-11-24 17:12")
    lost_noon = (at("2026-11-24 12:00"), at("2026-11-24 13:00"))
    told = today(now, without(a_week(now), *lost_noon))
    assert told.day.coverage > 0.9
    assert page.listened(told.day, told.hours) == pytest.approx(1 - 60 / 490)
    assert told.same_weekday is None


def test_a_gap_that_is_small_withholds_nothing() -> None:
    now = at("2026-11-24 17:12")
    lost = (at("2026-11-24 12:00"), at("2026-11-24 12:20"))
    assert today(now, without(a_week(now), *lost)).same_weekday is not None


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_of_a_clock_change_has_all_its_hours(date: str, hours: int) -> None:
    start = at(f"{date} 00:00")
    told = today(at(f"{date} 23:59"), busy(start, start + hours * 3600), a_shop(hours=[]))
    assert len(told.hours) == hours
    assert all(one.end == other.start for one, other in zip(told.hours, told.hours[1:], strict=False))
    assert told.hours[-1].end == start + hours * 3600
    assert told.day.coverage == 1.0


def test_a_week_that_changed_its_clock_is_compared_by_the_clock_on_the_wall() -> None:
    want = page.wanted(a_shop(), at("2026-10-27 14:12"))
    assert want.before == (at("2026-10-20 00:00"), at("2026-10-20 14:10"))
    assert want.so_far[1] - want.before[1] == 7 * DAY + 3600


def test_an_hour_that_begins_at_half_past_is_taken_as_it_is() -> None:
    zone = "Asia/Kolkata"
    now = at("2026-11-24 14:12", zone)
    told = today(now, busy(at("2026-11-24 00:00", zone), now // 300 * 300, zone), a_shop(time_zone=zone))
    assert told.day.coverage == 1.0
    assert told.hours[14].start == at("2026-11-24 14:00", zone)
    assert told.inside_now.value == 17


def test_a_closed_shop_is_closed_and_still_listened_to() -> None:
    sunday = at("2026-11-22 00:00")
    told = today(at("2026-11-22 12:30"), busy(sunday, at("2026-11-22 12:30"), scale=0))
    assert not told.open_now
    assert not any(hour.open for hour in told.hours)
    assert told.day.visitors.value == 0.0


def test_a_shop_never_heard_of_has_no_number_at_all() -> None:
    told = today(at("2026-11-24 14:12"), [])
    assert told.day.visitors.value is told.inside_now.value is told.inside_at is None
    assert told.day.coverage == 0.0
    assert told.busiest_hour is told.same_weekday is None
    assert {hour.visitors.value for hour in told.hours} == {None}


def test_the_first_minute_of_a_day_has_nothing_to_tell() -> None:
    told = today(TUESDAY + 20, busy(TUESDAY - DAY, TUESDAY))
    assert told.day.start == told.day.end == TUESDAY
    assert told.day.visitors.value is None
    assert told.inside_now.value == 0.0  # the window that ended at midnight


def test_what_is_old_is_not_now() -> None:
    heard = [reading(at("2026-11-24 14:00"), 8)]
    assert today(at("2026-11-24 14:19"), heard).inside_now.value == 8
    stale = today(at("2026-11-24 14:21"), heard)
    assert (stale.inside_now.value, stale.inside_now.coverage) == (None, 0.0)
    assert stale.inside_at == at("2026-11-24 14:05")


def test_open_now_follows_the_opening_hours() -> None:
    late = a_shop(hours=[OpeningHours(days=["tue"], opens="18:00", closes="02:00")])
    assert [today(at(f"2026-11-24 {hour}"), [], late).open_now for hour in ("17:59", "18:00", "23:59")] == [
        False,
        True,
        True,
    ]


def resting_week(now: int) -> list[Reading]:
    """Two Tuesdays of a sensor that listens from 09:00 to 20:00 and rests by plan before and after."""
    found: list[Reading] = []
    for day in ("2026-11-17", "2026-11-24"):
        night, opens, closes = at(f"{day} 00:00"), at(f"{day} 09:00"), at(f"{day} 20:00")
        found += at_rest(night, opens) + busy(opens, closes) + at_rest(closes, night + DAY)
    return [one for one in found if one.report.window_start < now // 300 * 300]


def test_a_rest_by_plan_is_no_gap_and_hides_no_comparison() -> None:
    now = at("2026-11-24 17:12")
    told = today(now, resting_week(now))
    assert told.day.coverage == 1.0
    assert told.day.rested == pytest.approx(9 * 60 / 1030)  # nine hours of those up to 17:10
    assert page.listened(told.day, told.hours) == pytest.approx(1.0)
    assert told.same_weekday is not None
    assert told.same_weekday.visitors.value == told.day.visitors.value
    assert told.hours[3].visitors.value is None
    assert page.at_rest(told.hours[3], now)
    assert not page.at_rest(told.hours[12], now)


def test_a_gap_in_opening_hours_is_found_beside_a_rest() -> None:
    now = at("2026-11-24 17:12")
    told = today(now, without(resting_week(now), at("2026-11-24 12:00"), at("2026-11-24 13:00")))
    assert told.day.coverage == pytest.approx(1 - 60 / 490)
    assert told.same_weekday is None
    assert not page.at_rest(told.hours[12], now)


def test_before_the_doors_open_nothing_was_due_and_nothing_is_missing() -> None:
    now = at("2026-11-24 08:40")
    told = today(now, resting_week(now))
    assert (told.day.visitors.value, told.day.coverage, told.day.rested) == (None, 0.0, 1.0)
    assert told.resting_now
    assert told.inside_now.value is None
    assert all(page.at_rest(hour, now - 360) for hour in told.hours[:9])  # that in progress too
    assert WORDS.none_yet(told) == "At rest so far today"
    assert WORDS.comparison(told).note == "Nothing was to be heard yet today."
    deaf = today(now, [])
    assert WORDS.none_yet(deaf) == "Not listened yet today"
    assert WORDS.comparison(deaf).note == "Today is incomplete."


def test_the_radios_rest_now_only_while_they_say_so() -> None:
    evening = at("2026-11-24 21:10")
    assert today(evening, resting_week(evening)).resting_now
    noon = at("2026-11-24 12:00")
    assert not today(noon, resting_week(noon)).resting_now
    assert not today(evening + 1800, resting_week(evening)).resting_now  # it has not said so for half an hour


def test_an_hour_that_is_in_part_at_rest_is_listened_to_when_the_rest_was() -> None:
    now = at("2026-11-24 17:12")
    half = at("2026-11-24 09:30")
    late = [one for one in resting_week(now) if not at("2026-11-24 09:00") <= one.report.window_start < half]
    told = today(now, late + at_rest(at("2026-11-24 09:00"), half))
    assert (told.hours[9].coverage, told.hours[9].rested) == (1.0, 0.5)
    assert page.listened(told.day, told.hours) == pytest.approx(1.0)


def test_only_whole_people_are_disclosed_and_bounds_go_outward() -> None:
    now = at("2026-11-24 14:12")
    exact = today(now, a_week(now, scale=1.37))
    shown = page.disclosed_today(exact)
    assert exact.same_weekday is not None
    for one, other in zip(
        [exact.day, exact.same_weekday, *exact.hours], [shown.day, shown.same_weekday, *shown.hours], strict=True
    ):
        assert other is not None
        for name in ("occupancy", "visitors", "passers_by"):
            before, after = getattr(one, name), getattr(other, name)
            if before.value is None:
                assert after.value is after.low is after.high is None
                continue
            assert after.value == round(after.value)
            assert abs(after.value - before.value) <= 0.5
            assert before.low - 1 < after.low <= before.low <= before.high <= after.high < before.high + 1
        if other.capture_rate.value is not None:
            assert round(other.capture_rate.value, 2) == other.capture_rate.value


def test_sensors_in_one_sentence() -> None:
    ill = a_sensor("silent", "Silent for 3 hours: check its plug.")
    good = a_sensor()
    assert page.sensor_line([]) == "No sensor is set up in this shop yet."
    assert page.sensor_line([good]) == "The sensor is counting."
    assert page.sensor_line([good, good]) == "All 2 sensors are counting."
    assert page.sensor_line([ill]) == ill.sentence
    both = page.sensor_line([good, replace(ill, zone="till")])
    assert both == "1 of 2 sensors need a look. Till: Silent for 3 hours: check its plug."
