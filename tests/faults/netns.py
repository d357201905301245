"""Network namespaces: a sensor in one, its broker and cloud in another, and a bad cable in between.

The TCP stacks are the kernel's own, so that a lost segment is sent again, a half-open line stays half-open and an
unplugged one looks unplugged. The line is TLS, as everywhere between machines. The measure is that of `line`.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.brokers import free_port
from tests.conftest import need, shared
from tests.faults.certificates import Issuer
from tests.faults.line import Naive, arrived, at_rest, awaited, be_impatient, judged, missed, until_next, within
from tests.faults.parts import Part, Progress, Whole, whole
from tests.faults.table import Line

HERE, THERE = "10.9.0.1", "10.9.0.2"
GOOD: dict[str, Any] = {"delay": 0, "jitter": 0, "loss": 0, "rate": 0, "cut": False, "carrier": True}
FAULTS: dict[str, dict[str, Any]] = {
    "300 ms late, jitter 100": {"delay": 300, "jitter": 100},
    "20 % lost": {"loss": 20},
    "64 kbit/s": {"rate": 64_000},
    "all three": {"delay": 300, "jitter": 100, "loss": 20, "rate": 64_000},
    "half-open, no answers": {"cut": True, "dir": "ba"},
    "half-open, no requests": {"cut": True, "dir": "ab"},
    "cut": {"cut": True},
    "unplugged": {"carrier": False},
    "cut while the broker is killed": {"cut": True},
}
SHORT = ["all three", "half-open, no answers", "unplugged", "cut while the broker is killed"]
PATIENCE_S = 8


class Cable:
    """Two namespaces and the cable between them."""

    def __init__(self, here: str, there: str, process: subprocess.Popen[str]) -> None:
        self.here, self.there, self._process = here, there, process

    def tell(self, **words: Any) -> None:
        """Be so from now on; returns once the cable is."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline(), "the cable is gone"


@contextmanager
def cable() -> Iterator[Cable]:
    """Both, gone with the block whatever happens in it."""
    tool, ip = shared("tools") / "badwire.py", need("ip")
    here, there = f"sens{os.getpid()}", f"clou{os.getpid()}"
    with ExitStack() as stack:
        for name in (here, there):
            subprocess.run([ip, "netns", "add", name], check=True)
            stack.callback(subprocess.run, [ip, "netns", "del", name], check=True)
            subprocess.run([ip, "-n", name, "link", "set", "lo", "up"], check=True)
        ends = ["--a", here, "--b", there, "--a-ip", f"{HERE}/24", "--b-ip", f"{THERE}/24"]
        pipe = subprocess.PIPE
        process = subprocess.Popen([sys.executable, str(tool), *ends], stdin=pipe, stdout=pipe, text=True)
        stack.callback(process.communicate)
        stack.callback(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline(), "the cable cannot be laid"
        yield Cable(here, there, process)


class Apart:
    """A `Whole` whose sensor is at one end of the cable and whose broker and cloud are at the other."""

    def __init__(self, one: Whole, wire: Cable, tls: int) -> None:
        self.one, self.wire, self.tls, self.folder = one, wire, tls, one.folder
        for part in ("sense", "sync", "cloud", "broker"):
            one.parts[part].stop()
        issuer = Issuer("ours")
        issuer.issue("broker", host=THERE).place(self.folder, "broker")
        (self.folder / "ca.pem").write_bytes(issuer.certificate)
        conf, toml = self.folder / "mosquitto.conf", self.folder / "agent.toml"
        conf.write_text(
            f"{conf.read_text()}listener {tls} {THERE}\n"
            f"certfile {self.folder}/broker.pem\nkeyfile {self.folder}/broker.key\n"
        )
        named = f'host = "{THERE}"\nport = {tls}\nca_file = "{self.folder}/ca.pem"\n'
        toml.write_text(toml.read_text().replace(f"port = {one.port}\n", named))
        be_impatient(toml, PATIENCE_S)

    def parts(self) -> dict[str, Part]:
        """The four, started anew where they belong."""
        folder, python = self.folder, [sys.executable, "-m"]
        places = {
            "broker": (self.wire.there, [need("mosquitto"), "-c", f"{folder}/mosquitto.conf"]),
            "cloud": (self.wire.there, [*python, "cloud", "serve", "-c", f"{folder}/cloud.toml"]),
            "sync": (self.wire.here, [*python, "agent.daemon", "sync", f"{folder}/agent.toml"]),
            "sense": (self.wire.here, [*python, "agent.daemon", "sense", f"{folder}/agent.toml"]),
        }
        return {
            name: Part(name, [*within(place), *words], folder / f"{name}.log")
            for name, (place, words) in places.items()
        }


@contextmanager
def apart(folder: Path) -> Iterator[Apart]:
    """All of it at work."""
    with ExitStack() as stack:
        wire = stack.enter_context(cable())
        made = Apart(stack.enter_context(whole(folder)), wire, free_port())
        made.one.parts = made.parts()
        for part in made.one.parts.values():
            stack.callback(part.stop)
        yield made


def torture(folder: Path, *, full: bool) -> list[Line]:
    """Every fault six times in full, for up to 12 s; some of them once and shortly in short."""
    kinds = [*FAULTS] * 6 if full else SHORT
    dice = random.Random(3)
    if full:
        dice.shuffle(kinds)
    with apart(folder) as made:
        until_next(folder, "the first report")
        tls = {"host": THERE, "inside": made.wire.here}
        with Naive("unreceipted", made.tls, 0, folder / "ca.pem", **tls) as naive:
            awaited(lambda: arrived(folder, naive.name), "the first report of the naive one")
            longest = _spoil(made, kinds, dice, 12.0 if full else 1.5)
            given = naive.given()
        line = judged(made.one, f"real TCP: {', '.join(FAULTS)}", len(kinds), longest)
        at_rest(folder, [naive.name])
        lost = missed(folder, naive.name, given)
    control = "control: the same without an outbox (QoS 0)"
    return [line, Line(control, len(kinds), lost, 0, 0.0, "must lose some", lost > 0)]


def _spoil(made: Apart, kinds: list[str], dice: random.Random, most_s: float) -> float:
    """One fault after the other; the longest that it took from the end of one to the next report."""
    longest, progress = 0.0, Progress(len(kinds))
    for number, kind in enumerate(kinds, 1):
        made.wire.tell(**FAULTS[kind])
        time.sleep(dice.uniform(most_s / 3, most_s))
        if "killed" in kind:
            made.one.parts["broker"].kill()
            made.one.parts["broker"].start()
        made.wire.tell(**GOOD)
        took = until_next(made.folder, f"a report after the line was {kind}")
        longest = max(longest, took)
        progress.show(number, f"{kind}: {took:.1f} s, longest {longest:.1f} s")
    return longest
