"""Local hours and days: no gap, no overlap, whatever the clocks of a country do."""

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.core import calendar
from tests import fleet

ZONES = [
    "Europe/Berlin",
    "America/St_Johns",  # half hours
    "Asia/Kathmandu",  # three quarters
    "Australia/Lord_Howe",  # changes by half an hour
    "America/Havana",  # changes at midnight
    "Africa/Cairo",  # changes at midnight
    "Pacific/Chatham",
    "UTC",
]


def utc(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@given(st.sampled_from(ZONES), st.integers(utc("2024-01-01"), utc("2030-01-01")))
def test_a_second_lies_in_one_hour_of_one_date_and_offset(zone, second):
    start, end = calendar.hour_at(zone, second)
    assert start <= second < end <= start + 3600
    labels = {
        (local.date(), local.hour, local.utcoffset())
        for local in (datetime.fromtimestamp(one, ZoneInfo(zone)) for one in (start, second, end - 1))
    }
    assert len(labels) == 1
    assert calendar.hour_at(zone, end - 1) == (start, end)
    assert calendar.hour_at(zone, end)[0] == end


@given(st.sampled_from(ZONES), st.integers(utc("2024-01-01"), utc("2030-01-01")))
def test_hours_fill_their_day(zone, second):
    start, end = calendar.day_at(zone, second)
    hours = calendar.hours_of(zone, (start, end))
    assert start <= second < end
    assert hours[0][0] == start and hours[-1][1] == end
    assert all(one[1] == other[0] for one, other in pairwise(hours))


@pytest.mark.parametrize(
    ("zone", "day", "hours", "seconds"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23, 23 * 3600),
        ("Europe/Berlin", date(2026, 10, 25), 25, 25 * 3600),
        ("Europe/Berlin", date(2026, 6, 30), 24, 24 * 3600),
        ("Australia/Lord_Howe", date(2026, 4, 5), 25, 24 * 3600 + 1800),
        ("Asia/Kolkata", date(2026, 6, 30), 24, 24 * 3600),
    ],
)
def test_days_are_as_long_as_the_clocks_make_them(zone, day, hours, seconds):
    span = calendar.day_of(zone, day)
    assert span[1] - span[0] == seconds
    assert len(calendar.hours_of(zone, span)) == hours


def test_hours_of_a_half_hour_zone_start_at_its_half_hours():
    assert calendar.hour_at("Asia/Kolkata", utc("2026-06-30T10:45")) == (
        utc("2026-06-30T10:30"),
        utc("2026-06-30T11:30"),
    )


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-06-30T09:29:59", False),
        ("2026-06-30T09:30:00", True),
        ("2026-06-30T18:59:59", True),
        ("2026-06-30T19:00:00", False),
        ("2026-07-03T21:59:59", False),
        ("2026-07-03T23:00:00", True),  # Friday night, until 3 on Saturday
        ("2026-07-04T02:59:59", True),
        ("2026-07-04T03:00:00", False),
        ("2026-07-05T23:59:59", True),  # Sunday ends at 24:00
        ("2026-07-06T00:00:00", False),
    ],
)
def test_opening_times(local, is_open):
    hours = [
        fleet.opens("mon tue wed thu fri", "09:30", "19:00"),
        fleet.opens("fri", "22:00", "03:00"),
        fleet.opens("sun", "12:00", "24:00"),
    ]
    second = int(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp())
    assert calendar.is_open(fleet.shop(hours=hours), second, second + 1) is is_open


def test_a_period_is_open_if_any_of_it_is():
    shop = fleet.shop(hours=[fleet.opens("tue", "12:30", "12:45")])
    assert calendar.is_open(shop, fleet.NOON, fleet.NOON + 3600)
    assert not calendar.is_open(shop, fleet.NOON, fleet.NOON + 1800)
    assert calendar.is_open(fleet.shop(), fleet.NOON, fleet.NOON + 1)


@pytest.mark.parametrize("text", ["9:30", "24:01", "25:00", "09:60", "noon", "0930", "-1:00", ""])
def test_a_time_of_day_is_written_one_way(text):
    with pytest.raises(ValueError, match="is not a time of day"):
        calendar.minutes(text)
