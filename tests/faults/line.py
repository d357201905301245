"""Line: the lines of a running sensor and cloud to their broker, spoilt in every way, over and over.

After each fault has healed a new report must come through within 90 s; in the end everything must be at the cloud
once. Sensors without an outbox go through the same faults beside it, and must lose reports by the same measure.
"""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tests.faults.naive import EPOCH
from tests.faults.parts import Progress, Whole, doubled, whole
from tests.faults.table import Line
from tests.faults.wire import Wire, wire

PRODUCT, WITHIN_S, REST_S = "door", 90.0, 2.0
WHERE = [0.65, 0.25, 0.1]  # shares of the faults: on the sensor's line, on the cloud's, on both
KEEPALIVE_S = 15  # of the cloud; a line that a router forgot is noticed after two of them
NOTICED_S = 2.0  # the sensor looks five times a second, and the line is asked twenty times
Row = tuple[str, int, bytes]
Fault = Callable[[Wire, random.Random], object]


def _slow(one: Wire, dice: random.Random) -> None:
    one.up.delay_s = one.down.delay_s = 0.3
    one.up.jitter_s = one.down.jitter_s = 0.1


def _lossy(one: Wire, dice: random.Random) -> None:
    one.up.loss = one.down.loss = 0.2


def _narrow(one: Wire, dice: random.Random) -> None:
    one.up.rate = one.down.rate = 8000.0  # 64 kbit/s


def _answerless(one: Wire, dice: random.Random) -> None:
    one.down.silent = True


def _mute(one: Wire, dice: random.Random) -> None:
    one.up.silent = True


def _refused(one: Wire, dice: random.Random) -> None:
    one.refuse()
    one.drop(reset=True)


def _unanswered(one: Wire, dice: random.Random) -> None:
    one.ignore()
    one.drop(reset=dice.random() < 0.5)


FAULTS: dict[str, Fault] = {
    "reset": lambda one, dice: one.drop(reset=True),
    "ended": lambda one, dice: one.drop(reset=False),
    "cut": lambda one, dice: one.cut(),
    "half-open, no answers": _answerless,
    "half-open, no requests": _mute,
    "forgotten by a router": lambda one, dice: one.forget(),
    "refused": _refused,
    "unanswered": _unanswered,
    "late": _slow,
    "lossy": _lossy,
    "narrow": _narrow,
}
KILLED = "broker killed while the cloud is away"


class Street:
    """A `Whole` whose sensor reaches the broker over `near`, and whose cloud does over `far`."""

    def __init__(self, one: Whole, near: Wire, far: Wire, patience_s: int) -> None:
        self.one, self.near, self.far = one, near, far
        be_impatient(one.folder / "agent.toml", patience_s)
        _set(one.folder / "cloud.toml", f"keepalive_s = {KEEPALIVE_S}")
        for part, file, line in (("sync", "agent.toml", near), ("cloud", "cloud.toml", far)):
            one.parts[part].stop()
            reroute(one.folder / file, one.port, line.port)
            one.parts[part].start()

    def given_up(self) -> int:
        """How many connections the sensor has said to be of no use."""
        return (self.one.folder / "sync.log").read_text().count("WARNING footfall.sync:")


