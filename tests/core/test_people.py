"""Devices to people: the factor, its interval, and where it cancels."""

import pytest

from agent.contract import Estimate
from cloud.core import people
from cloud.core.figures import Figure
from tests import fleet

SHOP = fleet.shop(people_per_device=1.2, people_per_device_low=1.0, people_per_device_high=1.5, calibrated=True)


def figure(value, low=None, high=None, coverage=1.0):
    return Figure(value=value, low=low, high=high, coverage=coverage, definition="x/1")


def test_the_factors_interval_is_multiplied_in():
    found = people.apply(Estimate(10.0, 8.0, 12.0), SHOP, 0.5, "occupancy/1")
    assert (found.value, found.low, found.high) == (12.0, 8.0, 18.0)
    assert (found.coverage, found.definition) == (0.5, "occupancy/1")


def test_no_estimate_is_null():
    found = people.apply(None, SHOP, 0.0, "occupancy/1")
    assert (found.value, found.low, found.high, found.coverage) == (None, None, None, 0.0)


def test_the_factor_cancels_in_a_share():
    visitors = people.apply(Estimate(1.0, 1.0, 1.0), SHOP, 1.0, "visitors/2")
    passers_by = people.apply(Estimate(3.0, 3.0, 3.0), SHOP, 0.9, "passers-by/1")
    found = people.share(visitors, passers_by, SHOP, "capture-rate/1")
    assert (found.value, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))
    assert found.coverage == 0.9


def test_a_share_takes_the_worse_of_both_ends():
    found = people.share(figure(2.0, 1.0, 3.0), figure(2.0, 1.0, 3.0), fleet.shop(), "capture-rate/1")
    assert (found.value, found.low, found.high) == (0.5, 0.25, 0.75)


@pytest.mark.parametrize(
    ("part", "rest"),
    [
        (figure(0.0, 0.0, 0.0), figure(0.0, 0.0, 0.0)),
        (figure(None), figure(3.0, 3.0, 3.0)),
        (figure(3.0, 3.0, 3.0), figure(None)),
    ],
)
def test_a_share_of_nothing_is_null(part, rest):
    assert people.share(part, rest, fleet.shop(), "capture-rate/1").value is None


def test_a_share_where_one_side_is_zero():
    nobody, three = figure(0.0, 0.0, 0.0), figure(3.0, 2.0, 4.0)
    none = people.share(nobody, three, fleet.shop(), "capture-rate/1")
    everyone = people.share(three, nobody, fleet.shop(), "capture-rate/1")
    assert (none.value, none.low, none.high) == (0.0, 0.0, 0.0)
    assert (everyone.value, everyone.low, everyone.high) == (1.0, 1.0, 1.0)
