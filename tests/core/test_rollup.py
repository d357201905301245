"""Windows to hours to days: what adds up, what is averaged, and what stays unknown."""

from math import fsum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, structs

from agent.contract import encode
from cloud.core import calendar, rollup
from cloud.core.coverage import Placement
from cloud.core.figures import Period, StaffHours
from cloud.core.rollup import Reading
from tests import fleet
from tests.fleet import NOON, heard

HOUR = (NOON, NOON + 3600)


def reading(minute=0, sensor="demo:door", epoch="a", sequence=None, start=NOON, **told):
    rested_s = told.pop("rested_s", UNSET)
    wifi = structs.replace(heard(**told), rested_s=rested_s)
    sequence = minute + 1 if sequence is None else sequence
    return Reading(sensor, epoch, sequence, fleet.report(start + 60 * minute, wifi=wifi))


def placements(*names):
    return [Placement(sensor=one, zone="door") for one in names or ("demo:door",)]


def hour(readings, *names, shop=None):
    return rollup.period(shop or fleet.shop(), *HOUR, placements(*names), readings)


def test_an_hour_of_the_same_windows():
    found = hour([reading(n, inside=4.0, outside=8.0) for n in range(60)])
    assert (found.coverage, found.occupancy.value, found.occupancy.coverage) == (1.0, 4.0, 1.0)
    # Little's law: 60 windows of 4 people, each heard in 720 / 60 + 1 = 13 of them.
    assert found.visitors.value == pytest.approx(60 * 4 / 13)
    assert found.passers_by.value == pytest.approx(60 * 8 / 2)
    assert found.capture_rate.value == pytest.approx((240 / 13) / (240 / 13 + 240))
    assert found.visitors.low == pytest.approx(0.75 * 60 * 4 / 13)  # as wide, relatively, as one window
    assert found.occupancy.high == pytest.approx(5.0)
    assert (found.visitors.definition, found.occupancy.definition) == ("visitors/2", "occupancy/1")


ROTA = StaffHours(days=list(calendar.WEEKDAYS), begins="00:00", ends="24:00", people=1.5)


def test_staff_of_the_rota_are_no_visitors_and_stay_in_the_occupancy():
    readings = [reading(n, inside=4.0, outside=8.0) for n in range(60)]
    whole, found = hour(readings), hour(readings, shop=fleet.shop(staff=[ROTA]))
    assert found.visitors.value == pytest.approx(60 * (4 - 1.5) / 13)
    assert found.visitors.low == pytest.approx(60 * (4 * 0.75 - 1.5) / 13)
    assert (found.occupancy, found.passers_by) == (whole.occupancy, whole.passers_by)


def test_staff_alone_are_nobody_and_never_fewer():
    found = hour([reading(n, inside=1.0) for n in range(60)], shop=fleet.shop(staff=[ROTA]))
    assert (found.visitors.value, found.visitors.low, found.visitors.high) == (0.0, 0.0, 0.0)


def test_staff_are_taken_off_once_whatever_the_number_of_sensors_and_for_the_windows_heard_only():
    both = [reading(n, sensor=one, inside=4.0) for n in range(30) for one in ("demo:door", "demo:back")]
    found = hour(both, "demo:door", "demo:back", shop=fleet.shop(staff=[ROTA]))
    assert found.visitors.value == pytest.approx(30 * (8 - 1.5) / 13)
    one = hour(both[::2], "demo:door", "demo:back", shop=fleet.shop(staff=[ROTA]))
    assert one.visitors.value == pytest.approx(30 * (4 - 0.75) / 13)


def test_zero_is_not_silence():
    nobody = hour([reading(n, inside=0.0, outside=0.0) for n in range(60)])
    silence = hour([])
    assert (nobody.occupancy.value, nobody.visitors.value, nobody.coverage) == (0.0, 0.0, 1.0)
    assert nobody.capture_rate.value is None
    assert (silence.occupancy.value, silence.visitors.value, silence.coverage) == (None, None, 0.0)
    assert silence == rollup.silent(fleet.shop(), *HOUR)


def test_listening_without_an_estimate_is_undefined_but_covered():
    found = hour([reading(n, inside=None) for n in range(60)])
    assert (found.coverage, found.occupancy.value, found.occupancy.coverage) == (1.0, None, 0.0)


