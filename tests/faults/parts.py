"""Parts: the four real processes between a phone and a shop's number, each to be killed and started again at will."""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import msgspec

from agent import line
from agent.contract import Report
from agent.line import Line
from tests import outboxes
from tests.brokers import configured, free_port
from tests.e2e.test_path import SHOPS

WINDOW_S = 60
START = 1_700_000_100
SPEED = 300.0
AGENT = {"sync": ["agent.daemon", "sync"], "sense": ["agent.daemon", "sense"]}


class Part:
    """One process. `kill` ends it as the power would; `start` starts it again."""

    def __init__(self, name: str, words: list[str], log: Path) -> None:
        self.name, self._words, self._log = name, words, log
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9; one that has ended by itself is a fault of ours that no kill may hide."""
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} ended by itself: {self._log.read_text()[-2000:]}"
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)

    def stop(self) -> None:
        """Ask it to end, as a service manager does."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Whole:
    """sense, sync, broker and cloud of one sensor on a simulated street, their files in `folder`.

    `agent`: the modules that run on the sensor, each with its words before the settings.
    """

    def __init__(self, folder: Path, broker: int, cloud: int, agent: dict[str, list[str]]) -> None:
        self.folder = folder
        self.port = broker
        (folder / "cloud.toml").write_text(
            f'database = "{folder}/cloud.db"\n[http]\nport = {cloud}\n[mqtt]\nport = {broker}\n{SHOPS}'
        )
        (folder / "agent.toml").write_text(
            f'sensor = "demo:door"\nstate_dir = "{folder}/state"\nrun_dir = "{folder}/run"\nwindow_s = {WINDOW_S}\n'
            f'health_interval_s = 1\n[radio.wifi]\nsource = "street"\nvisitors_per_day = 100\n[mqtt]\nport = {broker}\n'
            f"keepalive_s = 5\n[time]\nstart = {START}\nreal_start = {time.time()}\nspeed = {SPEED}\n"
        )
        python = [sys.executable, "-m"]
        subprocess.run([*python, "cloud", "migrate", "-c", f"{folder}/cloud.toml"], check=True, capture_output=True)
        self.parts = {
            "broker": Part("broker", configured(folder, broker), folder / "broker.log"),
            "cloud": Part("cloud", [*python, "cloud", "serve", "-c", f"{folder}/cloud.toml"], folder / "cloud.log"),
            **{
                name: Part(name, [*python, *words, f"{folder}/agent.toml"], folder / f"{name}.log")
                for name, words in agent.items()
            },
        }

    def committed(self) -> list[tuple[str, int, bytes]]:
        """(epoch, sequence, body) of all that the cloud has."""
        return committed(self.folder)

    def newest(self) -> int:
        """How many reports the cloud has."""
        with closing(sqlite3.connect(f"file:{self.folder}/cloud.db?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM report").fetchone()[0])

    def held(self) -> list[Line]:
        """The lines in the outbox, oldest first: what waits, before it perhaps the mark of what the cloud has."""
        return held(self.folder)

    def waiting(self) -> int:
        """How many reports wait."""
        return sum(1 for one in self.held() if one.body)


def committed(folder: Path) -> list[tuple[str, int, bytes]]:
    """(epoch, sequence, body) of all that the cloud of a folder has."""
    with closing(sqlite3.connect(f"file:{folder}/cloud.db?mode=ro", uri=True)) as database:
        return database.execute("SELECT epoch, sequence, body FROM report ORDER BY epoch, sequence").fetchall()


def held(folder: Path) -> list[Line]:
    """The lines in the outbox of a folder, oldest first."""
    with _alone(folder / "state"):
        new = folder / "state/outbox.db.new"  # one that was mended: it counts from the moment it is there
        return outboxes.lines(new if new.exists() else folder / "state/outbox.db")


def oldest(folder: Path) -> str | None:
    """The epoch of the oldest report that waits in the outbox of a folder."""
    with closing(sqlite3.connect(f"file:{folder}/state/outbox.db?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT line FROM report ORDER BY place LIMIT 2").fetchall()
    return next((one.epoch for (raw,) in rows if (one := line.read(raw)) is not None and one.body), None)


def written(folder: Path) -> set[tuple[str, int]]:
    """The names of all lines whose bytes are in the outbox's files, committed or not."""
    with _alone(folder / "state"):
        pieces = [one.read_bytes() for one in (folder / "state").glob("outbox.db*")]
    return {(one.epoch, one.sequence) for one in line.search(pieces)}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep the others off an outbox for a moment, as they keep each other off."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


@contextmanager
def whole(folder: Path, agent: dict[str, list[str]] | None = None) -> Iterator[Whole]:
    """All of them at work, ended with the block."""
    with ExitStack() as stack:
        made = Whole(folder, free_port(), free_port(), agent or AGENT)
        for part in made.parts.values():
            stack.callback(part.stop)
        yield made


def doubled(rows: list[tuple[str, int, bytes]]) -> int:
    """Windows of which more seconds are told than they have: they would be counted twice."""
    listened: dict[int, float] = {}
    for _, _, body in rows:
        report = msgspec.json.decode(body, type=Report)
        heard = report.wifi.listened_s if report.wifi else 0.0
        listened[report.window_start] = listened.get(report.window_start, 0.0) + heard
    return sum(seconds > WINDOW_S + 1 for seconds in listened.values())


class Progress:
    """A line on stderr every half minute: how much of `count` is done, and how long the rest may take."""

    def __init__(self, count: int, each_s: float = 30.0) -> None:
        self._count, self._each_s = count, each_s
        self._began = self._shown = time.monotonic()

    def show(self, done: int, more: str = "") -> None:
        now = time.monotonic()
        if now - self._shown >= self._each_s and done:
            left = (now - self._began) / done * (self._count - done) / 60
            sys.stderr.write(f"{done:,} of {self._count:,}, {left:.0f} minutes to go; {more}\n")
            self._shown = now
