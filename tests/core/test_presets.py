"""Presets: what vendors' definitions make of a device, beside what they published, and beside our own sensor.

The oracles are written from what each vendor says, in other terms than the code under test: sighting by sighting, with
no regard to speed. Meraki's is after grcamp/meraki_cmx_analyze, a Cisco engineer's script: 5 observations in 1200 s, an
RSSI of 20 to start and 15 to go on. A device that made a visit is a visitor there, one that was only seen a passer-by.
"""

import random
from itertools import pairwise
from math import inf

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.core import visits as sensor
from agent.core.bursts import BURST_GAP_S
from agent.core.noise import EDGES_S, VISITS_CAP
from cloud.core import passage
from cloud.core.glossary import DEFINITIONS
from cloud.core.passage import PresetVisit, counted, visits
from cloud.core.presets import NOISE_DBM, PRESETS
from cloud.core.saying import Saying

MOMENTS = st.lists(
    st.tuples(st.integers(0, 9000).map(float), st.integers(-95, -55).map(float)), min_size=0, max_size=40
)
CLOSE = st.lists(st.tuples(st.integers(0, 400).map(lambda n: 17.0 * n), st.integers(-82, -70).map(float)), max_size=60)


def shown(found: list[PresetVisit]) -> list[tuple[str, float, float]]:
    return [(one.kind, one.start, one.end) for one in found]


# Meraki


def merakis(moments: list[tuple[float, float]]) -> list[tuple[str, float, float]]:
    """The published algorithm, by the letter: mark, then walk."""
    observed = sorted(((second, dbm + 95.0) for second, dbm in moments), key=lambda one: one[0])
    marked: set[int] = set()
    for i, (begins, rssi) in enumerate(observed):
        if rssi < 20:
            continue
        window = [j for j in range(i, len(observed)) if observed[j][0] - begins <= 1200]
        if len([j for j in window if observed[j][1] >= 15]) >= 5:
            marked.update(window)
    found: list[list[float]] = []
    for i, (second, _) in enumerate(observed):
        if i not in marked:
            continue
        goes_on = i - 1 in marked and second - 1200 <= observed[i - 1][0]
        if goes_on:
            found[-1][1] = second
        else:
            found.append([second, second])
    if observed and not found:
        return [("passer-by", observed[0][0], observed[-1][0])]
    return [("visitor", begin, end) for begin, end in found]


@given(st.one_of(MOMENTS, CLOSE))
@example([(0.0, -75.0)] * 5)
@example([(float(n), -75.0) for n in (0, 1, 2, 3, 4, 1300, 1301, 1302, 1303, 1304)])
@example([*[(float(n), -75.0) for n in range(5)], (1201.0, -90.0), *[(1300.0 + n, -75.0) for n in range(5)]])
def test_meraki_counts_as_its_published_code_does(moments):
    assert shown(visits(moments, PRESETS["meraki"])) == merakis(moments)


@given(st.lists(st.one_of(MOMENTS, CLOSE), max_size=6))
def test_merakis_devices_and_lengths_of_stay_are_counted_as_its_published_reports_do(devices):
    oracle = [found for found in map(merakis, devices) if found]
    visitors = [found for found in oracle if found[0][0] == "visitor"]
    told = counted(devices, PRESETS["meraki"])
    assert (told.passers_by, told.visitors) == (len(oracle) - len(visitors), len(visitors))
    assert told.engaged == sum(end - begin >= 300 for found in visitors for _, begin, end in found)
    columns = [("5-20 min", 300, 1200), ("20-60 min", 1200, 3600), ("1-6 h", 3600, 21600), ("6 h+", 21600, inf)]
    bands = [one.band for device in devices for one in visits(device, PRESETS["meraki"]) if one.kind == "visitor"]
    for name, least, most in columns:
        assert bands.count(name) == sum(least <= end - begin < most for found in visitors for _, begin, end in found)


# The others, from one sentence each


def by_level_and_stay(moments, strong, least_s, gap_s):
    """Visits of strong sightings, split by silences, of a least length."""
    found = []
    for second in sorted(second for second, dbm in moments if strong(dbm)):
        if found and second <= found[-1][1] + gap_s:
            found[-1] = (found[-1][0], second)
        else:
            found.append((second, second))
    return [("visitor", begin, end) for begin, end in found if end - begin >= least_s]


def or_passing(found, moments):
    if found or not moments:
        return found
    return [("passer-by", min(moments)[0], max(second for second, _ in moments))]