def test_an_estimate_without_listening_is_not_believed():
    found = hour([reading(inside=5.0, listened_s=0.0)])
    assert (found.coverage, found.occupancy.value) == (0.0, None)


def test_occupancy_is_averaged_over_the_time_listened():
    found = hour([reading(0, inside=2.0, listened_s=60.0), reading(1, inside=8.0, listened_s=30.0)])
    assert found.occupancy.value == pytest.approx((2 * 60 + 8 * 30) / 90)
    assert found.coverage == pytest.approx(90 / 3600)


def test_devices_of_several_sensors_add_up_and_a_silent_one_lowers_coverage():
    both = [reading(n, "demo:door", inside=2.0) for n in range(60)]
    both += [reading(n, "demo:back", inside=3.0) for n in range(30)]
    found = hour(both, "demo:door", "demo:back", "demo:dead")
    assert found.occupancy.value == pytest.approx(5.0)
    assert found.coverage == pytest.approx((1 + 0.5 + 0) / 3)


def test_bluetooth_is_never_added_to_wifi():
    with_ble = fleet.report(NOON, wifi=heard(4.0), ble=heard(100.0))
    only_ble = fleet.report(NOON, wifi=None, ble=heard(100.0))
    assert hour([Reading("demo:door", "a", 1, with_ble)]) == hour([reading(inside=4.0)])
    assert hour([Reading("demo:door", "a", 1, only_ble)]).coverage == 0.0


def test_the_longest_listener_of_a_window_speaks_for_it():
    found = hour(
        [
            reading(epoch="a", sequence=9, inside=3.0, listened_s=20.0),
            reading(epoch="b", sequence=1, inside=7.0, listened_s=30.0, flooded=True),
        ]
    )
    assert found.occupancy.value == 7.0
    assert found.coverage == pytest.approx(50 / 3600)
    assert found.flooded


def test_of_equal_listeners_the_smallest_key_speaks_and_time_is_capped():
    same = [reading(epoch=one, inside=float(n), listened_s=45.0) for n, one in enumerate("cab")]
    found = hour(same)
    assert found.occupancy.value == 1.0  # that of epoch "a"
    assert found.coverage == pytest.approx(60 / 3600)


def test_a_sensor_counts_from_when_it_was_placed():
    late = [Placement(sensor="demo:door", zone="door", valid_from=NOON + 1800)]
    found = rollup.period(fleet.shop(), *HOUR, late, [reading(n) for n in range(30, 60)])
    assert found.coverage == 1.0


def test_a_day_in_progress_is_covered_up_to_now():
    hours = [hour([reading(n) for n in range(30)])]
    so_far = rollup.total(fleet.shop(), NOON, NOON + 1800, hours)
    assert (so_far.coverage, so_far.occupancy.value) == (1.0, 4.0)


def test_a_silent_hour_does_not_pull_occupancy_down():
    full, start = hour([reading(n) for n in range(60)]), NOON + 3600
    day = rollup.total(fleet.shop(), NOON, NOON + 7200, [full, rollup.silent(fleet.shop(), start, start + 3600)])
    assert (day.occupancy.value, day.coverage) == (4.0, 0.5)
    assert day.visitors.value == full.visitors.value


# Rest by plan


def at_rest(minute, **told):
    return reading(minute, inside=None, listened_s=0.0, rested_s=60.0, **told)


def test_what_was_wholly_at_rest_has_no_figures_and_is_no_gap():
    found = hour([at_rest(n) for n in range(60)])
    assert (found.rested, found.coverage, found.occupancy.value, found.visitors.value) == (1.0, 0.0, None, None)
    assert rollup.silent(fleet.shop(), *HOUR).rested == 0.0


def test_time_at_rest_is_not_due():
    found = hour([at_rest(n) for n in range(40)] + [reading(n, inside=4.0) for n in range(40, 60)])
    assert (found.rested, found.coverage) == (pytest.approx(2 / 3), 1.0)
    assert (found.occupancy.value, found.occupancy.coverage) == (4.0, 1.0)
    assert found.visitors.value == pytest.approx(20 * 4 / 13)


