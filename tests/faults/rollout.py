"""Rollouts over a thousand simulated sensors, by the cloud's own desk and store, in simulated time.

The sensors are `tests.faults.pi.Pi`: some are away, some come back later, some are deaf from the beginning. The broker
is a dictionary of what it keeps. A bad document must reach ten sensors at most, and all of them must have what they had
before within fifteen minutes; a good one must reach everybody, also where the cloud is killed on the way. The control
is the same document in one stage of everybody, which is what a fleet without stages does.
"""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from agent.contract import DeviceConfig, encode
from agent.contract.desired import Tuning
from cloud import fleet_file, signing
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import OpeningHours, Shop
from cloud.core.fleet.plan import FleetFile, StageTable
from cloud.core.fleet.rollout import Rollout
from cloud.desk import Fleet
from cloud.store import Store, migrate, wanted
from tests.conftest import ROOT
from tests.faults.pi import DEAD_CHANNELS, HALVING_DBM, LOOSER_DBM, NOWHERE, Pi
from tests.faults.table import Line
from tests.shops import ZONE, at

TENANT = "demo"
BEGIN = at("2026-11-24 20:30")  # the shops close at 20:00
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
WARMED_S = 3600
WITHIN_S = 900
GOOD = "health_interval_s = 30\ntuning = { channels = [1, 6, 11] }"
BAD = {
    "kills the radio": f"tuning = {{ channels = {DEAD_CHANNELS} }}",
    "cuts the network": f'broker = {{ host = "{NOWHERE}", port = 8883 }}',
    "is rejected": f"outside_dbm = {LOOSER_DBM}",
}
HALVES = f"outside_dbm = {HALVING_DBM}"
STEPPER = """
import sys
from cloud.desk import Fleet
from cloud.store import Store
fleet = Fleet(Store(sys.argv[1]), "demo", lambda: int(sys.argv[2]))
print("here", flush=True)
while True:
    fleet.step(int(sys.argv[2]))
"""


class World:
    """A fleet, its cloud and its broker at UTC second `now`."""

    def __init__(self, folder: Path, number: int, seed: int = 1) -> None:
        dice = random.Random(seed)
        self.now = BEGIN - WARMED_S
        self.database = str(folder / f"rollout-{time.monotonic_ns()}.db")
        migrate(self.database)
        self.retained: dict[str, bytes] = {}
        self.pis = {f"{TENANT}:s{one:04}": _pi(f"{TENANT}:s{one:04}", one, dice) for one in range(number)}
        self.open()
        self.store.apply_shops(_shops(sorted(self.pis)))
        self._begin_with(fleet_settings())

    def open(self) -> None:
        """A cloud that has just been started."""
        self.store = Store(self.database)
        self.fleet = Fleet(self.store, TENANT, lambda: self.now)

    def restart(self) -> None:
        """End the cloud, and start it anew."""
        self.store.close()
        self.open()

    def apply(self, told: FleetFile) -> Rollout:
        """Plan and sign a file, and roll it out."""
        return self.fleet.make(told, self.fleet.plan(told), _signed, "ops@desk")

    def run(self, until: Callable[[], bool], most_s: int, step_s: int = 60) -> None:
        """Minute after minute, until it is so, or so many seconds have passed."""
        end = self.now + most_s
        while not until() and self.now < end:
            self.now += step_s
            self.tick()

    def tick(self) -> None:
        """The sensors speak, the cloud takes a step, and the broker is given what is due."""
        said = [each for name, pi in self.pis.items() for each in pi.turn(self.retained.get(name), self.now)]
        self.store.commit(said, self.now)
        self.fleet.step(self.now)
        while due := self.fleet.due(self.now - 3600, 10_000):
            self.retained |= {one.sensor: one.payload for one in due}
            self.fleet.sent(due, self.now)

    def state(self, made: Rollout) -> str:
        """What the rollout is at."""
        return self.fleet.rollout(made.id).rollout.state

    def reached(self) -> list[Pi]:
        """The sensors that took a document beyond the first."""
        return [pi for pi in self.pis.values() if len(pi.takes) > 1]

    def out(self) -> list[Pi]:
        """The sensors that can be reached now and do not have what they began with."""
        return [pi for pi in self.reached() if pi.trial_ends is not None or not _same(pi.in_force, pi.sensor)]

    def close(self) -> None:
        """End the cloud."""
        self.store.close()

    def _begin_with(self, settings: dict[str, object]) -> None:
        rows = []
        for name, pi in self.pis.items():
            document = _first(name, settings)
            pi.in_force, pi.takes, pi.seen = document, [1], _signed(document)
            pi._say("applied")
            rows.append((name.partition(":")[2], 1, pi.seen))
        with self.store.writing() as db:
            wanted.put(db, TENANT, rows, self.now)
        self.run(lambda: False, WARMED_S, 300)


