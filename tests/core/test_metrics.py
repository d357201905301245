"""Quotients of visitors, sales and staff: their intervals, what they leave out, and when there are none."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud.core import calendar, metrics, people, rollup
from cloud.core.figures import Figure
from cloud.core.till import Sale
from tests.shops import ZONE, a_shop, at

SHOP = a_shop()
DAY = calendar.day_of(ZONE, date(2026, 11, 24))
NEXT = calendar.day_of(ZONE, date(2026, 11, 25))
VALUES = st.floats(0, 1e4)
PARTS = st.floats(0.01, 1)


@st.composite
def figures(draw, least=0.0):
    low = draw(st.floats(least, 1e4))
    value = low * draw(st.floats(1, 3))
    covered = draw(st.floats(0, 1))
    return Figure(value=value, low=low, high=value * draw(st.floats(1, 3)), coverage=covered, definition="visitors/2")


def hour(start, visitors=None, covered=1.0, **changes):
    figure = Figure(value=None, low=None, high=None, coverage=0.0, definition="visitors/2")
    if visitors is not None:
        figure = replace(figure, value=visitors, low=visitors * 0.8, high=visitors * 1.25, coverage=covered)
    period = rollup.silent(SHOP, start, start + 3600)
    return replace(period, coverage=figure.coverage, visitors=figure, **changes)


def clock(text, visitors=None, covered=1.0):
    return hour(at(f"2026-11-24 {text}"), visitors, covered)


def sale(start, transactions, items=None, net_sales=None, source="till"):
    return Sale(hour=start, source=source, transactions=transactions, items=items, net_sales=net_sales)


def sold(text, *told, **more):
    return sale(at(f"2026-11-24 {text}"), *told, **more)


def whole_day(visitors, span=DAY):
    return [hour(start, visitors) for start, _ in calendar.hours_of(ZONE, span)]


def trade(hours, *sales):
    return metrics.trade(SHOP, hours, sales)


# Quotients


@given(figures(), figures(least=0.01))
def test_a_quotient_holds_every_possibility_of_its_parts(part, whole):
    found = metrics.quotient(part, whole, "star/1")
    for above in (part.low, part.value, part.high):
        for below in (whole.low, whole.value, whole.high):
            assert found.low <= above / below * (1 + 1e-12)
            assert above / below <= found.high * (1 + 1e-12)
    assert 0 <= found.low <= found.value <= found.high
    assert found.coverage == min(part.coverage, whole.coverage)


@given(figures(), figures(least=0.01), PARTS)
def test_a_quotient_grows_with_its_part_and_falls_with_its_whole(part, whole, less):
    full = metrics.quotient(part, whole, "star/1")
    smaller = replace(part, value=part.value * less, low=part.low * less, high=part.high * less)
    larger = replace(whole, value=whole.value / less, low=whole.low / less, high=whole.high / less)
    for other in (metrics.quotient(smaller, whole, "star/1"), metrics.quotient(part, larger, "star/1")):
        assert other.low <= full.low * (1 + 1e-12)
        assert other.value <= full.value * (1 + 1e-12)
        assert other.high <= full.high * (1 + 1e-12)


@given(st.one_of(st.none(), figures()), st.one_of(st.none(), figures()))
def test_a_quotient_is_null_where_a_part_is_unknown_or_the_whole_may_be_nothing(part, whole):
    nothing = metrics.undefined(0.5, "visitors/2")
    found = metrics.quotient(part or nothing, whole or nothing, "star/1")
    assert (found.value is None) == (part is None or whole is None or whole.low == 0)
    assert (found.value is None) == (found.low is None) == (found.high is None)


def test_a_negative_part_keeps_its_range_the_right_way_round():
    whole = Figure(value=10.0, low=5.0, high=20.0, coverage=1.0, definition="visitors/2")
    found = metrics.quotient(metrics.exact(-100.0, 1.0, "x/1"), whole, "sales-per-visitor/1")
    assert (found.low, found.value, found.high) == (-20.0, -10.0, -5.0)


# Capture


@given(figures(), figures(least=0.01))
def test_the_draw_rate_is_the_odds_of_the_capture_rate(visitors, passers_by):
    share = people.share(visitors, passers_by, SHOP, "capture-rate/1")
    found = metrics.draw_rate(visitors, passers_by, SHOP)
    for one, other in ((found.value, share.value), (found.low, share.low), (found.high, share.high)):
        assert one / (1 + one) == pytest.approx(other, abs=1e-9)


def test_the_factor_cancels_in_the_draw_rate():
    counted = a_shop(people_per_device=1.2, people_per_device_low=1.0, people_per_device_high=1.5)
    visitors = Figure(value=1.2, low=1.0, high=1.5, coverage=1.0, definition="visitors/2")
    passers_by = Figure(value=4.8, low=4.0, high=6.0, coverage=0.9, definition="passers-by/1")
    found = metrics.draw_rate(visitors, passers_by, counted)
    assert (found.low, found.value, found.high, found.coverage) == pytest.approx((0.25, 0.25, 0.25, 0.9))


def test_without_passers_by_there_is_no_draw_rate():
    some = Figure(value=1.0, low=0.0, high=2.0, coverage=1.0, definition="passers-by/1")
    assert metrics.draw_rate(some, some, SHOP).value is None


# The till


def test_conversion_is_transactions_by_the_visitors_of_the_same_hours():
    found = metrics.conversion(trade([clock("10:00", 40), clock("11:00", 60)], sold("10:00", 5), sold("11:00", 15)))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 20 / 125, 20 / 80))
    assert found.definition == "conversion/1"


def test_an_hour_not_listened_to_is_left_out_of_both_sides_and_lowers_coverage():
    hours = [clock("10:00", 40), clock("11:00"), clock("12:00", 60)]
    sales = (sold("10:00", 5, 9, 50.0), sold("11:00", 5, 9, 50.0), sold("12:00", 15, 9, 150.0))
    found = metrics.conversion(trade(hours, *sales))
    assert found.value == pytest.approx(20 / 100)
    assert found.coverage == pytest.approx(20 / 25)
    assert metrics.sales_per_visitor(trade(hours, *sales)).value == pytest.approx(2.0)
    assert metrics.atv(trade(hours, *sales)).value == pytest.approx(10.0)


def test_half_an_hour_of_visitors_is_no_match_for_an_hour_of_sales():
    found = metrics.conversion(
        trade([clock("10:00", 40), clock("11:00", 30, covered=0.5)], sold("10:00", 10), sold("11:00", 10))
    )
    assert (found.value, found.coverage) == (0.25, 0.5)


def test_where_only_deaf_hours_were_sold_in_there_is_no_conversion():
    found = metrics.conversion(trade([clock("10:00"), clock("11:00", 9)], sold("10:00", 5)))
    assert (found.value, found.coverage) == (None, 0.0)


def test_an_hour_between_the_first_and_the_last_that_the_till_names_sold_nothing():
    hours = [clock("09:00", 30), clock("10:00", 40), clock("11:00", 60), clock("12:00", 100), clock("13:00", 7)]
    found = metrics.conversion(trade(hours, sold("10:00", 10), sold("12:00", 10)))
    assert found.value == pytest.approx(20 / 200)


def test_a_day_the_till_does_not_name_lowers_coverage_and_one_still_running_does_not():
    both = whole_day(10.0) + whole_day(10.0, NEXT)
    by_clock = [replace(one, open=9 <= (one.start - at("2026-11-24 00:00")) // 3600 % 24 < 20) for one in both]
    assert metrics.conversion(trade(by_clock, sold("10:00", 5))).coverage == 0.5
    assert metrics.conversion(trade(by_clock[:-1], sold("10:00", 5))).coverage == 1.0


def test_no_till_no_visitors_and_no_transactions_are_null():
    silent, nobody = trade([clock("10:00", 40)]), trade([clock("10:00", 0.0)], sold("10:00", 5, 5, 5.0))
    nothing = trade([clock("10:00", 40)], sold("10:00", 0, 0, 0.0))
    for metric in (metrics.conversion, metrics.sales_per_visitor, metrics.atv, metrics.upt):
        assert metric(silent).value is None
    assert metrics.conversion(nobody).value is None
    assert metrics.sales_per_visitor(nobody).value is None
    assert metrics.conversion(nothing).value == 0.0
    assert metrics.atv(nothing).value is None


def test_what_a_till_does_not_tell_is_null_and_the_rest_is_not():
    told = trade([clock("10:00", 40)], sold("10:00", 5))
    assert metrics.conversion(told).value == pytest.approx(0.125)
    for metric in (metrics.sales_per_visitor, metrics.atv, metrics.upt):
        assert metric(told).value is None


def test_the_till_alone_has_no_range():
    told = trade([clock("10:00"), clock("11:00")], sold("10:00", 4, 6, 100.0), sold("11:00", 6, 14, 50.0))
    assert shown(metrics.atv(told)) == (15.0, 15.0, 15.0, 1.0)
    assert shown(metrics.upt(told)) == (2.0, 2.0, 2.0, 1.0)


def shown(figure):
    return figure.value, figure.low, figure.high, figure.coverage


def test_two_tills_add_up():
    told = trade([clock("10:00", 40)], sold("10:00", 4), sold("10:00", 6, source="kiosk"))
    assert metrics.conversion(told).value == pytest.approx(0.25)


HOURS = st.lists(
    st.tuples(st.one_of(st.none(), st.floats(0.5, 500)), st.integers(0, 400), st.integers(-999, 999)),
    min_size=1,
    max_size=12,
)


def made(rows, money=1.0):
    hours = [hour(DAY[0] + 3600 * n, visitors) for n, (visitors, _, _) in enumerate(rows)]
    sales = [sale(DAY[0] + 3600 * n, count, None, paid * money) for n, (_, count, paid) in enumerate(rows)]
    return trade(hours, *sales)


@given(HOURS, st.sampled_from([0.01, 1.1, 163.0]))
def test_money_scales_with_the_currency(rows, rate):
    for metric in (metrics.sales_per_visitor, metrics.atv):
        one, other = metric(made(rows)), metric(made(rows, rate))
        assert (one.value is None) == (other.value is None)
        if one.value is not None:
            assert other.value == pytest.approx(one.value * rate, abs=0.01)
            assert other.low <= other.value <= other.high


@given(HOURS)
def test_sales_per_visitor_is_conversion_times_atv_where_everything_was_listened_to(rows):
    heard = [(visitors or 1.0, count, paid) for visitors, count, paid in rows]
    told = made(heard)
    conversion, atv, yield_ = metrics.conversion(told), metrics.atv(told), metrics.sales_per_visitor(told)
    if atv.value is not None:
        assert conversion.value * atv.value == pytest.approx(yield_.value)


@given(HOURS)
def test_conversion_lies_among_those_of_its_hours(rows):
    found = metrics.conversion(made(rows))
    each = [count / visitors for visitors, count, _ in rows if visitors is not None]
    assert (found.value is None) == (not each)
    if each:
        assert min(each) - 1e-9 <= found.value <= max(each) + 1e-9
        assert 0 <= found.low <= found.value <= found.high


# Staff


def test_star_is_visitors_by_the_hours_worked():
    found = metrics.star([clock("10:00", 40), clock("11:00", 20), clock("23:00", 9)], [7200.0, 3600.0, 0.0])
    assert shown(found) == pytest.approx((20.0, 16.0, 25.0, 1.0))


def test_star_leaves_hours_not_listened_to_out_and_says_so():
    found = metrics.star([clock("10:00", 40), clock("11:00")], [7200.0, 3600.0])
    assert (found.value, found.coverage) == pytest.approx((20.0, 2 / 3))


def test_without_a_rota_there_is_no_star():
    assert metrics.star([clock("10:00", 40)], [None]).value is None
    assert metrics.star([], []).value is None
