"""World: a machine with a sensor on it, a clock that is set, lost and found, and beside it the time that is true.

1. Core, shelf and outbox are the product's, called as `agent.sense` and `agent.sync` call them; time is an argument.
2. One frame is heard at a time the world knows, and a report says how many it counts. In order, so that every frame is
   known by the report it went into: where a window really lies, and whether anything counts twice, needs no guess.
"""

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agent.clock import Trust
from agent.contract import Report, decode
from agent.core.hours import opening
from agent.core.memory import Place, Visits
from agent.core.rates import Learnt
from agent.core.sensor import Sensor
from agent.line import Line
from agent.outbox import Life, Outbox
from agent.shelf import Shelf
from tests.air import heard

YEAR_S = 365 * 86_400.0
GUEST = "00:11:22:33:44:55"  # an address that stays the same, so that its visits count
STARTS_S = 5.0  # from power on to the first look
ZONE = ZoneInfo("Europe/Berlin")
WEEK = (opening(("mon", "tue", "wed", "thu", "fri", "sat"), "09:00", "20:00"),)


class Heard(NamedTuple):
    """A frame: when it was heard in truth, and how many seconds the life had listened by then."""

    at: float
    listened: float


class Told(NamedTuple):
    """A report as it was closed: in which boot, when in truth, and its frames."""

    boot: str
    at: float
    frames: list[Heard]
    report: Report


@dataclass
class Machine:
    """`true` is UTC; the machine's own is `wrong` ahead of it. `vouched`: the kernel says that it is right."""

    true: float
    booted: float
    wrong: float
    vouched: bool
    number: int = 1

    @property
    def name(self) -> str:
        return f"boot-{self.number}"

    @property
    def boot(self) -> float:
        return self.true - self.booted

    @property
    def utc(self) -> float:
        return self.true + self.wrong


class Process:
    """One image of the sensing process: put together, and turning, like `agent.sense.Sensing`.

    A `credulous` one, the control, believes whatever time of day it is told.
    """

    def __init__(self, world: "World", before: "Process | None" = None) -> None:
        self._world, machine = world, world.machine
        self._trust = Trust(before.told if before else None)
        self._outbox = Outbox(world.path, boot=machine.name, life=before.life if before else None)
        self._shelf = Shelf(self._outbox, *((before.unsaved, before.lost) if before else ()))
        visits = Visits(world.dice.randrange, self._outbox.open_budget) if world.counts_visits else None
        place = Place(zone=ZONE, week=WEEK if world.has_hours else (), visits=visits)
        self._sensor = Sensor(
            ("wifi",),
            lambda: bytearray(world.dice.randbytes(32)),
            world.window_s,
            place,
            before.learnt if before else None,
            renewed=before is not None,
            one_epoch=True,
        )
        self._hears = False
        self._listened = 0.0
        self.open: deque[Heard] = before.open if before else deque()
        self.follow()
        self.turn()

    @property
    def told(self) -> float | None:
        return self._trust.told

    @property
    def life(self) -> Life | None:
        return self._outbox.life

    @property
    def unsaved(self) -> list[Report]:
        return self._shelf.unsaved

    @property
    def lost(self) -> int:
        return self._shelf.lost

    @property
    def learnt(self) -> dict[str, Learnt]:
        return self._sensor.learnt()

    @property
    def now(self) -> float:
        return self._world.machine.boot + self._ahead

    @property
    def trusted(self) -> bool:
        return self._world.credulous or self._trust.look(self._ahead, vouched=self._world.machine.vouched)

    @property
    def over(self) -> bool:
        return self._sensor.memory.epoch_ended

    def follow(self) -> None:
        self._ahead = self._world.machine.utc - self._world.machine.boot

    def turn(self) -> None:
        self.follow()
        now, trusted = self.now, self.trusted
        boot = None if self._world.credulous else self._world.machine.boot
        self._keep(self._sensor.poll(now, trusted=trusted, boot=boot), trusted=trusted)
        if self._sensor.resting:
            self._hears = False
        elif not self._hears:
            self._sensor.listen("wifi", now)
            self._hears = True

    def hear(self, passed: float) -> None:
        """After so many more seconds of listening a frame comes."""
        if not self._hears:
            return
        self._listened += passed
        if self._sensor.feed(heard(self.now, GUEST)):
            self.open.append(Heard(self._world.machine.true, self._listened))
        elif not self._sensor.resting and not self.over:
            self._world.unheard.append(self._world.machine.true)

    def wait(self, passed: float) -> None:
        """So many more seconds of listening without a frame."""
        self._listened += passed if self._hears else 0.0

    def pause(self, since: float) -> None:
        """It was absent since."""
        if self._hears:
            self._sensor.deafen("wifi", since)
            self._sensor.listen("wifi", self.now)

    def stop(self) -> None:
        self._keep(self._sensor.stop(self.now), trusted=self.trusted)
        self.close()

    def close(self) -> None:
        self._outbox.close()

    def _keep(self, closed: list[Report], *, trusted: bool) -> None:
        machine = self._world.machine
        self._shelf.keep(closed, self.now - machine.boot if trusted else None)
        if trusted:
            self._world.known[machine.name] = machine.true
        for back, report in zip(range(len(closed) - 1, -1, -1), closed, strict=True):
            assert self.life is not None
            assert report.wifi is not None
            frames = [self.open.popleft() for _ in range(report.wifi.frames)]
            self._world.told[self.life.epoch, self.life.given - back] = Told(machine.name, machine.true, frames, report)