def fleet_settings() -> dict[str, object]:
    """What the sensors have before anything is rolled out."""
    return {"health_interval_s": 60.0}


def told(settings: str, **more: object) -> FleetFile:
    """A fleet file that wants this of everybody."""
    return replace(fleet_file.parse(f'name = "trial"\n[[settings]]\n{settings}\n', "fleet.toml"), **more)


def torture(folder: Path, *, full: bool) -> list[Line]:
    """Every bad document, a good one, and the control without stages."""
    number = 1000 if full else 150
    lines = [_bad(folder, number, name, settings) for name, settings in BAD.items()]
    lines.append(_halved(folder, number, full=full))
    lines.append(_good(folder, number, full=full))
    lines.append(_unstaged(folder, number))
    return lines


def _bad(folder: Path, number: int, name: str, settings: str) -> Line:
    """Until nobody is left without what it had, and for as long again: nobody else may be reached."""
    world = World(folder, number)
    made = world.apply(told(settings))
    world.run(lambda: world.state(made) == "aborted" and not world.out(), 4 * WITHIN_S)
    took_s = world.now - BEGIN
    world.run(lambda: False, 2 * WITHIN_S)
    return _judged(world, made, f"a document that {name}", took_s, "aborted", most=10)


def _halved(folder: Path, number: int, *, full: bool) -> Line:
    """Nothing fails and nobody is silent: only the counts tell, at the end of the canary's hour."""
    world = World(folder, number)
    made = world.apply(told(HALVES, canary_soak_min=60.0 if full else 45.0))
    world.run(lambda: world.state(made) != "running", 7200)
    aborted_at = world.now
    world.run(lambda: not world.out(), 4 * WITHIN_S)
    took_s = world.now - aborted_at
    world.run(lambda: False, 2 * WITHIN_S)
    return _judged(world, made, "a document that halves the counts", took_s, "aborted", most=10)


def _good(folder: Path, number: int, *, full: bool) -> Line:
    """To everybody, with the hours of a real rollout; the cloud is ended at every stage, once in full by SIGKILL."""
    world = World(folder, number)
    file = told(GOOD) if full else told(GOOD, canary_soak_min=20.0, stages=_short(told(GOOD)))
    made = world.apply(file)
    ended = 0
    for _ in range(400):
        world.run(lambda: world.state(made) != "running", 900, 60 if full else 300)
        if world.state(made) != "running":
            break
        world.restart()
        ended += 1
        if full and ended % 8 == 1:
            _kill_a_stepper(world)
    took_s = world.now - BEGIN
    world.run(lambda: False, 4 * 3600, 300)  # those that come back
    reachable = [pi for pi in world.pis.values() if pi.away < world.now]
    well = [pi for pi in reachable if not pi.broken]
    missed = [pi for pi in well if pi.in_force is None or pi.in_force.health_interval_s != 30]
    note = (
        f"{world.state(made)}; {ended} restarts of the cloud; beside these {len(world.pis) - len(reachable)} were "
        f"never there, and {len(reachable) - len(well)} were deaf before and kept what they had"
    )
    held = world.state(made) == "done" and not missed
    world.close()
    return Line("rollout: a good document", len(well), len(missed), 0, took_s, note, held)


