"""Kills: sense, sync, broker and cloud killed with kill -9 over and over, while windows go on closing.

1. What the outbox has committed is known from outside: after every kill of sense it is read before sense starts again.
   In the end the cloud must have all of that once, and nothing else but what was being committed as sense was killed.
2. Within a life of sense no window is absent; at the end of its day those that were open while it became a new one are.
   Otherwise only what was open when sense was killed may be.
3. One part or several at once, at work or just starting, now and then in the middle of a commit.
4. The control hands the same windows to an MQTT client without an outbox, and must lose some by the same measure.
"""

import random
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from agent import line
from agent.contract import Report
from agent.core.epoch import day_of
from tests.brokers import until
from tests.faults.parts import WINDOW_S, Progress, Whole, doubled, held, whole, written
from tests.faults.straight import NOTES
from tests.faults.table import Line

WEIGHTS = {"broker": 0.4, "sync": 0.5, "sense": 0.5, "cloud": 0.08}  # a start of the cloud takes two seconds
PAUSES_S, TOGETHER, AIMED, COMMITS_WITHIN_S = (0.03, 0.1, 0.5), 0.6, 0.2, 0.7
RECOVERS_WITHIN_S, REST_S = 120.0, 3.0
NAIVE = {"sense": ["tests.faults.straight"]}
Row = tuple[str, int, bytes]
Reader = Callable[[Path], Iterable[line.Line]]


def torture(folder: Path, *, full: bool) -> list[Line]:
    """10,000 kills in full, two dozen in short; of the control some hundreds and a dozen."""
    kills, few, each = (10_000, 300, 40) if full else (24, 8, 6)
    (folder / "product").mkdir()
    (folder / "control").mkdir()
    with whole(folder / "product") as one:
        product = Kills(one, random.Random(1), held)
        product.strike(kills, each)
        rows = product.settled()
    lost, twice = product.missed(rows)
    closed = sum(product.closed.values())
    told = Line(
        fault="kill -9 of sense, sync, broker, cloud, one or several at once",
        count=kills,
        lost=lost,
        doubled=twice,
        longest_recovery_s=product.longest_s,
        note=f"{closed:,} windows in {len(product.closed):,} lives of sense; killed {product.told}",
        held=lost == 0 and twice == 0 and closed > 0,
    )
    with whole(folder / "control", NAIVE) as one:
        control = Kills(one, random.Random(2), noted)
        control.strike(few, each)
        rows = control.settled()
    lost, twice = control.missed(rows)
    fault = "control: the same without an outbox, PUBACK for a receipt"
    return [told, Line(fault, few, lost, twice, control.longest_s, "must lose some", lost > 0)]


class Kills:
    """The kills of one `Whole`, and what had been closed before each; `read` gives what is closed, oldest first."""

    def __init__(self, one: Whole, dice: random.Random, read: Reader) -> None:
        self._one, self._dice, self._read = one, dice, read
        self.closed: dict[str, int] = {}
        self._begun: set[tuple[str, int]] = set()
        self.longest_s = 0.0
        self._killed = dict.fromkeys(one.parts, 0)

    @property
    def told(self) -> str:
        """How often each part was killed."""
        return ", ".join(f"{name} {times:,}" for name, times in self._killed.items())

    def strike(self, kills: int, each: int) -> None:
        """Kill so many times, in rounds of about `each`; after each round a new report must arrive."""
        until(lambda: self._one.newest() > 3, "the first reports", 60)
        tell = Progress(kills)
        while (done := sum(self._killed.values())) < kills:
            tell.show(done, f"longest recovery {self.longest_s:.1f} s, {self.told}")
            self._round(min(each, kills - done))
            since, seen = time.monotonic(), self._one.newest()
            until(lambda: self._one.newest() > seen, "a report after the last kill", RECOVERS_WITHIN_S)  # noqa: B023
            self.longest_s = max(self.longest_s, time.monotonic() - since)

    def settled(self) -> list[Row]:
        """End sense in order, let everything arrive, and what the cloud has then."""
        self._one.parts["sense"].stop()
        self._note()
        if "sync" in self._one.parts:
            until(lambda: self._one.waiting() == 0, "the outbox to be empty", RECOVERS_WITHIN_S)
        else:
            at_rest(self._one)
        return self._one.committed()

    def missed(self, rows: list[Row]) -> tuple[int, int]:
        """How many reports are lost, windows absent among them, and how many come twice or from nowhere."""
        found, given = [(epoch, number) for epoch, number, _ in rows], named(self.closed)
        surplus = len(found) - len(set(found)) + len(set(found) - given - self._begun)
        return len(given - set(found)) + absent(rows), surplus + doubled(rows)

    def _round(self, kills: int) -> None:
        """Kill parts of one choice, at one pace."""
        chosen, pause_s = self._choice(WEIGHTS), self._dice.choice(PAUSES_S)
        while kills > 0:
            time.sleep(self._dice.expovariate(1 / pause_s))
            victims = self._choice(dict.fromkeys(chosen, TOGETHER))[:kills]
            if self._dice.random() < AIMED:
                self._aim()
            for name in victims:
                self._one.parts[name].kill()
                self._killed[name] += 1
            if "sense" in victims:
                self._note()
            for name in victims:
                self._one.parts[name].start()
            kills -= len(victims)

    def _choice(self, chances: dict[str, float]) -> list[str]:
        """Some of the parts, each by its chance but at least one, in any order."""
        names = [name for name in chances if name in self._one.parts]
        chosen = [name for name in names if self._dice.random() < chances[name]]
        self._dice.shuffle(chosen)
        return chosen or self._dice.choices(names, [chances[name] for name in names])

    def _aim(self) -> None:
        """Wait until something is being written to the outbox, if it soon is."""
        log = self._one.folder / "state/outbox.db-wal"
        before, end = _written_at(log), time.monotonic() + COMMITS_WITHIN_S
        while _written_at(log) == before and time.monotonic() < end:
            time.sleep(0.0005)

    def _note(self) -> None:
        newest = max(self._read(self._one.folder), key=lambda one: one.place)
        self.closed[newest.epoch] = newest.sequence
        if "sync" in self._one.parts:
            self._begun |= written(self._one.folder) - named(self.closed)


def named(closed: dict[str, int]) -> set[tuple[str, int]]:
    """The names of all reports there should be."""
    return {(epoch, sequence) for epoch, last in closed.items() for sequence in range(1, last + 1)}


def absent(rows: list[Row]) -> int:
    """How many windows are absent between two reports that follow each other in one life, but for the end of a day."""
    missing, zone = 0, ZoneInfo("UTC")
    for (epoch, number, body), (other, after, later) in pairwise(rows):
        if (other, after) == (epoch, number + 1):
            first, second = (msgspec.json.decode(one, type=Report).window_start for one in (body, later))
            if day_of(first, zone) == day_of(second, zone):
                missing += (second - first) // WINDOW_S - 1
    return missing


def noted(folder: Path) -> Iterable[line.Line]:
    """What the control has noted before it handed it over."""
    return line.search([(folder / NOTES).read_bytes()])


def at_rest(one: Whole) -> None:
    """Wait until nothing arrives any more."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < REST_S:
        if (now := one.newest()) != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.1)


def _written_at(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0
