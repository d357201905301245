"""A week by hours: the wall's hours, what is usual only of what was heard, and no rank that the ranges do not bear."""

from datetime import date, timedelta

import pytest

from cloud.core import week
from cloud.core.figures import Holiday, OpeningHours
from cloud.core.glossary import DEFINITIONS
from cloud.core.week import Week
from tests.shops import ALL_DAYS, MemoryStore, a_shop, at, busy, without

MONDAY = date(2026, 11, 16)
NOW = at("2026-11-24 14:12")


def told(readings, monday=MONDAY, now=NOW, shop=None, since=0) -> Week:
    shop = shop or a_shop()
    store = MemoryStore(shop)
    store.readings[shop.shop] = readings
    return week.week(shop, monday, now, store.periods("acme", shop.shop, "hour", 0, 2**40), since)


def weeks(count: int, scales=lambda week: 1.0 + 0.01 * week, last=MONDAY):
    """Readings of `last`'s week and of so many before it, each a little fuller than the next."""
    readings = []
    for back in range(count + 1):
        start = at(f"{last - timedelta(weeks=back)} 00:00")
        readings += busy(start, at(f"{last - timedelta(weeks=back, days=-7)} 00:00"), scale=scales(back))
    return readings


def cell(found: Week, weekday: int, hour: int):
    return next(one for one in found.cells if (one.weekday, one.hour) == (weekday, hour))


def usual(found: Week, weekday: int, hour: int):
    return next(one for one in found.usual if (one.weekday, one.hour) == (weekday, hour))


def test_every_hour_of_the_week_has_its_cell_and_its_word():
    found = told(busy(at("2026-11-23 00:00"), NOW // 300 * 300), date(2026, 11, 23))
    assert len(found.cells) == 168
    assert cell(found, 0, 12).state == "heard" and cell(found, 1, 14).state == "so far"
    assert cell(found, 1, 15).state == "to come" and cell(found, 6, 12).state == "to come"
    assert cell(found, 0, 12).visitors.value == pytest.approx(27.4 * 12 / 3.4)
    assert found.from_ == "2026-11-23" and found.to == "2026-11-29"


def test_a_gap_is_a_gap_and_a_closed_hour_is_none():
    readings = without(weeks(0), at("2026-11-17 12:00"), at("2026-11-17 13:00"))
    readings = without(readings, at("2026-11-17 13:00"), at("2026-11-17 13:30"))
    readings = without(readings, at("2026-11-17 02:00"), at("2026-11-17 03:00"))
    found = told(readings)
    assert (cell(found, 1, 12).state, cell(found, 1, 12).visitors.value) == ("not listened", None)
    assert (cell(found, 1, 13).state, cell(found, 1, 13).visitors.coverage) == ("incomplete", 0.5)
    assert (cell(found, 1, 2).state, cell(found, 1, 2).visitors.value) == ("closed", None)


@pytest.mark.parametrize(("monday", "cells"), [(date(2026, 10, 19), 168), (date(2026, 3, 23), 167)])
def test_an_hour_that_comes_twice_is_one_cell_and_one_that_is_skipped_none(monday, cells):
    start, end = at(f"{monday} 00:00"), at(f"{monday + timedelta(days=7)} 00:00")
    shop = a_shop(hours=[])
    found = told(busy(start, end), monday, shop=shop)
    assert len(found.cells) == cells
    assert cell(found, 6, 12).visitors.value == pytest.approx(27.4 * 12 / 3.4)
    night = [one for one in found.cells if (one.weekday, one.hour) == (6, 2)]
    assert [one.end - one.start for one in night] == ([7200] if cells == 168 else [])
    assert sum(one.end - one.start for one in found.cells) == end - start
    assert any("25 hours" in note or "23 hours" in note for note in found.notes)


def test_usual_is_the_median_with_where_four_of_five_weeks_lie():
    found = told(weeks(8, lambda back: 1.0 if back == 0 else 0.5 + 0.1 * back))
    noon = usual(found, 1, 12)
    each = sorted(27.4 * 12 / 3.4 * (0.5 + 0.1 * back) for back in range(1, 9))
    assert noon.weeks == 8
    assert noon.visitors.value == pytest.approx((each[3] + each[4]) / 2)
    assert each[0] < noon.visitors.low < each[1] and each[6] < noon.visitors.high < each[7]
    assert noon.visitors.definition in {one.name for one in DEFINITIONS}


def test_usual_takes_no_hour_that_was_not_heard_out_and_says_nothing_of_two():
    gone = [at(f"{MONDAY - timedelta(weeks=back, days=-1)} 12:00") for back in range(1, 7)]
    readings = weeks(8)
    for start in gone:
        readings = without(readings, start, start + 1200)
    noon = usual(told(readings), 1, 12)
    assert (noon.weeks, noon.visitors.value, noon.visitors.low) == (2, None, None)


def test_usual_takes_no_holiday_and_nothing_from_before_a_calibration():
    shop = a_shop(holidays=[Holiday(date="2026-11-10", name="Fair", opens="09:00", closes="20:00")])
    readings = weeks(8)
    assert usual(told(readings, shop=shop), 1, 12).weeks == 7
    assert usual(told(readings, since=at("2026-10-19 00:00")), 1, 12).weeks == 4


def test_a_holiday_of_the_week_is_named():
    shop = a_shop(holidays=[Holiday(date="2026-11-18", name="Repentance Day")])
    found = told(weeks(0), shop=shop)
    assert [str(one) for one in found.notes] == [
        "Wednesday 18 November is a holiday: Repentance Day. It is not a usual day."
    ]
    assert cell(found, 2, 12).open is False


def test_hours_whose_ranges_overlap_are_not_ranked_apart():
    found = told(weeks(8))  # 17 to 18 is the fullest of every opening day, and all days are alike
    assert {(one.weekday, one.hour) for one in found.busiest} == {(day, 17) for day in range(6)}
    assert "from 17:00 to 18:00" in found.hint
    noisy = told(weeks(8, lambda back: 1.0 + (back % 2)))  # weeks differ more than hours do
    assert noisy.busiest == [] and noisy.hint.startswith("No hour stands out")


def test_without_complete_weeks_there_is_no_hint():
    assert told(weeks(1)).hint == "There are not enough complete weeks yet to say when most staff are needed."


def test_what_leaves_is_disclosed():
    shown = week.disclosed_week(told(weeks(8)))
    for one in [*shown.cells, *shown.usual, *shown.busiest]:
        assert one.visitors.value is None or one.visitors.value == round(one.visitors.value)


def test_a_shop_open_past_midnight_has_its_hours_on_the_day_they_are():
    shop = a_shop(hours=[OpeningHours(days=ALL_DAYS, opens="18:00", closes="02:00")])
    found = told(weeks(0), shop=shop)
    assert cell(found, 1, 1).open and not cell(found, 1, 12).open
    assert (found.first_hour, found.last_hour) == (0, 23)


def test_nothing_at_all_is_no_error():
    found = told([])
    assert all(one.visitors.value is None for one in [*found.cells, *found.usual])
