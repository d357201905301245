"""Rollout: who is released when, when it goes on, and that whoever it harmed is put back."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.contract import ReportedConfig
from cloud.core.fleet import counted, rollout
from cloud.core.fleet.counted import Shift
from cloud.core.fleet.deed import said
from cloud.core.fleet.rollout import GRACE_S, PATIENCE_S, Limits, Part, Rollout, Step, staged, step
from cloud.core.fleet.standing import Standing

NOW = 1_795_600_000
STAGES = [(0.0, 3600), (0.1, 3600), (0.5, 3600), (1.0, 3600)]
ENOUGH = Shift(share=0.0, sigmas=0.0, sentence="")


def fleet(number: int, **more: object) -> list[Standing]:
    return [
        replace(
            Standing(sensor=f"demo:s{one:04}", region=("north", "south")[one % 2], kernel=f"6.{one % 3}", well=True),
            **more,
        )
        for one in range(number)
    ]


class Fleet:
    """A rollout over sensors that do as they are told, at UTC second `now`, unless said otherwise."""

    def __init__(self, number: int, **more: object) -> None:
        self.now = NOW
        self.seen = {one.sensor: one for one in fleet(number)}
        stages, stage_of = staged(list(self.seen.values()), STAGES, "r")
        made = Rollout(id="r", name="r", who="ops", made_at=NOW, expires=NOW + 14 * 86_400, stages=stages)
        self.rollout = replace(made, **more)
        self.parts = [
            Part(sensor=one, stage=at, forward=2, back=3, was_well=True) for one, at in sorted(stage_of.items())
        ]

    def step(self, later_s: int = 0, shift: Shift = ENOUGH) -> Step:
        self.now += later_s
        asked = rollout.asks_counts(self.rollout, self.parts, self.seen, self.now)
        done = step(self.rollout, self.parts, self.seen, self.now, shift if asked else None)
        return self.take(done)

    def take(self, done: Step) -> Step:
        changed = {one.sensor: one for one in done.parts}
        self.rollout, self.parts = done.rollout, [changed.get(one.sensor, one) for one in self.parts]
        return done

    def say(self, sensors: list[str], state: str = "applied", wanted: int = 2) -> None:
        for one in sensors:
            version = wanted if state == "applied" else 1
            told = ReportedConfig(sensor=one, version=version, state=state, reason="why.", wanted=wanted)  # type: ignore[arg-type]
            self.seen[one] = replace(self.seen[one], reported=told, reported_at=self.now)

    def released(self) -> list[str]:
        return [one.sensor for one in self.parts if one.state == "released"]

    def stage(self, number: int) -> list[str]:
        return [one.sensor for one in self.parts if one.stage == number]


def run(of: Fleet, steps: int = 20) -> None:
    for _ in range(steps):
        of.step(1800)
        of.say(of.released())


@pytest.mark.parametrize(("number", "canaries"), [(1, 1), (4, 2), (30, 5), (700, 7), (5000, 10)])
def test_the_canary_is_a_hundredth_at_least_five_at_most_ten_and_never_more_than_half(
    number: int, canaries: int
) -> None:
    stages, stage_of = staged(fleet(number), STAGES, "r")
    assert stages[0].sensors == canaries
    assert sum(one.sensors for one in stages) == len(stage_of) == number
    assert staged(fleet(number)[::-1], STAGES, "r") == (stages, stage_of)


def test_canaries_are_well_and_as_different_as_there_are() -> None:
    some = [replace(one, well=n % 5 != 0) for n, one in enumerate(fleet(300))]
    _, stage_of = staged(some, STAGES, "r")
    chosen = [one for one in some if stage_of[one.sensor] == 0]
    assert all(one.well for one in chosen)
    assert len({(one.region, one.kernel) for one in chosen}) == 5


def test_a_good_one_reaches_everybody_stage_by_stage() -> None:
    of, sizes = Fleet(100), []
    for _ in range(20):
        of.step(1800)
        of.say(of.released())
        sizes.append(len(of.released()))
    assert of.rollout.state == "done"
    assert list(Counter(sizes)) == [5, 10, 50, 100]


@pytest.mark.parametrize("state", ["rejected", "rolled_back"])
def test_one_canary_that_does_not_keep_it_puts_all_of_them_back_at_once(state: str) -> None:
    of = Fleet(1000)
    of.step()
    of.say(of.released()[:1], state)
    of.step(60)
    assert of.rollout.state == "aborted"
    assert of.rollout.reason is not None
    assert said(of.rollout.reason) == "1 of 10 sensors did not keep the settings (why)"
    assert Counter(one.state for one in of.parts) == {"waiting": 990, "back": 10}


def test_what_a_sensor_said_before_it_was_released_is_not_held_against_it() -> None:
    of = Fleet(100)
    told = ReportedConfig(sensor="demo:s0000", version=1, state="rejected")
    of.seen = {name: replace(one, reported=told, reported_at=NOW) for name, one in of.seen.items()}
    of.step()
    of.step(60)
    assert of.rollout.state == "running"
    of.seen = {name: replace(one, reported_at=of.now) for name, one in of.seen.items()}
    of.step(60)
    assert of.rollout.state == "aborted"


def test_silence_is_held_against_settings_after_a_trial_and_beyond_that_of_sensors_that_wait() -> None:
    of = Fleet(100)
    of.step()
    gone = of.released()[0]
    of.seen[gone] = replace(of.seen[gone], well=False)
    of.step(GRACE_S - 1)
    assert of.rollout.state == "running"
    for one in of.stage(3):
        of.seen[one] = replace(of.seen[one], well=False)  # the line of half the fleet is down
    of.step(1)
    assert of.rollout.state == "running"
    for one in of.stage(3):
        of.seen[one] = replace(of.seen[one], well=True)
    of.step(1)
    assert of.rollout.state == "aborted"


def test_a_line_that_is_down_for_half_the_fleet_aborts_no_last_stage() -> None:
    of = Fleet(100)
    while of.rollout.stage < 3:
        of.step(1800)
        of.say(of.released())
    of.step(1800)
    of.say(of.released())
    down = {one for one in of.seen if int(one[-1]) % 2}
    of.seen |= {one: replace(of.seen[one], well=False) for one in down}
    of.step(1800)
    assert of.rollout.state == "running"
    of.seen |= {one: replace(of.seen[one], well=True) for one in down if one not in of.stage(3)}
    of.step(60)
    assert of.rollout.state == "aborted"


def test_a_sensor_that_was_not_well_is_held_against_nothing_but_such_canaries_prove_nothing() -> None:
    of = Fleet(100)
    deaf = of.stage(2)[:5]
    for one in deaf:
        of.seen[one] = replace(of.seen[one], well=False)
    for _ in range(20):
        of.step(1800)
        of.say([one for one in of.released() if one not in deaf])
        of.say([one for one in of.released() if one in deaf], "rolled_back")
    assert of.rollout.state == "done"
    alone = Fleet(100)
    alone.seen = {name: replace(one, well=False) for name, one in alone.seen.items()}
    run(alone)
    assert (alone.rollout.stage, alone.rollout.state) == (0, "running")


def test_nothing_is_released_while_its_shop_is_open_unless_it_is_safe() -> None:
    of = Fleet(100)
    open_now = of.stage(0)[:2]
    for one in open_now:
        of.seen[one] = replace(of.seen[one], shop_open=True)
    of.step()
    assert sorted(of.released()) == sorted(of.stage(0)[2:])
    assert of.rollout.stages[0].watched_since is None
    of.seen = {name: replace(one, shop_open=False) for name, one in of.seen.items()}
    of.step(60)
    assert of.rollout.stages[0].watched_since == of.now
    safe = Fleet(100, safe=True)
    safe.seen = {name: replace(one, shop_open=True) for name, one in safe.seen.items()}
    safe.step()
    assert len(safe.released()) == 5


def test_counts_that_shift_put_it_back_unless_that_is_what_it_is_for() -> None:
    for may, state in ((False, "aborted"), (True, "running")):
        of = Fleet(100, counts_may_shift=may)
        of.step()
        of.say(of.released())
        of.step(3600, Shift(share=-0.4, sigmas=-9.0, sentence=""))
        assert of.rollout.state == state


def test_a_stage_that_does_not_end_is_stopped_after_a_day_and_one_about_to_expire_at_once() -> None:
    of = Fleet(100)
    of.step()
    of.say(of.released()[:2])
    of.step(3600 + PATIENCE_S)
    assert of.rollout.state == "running"
    of.step(1)
    assert (of.rollout.state, len(of.released())) == ("stopped", 5)
    late = Fleet(100)
    late.step(13 * 86_400)
    assert (late.rollout.state, late.released()) == ("stopped", [])


def test_by_hand_it_is_stopped_or_put_back_once() -> None:
    of = Fleet(100)
    of.step()
    of.take(rollout.stop(of.rollout, of.now, "ann"))
    assert (of.rollout.state, len(of.released())) == ("stopped", 5)
    assert rollout.stop(of.rollout, of.now, "ann").deeds == []
    of.take(rollout.put_back(of.rollout, of.parts, of.now, "ann"))
    assert (of.rollout.state, len(of.released())) == ("put-back", 0)
    assert rollout.put_back(of.rollout, of.parts, of.now, "ann").deeds == []


Saying_ = st.sampled_from(["applied", "rolled_back", "rejected", "nothing", "silent"])


@given(st.integers(6, 60), st.lists(st.tuples(st.integers(60, 4000), Saying_, st.integers(0, 59)), max_size=60))
def test_whatever_sensors_say_the_rules_hold(number: int, told: list[tuple[int, str, int]]) -> None:
    of = Fleet(number)
    for later_s, what, which in told:
        before = of.rollout
        again = step(of.rollout, of.parts, of.seen, of.now, None)
        assert again == step(of.rollout, of.parts, of.seen, of.now, None)
        of.step(later_s)
        if of.rollout.stage > before.stage:
            due = [one for one in of.parts if one.stage == before.stage and one.was_well]
            ready = sum(rollout.outcome(one, of.seen[one.sensor]) == "applied" for one in due)
            assert ready >= Limits().applied * len(due)
        assert all(one.state == "waiting" for one in of.parts if one.stage > of.rollout.stage)
        if of.rollout.state == "aborted":
            assert not of.released()
            return
        some = of.released()[which % number :][:7] if what != "applied" else of.released()
        if what == "silent":
            of.seen |= {one: replace(of.seen[one], well=False) for one in some}
        elif what != "nothing":
            of.say(some, what)
        failed = [one for one in some if what in ("rolled_back", "rejected")]
        if failed and of.rollout.state == "running" and of.rollout.stage == 0:
            of.step(1)
            assert of.rollout.state == "aborted"


def test_counts_are_compared_with_those_who_wait_and_too_few_say_nothing() -> None:
    def counts(number: int, factor: float, windows: int = 12) -> dict[str, tuple[list[float], list[float]]]:
        wobble = [0.8, 1.0, 1.25]
        return {
            f"s{one}": ([10.0 + one] * windows, [(10.0 + one) * 2 * factor * wobble[one % 3]] * windows)
            for one in range(number)
        }

    same, fewer = counted.shift(counts(9, 1.0), counts(60, 1.0)), counted.shift(counts(9, 0.5), counts(60, 1.0))
    assert same.sigmas is not None
    assert abs(same.sigmas) < 1
    assert fewer.sigmas is not None
    assert fewer.sigmas < -3
    assert -0.55 < fewer.share < -0.4
    for some, others in ((counts(4, 0.5), counts(60, 1.0)), (counts(9, 0.5), counts(60, 1.0, windows=5)), ({}, {})):
        assert counted.shift(some, others).sigmas is None
