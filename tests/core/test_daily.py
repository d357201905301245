"""The daily report: the sentences for every kind of day, and that none of them has a number without its range."""

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud.core import calendar, compared, rollup
from cloud.core.compared import Day
from cloud.core.daily import Daily, daily, is_closed
from cloud.core.figures import Figure, Holiday, OpeningHours, Period, Shop
from cloud.core.saying import THIN, Saying
from cloud.language import LANGUAGES
from tests.shops import ALL_DAYS, a_shop

DASH = "\N{EN DASH}"
TUESDAY = date(2026, 11, 24)
SHOP = a_shop(calibrated=True)
DAY = {9: 20, 10: 12, 11: 30, 12: 45, 13: 40, 14: 35, 15: 42, 16: 71, 17: 60, 18: 40, 19: 17}


def figure(value, spread, coverage, definition):
    known = value is not None and coverage > 0
    ends = (value, value * (1 - spread), value * (1 + spread)) if known else (None, None, None)
    return Figure(value=ends[0], low=ends[1], high=ends[2], coverage=coverage, definition=definition)


def an_hour(shop, span, people, spread=0.055, coverage=1.0, passed=2.3):
    visitors = figure(people, spread, coverage, "visitors/2")
    passers_by = figure(None if people is None else people * passed, spread, coverage, "passers-by/1")
    share = 1 / (1 + passed)
    return Period(
        start=span[0],
        end=span[1],
        open=calendar.is_open(shop, *span),
        flooded=False,
        coverage=coverage,
        occupancy=figure(1.0, spread, coverage, "occupancy/1"),
        visitors=visitors,
        passers_by=passers_by,
        capture_rate=figure(share if people else None, 0.1, coverage, "capture-rate/1"),
    )


def a_day(day=TUESDAY, scale=1.0, shop=SHOP, deaf=(), spread=0.055, factor=1.0, calibrated=True, curve=None):
    """A day of the curve, times `scale`; in the hours `deaf` nothing was heard."""
    span = calendar.day_of(shop.time_zone, day)
    hours = []
    for clock, hour in enumerate(calendar.hours_of(shop.time_zone, span)):
        people = (DAY if curve is None else curve).get(clock, 0) * scale
        heard = clock not in deaf
        hours.append(an_hour(shop, hour, people if heard else None, spread, 1.0 if heard else 0.0))
    whole = rollup.total(shop, *span, hours)
    return Day(date=day, period=whole, hours=hours, people_per_device=factor, calibrated=calibrated)


def weeks(*scales, first=None, shop=SHOP, **more):
    """Yesterday, and the same weekday of the weeks before, as many as there are scales."""
    yesterday = first or a_day(shop=shop, **more)
    return [yesterday, *(a_day(yesterday.date - timedelta(weeks=n + 1), one, shop) for n, one in enumerate(scales))]


def told(days, shop=SHOP, alert=None, code="en") -> list[str]:
    found = daily(shop, days, alert)
    return [LANGUAGES[code].say(one).replace(THIN, " ").replace(DASH, "-") for one in (found.headline, *found.lines)]


def test_a_day_like_any_other() -> None:
    assert told(weeks(0.97, 1.0, 1.02, 0.98, 1.01)) == [
        "Tuesday: 412 people (389-435).",
        "About as many as last Tuesday: 400 (377-422).",
        "About as many as your usual Tuesday: 412 (389-435).",
        "Busiest 16:00 to 17:00: 71 (67-75).",
        "Quietest 10:00 to 11:00: 12 (11-13).",
        "Of every 100 around, 30 (28-33) came in; usual are 30 (28-33).",
        "Listened to: 100 % of the opening hours.",
        "Nothing needs your attention.",
    ]


def test_more_and_fewer_are_said_where_the_ranges_are_apart_and_with_a_range() -> None:
    more, fewer = told(weeks(0.5)), told(weeks(1.5, 1.5, 1.5, 1.5))
    assert more[1] == "100 % more (78 % to 125 %) than last Tuesday: 206 (194-218)."
    assert fewer[1:3] == [
        "33 % fewer (25 % to 41 %) than last Tuesday: 618 (584-652).",
        "33 % fewer (25 % to 41 %) than your usual Tuesday: 618 (584-652).",
    ]


def test_more_than_nobody_has_no_percentage() -> None:
    week_ago = a_day(TUESDAY - timedelta(weeks=1), 0.01, spread=1.0)
    assert told([a_day(), week_ago])[1] == "More than last Tuesday: 4 (0-9)."


def test_the_usual_needs_four_days_like_it() -> None:
    assert not any("usual" in one for one in told(weeks(1, 1, 1)))
    assert any("your usual Tuesday" in one for one in told(weeks(1, 1, 1, 1)))


