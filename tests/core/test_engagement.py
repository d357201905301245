"""Bounce, engagement, mean stay and returns of the panel: what the noise leaves of them."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core import noise
from cloud.core import engagement, laplace, stays
from cloud.core.figures import Figure
from cloud.core.panel import Lengths
from cloud.core.visits import PanelFigure

EDGES_S = noise.EDGES_S
SCALE = noise.DWELL_SCALE
DEVICES = st.lists(st.integers(0, 300), min_size=7, max_size=7)


def lengths(devices, scale=SCALE, coverage=1.0):
    return Lengths(EDGES_S, [[(one, scale)] for one in devices], coverage)


def counted(value, half, definition="panel-visits/1"):
    return PanelFigure(value=value, low=value - half, high=value + half, coverage=1.0, definition=definition)


def test_bounce_is_the_share_that_stayed_shorter():
    found = engagement.bounce(lengths([60, 40, 30, 20, 10, 0, 0]), 300)
    assert found.value == pytest.approx(60 / 160)
    assert 0.3 < found.low < found.value < found.high < 0.45
    assert engagement.bounce(lengths([60, 40, 30, 20, 10, 0, 0]), 900).value == pytest.approx(100 / 160)


def test_a_limit_within_a_length_of_stay_takes_its_part():
    assert engagement.bounce(lengths([60, 40, 30, 20, 10, 0, 0]), 600).value == pytest.approx((60 + 20) / 160)
    assert engagement.bounce(lengths([60, 40, 30, 20, 10, 0, 0]), 180).value == pytest.approx(36 / 160)


def test_a_limit_beyond_the_last_edge_cannot_be_judged():
    found = engagement.bounce(lengths([60, 40, 30, 20, 10, 0, 5]), 14401)
    assert (found.value, found.fewer_than) == (None, None)
    assert engagement.bounce(lengths([60, 40, 30, 20, 10, 0, 5]), 14400).value == pytest.approx(160 / 165)


def test_a_panel_smaller_than_its_noise_has_no_share_and_says_from_when_it_would():
    few = [3, 2, 1, 0, 0, 0, 0]
    fewest = stays.fewest(laplace.half_width([SCALE] * 7))
    for found in (engagement.bounce(lengths(few), 300), engagement.mean_stay(lengths(few))):
        assert (found.value, found.low, found.high, found.fewer_than) == (None, None, None, fewest)


def test_engagement_is_the_rest():
    bounced = engagement.bounce(lengths([60, 40, 30, 20, 10, 0, 0]), 300)
    found = engagement.engagement(bounced)
    assert (found.value, found.low, found.high) == pytest.approx((1 - bounced.value, 1 - bounced.high, 1 - bounced.low))
    few = engagement.engagement(engagement.bounce(lengths([1] * 7), 300))
    assert (few.value, few.fewer_than is None) == (None, False)


def test_the_mean_counts_who_stayed_longest_to_the_last_edge():
    assert engagement.mean_stay(lengths([100, 0, 0, 0, 0, 0, 0])).value == pytest.approx(2.5)
    assert engagement.mean_stay(lengths([50, 0, 0, 0, 0, 0, 50])).value == pytest.approx((2.5 + 240) / 2)


@given(DEVICES, st.floats(0, 14400))
def test_a_share_is_a_share_and_lies_in_its_range(devices, limit):
    for found in (
        engagement.bounce(lengths(devices), limit),
        engagement.engagement(engagement.bounce(lengths(devices), limit)),
    ):
        assert (found.value is None) == (sum(devices) < stays.fewest(laplace.half_width([SCALE] * 7)))
        if found.value is not None:
            assert 0 <= found.low <= found.value <= found.high <= 1


@given(DEVICES, st.floats(0, 14400), st.floats(0, 14400))
def test_bounce_rises_with_the_limit(devices, one, other):
    less, more = (engagement.bounce(lengths(devices), limit).value for limit in sorted((one, other)))
    assert less is None or less <= more + 1e-12


@given(st.lists(st.integers(-20, 400), min_size=7, max_size=7))
def test_the_average_holds_whatever_noise_could_explain(devices):
    found = stays.average(range(7), devices, [laplace.variance(SCALE)] * 7)
    if found is not None:
        value, low, high = found
        assert 0 <= low <= value <= high <= 6


@pytest.mark.parametrize("true", [(30, 40, 20, 10, 5, 2, 1), (5, 5, 5, 5, 5, 5, 5), (0, 60, 0, 0, 0, 0, 0)])
def test_the_range_holds_the_truth_four_times_out_of_five(true):
    rng = random.Random(7)
    held = Counter()
    total = sum(true)
    shares = {300: true[0] / total, 900: (true[0] + true[1]) / total, 600: (true[0] + true[1] / 2) / total}
    middles = (2.5, 10, 22.5, 45, 90, 180, 240)
    mean = sum(one * many for one, many in zip(middles, true, strict=True)) / total
    for _ in range(1500):
        told = lengths([one + noise.laplace(SCALE, rng.randrange) for one in true])
        for limit, share in shares.items():
            found = engagement.bounce(told, limit)
            held[limit] += found.value is None or found.low <= share <= found.high
        found = engagement.mean_stay(told)
        held["mean"] += found.value is None or found.low <= mean <= found.high
    assert min(held.values()) >= 0.79 * 1500, held


def test_returns_are_a_share_of_the_visits():
    found = engagement.return_rate(counted(200.0, 12), counted(50.0, 14, "panel-returns/1"))
    assert (found.value, found.low, found.high) == pytest.approx((0.25, 0.18, 0.32))
    few = engagement.return_rate(counted(20.0, 12), counted(5.0, 14, "panel-returns/1"))
    assert (few.value, few.fewer_than) == (None, 28)


def test_the_return_rates_range_holds_the_truth_four_times_out_of_five():
    rng, held = random.Random(11), 0
    arrivals, visits, hours = 60, 84, 12
    half = laplace.half_width([1, 3] * hours)
    for _ in range(1500):
        told_visits = visits + sum(noise.laplace(3, rng.randrange) for _ in range(hours))
        told_arrivals = arrivals + sum(noise.laplace(1, rng.randrange) for _ in range(hours))
        returns = counted(float(told_visits - told_arrivals), half, "panel-returns/1")
        found = engagement.return_rate(counted(float(told_visits), half), returns)
        held += found.value is None or found.low <= (visits - arrivals) / visits <= found.high
    assert held >= 0.79 * 1500


def test_those_who_stayed_are_visitors_times_engagement():
    visitors = Figure(value=100.0, low=80.0, high=125.0, coverage=0.9, definition="visitors/2")
    share = PanelFigure(value=0.6, low=0.5, high=0.7, coverage=0.8, definition="panel-engagement/1")
    found = engagement.engaged(visitors, share)
    assert (found.value, found.low, found.high, found.coverage) == pytest.approx((60.0, 40.0, 87.5, 0.8))
    unknown = PanelFigure(value=None, low=None, high=None, coverage=0.8, definition="panel-engagement/1")
    assert engagement.engaged(visitors, unknown).value is None
