"""The walk test: what is heard by the second and by the dB becomes two thresholds, or it is said why it does not."""

import pytest

from agent.core.dot11 import Decoder
from agent.core.gauge import Gauge
from agent.core.pseudonym import level
from agent.core.sensor import Sensor
from agent.core.walk import (
    BEFORE_S,
    LONGEST_S,
    LONGEST_STAND_S,
    PLACES,
    SHORTEST_STAND_S,
    Place,
    Walk,
    phone_level,
    zoning,
)
from tests.air import heard

START = 1_700_000_100.0
SHOP: dict[Place, int] = {"door": -52, "till": -45, "back": -61, "outside": -76}


def walked(levels: dict[Place, int | None], around: dict[int, dict[int, int]] | None = None) -> Walk:
    """A walk, second by second, with a phone that scans every nine seconds at each place where it has a level."""
    walk, at, places, since = Walk(0.0), 0, list(PLACES), 0
    while at < LONGEST_S and (places or walk.place):
        if walk.place is None and walk.waits_s(at) == 0:
            assert walk.stand(places[0], at)
            since, place = at, places.pop(0)
        here = dict((around or {}).get(at, {}))
        own = levels[place] if walk.place else None
        if own is not None and (at - since) % 9 == 2:
            here[own] = here.get(own, 0) + 2
        at += 1
        walk.hear(at, here)
    return walk


def test_the_level_at_every_stand_is_found_and_the_thresholds_lie_between() -> None:
    walk = walked(dict(SHOP))
    assert walk.levels == SHOP
    found = walk.zoning()
    assert found is not None
    assert (found.grade, found.weakest, found.separation_db) == ("good", "back", 15)
    assert found.outside_dbm < SHOP["outside"] < found.inside_dbm < SHOP["back"]


def test_a_neighbour_that_is_always_there_is_not_taken_for_the_phone() -> None:
    neighbour = {at: {-47: 3} for at in range(0, 180, 6)}
    walk = walked({**SHOP, "till": -58}, neighbour)
    assert walk.levels["till"] == -58


def test_a_stand_without_a_phone_is_not_heard_and_may_be_repeated() -> None:
    walk = walked({**SHOP, "back": None})
    assert walk.levels["back"] is None
    assert walk.zoning() is not None  # the other three are enough for a suggestion


def test_someone_who_passes_once_is_not_the_phone() -> None:
    assert phone_level([(3.0, {-50: 5})], 15.0, [([], BEFORE_S)]) is None


def test_a_window_as_strong_as_the_back_is_said() -> None:
    found = zoning({"door": -50, "till": -48, "back": -70, "outside": -69})
    assert found is not None
    assert (found.grade, found.weakest, found.separation_db) == ("none", "back", -1)
    assert found.outside_dbm < found.inside_dbm


@pytest.mark.parametrize("levels", [{}, {"outside": -70}, {"door": -50, "outside": None}, {"till": -40}])
def test_without_both_sides_there_is_no_suggestion(levels: dict[Place, int | None]) -> None:
    assert zoning(levels) is None


def test_one_stands_at_one_place_at_a_time_and_not_before_the_surroundings_are_known() -> None:
    walk = Walk(0.0)
    assert not walk.stand("door", BEFORE_S - 1)
    assert walk.stand("door", BEFORE_S)
    assert not walk.stand("till", BEFORE_S + 1)
    walk.hear(BEFORE_S + SHORTEST_STAND_S, {})
    assert walk.place == "door"  # not heard yet
    walk.hear(BEFORE_S + LONGEST_STAND_S, {})
    assert walk.place is None
    assert walk.stand("till", BEFORE_S + LONGEST_STAND_S)


def test_a_walk_ends_after_three_minutes() -> None:
    walk = Walk(0.0)
    assert walk.over(LONGEST_S)
    assert not walk.stand("door", LONGEST_S)
    walk.hear(LONGEST_S + 1, {-50: 9})
    assert walk.zoning() is None


def test_the_gauge_counts_phones_of_the_last_minute_and_forgets_their_tags_with_the_window() -> None:
    sensor = Sensor(["wifi"], lambda: bytes(32), 60)
    sensor.gauge = Gauge(START - 20)
    for second in range(10):
        sensor.feed(heard(START - 10 + second, f"5a:00:00:00:00:{second:02x}", -50))
    before = sensor.gauge.read(START - 0.5, rests=False, walks=False)
    assert (before.phones, before.over_s, before.levels) == (10, 19.5, {})
    sensor.poll(START + 1)
    assert sensor.gauge.read(START + 1, rests=False, walks=False).phones == 10
    assert not sensor.gauge._tags
    sensor.feed(heard(START + 2, "5a:00:00:00:00:00", -50))  # another key: it counts again
    assert sensor.gauge.read(START + 2, rests=False, walks=False).phones == 11
    assert sensor.gauge.read(START + 56.5, rests=False, walks=False).phones == 4
    assert sensor.gauge.read(START + 90, rests=False, walks=False).phones == 0


def test_levels_are_of_random_addresses_only_told_during_a_walk_and_make_no_tag_below_the_floor() -> None:
    sensor = Sensor(["wifi"], lambda: bytes(32), 60)
    gauge = sensor.gauge = Gauge(START)
    for address, signal in (("5a:00:00:00:00:01", -50), ("5a:00:00:00:00:02", -99), ("5c:00:00:00:00:03", -40)):
        sensor.feed(heard(START + 1, address, signal))
    told = gauge.read(START + 2, rests=False, walks=True)
    assert told.levels == {"-50": 1, "-99": 1}
    assert told.phones == 2  # the one from below the floor has no tag, so it is in no count
    sensor.feed(heard(START + 3, "5a:00:00:00:00:01", -50))
    assert gauge.read(START + 4, rests=False, walks=False).levels == {}
    assert gauge.read(START + 5, rests=False, walks=True).levels == {}


def test_a_frame_from_the_next_channel_has_no_level() -> None:
    sighting = Decoder().radiotap(heard(START, "5a:00:00:00:00:01", -50, channel=5).payload)
    assert sighting is not None
    assert level(sighting) is None
