"""When a shop is open and who works in it: holidays, validity dates, nights, and days of 23 and 25 hours."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud.core import background, calendar
from cloud.core.figures import Holiday, OpeningHours, Shop, StaffHours
from tests.shops import a_shop, at

ZONES = ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "UTC"]
CHRISTMAS = date(2026, 12, 25)  # a Friday
DAYS = st.dates(date(2024, 1, 1), date(2030, 1, 1))
CLOCK = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")


def opens(opens: str, closes: str, days: str = "mon tue wed thu fri sat sun", **more: str) -> OpeningHours:
    return OpeningHours(days=days.split(), opens=opens, closes=closes, **more)


def staff(begins: str, ends: str, people: float, days: str = "mon tue wed thu fri sat sun", **more: str) -> StaffHours:
    return StaffHours(days=days.split(), begins=begins, ends=ends, people=people, **more)


def spans(shop: Shop, *local: tuple[str, str]) -> list[calendar.Span]:
    return [(at(start, shop.time_zone), at(end, shop.time_zone)) for start, end in local]


@given(st.sampled_from(ZONES), DAYS, CLOCK, CLOCK)
def test_openings_are_apart_in_order_and_within_two_days(zone: str, day: date, first: str, last: str) -> None:
    shop = a_shop(time_zone=zone, hours=[opens(first, last), opens("12:00", "13:00"), opens(last, first)])
    found = calendar.opened(shop, day)
    start, _ = calendar.day_of(zone, day)
    _, end = calendar.day_of(zone, day + timedelta(days=1))
    assert all(start <= one[0] < one[1] <= end for one in found)
    assert all(one[1] < other[0] for one, other in pairwise(found))


@given(st.sampled_from(ZONES), DAYS, CLOCK, CLOCK, st.integers(0, 95))
def test_a_moment_is_open_as_the_clock_on_the_wall_says(
    zone: str, day: date, first: str, last: str, quarter: int
) -> None:
    assume(first != last)
    wall = datetime(day.year, day.month, day.day, quarter // 4, quarter % 4 * 15, tzinfo=ZoneInfo(zone))
    assume(wall.utcoffset() == wall.replace(fold=1).utcoffset())  # neither skipped nor repeated
    second, clock = int(wall.timestamp()), f"{wall:%H:%M}"
    assume(datetime.fromtimestamp(second, ZoneInfo(zone)) == wall)
    told = first <= clock < last if first < last else clock >= first or clock < last
    shop = a_shop(time_zone=zone, hours=[opens(first, last)])
    assert calendar.is_open(shop, second, second + 1) is told


@given(st.sampled_from(ZONES), DAYS)
def test_a_shop_that_opens_at_midnight_for_the_day_is_open_for_all_of_it(zone: str, day: date) -> None:
    for hours in ([opens("00:00", "24:00")], []):
        assert calendar.opened(a_shop(time_zone=zone, hours=hours), day) == [calendar.day_of(zone, day)]


@given(st.sampled_from(ZONES), DAYS, st.lists(st.integers(0, 2 * 86_400), min_size=2, max_size=6, unique=True))
def test_staff_of_parts_adds_up_to_the_whole(zone: str, day: date, cuts: list[int]) -> None:
    shop = a_shop(time_zone=zone, staff=[staff("00:00", "24:00", 2), staff("22:00", "06:00", 0.5)])
    marks = sorted(calendar.day_of(zone, day)[0] + one for one in cuts)
    whole = calendar.staff_s(shop, marks[0], marks[-1])
    parts = [calendar.staff_s(shop, *part) for part in pairwise(marks)]
    assert whole == pytest.approx(sum(one or 0.0 for one in parts))
    assert 2 * (marks[-1] - marks[0]) <= (whole or 0.0) <= 2.5 * (marks[-1] - marks[0])


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-28", 24)])
def test_a_day_is_as_long_as_the_clocks_make_it(day: str, hours: int) -> None:
    shop = a_shop(hours=[opens("00:00", "24:00")], staff=[staff("00:00", "24:00", 3)])
    span = calendar.day_of(shop.time_zone, date.fromisoformat(day))
    assert calendar.opened(shop, date.fromisoformat(day)) == [span]
    assert calendar.staff_s(shop, *span) == 3 * hours * 3600


def test_times_that_a_clock_change_skips_are_the_moment_of_the_change() -> None:
    sunday = date(2026, 3, 29)  # no 02:00 to 03:00 in Berlin
    change = at("2026-03-29 03:00")
    assert calendar.opened(a_shop(hours=[opens("02:30", "03:15")]), sunday) == [(change, change + 900)]
    assert calendar.opened(a_shop(hours=[opens("01:00", "02:15")]), sunday) == [(change - 3600, change)]
    assert calendar.opened(a_shop(hours=[opens("02:10", "02:50")]), sunday) == []


def test_openings_that_meet_are_one() -> None:
    shop = a_shop(hours=[opens("14:00", "18:00"), opens("09:00", "12:00"), opens("12:00", "13:00")])
    assert calendar.opened(shop, CHRISTMAS) == spans(
        shop, ("2026-12-25 09:00", "2026-12-25 13:00"), ("2026-12-25 14:00", "2026-12-25 18:00")
    )


def with_holiday(opens_at: str | None = None, closes_at: str | None = None) -> Shop:
    night = opens("22:00", "03:00", "thu")
    special = Holiday(date="2026-12-25", name="Christmas", opens=opens_at, closes=closes_at)
    return a_shop(hours=[opens("09:00", "20:00", "mon tue wed thu fri sat"), night], holidays=[special])


def test_a_holiday_is_closed_but_the_night_before_ends_when_it_ends() -> None:
    shop = with_holiday()
    assert calendar.opened(shop, CHRISTMAS) == []
    assert calendar.is_open(shop, at("2026-12-25 02:59"), at("2026-12-25 03:00"))
    assert not calendar.is_open(shop, at("2026-12-25 03:00"), at("2026-12-26 09:00"))
    assert (calendar.holiday(shop, CHRISTMAS) or shop).name == "Christmas"
    assert calendar.holiday(shop, CHRISTMAS + timedelta(days=1)) is None


def test_a_holiday_goes_by_its_own_hours_whatever_the_weekday() -> None:
    shop = with_holiday("23:00", "01:30")
    assert calendar.opened(shop, CHRISTMAS) == spans(shop, ("2026-12-25 23:00", "2026-12-26 01:30"))
    sunday = replace(shop, holidays=[Holiday(date="2026-12-27", name="Open Sunday", opens="13:00", closes="18:00")])
    assert calendar.is_open(sunday, at("2026-12-27 13:00"), at("2026-12-27 13:01"))
    assert not calendar.is_open(shop, at("2026-12-27 13:00"), at("2026-12-27 13:01"))


def test_hours_hold_from_their_first_date_until_before_their_last() -> None:
    summer = opens("08:00", "22:00", valid_from="2026-06-01", valid_to="2026-09-01")
    shop = a_shop(hours=[opens("10:00", "18:00", valid_to="2026-06-01"), summer])
    days = [date(2026, 5, 31), date(2026, 6, 1), date(2026, 8, 31), date(2026, 9, 1)]
    found = [calendar.opened(shop, day) for day in days]
    assert [[(end - start) // 3600 for start, end in one] for one in found] == [[8], [14], [14], []]


def test_staff_work_past_midnight_and_in_halves() -> None:
    shop = a_shop(staff=[staff("22:00", "02:00", 1.5, "fri")])
    assert calendar.staff_s(shop, at("2026-12-19 01:00"), at("2026-12-19 03:00")) == 1.5 * 3600
    assert calendar.staff_s(shop, at("2026-12-18 00:00"), at("2026-12-18 22:00")) == 0.0


def test_where_nobody_told_of_staff_there_is_no_number() -> None:
    span = (at("2026-05-31 00:00"), at("2026-06-01 00:00"))
    assert calendar.staff_s(a_shop(), *span) is None
    later = a_shop(staff=[staff("09:00", "17:00", 2, valid_from="2026-06-01")])
    assert calendar.staff_s(later, *span) is None
    assert calendar.staff_s(later, span[0], span[1] + 3600) is None
    assert calendar.staff_s(later, at("2026-06-01 00:00"), at("2026-06-02 00:00")) == 2 * 8 * 3600


def test_on_a_holiday_staff_are_there_while_the_shop_is_open() -> None:
    span = (at("2026-12-25 00:00"), at("2026-12-26 00:00"))
    for shop, hours in ((with_holiday(), 0), (with_holiday("10:00", "14:00"), 4), (with_holiday("07:00", "10:00"), 1)):
        assert calendar.staff_s(replace(shop, staff=[staff("09:00", "18:00", 2)]), *span) == 2 * hours * 3600


def test_a_holiday_is_a_closed_day_to_learn_the_background_from() -> None:
    shop = with_holiday()
    noon = at("2026-12-25 12:00")
    assert background.is_closed(shop, noon, noon + 3600)
    assert not background.is_closed(replace(shop, holidays=[]), noon, noon + 3600)
    assert not background.is_closed(replace(shop, hours=[]), noon, noon + 3600)  # never closed


def test_where_nobody_told_of_hours_yet_nothing_is_learnt() -> None:
    shop = a_shop(hours=[opens("09:00", "18:00", valid_from="2026-06-02")])
    night = at("2026-06-01 03:00")
    assert not calendar.is_open(shop, night, night + 3600)
    assert not background.is_closed(shop, night, night + 3600)
    assert background.is_closed(shop, night + 86_400, night + 90_000)


def test_a_shop_without_hours_never_closes() -> None:
    shop = a_shop(hours=[], holidays=[Holiday(date="2026-12-25", name="Christmas")])
    assert calendar.is_open(shop, at("2026-12-25 03:00"), at("2026-12-25 03:01"))
    assert not calendar.is_open(shop, at("2026-12-25 03:00"), at("2026-12-25 03:00"))
