"""PT-6: noise is drawn once for a figure. A real process is killed at every point of a window's close.

A child process closes the window that ends an hour of visits: count, noise, outbox, kernel's memory. It is killed
(SIGKILL) at the n-th line of our code that it executes, for every n. What a reader of the outbox can see then is what
anyone may ever see, so it is noted and acknowledged, as the cloud would. Another child goes on from what is left,
closes the hour if that is still to be done, and the next. No hour may ever show two values: noise drawn twice averages
away.

What the kernel's keyring keeps is kept here in memory that both children share, so that the test runs where there is
no keyring; it is replaced as the keyring is, whole or not at all.
"""

import mmap
import os
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec

from agent import filing
from agent.contract import Report
from agent.core.memory import Place, Visits
from agent.core.panels import Held
from agent.core.sensor import Sensor
from agent.outbox import Outbox
from agent.shelf import Shelf
from tests.air import heard
from tests.children import in_a_child
from tests.outboxes import reports
from tests.privacy.proof import Proof, check

T = 1_699_966_800
HOUR_ENDS = T + 3600


class Kept:
    """The kernel's memory of the open epoch: two places, and a byte that says which of them holds."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 1 << 16)

    def keep(self, held: Held | None) -> None:
        secret, half = msgspec.msgpack.encode(held), 1 - self._memory[0]
        at = 1 + half * (1 << 15)
        self._memory[at : at + 4 + len(secret)] = len(secret).to_bytes(4, "little") + secret
        self._memory[0] = half

    def recall(self) -> Held | None:
        at = 1 + self._memory[0] * (1 << 15)
        size = int.from_bytes(self._memory[at : at + 4], "little")
        return msgspec.msgpack.decode(self._memory[at + 4 : at + 4 + size], type=Held | None) if size else None


def sensor(outbox: Outbox, held: Held | None, at: float) -> Sensor:
    place = Place(visits=Visits(Random(os.urandom(8)).randrange, outbox.open_budget))
    made = Sensor(("wifi",), lambda: os.urandom(32), 300, place, held=held)
    made.poll(at, boot=at - T)
    made.listen("wifi", at)
    return made


def until_the_hour(path: Path, kept: Kept) -> None:
    """A sensor that has heard twenty visits of an hour, up to the last moment of it."""
    outbox = Outbox(path)
    made = sensor(outbox, None, T)
    for number in range(20):
        for at in (60.0 * number, 60.0 * number + 90):
            made.feed(heard(T + at, f"00:11:22:33:44:{number:02x}"))
    Shelf(outbox).keep(made.poll(HOUR_ENDS - 1, boot=3599.0))
    kept.keep(made.memory.hold())
    outbox.close()


def close_the_window(path: Path, kept: Kept, at: float) -> None:
    """What `sense` does when a window ends, from what a process before has left."""
    outbox = Outbox(path)
    made = sensor(outbox, kept.recall(), HOUR_ENDS - 1)
    Shelf(outbox).keep(made.poll(at, boot=at - T))
    kept.keep(made.memory.hold())
    outbox.close()


def told(path: Path) -> dict[int, set[tuple[int, int]]]:
    """What a reader sees of every hour: (arrivals, visits). Reading acknowledges, as the cloud does."""
    outbox = Outbox(path)
    found: dict[int, set[tuple[int, int]]] = {}
    for one in reports(path):
        report = msgspec.json.decode(one.body, type=Report)
        if report.wifi is not None and report.wifi.visits:
            found.setdefault(report.wifi.visits.start, set()).add(
                (report.wifi.visits.arrivals, report.wifi.visits.visits)
            )
        outbox.acknowledge(one.epoch, one.sequence)
    outbox.close()
    return found


def killed(folder: Path, point: int, *, forgetful: bool) -> tuple[dict[int, set[tuple[int, int]]], bool]:
    """(values seen of every hour, whether the first child came to its end) with a kill at `point`."""
    path, kept = folder / f"{point}-{forgetful}.db", Kept()
    in_a_child(lambda: until_the_hour(path, kept))
    before = kept.recall()
    told(path)
    ended = in_a_child(lambda: close_the_window(path, kept, HOUR_ENDS + 1), kill_at=point)
    seen = told(path)
    if forgetful:  # an outbox that does not know what was told, after a crash that lost the last words to the kernel
        with closing(filing.connect(path)) as database:
            state = filing.state(database)
            filing.change(database, state, state._replace(told_until=0))
        kept.keep(before)
    in_a_child(lambda: close_the_window(path, kept, HOUR_ENDS + 3601))
    for hour, values in told(path).items():
        seen.setdefault(hour, set()).update(values)
    for leftover in folder.glob(f"{point}-{forgetful}.db*"):
        leftover.unlink()
    return seen, ended


def prove(folder: Path, *, full: bool) -> Proof:
    point, step, points, twice, untold = 1, 1 if full else 60, 0, 0, 0
    while True:
        seen, ended = killed(folder, point, forgetful=False)
        points += 1
        twice += any(len(values) > 1 for values in seen.values())
        untold += T not in seen
        if ended:
            break
        point += step
    caught = sum(
        any(len(values) > 1 for values in killed(folder, 10**9, forgetful=True)[0].values()) for _ in range(12)
    )
    return Proof(
        "PT-6",
        "the noise of a figure is drawn once",
        f"a kill at each of {points} points of a window's close: {twice} hours with two values, {untold} withheld",
        twice == 0 and untold < points,
        f"an outbox that forgets what it told: two values in {caught} of 12 runs",
        caught > 0,
    )


def test_noise_is_drawn_once(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))
