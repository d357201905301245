"""System: a sensor at work with canaries in the air around it, in two sizes, for the proofs that attack it.

1. `whole`: a kernel interface, `footfall-agent run`, mosquitto, `footfall-cloud serve`, a recorder of every message. It
   needs root. The product refuses a simulated clock with a real radio, so the agent is a copy without that refusal.
2. `alone`: the sensing process behind sockets (`listener`), with Bluetooth. It needs no rights.
3. Their simulated clock passes the end of an epoch, 04:00 in the shop, some minutes after it begins.
"""

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

import msgspec
import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from agent.config import Time
from agent.contract import Report, decode
from tests import outboxes
from tests.air import advertisement, probe, radiotap
from tests.brokers import mosquitto, until
from tests.conftest import ROOT, find
from tests.e2e.test_path import SHOPS
from tests.monitor import interface
from tests.privacy.listener import WINDOW_S, Settings
from tests.processes import cloud

T = TypeVar("T")

EPOCH_ENDS = 1_699_930_800  # 2023-11-14 04:00 in Berlin


class Crowd(NamedTuple):
    """Canaries: addresses of both radios as they are on the air, and names."""

    wifi: list[bytes]
    ble: list[bytes]
    names: list[bytes]

    @property
    def canaries(self) -> list[bytes]:
        return [*self.wifi, *self.ble, *self.names]


_LETTERS = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def crowd(dice: Random, wifi: int, ble: int, names: int, makers: Sequence[bytes] = ()) -> Crowd:
    """So many of each: Wi-Fi addresses by turns from a maker and random, Bluetooth ones of the four kinds."""
    near = [_address(dice, number % 2 * 2, makers) for number in range(wifi)]
    # As on the air, lowest octet first: the last one says of which kind a random one is (Core 6.0 Vol 6 Part B 1.3).
    kinds = [(3, 1, 0)[number % 3] << 6 for number in range(ble)]
    tags = [dice.randbytes(5) + bytes((dice.randrange(64) | kind,)) for kind in kinds]
    return Crowd(near, tags, [bytes(dice.choices(_LETTERS, k=dice.randrange(16, 25))) for _ in range(names)])


def _address(dice: Random, local: int, makers: Sequence[bytes]) -> bytes:
    if makers and not local:
        return dice.choice(makers) + dice.randbytes(3)
    return bytes((dice.randrange(64) << 2 | local,)) + dice.randbytes(5)


class TooSlowError(Exception):
    """What would have been found says nothing: canaries were on the air after the epoch's end."""


class Pace(NamedTuple):
    """How long before the end of the epoch the simulated clock begins, and how fast it runs."""

    minutes: float = 4.0
    speed: float = 60.0

    def clock(self, begins_in_s: float) -> tuple[Time, float]:
        """Settings of the clock, which stands still for so long, and when the epoch will end (time.time)."""
        begins = time.time() + begins_in_s
        return Time(EPOCH_ENDS - 60 * self.minutes, begins, self.speed), begins + 60 * self.minutes / self.speed


def patiently(folder: Path, pace: Pace, attempt: Callable[[Path, Pace], T]) -> T:
    """Attempt it in a new folder; again by a slower clock where the machine is too slow for this one."""
    try:
        return attempt(folder / f"at-{pace.speed:g}", pace)
    except TooSlowError:
        if pace.speed <= 1:
            raise
        return patiently(folder, pace._replace(speed=max(1.0, pace.speed / 4)), attempt)


class Stage(NamedTuple):
    """A sensor at work. `ends` is when its epoch ends, in seconds of time.time.

    `bodies` gives its reports, `processes` gives their ids by what they do.
    """

    folder: Path
    bodies: Callable[[], list[bytes]]
    ends: float
    wifi: Callable[[bytes], object]
    ble: Callable[[bytes], object] | None
    processes: Callable[[], dict[str, int]]

    def play(self, crowd: Crowd, times: int = 3, margin_s: float = 1.0) -> int:
        """Have the crowd heard, each device so many times, up to `margin_s` before the epoch's end; frames sent."""
        frames = list(self._frames(crowd)) * times
        begun = time.time()
        spent = max(0.1, self.ends - margin_s - begun)
        for number, (send, frame) in enumerate(frames):
            time.sleep(max(0.0, begun + spent * number / len(frames) - time.time()))
            send(frame)
        if time.time() > self.ends - margin_s / 2:
            raise TooSlowError("This machine is too slow: the epoch ended before all was sent.")
        return len(frames)

    def _frames(self, crowd: Crowd) -> Iterator[tuple[Callable[[bytes], object], bytes]]:
        names = crowd.names or [b""]
        for number, address in enumerate(crowd.wifi):
            name = names[number % len(names)]
            yield self.wifi, radiotap(-50) + probe(address.hex(), name, channel=6)
        for number, address in enumerate(crowd.ble):
            name = names[number % len(names)][:24]
            data = b"\x02\x01\x06" + bytes((len(name) + 1, 9)) + name
            assert self.ble is not None
            yield self.ble, advertisement(address[::-1].hex(), data, random=number % 4 != 0)

    def reports(self) -> list[Report]:
        """What has been told."""
        return [decode(Report, body) for body in self.bodies()]

    def pass_the_epoch(self) -> int:
        """Wait until a window of the next epoch has been told; how many frames were counted in this one."""
        time.sleep(max(0.0, self.ends - time.time()))
        until(self._has_passed, "a window of the next epoch: see agent.log", 30)
        heard = [one for report in self.reports() for one in (report.wifi, report.ble) if one]
        return sum(one.frames - one.ignored for one in heard)

    def _has_passed(self) -> bool:
        time.sleep(0.1)
        return any(one.window_start >= EPOCH_ENDS for one in self.reports())


