"""Corruption: a real outbox damaged in every way that a disk, a file system or a person can, and what becomes of it.

Two real processes are at work on an outbox in which a budget was opened, an hour of visits told, and reports wait: one
keeps reports on a shelf, the other one talks to a real store (`Talk`, with the broker left out). Both are killed, or
one, or they close in order, or hold still with the file open. Then the files are damaged, and both go on at once, so
that either may meet the damage first. What must hold then:

1. Every report whose line is still there to the byte arrives, byte for byte, and no window twice. What is there is
   looked for in the bytes of the files, those that have lost their name and that a process has open included.
2. What does not arrive is counted missing by the cloud, but for the end of an epoch that nobody goes on with: those are
   windows without a report. Nothing else is counted missing.
3. The hour that was told is not told with another value, and the day's budget is not opened a second time. Only where
   somebody deleted the file and all that belongs to it while the sensing process was down, that one finds nothing that
   says so, and begins anew.
4. Both processes serve again within a minute.

The control is what SQLite by itself still reads of the same files. It must be less.
"""

import logging
import multiprocessing
import os
import random
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from agent import line
from agent.config import Config
from agent.contract import Estimate, Heard, Report, VisitsHour, Watermark, encode, topics
from agent.outbox import Life, Outbox, OutboxError
from agent.shelf import Shelf
from agent.sync import BrokerError, Talk
from cloud.store import Store, migrate, receive
from tests import outboxes
from tests.faults.damage import FAULTS, files
from tests.faults.table import Line

WITHIN_S, SAY_S = 60.0, 30.0
T, DAY = 1_700_000_100, 738_000
FIRST = Life("01000000c0ffee00", 0)  # begun long ago: no other life begins in the same second
MODES = ("killed", "sensing killed", "talking killed", "closed", "running")
FORK = multiprocessing.get_context("fork")


def report(number: int, *, arrivals: int | None = None) -> Report:
    """The report of a window, of a length of its own; with `arrivals` it tells an hour of visits, always the same."""
    some = Estimate(devices=number / 7, low=number / 8, high=number / 6)
    heard = Heard(
        listened_s=300.0, frames=number, ignored=212, damaged=3, dropped=0, estimator="classes-and-tags/1",
        flooded=False, present=some, inside=some, outside=some,
    )  # fmt: skip
    ble = replace(heard, frames=number + 1) if number % 5 == 0 else None
    if arrivals is not None:
        hour = VisitsHour(
            start=T - 3600, end=T, listened_s=3600.0, arrivals=arrivals, arrivals_scale=1, visits=9, visits_scale=3
        )
        heard = replace(heard, visits=hour)
    return Report(window_start=T + 300 * number, window_s=300, clock="trusted", wifi=heard, ble=ble)


# The two processes.


class Link:
    """The line to a real store, without the broker: what is published is committed, and the watermark comes back."""

    up, refused, line = True, None, None

    def __init__(self, store: Store, sensor: str) -> None:
        self._store, self._sensor = store, sensor
        self.deaf = False
        self.heard: list[Watermark] = []
        self.desired: list[bytes] = []

    def publish(self, leaf: str, record: Any, *, qos: int = 1, retain: bool = False) -> None:
        now = int(time.time())
        done = self._store.commit([receive(topics.up(self._sensor, leaf), encode(record), now)], now)
        if not self.deaf:
            self.heard += [watermark for _, watermark in done.watermarks]

    def turn(self) -> None:
        time.sleep(0.002)

    def unanswered(self) -> str:
        return "nothing is acknowledged"


def sensing(path: Path, life: Life | None, orders: Connection) -> None:
    """Keeps reports: `arrivals` of the hour that its first one tells, and the numbers of all.

    Answers whether the budget was opened, and in how many seconds all were kept.
    """
    outbox = Outbox(path, life=life)
    shelf = Shelf(outbox)
    while (order := orders.recv()) is not None:
        began = time.monotonic()
        arrivals, numbers = order
        opened = arrivals is not None and outbox.open_budget(DAY)
        shelf.keep([report(number, arrivals=None if at else arrivals) for at, number in enumerate(numbers)])
        while shelf.unsaved and time.monotonic() < began + WITHIN_S:
            time.sleep(0.01)
            shelf.keep([])
        orders.send((opened, WITHIN_S if shelf.unsaved else time.monotonic() - began))
    outbox.close()


