"""Offline: hours to a month without a line, by simulated time, and then the line comes.

1. sense and sync run meanwhile, as on a sensor: the outbox and logs on a disk, the folder for the moment in memory.
2. All that was closed must be at the cloud, once, in order, at a hundred times the pace it was gathered at; the outbox
   and the logs stay below 50 MB and what is written below 200 MB a day.
3. The sensor goes on while that drains, over a slow line too, and its newest window must not wait for the oldest.
4. The control keeps a hundred reports at most, and must lose the others by the same measure.
"""

import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.brokers import free_port, mosquitto, until
from tests.e2e.test_path import SHOPS
from tests.faults.kills import named
from tests.faults.parts import START, Part, Progress, held, oldest
from tests.faults.table import Line
from tests.faults.wire import Wire, wire
from tests.processes import cloud

SPEED = 2000.0
MOST_BYTES, MOST_A_DAY, LEAST_FACTOR = 50e6, 200e6, 100.0
DAY_S, HOUR_S = 86_400, 3600
MEMORY = Path("/dev/shm")


class Trip(NamedTuple):
    """So long without a line, by windows of a length; then a line of so many bytes a second (0: as fast as it goes)."""

    name: str
    seconds: int
    window_s: int
    rate: float
    fresh_s: float
    most_reports: int = 105_120


FULL = [
    Trip("72 h, then a line of 8 kbit/s", 72 * HOUR_S, 300, 1000.0, 15.0),
    Trip("30 d by windows of 300 s", 30 * DAY_S, 300, 0.0, 5.0),
    Trip("30 d by windows of 60 s", 30 * DAY_S, 60, 0.0, 5.0),
]
SHORT = [Trip("2 h, then a line of 64 kbit/s", 2 * HOUR_S, 60, 8000.0, 10.0)]
CONTROL = Trip("control: an outbox for 100 reports", 4 * HOUR_S, 60, 0.0, 5.0, most_reports=100)


class Pace(NamedTuple):
    """How it drains: by how much faster than it was gathered, after how long the first of it comes, and for how long at
    most, from the first byte on, the newest window at the cloud was over."""

    factor: float
    first_s: float
    stale_s: float


class Returned(NamedTuple):
    """How a trip ended."""

    lost: int
    doubled: int
    in_order: bool
    windows: int
    kept_bytes: int
    written_bytes: int
    pace: Pace


def torture(folder: Path, *, full: bool) -> list[Line]:
    """72 hours and two months in full, all beside each other (half an hour); two hours in short."""
    trips = [*(FULL if full else SHORT), CONTROL]
    with ThreadPoolExecutor(len(trips)) as pool:
        return list(pool.map(_made, (folder / str(number) for number in range(len(trips))), trips))


def _made(folder: Path, trip: Trip) -> Line:
    tell = Progress(trip.seconds)
    with away(folder, trip) as one:
        while one.passed_s < trip.seconds:
            tell.show(int(one.passed_s), f"seconds offline ({trip.name})")
            time.sleep(0.2)
        return _line(trip, one.come_back())


def _line(trip: Trip, came: Returned) -> Line:
    pace, days = came.pace, trip.seconds / DAY_S
    a_day, each = came.written_bytes / days, came.written_bytes / came.windows
    note = (
        f"{came.windows:,} windows, {came.kept_bytes / 1e6:.1f} MB kept; {each / 1e3:.1f} kB written for a window, "
        f"{a_day / 1e6:.1f} MB a day; drains {pace.factor:,.0f} times as fast as it was gathered, "
        f"{'' if came.in_order else 'not '}in order; meanwhile the newest window at the cloud was over for at most "
        f"{pace.stale_s:.1f} s"
    )
    if trip is CONTROL:
        return Line(trip.name, 1, came.lost, came.doubled, pace.first_s, f"must lose some; {note}", came.lost > 0)
    sound = came.lost == came.doubled == 0 and came.in_order and came.kept_bytes < MOST_BYTES and a_day < MOST_A_DAY
    held = sound and pace.factor >= LEAST_FACTOR and pace.stale_s < trip.fresh_s
    return Line(f"offline for {trip.name}", 1, came.lost, came.doubled, pace.first_s, note, held)