class Naive:
    """A sensor without an outbox at the broker's `port`; a process, ended with the block."""

    def __init__(self, name: str, port: int, qos: int, *tls: Path, host: str = "127.0.0.1", inside: str = "") -> None:
        self.name = name
        words = ["-m", "tests.faults.naive", f"demo:{name}", host, str(port), str(qos), *map(str, tls)]
        self._process = subprocess.Popen([*within(inside), sys.executable, *words], stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Naive":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def given(self) -> int:
        """End it; how many reports it believes to have delivered."""
        self._process.send_signal(signal.SIGTERM)
        return int(self._process.communicate(timeout=60)[0])


@contextmanager
def street(folder: Path, patience_s: int) -> Iterator[Street]:
    """All of it at work."""
    with ExitStack() as stack:
        one = stack.enter_context(whole(folder))
        near, far = stack.enter_context(wire(one.port)), stack.enter_context(wire(one.port))
        yield Street(one, near, far, patience_s)


def torture(folder: Path, *, full: bool) -> list[Line]:
    """150 faults in full, of up to 12 s each; some short ones in short."""
    faults, silences, patience_s = (150, 12, 8) if full else (8, 1, 5)
    dice = random.Random(2)
    with street(folder, patience_s) as made:
        until_next(folder, "the first report")
        with Naive("unreceipted", made.near.port, 0) as one, Naive("puback", made.near.port, 1) as other:
            awaited(lambda: arrived(folder, one.name) and arrived(folder, other.name), "the naive ones' first reports")
            longest = _spoil(made, schedule(dice, faults), dice, full=full)
            noticed = _keep_silent(made, silences)
            given = {naive.name: naive.given() for naive in (one, other)}
        line = judged(made.one, f"a line {', '.join([*FAULTS, KILLED])}", faults, longest)
        at_rest(folder, [*given])
        control = [_control(name, faults, missed(folder, name, number)) for name, number in given.items()]
    silence = line._replace(
        fault="half-open: TCP stands, reports do not move",
        count=silences,
        longest_recovery_s=noticed,
        note=f"until the sensor gave the connection up; its patience is {patience_s} s",
        held=line.held and noticed < patience_s + NOTICED_S,
    )
    return [line, silence, *control]


def schedule(dice: random.Random, count: int) -> list[str]:
    """Every fault about equally often, in no order."""
    kinds = [KILLED, *FAULTS]
    chosen = [kinds[number % len(kinds)] for number in range(count)]
    dice.shuffle(chosen)
    return chosen


def _spoil(made: Street, kinds: list[str], dice: random.Random, *, full: bool) -> float:
    """One fault after the other; the longest that it took from the end of one to the next report.

    In short only the sensor's line is spoilt: a cloud takes its time to notice.
    """
    longest, progress, most_s = 0.0, Progress(len(kinds)), 12.0 if full else 1.0
    for number, kind in enumerate(kinds, 1):
        lines = dice.choices([[made.near], [made.far], [made.near, made.far]], WHERE)[0] if full else [made.near]
        if kind == KILLED:
            _kill_broker(made, dice)
        else:
            for one in lines:
                FAULTS[kind](one, dice)
            time.sleep(min(dice.expovariate(3 / most_s), most_s))
        made.near.heal()
        made.far.heal()
        took = until_next(made.one.folder, f"a report after the line was {kind}")
        longest = max(longest, took)
        progress.show(number, f"{kind}: {took:.1f} s, longest {longest:.1f} s")
    return longest


def _kill_broker(made: Street, dice: random.Random) -> None:
    """While it is killed the cloud is not there: what the broker gave a PUBACK for is in its memory only."""
    _refused(made.far, dice)
    time.sleep(dice.uniform(0.5, 1.0))
    made.one.parts["broker"].kill()
    made.one.parts["broker"].start()


def _keep_silent(made: Street, count: int) -> float:
    """Half-open lines that stay so; the longest it took the sensor to give up a connection that TCP has no fault with.

    In one round of three it is the cloud that is not reached, so that the broker still answers every ping.
    """
    longest = 0.0
    for number in range(count):
        lane = (made.far.up, made.near.down, made.near.up)[number % 3]
        given_up, lane.silent = made.given_up(), True
        longest = max(longest, awaited(lambda: made.given_up() > given_up, "the sensor to give up"))  # noqa: B023
        made.near.heal()
        made.far.heal()
        until_next(made.one.folder, "a report after the silence")
    return longest


def _control(name: str, count: int, lost: int) -> Line:
    return Line(f"control: the same without an outbox ({name})", count, lost, 0, 0.0, "must lose some", lost > 0)


def missed(folder: Path, name: str, given: int) -> int:
    """How many of the reports that a naive sensor gave away are not at the cloud."""
    return missing({(epoch, sequence) for epoch, sequence, _ in stored(folder, name)}, {EPOCH: given})


def judged(one: Whole, fault: str, count: int, longest_s: float, note: str = "") -> Line:
    """Let everything arrive, and compare what the outbox gave with what the cloud has."""
    one.parts["sense"].stop()
    awaited(lambda: one.waiting() == 0, "the outbox to be empty")
    rows = stored(one.folder, PRODUCT)
    found = [(epoch, sequence) for epoch, sequence, _ in rows]
    lost = missing(set(found), {held.epoch: held.sequence for held in one.held()})
    twice = len(found) - len(set(found)) + doubled(rows)
    return Line(fault, count, lost, twice, longest_s, note or f"{len(rows):,} reports", lost == twice == 0)


def missing(found: set[tuple[str, int]], last: dict[str, int]) -> int:
    """How many of 1 ... are not there, of each epoch up to the highest that is known; `last` is known to be given."""
    known = dict(last)
    for epoch, sequence in found:
        known[epoch] = max(sequence, known.get(epoch, 0))
    return sum(known.values()) - len(found)


def stored(folder: Path, sensor: str) -> list[Row]:
    """(epoch, sequence, body) of what the cloud has of a sensor."""
    with closing(sqlite3.connect(f"file:{folder}/cloud.db?mode=ro", uri=True)) as database:
        return database.execute("SELECT epoch, sequence, body FROM report WHERE sensor = ?", (sensor,)).fetchall()


def arrived(folder: Path, sensor: str) -> int:
    """How many reports of a sensor the cloud has."""
    with closing(sqlite3.connect(f"file:{folder}/cloud.db?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM report WHERE sensor = ?", (sensor,)).fetchone()[0])


def at_rest(folder: Path, sensors: list[str]) -> None:
    """Wait until nothing of these sensors arrives any more."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < REST_S:
        if (now := sum(arrived(folder, sensor) for sensor in sensors)) != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.1)


def until_next(folder: Path, what: str) -> float:
    """Seconds until the cloud has a report it has not now."""
    seen = arrived(folder, PRODUCT)
    return awaited(lambda: arrived(folder, PRODUCT) > seen, what)


def awaited(true: Callable[[], object], what: str, within_s: float = WITHIN_S) -> float:
    """Seconds until `true()` holds; fails with `what` was awaited."""
    start = time.monotonic()
    while not true():
        assert time.monotonic() - start < within_s, f"still waiting for {what} after {within_s} s"
        time.sleep(0.05)
    return time.monotonic() - start


def reroute(file: Path, port: int, other: int) -> None:
    """Let the settings in `file` name another port of the broker."""
    file.write_text(file.read_text().replace(f"port = {port}\n", f"port = {other}\n"))


def within(namespace: str) -> list[str]:
    """The words that start a program in a network namespace; in none without a name."""
    return ["ip", "netns", "exec", namespace] if namespace else []


def be_impatient(file: Path, patience_s: int) -> None:
    """Let a sensor give up a connection without progress sooner than it would."""
    _set(file, f"patience_s = {patience_s}")


def _set(file: Path, words: str) -> None:
    """One more setting of the line to the broker."""
    file.write_text(file.read_text().replace("[mqtt]\n", f"[mqtt]\n{words}\n"))