def talking(path: Path, database: Path, sensor: str, orders: Connection) -> None:
    """Hands over: "go" until the cloud was heard, "drain" until nothing waits, "send" without hearing an answer. With
    "look" it only opens the outbox.

    Answers in how many seconds the cloud was heard.
    """
    outbox, link = Outbox(path), Link(Store(str(database)), sensor)
    config, talk = Config(sensor=sensor, run_dir=str(path.parent)), None
    while (word := orders.recv()) is not None:
        began, heard_s = time.monotonic(), WITHIN_S
        if word == "look":
            outbox.check()
            orders.send(0.0)
            continue
        link.deaf = word == "send"
        while time.monotonic() < began + WITHIN_S:
            try:
                if talk is None:
                    outbox.release(this_boot=False)
                    talk = Talk(config, outbox, link)  # type: ignore[arg-type]
                talk.turn()
                waiting = outbox.pending().waiting
            except (BrokerError, OutboxError):
                talk = None
                time.sleep(0.01)
                continue
            if talk.answered:
                heard_s = min(heard_s, time.monotonic() - began)
            if link.deaf or (talk.answered and (word == "go" or not waiting)):
                break
        if word != "go":
            talk = None
        orders.send(heard_s)
    outbox.close()


class Child:
    """A process that does as it is told."""

    def __init__(self, work: Callable[..., None], *arguments: object) -> None:
        self._orders, theirs = FORK.Pipe()
        self._process = FORK.Process(target=self._run, args=(work, arguments, theirs), daemon=True)
        self._process.start()
        theirs.close()

    @staticmethod
    def _run(work: Callable[..., None], arguments: tuple[object, ...], orders: Connection) -> None:
        logging.disable()
        work(*arguments, orders)

    def send(self, order: object) -> None:
        self._orders.send(order)

    def answer(self) -> Any:
        return self._orders.recv()

    def ask(self, order: object) -> Any:
        self.send(order)
        return self.answer()

    def end(self, *, kill: bool = False) -> None:
        """In order, or not."""
        if kill:
            self._process.kill()
        else:
            self._orders.send(None)
        self._process.join(20)
        assert kill or self._process.exitcode == 0, f"a process ended with {self._process.exitcode}"


# One trial.


class Outcome(NamedTuple):
    """What became of one outbox. `intact`: reports whose lines were left of those that `waited`, `by_sqlite`: it reads.

    `lost` did not arrive: `missing` as the cloud counts, `ends` without a number to miss. `wrong`: counted missing and
    not lost. `doubled`: windows twice, hours told again, budgets opened again.
    """

    fault: str
    waited: int
    intact: int
    saved: int
    by_sqlite: int
    lost: int
    missing: int
    ends: int
    wrong: int
    doubled: int
    recovery_s: float


