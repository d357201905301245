"""Devices counted from Bluetooth addresses that change: one for each that was there, whatever its address did."""

import random
from statistics import mean

import pytest

from agent.core.lifetimes import LIFE_S, MOST, Lifetimes
from agent.core.pseudonym import Trace

INSIDE_DBM = -70
WINDOW_S = 300.0


class Street:
    """Devices that speak every second or so, each at a level of its own, and change their address every 15 minutes."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self.heard: list[tuple[float, Trace]] = []
        self._tags = 0

    def device(self, start: float, end: float, *, models: int = 3, stable: bool = False) -> None:
        rng, level, signature = self._rng, self._rng.uniform(-95, -45), self._rng.randrange(models)
        changes = start + rng.uniform(0, LIFE_S)
        interval, at, tag = rng.choice((0.2, 0.5, 1.0, 2.0)), start, self._fresh()
        while at < end:
            if at >= changes and not stable:
                tag, changes = self._fresh(), changes + LIFE_S
            self.heard.append((at, Trace(tag, stable, round(rng.gauss(level, 3)), signature)))
            at += interval + rng.uniform(0, 0.01)

    def counted(self) -> tuple[float, float, float]:
        lifetimes = Lifetimes()
        for at, trace in sorted(self.heard, key=lambda one: one[0]):
            lifetimes.hear(trace, at)
        present = lifetimes.close(INSIDE_DBM).present
        assert present
        return present.low, present.devices, present.high

    def _fresh(self) -> int:
        self._tags += 1
        return self._tags


def test_who_keeps_an_address_is_one_device() -> None:
    street = Street(1)
    for _ in range(30):
        street.device(0.0, WINDOW_S, stable=True)
    assert street.counted() == (30.0, 30.0, 30.0)


@pytest.mark.parametrize("number", [5, 30, 100])
def test_who_changes_it_is_still_one(number: int) -> None:
    found = []
    for seed in range(20):
        street = Street(seed)
        for _ in range(number):
            street.device(0.0, WINDOW_S)
        low, devices, high = street.counted()
        assert low <= devices <= high
        found.append(devices)
    assert mean(found) == pytest.approx(number, rel=0.06)


def test_passers_by_are_not_taken_for_each_other() -> None:
    errors, held = [], 0
    for seed in range(20):
        street, rng = Street(seed), random.Random(seed)
        for _ in range(20):
            street.device(0.0, WINDOW_S)
        for _ in range(60):
            begins = rng.uniform(0, WINDOW_S - 30)
            street.device(begins, begins + 30)
        low, devices, high = street.counted()
        errors.append(devices / 80 - 1)
        held += low <= 80 <= high
    assert abs(mean(errors)) < 0.06
    assert held >= 16


def test_an_address_heard_once_is_nobody() -> None:
    lifetimes = Lifetimes()
    for tag in range(1000):
        lifetimes.hear(Trace(tag, False, -60, 1), tag / 10)
    present = lifetimes.close(INSIDE_DBM).present
    assert present and present.devices == 0


def test_a_flood_is_flagged_and_no_number() -> None:
    lifetimes = Lifetimes()
    for tag in range(MOST + 1):
        lifetimes.hear(Trace(tag, False, -60, 1), 0.0)
    assert lifetimes.close(INSIDE_DBM) == (None, None, None, True)
    assert lifetimes.close(INSIDE_DBM).flooded is False


def test_the_near_are_inside_and_the_far_outside() -> None:
    lifetimes = Lifetimes()
    for tag, level in ((1, -50), (2, -90), (3, None)):
        for at in range(10):
            lifetimes.hear(Trace(tag, True, level, 1), at)
    _, inside, outside, _ = lifetimes.close(INSIDE_DBM)
    assert inside and outside and (inside.devices, outside.devices) == (1.0, 2.0)


def test_what_turns_out_to_be_no_phone_is_forgotten_and_so_is_the_window() -> None:
    lifetimes = Lifetimes()
    for tag in (1, 2):
        for at in range(3):
            lifetimes.hear(Trace(tag, True, -50, 1), at)
    lifetimes.forget(1)
    first, second = lifetimes.close(INSIDE_DBM).present, lifetimes.close(INSIDE_DBM).present
    assert first and second and (first.devices, second.devices) == (1.0, 0.0)