@given(MOMENTS)
def test_aruba_wants_more_than_65_dbm_for_five_minutes(moments):
    heard = [one for one in moments if one[1] > -90]
    oracle = or_passing(by_level_and_stay(heard, lambda dbm: dbm > -65, 300, 900), heard)
    assert shown(visits(moments, PRESETS["aruba"])) == oracle


@given(MOMENTS)
def test_purple_goes_by_the_signal_alone(moments):
    oracle = or_passing(by_level_and_stay(moments, lambda dbm: dbm + 95 >= 30, 0, 900), moments)
    assert shown(visits(moments, PRESETS["purple"])) == oracle


@pytest.mark.parametrize(
    ("stay", "band", "engaged"),
    [
        (180.0, "not engaged", 0),
        (181.0, "partially engaged", 1),
        (899.0, "partially engaged", 1),
        (900.0, "fully engaged", 1),
    ],
)
def test_purples_three_minutes_are_not_engaged_and_its_fifteen_fully(stay, band, engaged):
    device = [(0.0, -60.0), (stay, -60.0)]
    assert [one.band for one in visits(device, PRESETS["purple"])] == [band]
    assert counted([device], PRESETS["purple"]).engaged == engaged


@given(MOMENTS)
def test_cloud4wi_wants_a_level_held_for_five_minutes(moments):
    oracle = or_passing(by_level_and_stay(moments, lambda dbm: dbm >= -70, 300, 900), moments)
    assert shown(visits(moments, PRESETS["cloud4wi"])) == oracle


def test_cisco_spaces_ends_a_visit_after_three_hours():
    device = [(0.0, -60.0), (10800.0, -60.0), (21601.0, -60.0)]
    assert shown(visits(device, PRESETS["cisco-spaces"])) == [("visitor", 0.0, 10800.0), ("visitor", 21601.0, 21601.0)]


# Our own, beside the sensor that counts by it


@given(st.lists(st.tuples(st.floats(0, 20000), st.integers(-80, -60).map(float)), max_size=40))
def test_the_default_is_what_our_sensor_does(moments):
    panel = sensor.Panel()
    for second, dbm in sorted(moments):
        if dbm >= -70:
            panel.hear(1, second)
    arrivals, told = panel.hour()
    found = [one for one in visits(moments, PRESETS["default"]) if one.kind == "visitor"]
    assert (arrivals, told) == (min(1, len(found)), min(VISITS_CAP, len(found)))
    stays = [sum(one.dwell_s >= edge for edge in EDGES_S) for one in found[:1]]
    assert panel.day() == tuple(stays.count(n) for n in range(len(EDGES_S) + 1))
    assert passage.BURST_GAP_S == BURST_GAP_S


# Of all of them


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
@given(MOMENTS, st.randoms(use_true_random=False))
def test_visits_do_not_overlap_and_the_order_of_the_moments_is_nothing(preset, moments, rng: random.Random):
    found = visits(moments, preset)
    assert all(one.end < other.start for one, other in pairwise(found))
    assert all(one.kind == "visitor" for one in found) or len(found) == 1
    by_second = {second: (second, dbm) for second, dbm in moments}  # of one second, one: ties may be told apart
    once = list(by_second.values())
    shuffled = rng.sample(once, len(once))
    assert visits(shuffled, preset) == visits(once, preset)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_every_threshold_has_a_unit_and_lies_where_phones_are_heard(preset):
    for level in (preset.heard, preset.inside, preset.stays):
        if level is not None:
            assert (level.value > 0) == (level.unit == "dB above noise")
            assert NOISE_DBM < level.dbm < -50


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_a_preset_says_what_it_rests_on(preset):
    assert preset.name in PRESETS
    assert preset.capture in {one.name for one in DEFINITIONS}
    assert all(isinstance(one, Saying) for one in (preset.same, preset.other, preset.nearest))
    assert set(preset.unpublished) <= set(preset.__struct_fields__)
    assert preset.source


def test_the_capture_rate_follows_the_presets_formula():
    inside, outside = [(0.0, -60.0), (10.0, -60.0)], [(0.0, -85.0)]
    devices = [inside, outside, outside, outside]
    assert counted(devices, PRESETS["default"]).capture_rate == pytest.approx(1 / 4)
    assert counted(devices, PRESETS["per-passer-by"]).capture_rate == pytest.approx(1 / 3)
    assert counted([inside], PRESETS["per-passer-by"]).capture_rate is None
    assert counted([[(0.0, -93.0)]], PRESETS["default"]).capture_rate is None
