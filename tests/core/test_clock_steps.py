"""A clock that is set: no window twice, none made up, none negative. T is on the grid of 300 s."""

import os
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract import Report
from agent.core.sensor import LONGEST_GAP_S, STEP_S, Sensor
from tests.air import heard

T = 1_700_000_100
ADDRESS = "02:11:22:33:44:55"


class World:
    """A sensor, the time of day, and the clock that nobody sets; looked at every half second of both, roughly."""

    def __init__(self, *, trusted: bool = True) -> None:
        self.utc, self.boot, self.trusted = float(T), 50.0, trusted
        self.sensor = Sensor(("wifi",), lambda: os.urandom(32))
        self.told: list[Report] = []
        self.look()
        self.sensor.listen("wifi", self.utc)

    def look(self) -> None:
        self.told += self.sensor.poll(self.utc, trusted=self.trusted, boot=self.boot)

    def live(self, seconds: float, each: float = 10.0) -> None:
        passed = 0.0
        while passed < seconds:
            step = min(each, seconds - passed)
            passed, self.utc, self.boot = passed + step, self.utc + step, self.boot + step
            self.look()
            self.sensor.feed(heard(self.utc, ADDRESS))

    def set(self, by: float) -> None:
        self.utc = max(0.0, self.utc + by)

    @property
    def windows(self) -> list[tuple[int, float]]:
        return [(one.window_start - T, one.wifi.listened_s if one.wifi else -1) for one in self.told]


def test_what_a_step_leaps_over_is_a_gap_and_not_a_silence() -> None:
    world = World()
    world.live(100)
    world.set(1200)
    world.live(600)
    assert world.windows == [(0, 100), (1200, 190), (1500, 300)]  # ten seconds passed before we looked


def test_a_step_within_the_window_changes_what_was_listened_to_by_nothing() -> None:
    world = World()
    world.live(100)
    world.set(60)
    world.live(150)
    assert world.windows == [(0, 240)]


def test_a_step_back_within_the_window_makes_no_window_longer_than_it_is() -> None:
    world = World()
    world.live(280)
    world.set(-270)
    world.live(300)
    assert world.windows == [(0, 300)]


def test_a_step_back_tells_no_window_twice() -> None:
    world = World()
    world.live(700)
    world.set(-500)
    world.live(1100)
    assert world.windows == [(0, 300), (300, 300), (600, 100), (900, 300)]


def test_a_long_step_back_is_followed_at_once() -> None:
    world = World()
    world.live(400)
    world.set(-100_000)
    world.live(600)
    assert world.windows[:2] == [(0, 300), (300, 100)]
    assert [start for start, _ in world.windows[2:]] == [-99_600, -99_300]


def test_a_boot_in_1970_ends_where_the_time_is_known() -> None:
    world = World(trusted=False)
    world.utc = 20.0
    world.told.clear()
    world = World(trusted=False)
    world.live(700)
    world.trusted = True
    world.set(3.2e7)
    world.live(600)
    clocks = [(one.clock, one.window_start) for one in world.told]
    assert clocks[:3] == [("untrusted", T), ("untrusted", T + 300), ("untrusted", T + 600)]
    assert [one.boot_s for one in world.told[:3]] == [50.0, 350.0, 650.0]
    assert all(clock == "trusted" and start > T + 3.1e7 for clock, start in clocks[3:])


def test_a_time_that_becomes_known_by_a_step_back_holds_at_once() -> None:
    world = World(trusted=False)
    world.live(400)
    world.trusted = True
    world.set(-350)
    world.live(600)
    assert [(one.clock, one.window_start - T) for one in world.told if one.clock == "trusted"] == [
        ("trusted", 0),
        ("trusted", 300),
    ]


def test_a_leap_second_is_no_step() -> None:
    world = World()
    world.live(100)
    world.set(-1)
    world.live(201)
    assert [start for start, _ in world.windows] == [0]


STEPS = st.lists(
    st.tuples(st.floats(1, 2000), st.sampled_from([0, 0.5, 5, -5, 299, -299, 1800, -1800, 3500, -3500, 9e4])),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whatever_the_clock_does_no_window_comes_twice_and_no_second_is_made_up(
    steps: list[tuple[float, float]],
) -> None:
    """Steps back of up to an hour each; longer ones are followed, and could meet windows of long ago."""
    world = World()
    for seconds, by in steps:
        world.live(seconds, each=Random(by).uniform(1, 60))
        world.set(by)
    world.live(LONGEST_GAP_S * (len(steps) + 2), each=60)
    starts = [start for start, _ in world.windows]
    assert len(set(starts)) == len(starts)
    assert all(0 <= listened <= 300 for _, listened in world.windows)
    assert sum(listened for _, listened in world.windows) <= world.boot - 50.0 + STEP_S * len(steps)