def _unstaged(folder: Path, number: int) -> Line:
    """What a fleet without stages does: everybody is sent the document at once."""
    world = World(folder, number)
    rows = [
        (
            name.partition(":")[2],
            2,
            _signed(replace(_first(name, {"tuning": Tuning(channels=DEAD_CHANNELS)}), version=2)),
        )
        for name in world.pis
    ]
    with world.store.writing() as db:
        wanted.put(db, TENANT, rows, world.now)
    world.run(lambda: False, 2 * WITHIN_S)
    reached = len(world.reached())
    world.close()
    there = sum(pi.away < world.now for pi in world.pis.values())
    note = "a control: the same document without stages reaches everybody there is"
    return Line("  control: no stages", reached, 0, 0, 0.0, note, reached == there > 10)


def _judged(world: World, made: Rollout, name: str, took_s: int, state: str, most: int) -> Line:
    view = world.fleet.rollout(made.id)
    reached, out = len(world.reached()), len(world.out())
    returned = view.rollout.tally.returned
    held = view.rollout.state == state and 0 < reached <= most and not out and took_s <= WITHIN_S
    note = f"{view.rollout.sentence} Back by its own report: {returned}"
    world.close()
    return Line(f"rollout: {name}", reached, out, 0, took_s, note, held)


def _kill_a_stepper(world: World) -> None:
    """Another process steps the same rollouts, and is killed in the middle of it."""
    words = [sys.executable, "-c", STEPPER, world.database, str(world.now)]
    stepper = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT)
    assert stepper.stdout is not None
    assert stepper.stdout.readline(), "the process that is to be killed did not begin"
    time.sleep(0.3)
    stepper.send_signal(signal.SIGKILL)
    stepper.wait()


def _short(file: FleetFile) -> tuple[StageTable, ...]:
    return tuple(replace(one, soak_min=20.0) for one in file.stages)


def _pi(name: str, number: int, dice: random.Random) -> Pi:
    """Of a hundred, two are never there, one comes back in two hours, and two are deaf."""
    chance = dice.random()
    return Pi(
        sensor=name,
        public=KEY.public_key(),
        dice=random.Random(number),
        kernel=f"6.{number % 3}",
        away=2.0**40 if chance < 0.02 else BEGIN + 7200 if chance < 0.03 else 0.0,
        broken=0.03 <= chance < 0.05,
        devices=dice.uniform(5, 60),
    )


def _shops(sensors: list[str]) -> list[PlacedShop]:
    hours = [OpeningHours(days=["mon", "tue", "wed", "thu", "fri", "sat"], opens="09:00", closes="20:00")]
    found = []
    for number in range(0, len(sensors), 4):
        name = f"shop-{number // 4}"
        shop = Shop(
            tenant=TENANT, shop=name, name=name, time_zone=ZONE, hours=hours, region=("north", "south")[number // 4 % 2]
        )
        found.append(
            PlacedShop(
                shop=shop, placements=[Placement(sensor=one, zone="door") for one in sensors[number : number + 4]]
            )
        )
    return found


def _first(sensor: str, settings: dict[str, object]) -> DeviceConfig:
    return DeviceConfig(sensor=sensor, version=1, not_before=0, expires=BEGIN + 10**7, **settings)  # type: ignore[arg-type]


def _same(document: DeviceConfig | None, sensor: str) -> bool:
    """Whether it wants what the sensors had before, whatever its version."""
    wanted_first = _first(sensor, fleet_settings())
    return document is not None and (
        replace(document, version=1, not_before=0, expires=wanted_first.expires) == wanted_first
    )


def _signed(document: DeviceConfig) -> bytes:
    return encode(signing.sign(document, KEY, "fleet-1"))
