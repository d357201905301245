"""The ledger: a line says of a day what its hours do, and no less than that it was not listened to."""

from datetime import date

import pytest

from cloud.core import calendar, ledger, rollup
from cloud.core.figures import Period
from cloud.core.ledger import Line, Page
from tests.lines import a_line
from tests.shops import PLACED, ZONE, a_shop, at, at_rest, busy, without

SHOP = a_shop()
TUESDAY = date(2026, 11, 24)
SPAN = calendar.day_of(ZONE, TUESDAY)


def line(readings) -> Line:
    hours = hours_of(readings)
    return ledger.line(SHOP, rollup.total(SHOP, *SPAN, hours), hours)


def hours_of(readings) -> list[Period]:
    spans = calendar.hours_of(ZONE, SPAN)
    told = [(span, [x for x in readings if span[0] <= x.report.window_start < span[1]]) for span in spans]
    return [rollup.period(SHOP, *span, PLACED, some) for span, some in told if some]


def test_a_line_of_a_whole_day_is_the_day():
    hours = hours_of(busy(*SPAN))
    day, told = rollup.total(SHOP, *SPAN, hours), line(busy(*SPAN))
    assert (told.visitors.value, told.visitors.low) == (day.visitors.value, day.visitors.low)
    assert (told.open, told.coverage, told.due_s, told.lost_s, told.complete) == (True, 1.0, 11 * 3600, 0.0, True)


def test_a_lost_noon_is_lost_opening_time_whether_or_not_its_hours_have_rows():
    told = line(without(busy(*SPAN), at("2026-11-24 12:00"), at("2026-11-24 14:00")))
    assert told.lost_s == 2 * 3600
    assert told.coverage == pytest.approx(9 / 11)  # of the day it would be 22/24
    half = line(without(busy(*SPAN), at("2026-11-24 12:00"), at("2026-11-24 12:30")))
    assert half.lost_s == pytest.approx(1800)


def test_a_rest_at_night_is_not_lost():
    told = line(at_rest(SPAN[0], at("2026-11-24 08:00")) + busy(at("2026-11-24 08:00"), SPAN[1]))
    assert told.complete and told.lost_s == 0


def test_a_day_nobody_reported_is_a_gap_and_a_closed_one_is_none():
    assert ledger.silent(SHOP, SPAN).lost_s == 11 * 3600
    sunday = ledger.silent(SHOP, calendar.day_of(ZONE, date(2026, 11, 22)))
    assert (sunday.open, sunday.lost_s, sunday.visitors) == (False, 0, None)


def test_so_far_a_day_is_as_listened_to_as_its_opening_hours_so_far():
    until = at("2026-11-24 14:10")
    told = line(busy(SPAN[0], until))
    assert ledger.listened_so_far(SHOP, told, until) == pytest.approx(1.0)
    gone = line(without(busy(SPAN[0], until), at("2026-11-24 12:00"), at("2026-11-24 13:00")))
    assert ledger.listened_so_far(SHOP, gone, until) == pytest.approx(1 - 3600 / (310 * 60))
    assert ledger.listened_so_far(SHOP, line(busy(SPAN[0], at("2026-11-24 08:00"))), at("2026-11-24 08:00")) is None


@pytest.mark.parametrize(("day", "days"), [("2026-02-10", 28), ("2026-12-31", 31), ("2026-03-29", 31)])
def test_a_month_is_from_its_first_to_the_next(day, days):
    start, end = ledger.month_at(ZONE, at(f"{day} 12:00"))
    assert calendar.date_at(ZONE, start).day == calendar.date_at(ZONE, end).day == 1
    assert round((end - start) / 86_400) == days


def test_a_line_takes_the_place_of_the_one_before_it():
    old, new, other = a_line(TUESDAY, 5.0), a_line(TUESDAY, 9.0), a_line(date(2026, 11, 3), 1.0)
    assert ledger.page([old, other, new]) == Page(lines=[other, new])


def test_a_sum_is_covered_as_its_opening_days_are():
    some = [a_line(date(2026, 11, 23), 10.0), a_line(TUESDAY, 6.0, 0.5), a_line(date(2026, 11, 22), 0.0, closed=True)]
    told = ledger.visitors(some)
    assert (told.value, told.low, told.coverage) == (16.0, pytest.approx(14.4), pytest.approx(0.75))
    assert ledger.visitors([]).value is None
