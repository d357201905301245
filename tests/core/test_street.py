"""The simulated street: the same seed gives the same people and bytes, and its truth can be asked for."""

from datetime import date
from itertools import takewhile

from agent.core.dot11 import Decoder
from agent.radio import street

PROFILE = street.Profile(seed=3, visitors_per_day=60, passers_per_visitor=2.0)
MORNING = 1_764_057_600.0  # 2025-11-25 09:00 in Berlin


def first(seconds: float) -> list[street.Frame]:
    return list(takewhile(lambda frame: frame.at < MORNING + seconds, street.frames(PROFILE, MORNING)))


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert first(1800) == first(1800)
    other = street.frames(PROFILE._replace(seed=4), MORNING)
    assert next(other) != first(1800)[0]


def test_frames_come_in_order_of_time_and_each_can_be_decoded() -> None:
    frames = first(3600)
    assert [frame.at for frame in frames] == sorted(frame.at for frame in frames)
    decoder = Decoder()
    assert all(decoder.radiotap(frame.payload) for frame in frames)


def test_the_truth_is_who_is_inside() -> None:
    noon = MORNING + 3 * 3600
    inside = [
        one for one in street.people(PROFILE, date(2025, 11, 25)) if one.inside and one.arrives <= noon < one.leaves
    ]
    assert street.truth(PROFILE, noon) == len(inside) >= PROFILE.staff
    night = MORNING + 16 * 3600
    assert street.truth(PROFILE, night) == 0


def test_days_follow_each_other_across_a_clock_change() -> None:
    """2025-10-26 has 25 hours in Berlin; nobody is in two days and no hour is empty of neighbours."""
    days = [street.people(PROFILE, date(2025, 10, day)) for day in (26, 27)]
    assert days[0][0].leaves - days[0][0].arrives == 25 * 3600
    assert days[0][0].leaves == days[1][0].arrives


def test_addresses_change_and_some_stay() -> None:
    decoder, kinds = Decoder(), set()
    for frame in first(4 * 3600):
        sighting = decoder.radiotap(frame.payload)
        assert sighting is not None
        kinds.add(sighting.kind.stable)
    assert kinds == {True, False}