class Trial:
    """One outbox in a folder of its own, its two processes, and what it goes through, all by the seed."""

    def __init__(self, seed: int, place: Path, database: Path) -> None:
        self._dice = random.Random(seed)
        self._fault, self._mode = list(FAULTS)[seed % len(FAULTS)], MODES[seed // len(FAULTS) % len(MODES)]
        self._path, self._database, self._sensor = place / str(seed) / "outbox.db", database, f"demo:t{seed}"
        self._path.parent.mkdir()
        before, kept = self._dice.choice((0, 3, 30)), self._dice.choice((0, 1, 5, 40, 250))
        self._first, self._then = list(range(before + 1)), list(range(before + 1, before + kept + 1))
        self._last = list(range(before + kept + 1, before + kept + 5))

    def run(self) -> Outcome:
        with ExitStack() as stack:
            self._start(stack, FIRST)
            opened, _ = self._sense.ask((5, self._first))
            assert opened, "the budget could not be opened at the start"
            self._talk.ask("look")
            if self._dice.random() < 0.7:
                self._talk.ask("drain")
            self._sense.ask((None, self._then))
            if self._dice.random() < 0.3:
                self._talk.ask("send")
            waiting = outboxes.reports(self._path)
            rubble, forgotten = self._damage(stack)
            intact = {one.body for one in waiting if line.write(one) in rubble}
            by_sqlite = intact & read_by_sqlite(self._path)
            recovery_s, again = self._go_on()
        shutil.rmtree(self._path.parent)
        found = arrived(self._database, self._sensor)
        told = {encode(report(number, arrivals=5 if number == 0 else None)) for number in self._first + self._then}
        went_on = [report(number, arrivals=7 if number == self._last[0] else None) for number in self._last]
        if not (forgotten and encode(went_on[0]) in found.bodies):
            went_on[0] = replace(went_on[0], wifi=_silenced(went_on[0].wifi))
        expected = told | {encode(one) for one in went_on}
        arrived_once = expected & set(found.bodies)
        lost = len(expected) - len(arrived_once)
        return Outcome(
            fault=self._fault,
            waited=len(waiting),
            intact=len(intact),
            saved=len(intact & arrived_once),
            by_sqlite=len(by_sqlite),
            lost=lost,
            missing=min(lost, found.missing),
            ends=max(0, lost - found.missing),
            wrong=max(0, found.missing - lost),
            doubled=len(found.bodies) - len(arrived_once) + (again and not forgotten),
            recovery_s=recovery_s,
        )

    def _start(self, stack: ExitStack, life: Life | None) -> None:
        self._sense = Child(sensing, self._path, life)
        self._talk = Child(talking, self._path, self._database, self._sensor)
        stack.callback(self._end, kill=True)

    def _end(self, *, kill: bool) -> None:
        self._sense.end(kill=kill)
        self._talk.end(kill=kill)

    def _damage(self, stack: ExitStack) -> tuple[bytes, bool]:
        """What lies there after it, and whether nothing does."""
        match self._mode:
            case "killed" | "closed":
                self._end(kill=self._mode == "killed")
            case "sensing killed":
                self._sense.end(kill=True)
            case "talking killed":
                self._talk.end(kill=True)
        with ExitStack() as nameless:
            handles = [nameless.enter_context(one.open("rb", buffering=0)) for one in files(self._path)]
            FAULTS[self._fault](self._dice, self._path)
            rubble = b"".join(content(one) for one in files(self._path))
            if self._mode not in ("killed", "closed"):
                rubble += b"".join(one.read() for one in handles)
        down = self._mode in ("killed", "closed", "sensing killed")
        return rubble, down and not list(self._path.parent.glob("outbox.db*"))

    def _go_on(self) -> tuple[float, bool]:
        """In how many seconds both serve again, and whether the budget was opened again."""
        if self._mode in ("killed", "closed", "sensing killed"):
            self._sense = Child(sensing, self._path, None)
        if self._mode in ("killed", "closed", "talking killed"):
            self._talk = Child(talking, self._path, self._database, self._sensor)
        self._talk.send("go")
        self._sense.send((7, self._last))
        again, kept_s = self._sense.answer()
        heard_s = self._talk.answer()
        self._talk.ask("drain")
        self._end(kill=False)
        return max(kept_s, heard_s), again


def _silenced(heard: Heard | None) -> Heard | None:
    return heard and replace(heard, visits=UNSET)


class Arrived(NamedTuple):
    """What the cloud has of a sensor."""

    bodies: list[bytes]
    missing: int


def arrived(database: Path, sensor: str) -> Arrived:
    name = sensor.partition(":")[2]
    with closing(sqlite3.connect(database)) as db:
        bodies = [body for (body,) in db.execute("SELECT body FROM report WHERE sensor = ?", (name,))]
        marks = db.execute("SELECT missing FROM watermark WHERE sensor = ?", (name,)).fetchall()
        refused = db.execute("SELECT reason FROM quarantine").fetchall()
    assert not refused, f"the cloud did not understand {refused}"
    return Arrived(bodies, sum(missing for (missing,) in marks))


def content(path: Path) -> bytes:
    with suppress(OSError):
        return path.read_bytes()
    return b""


def read_by_sqlite(path: Path) -> set[bytes]:
    """What SQLite reads of copies of the files, up to where it refuses."""
    bodies: set[bytes] = set()
    with TemporaryDirectory(dir=path.parent) as scratch, suppress(OSError, UnicodeDecodeError, sqlite3.Error):
        for one in files(path):
            shutil.copy(one, scratch)
        with closing(sqlite3.connect(f"{scratch}/outbox.db")) as db:
            for (raw,) in db.execute("SELECT line FROM report"):
                one = line.read(raw) if isinstance(raw, bytes) else None
                bodies |= {one.body} if one else set()
    return bodies


def torture(folder: Path, *, full: bool) -> list[Line]:
    """1,000 outboxes damaged in full; 33 in short, three of each kind."""
    trials = 1000 if full else 33
    outcomes: list[Outcome] = []
    quick = "/dev/shm" if os.access("/dev/shm", os.W_OK) else folder
    with TemporaryDirectory(dir=quick) as scratch:
        database = Path(scratch) / "cloud.db"
        migrate(str(database))
        said = time.monotonic()
        for seed in range(trials):
            outcomes.append(Trial(seed if full else seed * 4, Path(scratch), database).run())
            if time.monotonic() - said > SAY_S:
                said = time.monotonic()
                print(f"corruption: {seed + 1} of {trials} outboxes", file=sys.stderr, flush=True)
    return summed(outcomes)


def summed(outcomes: list[Outcome]) -> list[Line]:
    waited, intact, saved, by_sqlite, lost, missing, ends, wrong, doubled = (
        sum(one[at] for one in outcomes) for at in range(1, 10)
    )
    slowest = max(one.recovery_s for one in outcomes)
    held = saved == intact and not wrong and not doubled and slowest < WITHIN_S
    note = (
        f"{saved:,} of {intact:,} reports saved that were there; of {waited:,} that waited {lost:,} were destroyed: "
        f"{missing:,} counted missing, {ends:,} are windows without a report"
    )
    control = f"of the {intact:,} reports that were still there SQLite reads {by_sqlite:,}"
    name = f"outbox damaged, in {len(FAULTS)} ways"
    return [
        Line(name, len(outcomes), intact - saved + wrong, doubled, slowest, note, held),
        Line(
            "control: the same, and SQLite alone",
            len(outcomes),
            intact - by_sqlite,
            0,
            0.0,
            control,
            by_sqlite < intact,
        ),
    ]