@dataclass
class World:
    """All of it, begun.

    `told`: reports by name as they were closed, `came`: as the cloud has them. `unheard`: when a frame counted nowhere;
    `lost`: when one was heard that a crash took, though its window was over. `known`: when a boot last knew the time.
    """

    path: Path
    dice: Random
    machine: Machine
    window_s: int
    look_s: float
    counts_visits: bool
    has_hours: bool
    credulous: bool
    told: dict[tuple[str, int], Told] = field(default_factory=dict)
    came: dict[tuple[str, int], Report] = field(default_factory=dict)
    unheard: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    known: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sense = Process(self)

    @property
    def sense(self) -> Process:
        return self._sense

    def live(self, seconds: float) -> None:
        """So many seconds pass; a look and a frame in each `look_s`."""
        while seconds > 0:
            step = min(self.look_s, seconds)
            first = step / 2
            self.machine.true += first
            self._sense.hear(first)
            self.machine.true += step - first
            self._sense.wait(step - first)
            self._turn()
            seconds -= step

    def set(self, by: float) -> None:
        """Somebody sets the machine's clock."""
        self.machine.wrong += max(by, -self.machine.utc)

    def synchronise(self, error: float = 0.0) -> None:
        """The network tells the time."""
        self.machine.wrong, self.machine.vouched = error, True

    def absent(self, seconds: float) -> None:
        """The process is stopped, or the machine sleeps."""
        since = self._sense.now
        self.machine.true += seconds
        self._sense.pause(since)
        self._turn()

    def crash(self, seconds: float) -> None:
        """The sensing process is killed, and comes back after so many seconds."""
        self._end()
        self.machine.true += seconds
        self._sense = Process(self)

    def restart(self, seconds: float) -> None:
        """It is ended in order, and comes back."""
        self._sense.stop()
        self.crash(seconds)

    def reboot(self, seconds: float, utc: float) -> None:
        """Power is lost; after so many seconds the machine starts, and believes it is `utc`."""
        self._end()
        true = self.machine.true + seconds
        self.machine = Machine(
            true, true - STARTS_S, max(0.0, utc) - true, vouched=False, number=self.machine.number + 1
        )
        self._sense = Process(self)

    def hand_over(self, *, long: bool) -> None:
        """The line works, and if `long`, without a time for more than ten minutes (`agent.sync`): what may go goes."""
        outbox = Outbox(self.path, boot=self.machine.name)
        outbox.release(this_boot=False)
        self._drain(outbox)
        if long:
            outbox.release(this_boot=True)
            self._drain(outbox)
        outbox.close()

    def _drain(self, outbox: Outbox) -> None:
        while True:
            held = outbox.pending()
            rows = outbox.after(held.epoch, held.first - 1, 50)
            if not rows:
                return
            assert rows[0].sequence == held.first, "a gap"
            for one in rows:
                self._arrive(one)
            outbox.acknowledge(held.epoch, rows[-1].sequence)

    def _arrive(self, one: Line) -> None:
        name, report = (one.epoch, one.sequence), decode(Report, one.body)
        assert name not in self.came, "sent although the cloud has it"
        told = self.told[name]
        assert report.clock != "untrusted" or told.at > self.known.get(told.boot, 0.0), "it could have had its date"
        self.came[name] = report

    def _turn(self) -> None:
        self._sense.turn()
        if self._sense.over:
            self._sense.close()
            self._sense = Process(self, self._sense)

    def _end(self) -> None:
        """What is in memory is lost; that may be what the open window has heard."""
        before = self.machine.true - self.window_s - self.look_s
        self.lost += [one.at for one in self._sense.open if one.at < before]
        self._sense.close()
