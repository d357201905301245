"""The estimator's parts on cases worked out by hand."""

import pytest

from agent.core.bursts import Node, Sweep, clumps, unclumped
from agent.core.count import at_least, evenly
from agent.core.interval import bounds, heard_share
from agent.core.pace import closeness
from agent.core.partition import share, spread, thinned
from agent.core.pseudonym import Trace
from agent.core.rates import Rates, firmware, moments
from agent.core.runs import take_runs

ONE = Sweep(0.0, 0.5, -60, 0.2)


def sweeps(*pairs: tuple[float, int | None]) -> list[Sweep]:
    return [Sweep(t, t + 0.5, level, t + 0.2) for t, level in pairs]


def address(*heard: tuple[float, int | None]) -> Node:
    traces = [(at, Trace(1, False, level, 7)) for at, level in heard]
    node = Node(traces[0][1], traces[0][0])
    for at, trace in traces[1:]:
        node.hear(trace, at)
    return node


def test_firmware_prior() -> None:
    for window in (60, 120, 300, 600):
        assert sum(firmware(window)) == pytest.approx(1)
    mean = moments(firmware(300))[0]
    assert mean == pytest.approx(2.44, abs=0.25)  # mean of 300 / T over the timers
    assert moments(firmware(600))[0] > 1.7 * mean


def test_share_by_hand() -> None:
    # one sweep: one device. two sweeps at one level, q = 2, SS = 0: by the formulas of the file
    p = [0.0, 0.5, 0.5]
    assert share([ONE], p, 4.0, 0.5)[0] == pytest.approx(1)
    steady, handled = 40 / (2.5066283 * 4), max(1.0, 40 / (2.5066283 * 10))
    one = 1 * 0.5 * (0.5 * 2) * (0.8 * steady + 0.2 * handled) / 2**0.5
    two = 2 * 0.25 * 0.5 * 0.5
    assert share([ONE, ONE], p, 4.0, 0.5)[0] == pytest.approx((one + 2 * two) / (one + two))


def test_share_makers_add_up() -> None:
    four = sweeps((0, -60), (70, -62), (90, -80), (200, None))
    mean, variance, makers = share(four, firmware(300), 4.0, 0.5)
    assert sum(makers) == pytest.approx(mean)
    assert sum(k * x for k, x in enumerate(makers)) == pytest.approx(4)
    assert variance > 0


def test_spread_counts_clusters() -> None:
    assert spread([-60.0] * 3 + [-80.0] * 3, firmware(300), 4.0) == pytest.approx(2, abs=0.4)


def test_thinned_is_binomial() -> None:
    assert thinned([0, 0, 1.0], 0.25) == pytest.approx([0.5625, 0.375, 0.0625])
    assert thinned([0, 1.0], 1.0) == [0, 1.0]


def test_runs() -> None:
    steady = sweeps(*((10 + 60 * k, -60) for k in range(5)), (47, -70), (133, -50))
    lengths, rest = take_runs(steady, 4.0, 300)
    assert lengths == [5]
    assert [one.level for one in rest] == [-70, -50]
    jumping = sweeps(*((10 + 60 * k, -50 - 30 * (k % 2)) for k in range(5)))
    assert take_runs(jumping, 4.0, 300)[0] in ([], [3])
    assert take_runs(sweeps((0, -60), (100, -60)), 4.0, 300)[0] == []


def test_a_missed_beat_is_forgiven() -> None:
    assert take_runs(sweeps(*((10 + 20 * k, -60) for k in (0, 1, 2, 4, 5))), 4.0, 300)[0] == [5]


def test_a_timer_set_anew_is_the_same_phone() -> None:
    first = [(10.0 + 5 * k, -60) for k in range(15)]
    later = [(102.5 + 5 * k, -61) for k in range(20)]
    assert take_runs(sweeps(*first, *later), 4.0, 300) == ([35], [])
    both = [(12.5 + 5 * k, -60) for k in range(15)]
    assert take_runs(sorted(sweeps(*first, *both), key=lambda one: one.peak), 4.0, 300)[0] != [30]


def test_at_least() -> None:
    assert at_least(0, 3, 0.5) == pytest.approx(1)
    assert at_least(2, 3, 0.5) == pytest.approx(0.5)
    assert at_least(4, 4, 0.5) == pytest.approx(1 / 16)


def test_closeness() -> None:
    assert closeness({-60: 2.0}, {-60: 1.0}, 4.0) == 1
    assert closeness({-60: 1.0}, {-60: 1.0, -100: 1.0}, 4.0) == pytest.approx(0.5, abs=1e-6)
    assert closeness({}, {-60: 1.0}, 4.0) == 0


def test_a_node_keeps_first_last_and_the_strongest() -> None:
    node = address((20.0, -60), (10.0, None), (30.0, -50))
    assert (node.first, node.last, node.level, node.peak, node.frames) == (10.0, 30.0, -50, 30.0, 3)
    assert not node.held
    assert address((0.0, -60), (21.0, -60)).held


def test_far_bursts_of_one_address_tell_the_noise_of_levels() -> None:
    node = address((0.0, -60), (0.1, -58), (60.0, -64), (61.0, -66))
    node.end_burst()
    assert (node.squares, node.pairs) == ((64 - 58) ** 2 / 2, 1)


def test_clumps_and_dead_time() -> None:
    early = address((0.0, None), (0.1, -70), (0.3, None))
    late = address((0.9, None), (1.1, -55), (1.2, None))
    two = clumps([late, early])
    assert [(one.start, one.end, one.level, one.peak) for one in two] == [(0, 1.2, -55, 1.1)]
    assert unclumped(sweeps((0, -60)), 1, 300) == 1.0
    thirty = sweeps(*((10 * k, -60) for k in range(30)))
    assert unclumped(thirty, 60, 300) == pytest.approx(35.5, abs=1)  # B = 30 exp(B * 1.5 / 300)


def test_evenly() -> None:
    assert evenly(7, 2.0) == [0, 0, 0, 1, 1]
    assert sum(evenly(10, 2.4)) == pytest.approx(2.4)


def test_rate_alone() -> None:
    rates = Rates(300)
    few, doubt = rates.devices(1, 20, 5.0)
    assert 5 < few < 12
    rates.learn(1, [0, 0, 200.0])
    sure, less = rates.devices(1, 20, 5.0)
    assert sure == pytest.approx(10, abs=1.2)
    assert less < doubt


def test_bounds_and_heard_share() -> None:
    low, high = bounds(10, 4)
    assert low == pytest.approx(7.6, abs=0.2)
    assert high == pytest.approx(12.6, abs=0.2)
    assert bounds(0, 0) == (0, 0)
    assert heard_share(300) == 0.95
    assert heard_share(90) == pytest.approx(0.635)
    assert heard_share(3600) == 0.97


def test_memory_is_bounded() -> None:
    rates = Rates(300)
    for k in range(2000):
        rates.learn(k, [0, 1.0 + k])
        rates.meet({k: [-60], k + 1: [-60], k + 2: [-70]})
    rates.age()
    assert len(rates._counts) <= 256
    assert len(rates.kin._pairs) <= 1024
    assert len(rates.kin.bonds) <= 256