class Away:
    """A sensor whose line is dead, in `folder`."""

    def __init__(self, folder: Path, trip: Trip, line: Wire, broker: int, memory: Path) -> None:
        self.folder, self._trip, self._wire, self._broker, self._memory = folder, trip, line, broker, memory
        line.refuse()
        self._began = time.time()
        self._settle(START, SPEED)
        self.parts = {name: self._part(name) for name in ("sync", "sense")}

    @property
    def passed_s(self) -> float:
        """How much time has passed, as the sensor has it."""
        return (time.time() - self._began) * SPEED

    def come_back(self) -> Returned:
        """The line comes: how it all arrives."""
        written = [_written(part.pid) for part in self.parts.values()]
        self.parts["sense"].stop()
        kept = [*(self.folder / "state").iterdir(), *self.folder.glob("*.log")]
        kept_bytes = sum(one.stat().st_size for one in kept)
        away = held(self.folder)[-1]
        with self._cloud():
            since = START + self.passed_s
            self._settle(since, self._trip.window_s)  # a window a second
            self.parts["sense"] = self._part("sense")
            pace = self._drain(away.epoch, since)
            self.parts["sense"].stop()
            last = {one.epoch: one.sequence for one in (away, held(self.folder)[-1])}
            until(lambda: not any(one.body for one in held(self.folder)), "the rest to arrive", 120)
            found = self._found()
        old = [number for epoch, number in found if epoch == away.epoch and number != away.sequence]
        return Returned(
            lost=len(named(last) - set(found)),
            doubled=len(found) - len(set(found)) + len(set(found) - named(last)),
            in_order=old == sorted(old),
            windows=away.sequence,
            kept_bytes=kept_bytes,
            written_bytes=sum(written),
            pace=pace,
        )

    def stop(self) -> None:
        for part in self.parts.values():
            part.stop()

    def _drain(self, epoch: str, since: float) -> Pace:
        """Watch what was gathered in `epoch` go, while windows go on closing from `since` on."""
        began = time.time()
        self._wire.heal()
        self._wire.up.rate = self._trip.rate
        until(lambda: self._wire.up.carried, "sync to connect", 120)
        connected, first, stale_s = time.time(), None, 0.0
        shown = since + (connected - self._settled) * self._trip.window_s
        while oldest(self.folder) == epoch:
            (newest,) = self._asked("SELECT max(window_start) FROM report")[0]
            if newest is not None:
                first = first or time.time()
                shown = max(shown, newest + self._trip.window_s)
            now = time.time()
            stale_s = max(stale_s, now - self._settled - (shown - since) / self._trip.window_s)
            assert now - connected < self._trip.seconds / LEAST_FACTOR + 60, "it drains too slowly"
            time.sleep(0.1)
        drained = time.time()
        return Pace(self._trip.seconds / (drained - connected), (first or drained) - began, stale_s)

    def _settle(self, start: float, speed: float) -> None:
        self._settled = time.time()
        (self.folder / "agent.toml").write_text(
            f'sensor = "demo:door"\nstate_dir = "{self.folder}/state"\nrun_dir = "{self._memory}"\n'
            f"window_s = {self._trip.window_s}\noutbox_max_reports = {self._trip.most_reports}\n"
            f'[radio.wifi]\nsource = "street"\nvisitors_per_day = 100\n[mqtt]\nport = {self._wire.port}\n'
            f"[time]\nstart = {start}\nreal_start = {self._settled}\nspeed = {speed}\n"
        )

    def _part(self, name: str) -> Part:
        words = [sys.executable, "-m", "agent.daemon", name, f"{self.folder}/agent.toml"]
        return Part(name, words, self.folder / f"{name}.log")

    @contextmanager
    def _cloud(self) -> Iterator[None]:
        """Broker and cloud, at work."""
        settings = f"[mqtt]\nport = {self._broker}\n{SHOPS}"
        with mosquitto(self.folder, self._broker), cloud(self.folder, settings):
            yield

    def _found(self) -> list[tuple[str, int]]:
        """The names of what the cloud has, as it came."""
        return self._asked("SELECT epoch, sequence FROM report ORDER BY rowid")

    def _asked(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.folder}/cloud.db?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()


@contextmanager
def away(folder: Path, trip: Trip) -> Iterator[Away]:
    """A sensor on its way, ended with the block."""
    folder.mkdir()
    with ExitStack() as stack:
        memory = stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else folder))
        broker = free_port()
        one = Away(folder, trip, stack.enter_context(wire(broker)), broker, Path(memory))
        stack.callback(one.stop)
        yield one


def _written(pid: int) -> int:
    """Bytes a process has had written to a disk (proc(5)); 0 where that is not for us to read."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except PermissionError:  # sense shuts itself to others of its user
        return 0
    return int(dict(line.split(": ") for line in lines)["write_bytes"])
