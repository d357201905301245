"""PT-4: who sends thousands of made-up addresses a second gets noise and a flag, and neither memory nor people.

A child process counts a flood: every frame another random address, some global so that they want into the panel too.
Its memory is measured by the kernel's own account. The control counts the same flood into a table without a bound.
"""

import os
import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

from agent.core import bursts, visits
from agent.core.frame import Frame, Link
from agent.core.memory import Place, Visits
from agent.core.sensor import Sensor
from tests.air import heard
from tests.privacy.proof import Proof, check

T = 1_699_966_800
RATE = 5000
ALLOWED_MB = 16.0


class Flooded(NamedTuple):
    """Megabytes grown at the most, windows, windows flagged, and windows that took the flood for people."""

    grown_mb: float
    windows: int
    flagged: int
    believed: int


def flood(seconds: int) -> Flooded:
    """Count so many seconds of it, half of them before a window ends where they are fewer than one."""
    begins = T - min(300, seconds // 2)
    dice = Random(1)
    place = Place(visits=Visits(dice.randrange, lambda _day: True))
    sensor = Sensor(("wifi",), lambda: os.urandom(32), 300, place)
    sensor.poll(begins)
    sensor.listen("wifi", begins)
    template = bytearray(heard(T, "00:00:00:00:00:00", -50).payload)
    at = template.index(bytes(6))
    said, before = [], _resident()
    most = before
    for second in range(seconds):
        said += sensor.poll(begins + second)
        most = max(most, _resident())
        for number in range(RATE):
            template[at : at + 6] = bytes((dice.choice((0, 2)),)) + dice.randbytes(5)
            sensor.feed(Frame(begins + second + number / RATE, Link.RADIOTAP, memoryview(template)))
    said += sensor.poll(begins + seconds)
    heards = [one.wifi for one in said if one.wifi]
    believed = sum(one.present is not None and one.present.devices > 1000 for one in heards)
    return Flooded((most - before) / 1e6, len(heards), sum(one.flooded for one in heards), believed)


def unbounded(seconds: int) -> Flooded:
    """The same with tables that take everything."""
    bursts.MAX_TAGS = visits.MAX_GUESTS = 10**9  # in this child process alone
    return flood(seconds)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def in_a_child(work: Callable[[int], Flooded], seconds: int) -> Flooded:
    """What `work` finds in a new process, so that the memory it measures is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, seconds).result()


def prove(folder: Path, *, full: bool) -> Proof:
    seconds = 600 if full else 24
    found = in_a_child(flood, seconds)
    wrong = in_a_child(unbounded, 60 if full else 24)
    return Proof(
        "PT-4",
        "a flood of made-up addresses gets no memory and is not taken for people",
        f"{RATE:,} a second for {seconds} s: {found.grown_mb:+.1f} MB, {found.flagged} of {found.windows} windows "
        f"flagged, {found.believed} taken for people",
        found.grown_mb < ALLOWED_MB and found.flagged == found.windows >= 1 and not found.believed,
        f"a table without a bound: {wrong.grown_mb:+.1f} MB in {60 if full else 24} s",
        wrong.grown_mb > ALLOWED_MB,
    )


def test_a_flood_gets_no_memory_and_is_no_crowd(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))