def test_an_incomplete_day_says_so_and_is_compared_with_nothing() -> None:
    assert told(weeks(1, 1, 1, 1, 1, first=a_day(deaf=range(14, 20)))) == [
        "Tuesday is incomplete: 147 people (138-156) in the time listened to.",
        "Listened to: 45 % of the opening hours.",
        "See whether the sensor was without power for a while.",
    ]


def test_a_sensor_that_is_switched_off_at_night_heard_the_opening_hours() -> None:
    assert told([a_day(deaf=(0, 1, 2, 3, 4, 5, 23))])[-2:] == [
        "Listened to: 100 % of the opening hours, 70 % of the day.",
        "See whether the sensor was without power for a while.",
    ]


def test_nothing_heard_is_no_number_and_says_what_to_do() -> None:
    assert told(weeks(1, 1, 1, 1, first=a_day(deaf=range(24)))) == [
        "Tuesday: no figures, nothing was heard.",
        "See whether the sensor has power and network; what it has counted it sends later.",
    ]


def test_devices_are_called_devices_until_somebody_has_counted_people() -> None:
    shop = a_shop()
    said = told([a_day(shop=shop, calibrated=False)], shop)
    assert said[0] == "Tuesday: 412 devices (389-435)."
    assert said[-1] == "Devices are counted until somebody counts people at the door for a quarter of an hour."


def test_people_and_devices_are_not_compared() -> None:
    days = [a_day(factor=1.3), *weeks(1, 1, 1, 1, 1)[1:]]
    said = told(days)
    assert said[1] == "Not compared with last Tuesday: people per device were calibrated since."
    assert not any("usual" in one for one in said)


def test_a_factor_that_changed_within_the_day_makes_it_like_no_other() -> None:
    days = weeks(1, 1, 1, 1, 1, first=a_day(factor=None))
    assert told(days)[1] == "Not compared with last Tuesday: people per device were calibrated since."


def test_a_week_ago_that_is_incomplete_is_not_compared_nor_usual() -> None:
    days = [a_day(), a_day(TUESDAY - timedelta(weeks=1), deaf=range(9, 12)), *weeks(1, 1, 1, 1)[2:]]
    assert told(days)[1] == "Not compared with last Tuesday, which is incomplete."
    assert not any("usual" in one for one in told(days))


def test_a_week_ago_of_which_nothing_is_known_is_not_spoken_of() -> None:
    days = [a_day(), a_day(TUESDAY - timedelta(weeks=1), deaf=range(24))]
    assert told(days)[1].startswith("Busiest")


def test_holidays_are_compared_with_nothing() -> None:
    own = replace(SHOP, holidays=[Holiday(date="2026-11-24", name="Late Opening", opens="09:00", closes="22:00")])
    assert told(weeks(1, 1, 1, 1, shop=own), own)[1] == "It was Late Opening, so it is compared with nothing."
    last = replace(SHOP, holidays=[Holiday(date="2026-11-17", name="Fair", opens="09:00", closes="22:00")])
    said = told(weeks(1, 1, 1, 1, shop=last), last)
    assert said[1] == "Not compared with last Tuesday, which was Fair."
    assert not any("usual" in one for one in said)


def test_the_report_after_a_closed_day_says_so() -> None:
    monday = date(2026, 11, 23)
    assert "Closed on Sunday 22 November." in told([a_day(monday)])
    shut = replace(SHOP, holidays=[Holiday(date="2026-11-23", name="Stocktaking")])
    assert "Closed from Sunday 22 November to Monday 23 November." in told([a_day(shop=shut)], shut)
    one = replace(shut, hours=[OpeningHours(days=ALL_DAYS, opens="09:00", closes="20:00")])
    assert "Closed on Monday 23 November: Stocktaking." in told([a_day(shop=one)], one)
    assert is_closed(shut, monday)
    assert not is_closed(shut, TUESDAY)


def test_a_shop_that_never_opens_again_ends_the_search() -> None:
    never = replace(SHOP, hours=[OpeningHours(days=["tue"], opens="09:00", closes="20:00", valid_from="2026-11-24")])
    assert "Closed from Saturday 24 October to Monday 23 November." in told([a_day(shop=never)], never)


def test_only_one_line_is_an_alert() -> None:
    alert = Saying("The sensor at the door was deaf from {a:clock} to {b:clock}.", a=600, b=660)
    assert told([a_day()], alert=alert)[-1] == "The sensor at the door was deaf from 10:00 to 11:00."


def test_one_and_none() -> None:
    assert told([a_day(curve={12: 1}, spread=0.9)])[0] == "Tuesday: 1 person (0-2)."
    assert told([a_day(curve={})])[:2] == ["Tuesday: 0 people (0-0).", "No hour stood out."]