def test_a_gap_beside_a_rest_is_a_gap():
    found = hour([at_rest(n) for n in range(40)] + [reading(n) for n in range(40, 50)])
    assert found.coverage == pytest.approx(0.5)
    lost = hour([at_rest(n) for n in range(40)])
    assert (lost.rested, lost.coverage) == (pytest.approx(2 / 3), 0.0)


def test_a_sensor_that_rests_does_not_excuse_one_that_is_silent():
    found = hour([at_rest(n) for n in range(60)], "demo:door", "demo:dead")
    assert (found.rested, found.coverage) == (0.5, 0.0)


def test_a_window_that_was_listened_to_and_rested_holds_no_more_than_itself():
    both = [reading(0, listened_s=20.0, epoch="a"), at_rest(0, epoch="b")]
    (one,) = rollup.listenings(both)
    assert (one.listened_s, one.rested_s) == (20.0, 40.0)


def test_a_rest_does_not_lower_the_coverage_of_the_day():
    full, start = hour([reading(n) for n in range(60)]), NOON + 3600
    rest = rollup.period(fleet.shop(), start, start + 3600, placements(), [at_rest(n, start=start) for n in range(60)])
    day = rollup.total(fleet.shop(), NOON, NOON + 7200, [full, rest])
    assert (day.coverage, day.rested, day.occupancy.coverage, day.occupancy.value) == (1.0, 0.5, 1.0, 4.0)
    with_gap = rollup.total(fleet.shop(), NOON, NOON + 3 * 3600, [full, rest])
    assert with_gap.coverage == pytest.approx(0.5)
    only_rest = rollup.total(fleet.shop(), start, start + 3600, [rest])
    assert (only_rest.coverage, only_rest.rested, only_rest.visitors.value) == (0.0, 1.0, None)


def test_a_period_stored_before_radios_rested_is_still_read():
    stored = encode(hour([reading(n) for n in range(60)]))
    before = msgspec.json.decode(stored)
    assert before.pop("rested") == 0.0
    assert msgspec.convert(before, Period) == msgspec.json.decode(stored, type=Period)


readings = st.builds(
    reading,
    minute=st.integers(0, 179),
    sensor=st.sampled_from(["demo:door", "demo:back"]),
    epoch=st.sampled_from("ab"),
    inside=st.one_of(st.none(), st.floats(0, 50)),
    outside=st.floats(0, 200),
    listened_s=st.floats(0, 60),
    rested_s=st.one_of(st.just(UNSET), st.floats(0, 60)),
)


@given(st.lists(readings, max_size=12, unique_by=lambda one: (one.sensor, one.epoch, one.sequence)), st.randoms())
def test_order_and_repetition_change_no_bit(some, random):
    again = some + random.sample(some, len(some) // 2)
    random.shuffle(again)
    span = (NOON, NOON + 3 * 3600)
    one, other = (
        rollup.period(fleet.shop(), *span, placements("demo:door", "demo:back"), each) for each in (some, again)
    )
    assert encode(one) == encode(other)


@given(st.lists(readings, max_size=12))
def test_figures_stand_in_their_intervals_and_hours_add_up_to_the_day(some):
    day = calendar.day_at("Europe/Berlin", NOON)
    spans = [(NOON + 3600 * n, NOON + 3600 * (n + 1)) for n in range(3)]
    hours = [
        rollup.period(
            fleet.shop(),
            *span,
            placements("demo:door", "demo:back"),
            [one for one in some if span[0] <= one.report.window_start < span[1]],
        )
        for span in spans
    ]
    whole = rollup.total(fleet.shop(), *day, hours)
    told = [one.visitors.value for one in hours if one.visitors.value is not None]
    assert whole.visitors.value == (fsum(told) if told else None)
    for figure in (whole.visitors, whole.passers_by, whole.occupancy, whole.capture_rate):
        assert (figure.value is None) == (figure.low is None) == (figure.high is None)
        if figure.value is not None:
            assert figure.low <= figure.value + 1e-9 and figure.value <= figure.high + 1e-9
        assert 0.0 <= figure.coverage <= 1.0
    assert 0.0 <= whole.rested <= 1.0
