"""Histories: what happens to a sensor's clock and to the sensor, thousands of times over, with the truth beside it.

Boots in 1970 or where a clock stood when the power went, the time found by a step of years, lost, found again, set by
hand by a second, an hour, a year; leap seconds; nights and the ends of summer time in the shop's zone; kills, restarts,
reboots before the time is known; lines that come and go. Of every history:

1. Every report goes to the cloud in the end, in order, once; without a date only what could not get one.
2. A frame is in one report. What was heard is told, but for what a kill took out of the open window.
3. A trusted window holds what it says. A redated one stands at most half a window beside what it holds.
4. No window is negative, none listened to for longer than it has; of one place no more than two windows' time is told.
   One and a bit cannot be excluded: windows under a wrong time lie across the grid, and none can be cut in two.
5. Rest is told where it was by plan. Visits are told of hours that were, each once.

Where the kernel vouches for a time that is wrong nobody can know; then the frames' places are let be, and what a step
back leaps over counts nowhere, else windows would be told twice; a short one makes the open window longer. The control
believes every time of day.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

from msgspec import UNSET

from agent.contract import Report
from agent.core.hours import look
from tests.faults.parts import Progress
from tests.faults.table import Line
from tests.faults.world import WEEK, YEAR_S, ZONE, Machine, Told, World

STEPS_S = (1, -1, 30, -30, 299, -299, 3600, -3600, 90_000, -90_000, YEAR_S, -YEAR_S)
BEGINS = (1_700_000_000, 1_711_843_000, 1_729_985_000)  # one of them before each change of Berlin's time in 2024
MEMORY = Path("/dev/shm")
EACH = 60
EPS_S = 3.0  # steps below two seconds count as steering, and a leap second is one more
EVENTS = {
    "synchronise": 3, "doubt": 2, "set": 4, "leap second": 1, "absent": 1, "crash": 3, "restart": 1, "reboot": 2,
    "line": 2, "long line": 1,
}  # fmt: skip


class Story(NamedTuple):
    """A world as it ended, and how it is judged. `honest`: the kernel never vouched for a wrong time."""

    world: World
    honest: bool
    events: list[str]


class Fault(NamedTuple):
    """What is wrong with a history. `lost`: something is not told; else it is told wrongly, or twice."""

    lost: bool
    words: str


class Verdict(NamedTuple):
    """Of some histories: how many, reports in them, faults of either kind, places told of for longer than they have."""

    stories: int
    reports: int
    lost: int
    wrong: int
    crowded: int
    first: str

    def __add__(self, other: "Verdict") -> "Verdict":  # type: ignore[override]
        sums = (one + two for one, two in zip(self[:-1], other[:-1], strict=True))
        return Verdict(*sums, self.first or other.first)


def torture(folder: Path, *, full: bool) -> list[Line]:
    """20,000 histories in full, some hundreds in short; a tenth as many of the control."""
    count = 20_000 if full else 240
    product = _lived_all(folder, count, credulous=False)
    control = _lived_all(folder, count // 10, credulous=True)
    note = f"{product.reports:,} windows, {product.crowded:,} places told of for longer than a window {product.first}"
    held = product.lost == product.wrong == 0 and product.stories == count
    told = Line("histories of a clock set, lost and found", count, product.lost, product.wrong, 0.0, note.strip(), held)
    fault, caught = "control: the same, believing the clock", control.lost + control.wrong > control.stories
    return [told, Line(fault, control.stories, control.lost, control.wrong, 0.0, "must lose and double", caught)]


def _lived_all(folder: Path, count: int, *, credulous: bool) -> Verdict:
    """Histories by the hundred, on two cores."""
    tell, found = Progress(count), Verdict(0, 0, 0, 0, 0, "")
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        parts = [range(first, min(first + EACH, count)) for first in range(0, count, EACH)]
        for verdict in pool.map(judged, repeat(folder), parts, repeat(credulous)):
            found += verdict
            tell.show(found.stories, f"{found.lost} lost, {found.wrong} wrong {found.first}")
    return found


def judged(folder: Path, seeds: Iterable[int], credulous: bool) -> Verdict:
    """What becomes of the histories of these seeds."""
    logging.disable(logging.ERROR)
    found = Verdict(0, 0, 0, 0, 0, "")
    for seed in seeds:
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else folder) as place:
            story = lived(Path(place), seed, credulous=credulous)
        wrong = list(faults(story))
        lost = sum(one.lost for one in wrong)
        longest = [seconds for seconds in listened(story.world).values() if seconds > story.world.window_s + EPS_S]
        first = f"(seed {seed}: {wrong[0].words})" if wrong else ""
        found += Verdict(1, len(story.world.told), lost, len(wrong) - lost, len(longest), first)
    return found


def lived(folder: Path, seed: int, *, credulous: bool = False) -> Story:
    """One history, to its end: the time is known and everything has gone."""
    dice = Random(seed)
    honest, window_s = dice.random() < 0.8, dice.choice((60, 300))
    true = dice.choice(BEGINS) + dice.uniform(0, 86_400)
    booted = true - dice.choice((5.0, 100.0, 1e6))
    wrong = dice.choice((0.0, true - booted - true, -dice.uniform(0, 1e5)))
    world = World(
        folder / "outbox.db", dice, Machine(true, booted, wrong, vouched=wrong == 0), window_s,
        look_s=dice.uniform(1, window_s / 8), counts_visits=dice.random() < 0.5, has_hours=dice.random() < 0.3,
        credulous=credulous,
    )  # fmt: skip
    events = []
    for _ in range(dice.randrange(2, 14)):
        world.live(dice.expovariate(1 / (2 * window_s)))
        events.append(dice.choices(list(EVENTS), list(EVENTS.values()))[0])
        _happen(world, dice, events[-1], honest=honest)
    world.synchronise()
    world.live(2.5 * window_s)
    world.sense.stop()
    world.hand_over(long=True)
    return Story(world, honest, events)


def _happen(world: World, dice: Random, event: str, *, honest: bool) -> None:
    machine, window_s = world.machine, world.window_s
    if event == "synchronise":
        world.synchronise()
    elif event == "doubt":
        machine.vouched = False
    elif event == "set" and not (honest and machine.vouched):
        world.set(dice.choice(STEPS_S) * dice.choice((1, 1, dice.random())))
    elif event == "leap second" and machine.vouched and machine.wrong == 0:
        world.set(-1)
    elif event == "absent":
        world.absent(dice.choice((31.0, 400.0, 5000.0)))
    elif event == "crash":
        world.crash(dice.uniform(0.5, 2 * window_s))
    elif event == "restart":
        world.restart(dice.uniform(0.5, 2 * window_s))
    elif event == "reboot":
        world.reboot(dice.uniform(5, 7200), dice.choice((5.0, machine.utc - dice.uniform(0, 3600), machine.utc)))
    elif event in ("line", "long line"):
        world.hand_over(long=event == "long line")


def faults(story: Story) -> Iterator[Fault]:
    """What is wrong with a history."""
    world = story.world
    if set(world.came) != set(world.told):
        yield Fault(True, f"{len(world.told) - len(world.came)} reports never go")
    if (world.lost and story.honest) or world.sense.open:
        yield Fault(True, "frames of windows that were over are in no report")
    if world.unheard and story.honest:
        yield Fault(True, f"{len(world.unheard)} frames counted nowhere")
    for name, report in world.came.items():
        for words in (*_misfit(story, world.told[name], report), *_misplaced(story, world.told[name], report)):
            yield Fault(False, f"{name}: {report.clock} {words}")
    if story.honest:
        most = max(listened(world).values(), default=0.0)
        if most > 2 * world.window_s + EPS_S:
            yield Fault(False, f"{most:.0f} s are told of one window")
        yield from (Fault(False, words) for words in _visits(world))


def _misfit(story: Story, told: Told, report: Report) -> Iterator[str]:
    """What no clock excuses."""
    assert report.wifi is not None
    world = story.world
    listened_s, window_s, look_s = report.wifi.listened_s, world.window_s, world.look_s
    if report.window_start % window_s:
        yield "is off the grid"
    if not 0 <= listened_s <= window_s:
        yield f"listened for {listened_s} s"
    if told.frames:
        span_s = told.frames[-1].listened - told.frames[0].listened
        least_s = span_s - look_s if story.honest else 0.0  # a step back within a window can make it too long
        steered = EPS_S if story.honest else EPS_S * (1 + story.events.count("set"))  # some steps are too small to see
        if not least_s - EPS_S <= listened_s <= span_s + 2 * look_s + steered:
            yield f"listened for {listened_s} s, its frames were heard over {span_s:.1f} s"


def _misplaced(story: Story, told: Told, report: Report) -> Iterator[str]:
    """Where its place on the grid is not where it was."""
    assert report.wifi is not None
    if report.clock == "untrusted" or not story.honest:
        return
    start, window_s = report.window_start, story.world.window_s
    slack_s = EPS_S + (window_s / 2 if report.clock == "redated" else 0)
    for one in told.frames:
        if not start - slack_s <= one.at < start + window_s + slack_s:
            yield f"holds a frame of {one.at - start:.1f} s after its start"
            break
    if report.wifi.rested_s is not UNSET and _always_open(start - slack_s, start + window_s + slack_s):
        yield "rested by plan, though the shop was open"


def _visits(world: World) -> Iterator[str]:
    """Hours of visits that were not, or were told before. One that a wrong time lies in may be longer than an hour."""
    until, doubtful = 0, False
    for name in sorted(world.came):
        report = world.came[name]
        assert report.wifi is not None
        hour = report.wifi.visits
        doubtful |= report.clock != "trusted"
        if hour is UNSET:
            continue
        at = [one.at for one in world.told[name].frames]
        is_hour = doubtful or hour.end <= hour.start + 3600 + 2 * world.window_s
        if not (until <= hour.start < hour.end and is_hour):
            yield f"{name}: visits of {hour.start} to {hour.end}, after those up to {until}"
        if at and not at[-1] - world.look_s - EPS_S <= hour.end <= at[0] + 2 * world.window_s:
            yield f"{name}: visits up to {hour.end}, which is {hour.end - at[-1]:.0f} s after its last frame"
        until, doubtful = hour.end, False


def _always_open(start: float, end: float) -> bool:
    is_open, until = look(WEEK, ZONE, start)
    return is_open and until >= end


def listened(world: World) -> dict[int, float]:
    """Seconds told of each place on the grid, by reports that count."""
    found: dict[int, float] = {}
    for report in world.came.values():
        if report.clock != "untrusted" and report.wifi is not None:
            found[report.window_start] = found.get(report.window_start, 0.0) + report.wifi.listened_s
    return found
