"""PT-10: nobody spends more than a day's budget, whatever is killed, restarted or set wrong in between.

Random days of one sensor: kills after which the kernel still has the epoch, restarts of the machine after which it has
not, clocks set forward and back, a device that comes and goes the whole time. The noise is made zero here, so that what
is told of the device shows: in one shop-local day at most one first arrival, three visits and one stay, for which the
noise is made. The outbox is the real one, in a file system in memory where there is one: nothing here asks the disk.
"""

import json
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest

from agent.contract import decode
from agent.contract.report import Report
from agent.core.epoch import day_of
from agent.core.memory import Place, Visits
from agent.core.panels import Held
from agent.core.sensor import Sensor
from agent.outbox import Outbox
from tests.air import heard
from tests.outboxes import reports
from tests.privacy.proof import Proof, check

BERLIN = ZoneInfo("Europe/Berlin")
START = 1_700_000_100
ADDRESS = "00:11:22:33:44:55"
BUDGET = {"arrivals": 1, "visits": 3, "stays": 1}


def silence() -> Callable[[int], int]:
    """Coin tosses that let the sampler of the noise draw zero: no sign, no remainder, no whole scale."""
    tosses = cycle((0, 0, 0, 1))
    return lambda _n: next(tosses)


class Life:
    """A sensor through a day or two, its outbox on disk and its epoch in the kernel's memory."""

    def __init__(self, path: Path, dice: Random, *, remembers: bool) -> None:
        self.path, self.dice, self.remembers = path, dice, remembers
        self.utc, self.boot = float(START + dice.randrange(86_400)), 0.0
        self.kept: Held | None = None
        self.outbox = Outbox(path)
        self.sensor = self._started()

    def _started(self) -> Sensor:
        may_open = self.outbox.open_budget if self.remembers else lambda _day: True
        place = Place(zone=BERLIN, visits=Visits(silence(), may_open))
        made = Sensor(("wifi",), lambda: self.dice.randbytes(32), 300, place, held=self.kept)
        made.poll(self.utc, boot=self.boot)
        made.listen("wifi", self.utc)
        return made

    def turn(self) -> None:
        """A minute or more, at the end of which something may happen."""
        self._go(self.dice.choice((30.0, 60.0, 400.0, 1000.0)))
        self.sensor.feed(heard(self.utc, ADDRESS, -50))
        happens = self.dice.random()
        if happens < 0.02:
            self._restart(rebooted=happens < 0.01)
        elif happens < 0.03:
            self.utc += self.dice.choice((-7200.0, -100.0, 100.0, 7200.0, 40_000.0))

    def _go(self, seconds: float) -> None:
        self.utc, self.boot = self.utc + seconds, self.boot + seconds
        closed = self.sensor.poll(self.utc, boot=self.boot)
        for report in closed:
            self.outbox.append(report)
        if closed:
            self.kept = self.sensor.memory.hold()

    def _restart(self, *, rebooted: bool) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.path)
        if rebooted:
            self.kept, self.boot = None, 0.0
        self.sensor = self._started()


def spent(folder: Path, seed: int, *, remembers: bool) -> dict[str, int]:
    """The most that the device spent in any shop-local day of one life."""
    dice = Random(seed)
    life = Life(folder / f"{seed}-{remembers}.db", dice, remembers=remembers)
    for _ in range(300):
        life.turn()
    days: dict[str, Counter[int]] = {name: Counter() for name in BUDGET}
    for one in reports(life.path):
        wifi = decode(Report, one.body).wifi
        if wifi is not None and wifi.visits:
            day = day_of(wifi.visits.start, BERLIN)
            days["arrivals"][day] += wifi.visits.arrivals
            days["visits"][day] += wifi.visits.visits
        if wifi is not None and wifi.dwell:
            days["stays"][day_of(wifi.dwell.start, BERLIN)] += sum(wifi.dwell.devices)
    life.outbox.close()
    for leftover in folder.glob(f"{seed}-{remembers}.db*"):
        leftover.unlink()
    return {name: max(found.values(), default=0) for name, found in days.items()}


def most(folder: Path, seeds: range, *, remembers: bool) -> dict[str, int]:
    lives = [spent(folder, seed, remembers=remembers) for seed in seeds]
    return {name: max(one[name] for one in lives) for name in BUDGET}


def _most(folder: Path, seeds: range) -> dict[str, int]:
    return most(folder, seeds, remembers=True)


def prove(folder: Path, *, full: bool) -> Proof:
    with TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else folder) as quick:
        return _prove(Path(quick), full=full)


def _prove(folder: Path, *, full: bool) -> Proof:
    lives, parts = (1200, 8) if full else (16, 2)
    size = lives // parts
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(_most, [folder] * parts, [range(n * size, (n + 1) * size) for n in range(parts)]))
    worst = {name: max(one[name] for one in found) for name in BUDGET}
    wrong = most(folder, range(16), remembers=False)
    return Proof(
        "PT-10",
        "no device spends more than a day's budget, whatever restarts",
        f"{lives:,} lives with kills, reboots and clocks set: the most of one device in a day {json.dumps(worst)}",
        all(1 <= worst[name] <= BUDGET[name] for name in BUDGET),
        f"an outbox that forgets whose day was opened: {json.dumps(wrong)}",
        any(wrong[name] > BUDGET[name] for name in BUDGET),
    )


def test_no_device_spends_more_than_the_budget(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))


@pytest.mark.parametrize("seed", [245, 625, 642, 957])
def test_a_clock_set_back_over_the_days_end_lets_nobody_spend_in_the_day_before(tmp_path: Path, seed: int) -> None:
    found = spent(tmp_path, seed, remembers=True)
    assert all(found[name] <= BUDGET[name] for name in BUDGET), found
