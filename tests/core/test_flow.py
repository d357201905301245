"""Flow between zones: the lag of simulated shops is found, and where there is no way nothing is said."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from cloud.core import calendar, flow
from cloud.core.glossary import DEFINITIONS
from tests import rooms
from tests.rooms import FIRST, SHOP, Rooms, told, window

WAY = Rooms(400, lag=10.0)


@pytest.fixture(scope="module")
def way():
    return [told(WAY, 14, number) for number in range(4)]


def test_the_way_and_its_lag_are_found(way):
    for found in way:
        (one,) = found.following
        assert (one.first, one.then) == ("door", "back")
        assert one.lag.low <= 10.0 <= one.lag.high
        assert 0 < one.correlation.low < one.correlation.value < one.correlation.high < 1
        assert one.sentence.startswith("The back fills about ") and one.sentence.endswith(" minutes after the door.")


@pytest.mark.parametrize("nowhere", [Rooms(400), Rooms(400, together=True), Rooms(400, leak=0.1)])
def test_where_there_is_no_way_nothing_is_said(nowhere):
    for number in range(3):
        found = told(nowhere, 14, number)
        assert found.following == [] and found.notes[0] == "No zone can be told to fill after another."


def test_it_is_the_same_whatever_the_zones_are_called(way):
    made = [rooms._day(WAY, chance) for chance in [rooms.random.Random(0)] for _ in range(14)]
    windows = {"a back": [one[1] for one in made], "z door": [one[0] for one in made]}
    known = {zone: rooms._windows(days) for zone, days in windows.items()}
    (one,) = flow.flow(SHOP, FIRST, FIRST + timedelta(days=13), known).following
    (same,) = way[0].following
    assert (one.first, one.then, one.lag.value) == ("z door", "a back", same.lag.value)


def test_with_few_days_nothing_is_said():
    found = told(WAY, 6, 0)
    assert (found.days, found.following) == (6, [])
    assert "6 days were heard well enough, and it takes 7" in found.notes[0]


def test_one_zone_says_what_it_takes():
    found = flow.flow(SHOP, FIRST, FIRST, {"door": []})
    assert found.notes == ["There is one zone: it takes sensors in two to see what fills after what."]
    assert [one.occupancy.value for one in found.zones[0].hours] == [None] * 11


def test_a_day_not_heard_well_enough_is_left_out_and_a_gap_is_no_zero():
    opens = calendar.opened(SHOP, FIRST)[0][0]
    whole = [window(opens + slot * 300, 4.0) for slot in range(132)]
    deaf = [replace(one, occupancy=replace(one.occupancy, coverage=0.5)) for one in whole[:30]]
    found = flow.flow(SHOP, FIRST, FIRST, {"door": whole, "back": [*deaf, *whole[30:]]})
    assert found.days == 0
    back = next(one for one in found.zones if one.zone == "back")
    assert [one.occupancy.value for one in back.hours] == [None, None] + [4.0] * 9
    assert back.hours[2].occupancy.coverage == 0.5  # half of it was heard well enough


def test_short_windows_are_averaged_over_a_slot():
    opens = calendar.opened(SHOP, FIRST)[0][0]
    minutes = [
        replace(window(opens + n * 60, float(n % 5)), end=opens + n * 60 + 60) for n in range(660) if n % 50 != 49
    ]
    hours = flow.flow(SHOP, FIRST, FIRST, {"door": minutes}).zones[0].hours
    assert [one.hour for one in hours] == list(range(9, 20))
    assert hours[0].occupancy.value == 2.0 and hours[0].occupancy.coverage == pytest.approx(11 / 12, abs=1e-3)


def test_every_figure_is_defined_and_disclosed(way):
    names = {definition.name for definition in DEFINITIONS}
    (one,) = way[0].following
    assert {one.lag.definition, one.correlation.definition} <= names
    assert one.correlation.value == round(one.correlation.value, 2)
    assert all(hour.occupancy.value == round(hour.occupancy.value) for zone in way[0].zones for hour in zone.hours)