def test_hours_of_which_only_a_part_is_open_are_not_the_quietest() -> None:
    shop = replace(SHOP, hours=[OpeningHours(days=ALL_DAYS, opens="09:30", closes="19:30")])
    found = daily(shop, [a_day(shop=shop, curve=DAY | {9: 2, 19: 1})])
    quietest = found.figures.quietest
    assert quietest is not None
    assert quietest.start == calendar.hours_of(shop.time_zone, calendar.day_of(shop.time_zone, TUESDAY))[10][0]


def test_a_shop_open_to_midnight_has_a_last_hour_that_ends_at_24() -> None:
    shop = replace(SHOP, hours=[OpeningHours(days=ALL_DAYS, opens="09:00", closes="24:00")])
    assert "Busiest 23:00 to 24:00: 500 (472-528)." in told([a_day(shop=shop, curve=DAY | {23: 500})], shop)


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_days_of_a_clock_change_are_days(day: date) -> None:
    shop = replace(SHOP, hours=[OpeningHours(days=ALL_DAYS, opens="09:00", closes="20:00")])
    assert told([a_day(day, shop=shop)], shop)[-2] == "Listened to: 100 % of the opening hours."


def test_the_figures_are_disclosed() -> None:
    found = daily(SHOP, weeks(0.9, 1, 1, 1, 1)).figures
    shown = [found.visitors, found.last_week, found.usual, found.busiest and found.busiest.visitors]
    assert all(one is not None and one.value == int(one.value or 0) for one in shown)
    assert (found.usual and found.usual.definition) == "usual-visitors/1"
    assert (found.usual_capture_rate and found.usual_capture_rate.value) == 0.3


def test_a_range_of_days_to_fetch_is_of_one_weekday() -> None:
    found = compared.dates(TUESDAY)
    assert len(found) == 9
    assert all((one - other).days == 7 for one, other in pairwise(found))


def test_it_is_said_in_other_languages_with_the_same_numbers() -> None:
    days = weeks(0.5, 1, 1, 1, 1)
    for code in LANGUAGES:
        for one, other in zip(told(days), told(days, code=code), strict=True):
            assert sorted(re.findall(r"\d+", one)) == sorted(re.findall(r"\d+", other))


FIGURE = r"\d[\d ]*(?: people| person| devices| device)? \(\d[\d ]*-\d[\d ]*\)"
SHARE = r"\d[\d ]* % (?:more|fewer) \(\d[\d ]* % to \d[\d ]* %\)"
NO_FIGURE = (
    r"\d\d:\d\d|Of every 100|Listened to: \d+ % of the opening hours(?:, \d+ % of the day)?|\d+ (?:Octo|Novem)ber"
)


@st.composite
def any_days(draw: st.DrawFn) -> tuple[Shop, list[Day]]:
    calibrated = draw(st.booleans())
    holidays = draw(st.lists(st.sampled_from(["2026-11-24", "2026-11-23", "2026-11-17"]), unique=True, max_size=2))
    opens = draw(st.sampled_from([None, "09:00"]))
    fairs = [Holiday(date=one, name="Fair", opens=opens, closes=opens and "20:00") for one in holidays]
    shop = a_shop(calibrated=calibrated, holidays=fairs)
    scales = draw(st.lists(st.floats(0, 3000) | st.sampled_from([0.0, 1.0, 0.01]), min_size=1, max_size=9))
    days = []
    for week, scale in enumerate(scales):
        deaf = draw(st.sampled_from([(), (), (12,), tuple(range(10, 15)), tuple(range(24))]))
        factor = draw(st.sampled_from([1.0, 1.0, 1.0, 1.3, None]))
        spread = draw(st.floats(0, 1))
        day = TUESDAY - timedelta(weeks=week)
        days.append(a_day(day, scale, shop, deaf, spread, factor, calibrated))
    return shop, days


@given(any_days())
def test_no_text_has_a_figure_without_its_range_or_one_that_is_none(any_day: tuple[Shop, list[Day]]) -> None:
    shop, days = any_day
    for line in told(days, shop):
        assert not re.search("(?i)none|null|nan|inf(?!o)|(?<!\\d)-\\d", line), line
        left = re.sub("|".join((SHARE, FIGURE, NO_FIGURE)), "", line)
        assert not re.search(r"\d", left), line


@given(any_days())
def test_what_is_incomplete_is_compared_with_nothing(any_day: tuple[Shop, list[Day]]) -> None:
    shop, days = any_day
    found: Daily = daily(shop, days)
    if not found.figures.complete:
        assert (found.figures.last_week, found.figures.usual, found.figures.busiest) == (None, None, None)
        assert not any("Tuesday" in one and "than" in one for one in found.lines)