@contextmanager
def alone(folder: Path, pace: Pace, agent: Path = ROOT) -> Iterator[tuple[Stage, socket.socket]]:
    """The sensing process behind sockets. Gives with it the socket that the open epoch comes out of."""
    (folder / "run").mkdir(parents=True)
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(3)]
    ours, theirs = zip(*pairs, strict=True)
    with ExitStack() as stack:
        for one in (*ours, *theirs):
            stack.enter_context(one)
        numbers = [one.fileno() for one in theirs]
        clock, ends = pace.clock(1.0)
        words = msgspec.json.encode(Settings(str(folder), clock, *numbers)).decode()
        with _running(folder, agent, "tests.privacy.listener", words, pass_fds=numbers) as process:
            until((folder / "run/ble.json").exists, "the listener to begin: see agent.log")
            sensing = {"sense": process.pid}
            yield Stage(folder, partial(_held, folder), ends, ours[0].send, ours[1].send, lambda: sensing), ours[2]


def _held(folder: Path) -> list[bytes]:
    return [one.body for one in outboxes.reports(folder / "state/outbox.db")]


def _committed(folder: Path) -> list[bytes]:
    with closing(sqlite3.connect(f"file:{folder}/cloud.db?mode=ro", uri=True)) as database:
        return [body for (body,) in database.execute("SELECT body FROM report")]


@contextmanager
def whole(folder: Path, pace: Pace, name: str, agent: Path) -> Iterator[Stage]:
    """Everything that runs in a shop and behind it, on the monitor interface `name`."""
    with ExitStack() as stack:
        feed, port = stack.enter_context(interface(name)), stack.enter_context(mosquitto(folder))
        stack.enter_context(recorded(port, folder / "mqtt.recorded"))
        stack.enter_context(cloud(folder, f"[mqtt]\nport = {port}\n{SHOPS}"))
        clock, ends = pace.clock(3.0)
        settings = folder / "agent.toml"
        settings.write_text(
            f'sensor = "demo:door"\nwindow_s = {WINDOW_S}\nhealth_interval_s = 1\ntime_zone = "Europe/Berlin"\n'
            f'state_dir = "{folder}/state"\nrun_dir = "{folder}/run"\n'
            f'[privacy]\nprofile = "D24"\n[radio.wifi]\nsource = "monitor"\ninterface = "{name}"\n'
            f"[time]\nstart = {clock.start}\nreal_start = {clock.real_start}\nspeed = {clock.speed}\n"
            f"[mqtt]\nport = {port}\n"
        )
        running = stack.enter_context(_running(folder, agent, "agent", "run", "--config", str(settings)))
        until(feed.listeners, "the sensor to listen: see agent.log")
        yield Stage(folder, partial(_committed, folder), ends, feed.send, None, lambda: _processes(running.pid))


@contextmanager
def _running(folder: Path, agent: Path, *words: str, pass_fds: Sequence[int] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m words` with the agent that lies in a folder, its output in agent.log, ended with the block."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{agent}:{ROOT}"}
    with (folder / "agent.log").open("ab") as output:
        command = [sys.executable, "-m", *words]
        process = subprocess.Popen(command, cwd=agent, env=environment, pass_fds=pass_fds, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _processes(supervisor: int) -> dict[str, int]:
    found = {"supervisor": supervisor}
    for child in psutil.Process(supervisor).children():
        found |= {part: child.pid for part in ("sense", "sync") if part in child.cmdline()}
    return found


@contextmanager
def recorded(port: int, path: Path) -> Iterator[None]:
    """Every message of the broker, written to a file."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="recorder")
    with path.open("ab") as file:

        def record(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
            file.write(message.topic.encode() + b"\n" + message.payload + b"\n")

        client.on_message = record
        client.connect("127.0.0.1", port)
        client.subscribe("#", qos=1)
        client.loop_start()
        try:
            yield
        finally:
            client.loop_stop()
            client.disconnect()


@contextmanager
def disk(folder: Path, megabytes: int = 32) -> Iterator[tuple[Path, Path | None]]:
    """(a folder on a disk of its own, the disk's image); without the right to mount one, a folder and None."""
    place, image = folder / "disk", folder / "disk.img"
    place.mkdir(parents=True)
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    mkfs = find("mkfs.ext4")
    made = mkfs and _done(mkfs, "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
    if not made or not _done("mount", "-o", "loop", str(image), str(place)):
        image.unlink()
        yield place, None
        return
    try:
        yield place, image
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _done(*words: str) -> bool:
    return subprocess.run(words, capture_output=True).returncode == 0
