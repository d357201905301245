"""Channel numbers, and a plan that goes round them and says truly where its time went."""

import math
import random
from collections.abc import Callable

import pytest

from agent.core.channels import Hops, channel, frequency

NUMBERS = [*range(1, 15), *range(32, 178)]


def steady() -> float:
    return 0.5


def walk(hops: Hops, until: float, step: float = 0.25) -> list[tuple[float, int]]:
    """What it was told to tune to, and when, by a receiver that always obeys."""
    told = []
    for tick in range(int(until / step)):
        at = tick * step
        one = hops.due(at)
        if one is not None:
            hops.parked(one, at)
            told.append((at, one))
    return told


def test_centres_of_the_channels_one_would_use() -> None:
    assert [frequency(one) for one in (1, 6, 11, 13, 14)] == [2412, 2437, 2462, 2472, 2484]
    assert [frequency(one) for one in (36, 48, 149, 177)] == [5180, 5240, 5745, 5885]


def test_a_channel_is_found_again_by_its_centre() -> None:
    assert [channel(frequency(one)) for one in NUMBERS] == NUMBERS


@pytest.mark.parametrize("number", [-1, 0, 15, 31, 178, 233])
def test_no_such_channel_is_a_sentence(number: int) -> None:
    with pytest.raises(ValueError, match=r"there is no channel .* write one of 1 to 14 or 32 to 177\."):
        frequency(number)


def test_every_other_frequency_has_no_channel() -> None:
    centres = {frequency(one) for one in NUMBERS}
    for mhz in set(range(2300, 7200)) - centres:
        with pytest.raises(ValueError, match="no channel"):
            channel(mhz)


@pytest.mark.parametrize("plan", [(), (1, 6, 200)])
def test_a_plan_that_cannot_be_is_refused_at_the_start(plan: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="channel"):
        Hops(plan, 5, steady)


def test_the_first_channel_is_due_at_once_and_the_others_in_turn() -> None:
    assert walk(Hops((1, 6, 11), 5, steady), 20) == [(0, 1), (5, 6), (10, 11), (15, 1)]


def test_it_says_beforehand_when_the_next_is_due() -> None:
    hops = Hops((1, 6), 5, random.Random(1).random)
    at = 0.0
    for _ in range(1000):
        assert hops.due(at) is not None
        assert hops.due(math.nextafter(hops.due_at, at)) is None
        at = hops.due_at


def test_a_single_channel_is_tuned_to_once() -> None:
    assert walk(Hops((6,), 5, steady), 3600) == [(0, 6)]
    assert walk(Hops((6, 6), 5, steady), 3600) == [(0, 6)]


@pytest.mark.parametrize(("draw", "stay"), [(lambda: 0.0, 4.0), (lambda: 0.999999, 6.0)])
def test_a_stay_is_a_fifth_longer_or_shorter_at_most(draw: Callable[[], float], stay: float) -> None:
    assert walk(Hops((1, 6), 5, draw), 10)[1] == (stay, 6)


def unheard(plan: Callable[[random.Random], list[tuple[float, int]]]) -> float:
    """Share of phones never met in five minutes that ask on channel 1 alone every 15 s. `plan`: changes until 360 s."""
    rng, missed = random.Random(3), 0
    for _ in range(500):
        changes = plan(rng)
        first = rng.uniform(45, 60)
        times = [first + 15 * scan for scan in range(20)]
        missed += all(max(one for one in changes if one[0] <= at)[1] != 1 for at in times)
    return missed / 500


def ours(rng: random.Random) -> list[tuple[float, int]]:
    hops, at, changes = Hops((1, 6, 11), 5, rng.random), 0.0, []
    while at < 360:
        one = hops.due(at)
        assert one is not None
        changes.append((at, one))
        at = hops.due_at
    return changes


def in_fixed_order(rng: random.Random) -> list[tuple[float, int]]:
    at, changes = 0.0, []
    while at < 360:
        changes.append((at, (1, 6, 11)[len(changes) % 3]))
        at += rng.uniform(4, 6)
    return changes


def test_a_plan_does_not_keep_step_with_a_phone() -> None:
    assert unheard(ours) < 0.02


def test_a_plan_in_a_fixed_order_would() -> None:
    """The control: stays of random length alone do not get it out of step in time."""
    assert unheard(in_fixed_order) > 0.15


def test_every_round_has_every_channel() -> None:
    told = [one for _, one in ours(random.Random(4))]
    assert all(sorted(told[first : first + 3]) == [1, 6, 11] for first in range(0, len(told) - 3, 3))


def test_after_a_loss_the_next_channel_is_due_at_once() -> None:
    hops = Hops((1, 6), 5, steady)
    assert hops.due(0) == 1
    hops.lost(0.1)
    assert hops.due(0.2) == 6
    hops.parked(6, 0.2)
    assert hops.due(5.0) is None
    assert hops.due(5.2) == 1


def test_a_single_channel_is_tuned_to_again_after_a_loss() -> None:
    hops = Hops((6,), 5, steady)
    assert hops.due(0) == 6
    hops.lost(100)
    assert (hops.due(100), hops.due(101)) == (6, None)


def test_shares_are_of_the_time_that_was() -> None:
    hops = Hops((1, 6, 11), 5, steady)
    walk(hops, 30)
    assert hops.shares(30) == pytest.approx({1: 1 / 3, 6: 1 / 3, 11: 1 / 3})


def test_there_are_no_shares_before_anything_was() -> None:
    assert Hops((1, 6), 5, steady).shares(1000.0) == {}


def test_time_without_a_tune_is_nobodys() -> None:
    hops = Hops((1,), 5, steady)
    hops.lost(0)
    hops.parked(1, 60)
    hops.lost(90)
    assert hops.shares(120) == {1: 0.25}


def test_a_tune_that_was_asked_for_but_not_done_counts_for_nothing() -> None:
    hops = Hops((1, 6), 5, steady)
    assert hops.due(0) == 1
    assert hops.shares(4) == {}


def test_what_is_older_than_an_hour_is_forgotten() -> None:
    hops = Hops((1, 6), 5, steady)
    hops.parked(1, 0)
    hops.parked(6, 1800)
    assert hops.shares(3600) == pytest.approx({1: 29 / 59, 6: 30 / 59})
    assert hops.shares(7200) == {6: 1.0}


def test_shares_may_be_asked_for_at_any_time() -> None:
    asked, silent = Hops((1, 6, 11), 0.7, random.Random(5).random), Hops((1, 6, 11), 0.7, random.Random(5).random)
    for tick in range(200_000):
        at = 1e6 + tick / 10
        for hops in (asked, silent):
            if (one := hops.due(at)) is not None:
                hops.parked(one, at)
        if tick % 97 == 0:
            told = asked.shares(at)
            assert sum(told.values()) <= 1 + 1e-9
            assert all(0 <= share <= 1 for share in told.values())
    assert asked.shares(1e6 + 20_000) == pytest.approx(silent.shares(1e6 + 20_000))
    assert asked.shares(1e6 + 20_000) == pytest.approx(dict.fromkeys((1, 6, 11), 1 / 3), abs=0.02)


def test_memory_does_not_grow_with_time() -> None:
    hops = Hops((1, 6, 11), 0.1, steady)
    walk(hops, 3 * 3600, 0.1)
    assert len(hops._slots) <= 60
    hops.shares(1e9)
    assert len(hops._slots) <= 60
