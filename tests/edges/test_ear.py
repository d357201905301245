"""An ear on a kernel interface: deaf is found, told, never counted as nobody, and undone by the first sign of life."""

import os
import time
from collections.abc import Iterator

import pytest

from agent.clock import SystemClock
from agent.contract import Report
from agent.core.sensor import Sensor
from agent.ear import Ear
from agent.radio import RadioError
from agent.radio.wifi import Wifi
from tests.air import probe, radiotap
from tests.monitor import Feed, interface

pytestmark = pytest.mark.root
NAME = "ffear0"
SILENT_S = 1.0
PROBE = radiotap(-50) + probe("02:00:00:00:00:01")
BEACON = radiotap(-50) + b"\x80" + probe("02:00:00:00:00:02")[1:]


@pytest.fixture
def air() -> Iterator[Feed]:
    with interface(NAME) as feed:
        yield feed


class Trial:
    """A sensor with one ear, and the report of what it heard."""

    def __init__(self, *, second: bool = False) -> None:
        self.clock = SystemClock(battery=True)
        self.sensor = Sensor(("wifi",), lambda: os.urandom(32), 600)
        self.ear = Ear(
            "wifi", lambda: Wifi(NAME, self.clock.now), self.sensor, self.clock, second=second, silent_s=SILENT_S
        )

    def run(self, seconds: float, *frames: bytes, air: Feed | None = None) -> str:
        """Live for so long, each turn with these frames on the air; the state at the end."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for frame in frames:
                assert air
                air.send(frame)
            now = self.clock.now()
            self.ear.look(now)
            self.sensor.poll(now)
            self.ear.listen(0.05)
        return self.ear.health().state

    def report(self) -> Report:
        (last,) = self.sensor.stop(self.clock.now())
        self.ear.close()
        return last


def test_a_radio_that_receives_nothing_is_deaf_and_its_time_is_not_listened_to(air: Feed) -> None:
    trial = Trial()
    assert trial.run(SILENT_S + 0.5) == "deaf"
    heard = trial.report().wifi
    assert heard and (heard.listened_s, heard.present) == (0.0, None)


def test_beacons_alone_are_nobody_and_say_zero(air: Feed) -> None:
    trial = Trial()
    assert trial.run(SILENT_S + 0.5, BEACON, air=air) == "listening"
    heard = trial.report().wifi
    assert heard and heard.present and heard.present.devices == 0
    assert SILENT_S < heard.listened_s <= SILENT_S + 0.6


def test_it_counts_from_the_first_sign_of_life_on(air: Feed) -> None:
    trial = Trial()
    trial.run(2 * SILENT_S + 0.5)
    assert trial.run(0.5, BEACON, air=air) == "listening"
    health = trial.ear.health()
    assert health.rungs == {"restart": 2} and health.detail == ""
    heard = trial.report().wifi
    assert heard and 0.2 < heard.listened_s < 0.7


def test_time_since_the_last_sign_is_taken_back(air: Feed) -> None:
    trial = Trial()
    trial.run(0.5, PROBE, air=air)
    assert trial.run(SILENT_S + 0.5) == "deaf"
    heard = trial.report().wifi
    assert heard and heard.frames > 0 and 0.3 < heard.listened_s < 0.7


def test_a_deaf_radio_says_in_a_sentence_what_to_do(air: Feed) -> None:
    trial = Trial()
    trial.run(SILENT_S + 0.5)
    assert "radio test" in trial.ear.health().detail
    trial.report()


def test_an_interface_that_goes_away_is_missing_and_heard_again_once_back() -> None:
    with interface(NAME) as air:
        trial = Trial()
        assert trial.run(0.3, PROBE, air=air) == "listening"
    assert trial.run(0.3) == "missing"
    assert "plug" in trial.ear.health().detail
    with interface(NAME) as air:
        assert trial.run(5.5, BEACON, air=air) == "listening"
    assert trial.report().wifi is not None


def test_a_second_radio_adds_frames_and_no_time(air: Feed) -> None:
    trial = Trial(second=True)
    trial.run(0.5, PROBE, air=air)
    assert trial.ear.health().frames > 0
    heard = trial.report().wifi
    assert heard and heard.frames > 0 and heard.listened_s == 0.0


def test_a_wrong_name_is_told_and_not_raised() -> None:
    trial = Trial()
    assert trial.run(0.2) == "missing"
    with pytest.raises(RadioError, match=NAME):
        Wifi(NAME, time.time)
    trial.report()
