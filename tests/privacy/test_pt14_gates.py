"""PT-14: below the threshold, out of hours, and of what never leaves, no tag is made.

Tags are counted where they are made: a profiler sees every call of the one function that makes them, so a tag that is
made and thrown away at once counts too. What never leaves is the exception that has to be made: it is known again by a
tag, so there the tags of the count are counted, which are a second call for the same frame.
"""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from types import FrameType
from zoneinfo import ZoneInfo

from agent.core import pseudonym
from agent.core.frame import Frame
from agent.core.hours import opening
from agent.core.memory import Place, Visits
from agent.core.sensor import Sensor
from agent.core.window import Zones
from tests.air import heard
from tests.privacy.proof import Proof, check

BERLIN = ZoneInfo("Europe/Berlin")
T = 1_699_930_800  # 2023-11-14 04:00 in Berlin
_TAG = next(one for one in pseudonym.tagger.__code__.co_consts if getattr(one, "co_name", "") == "tag")


def tags_made(work: Callable[[], object]) -> int:
    """How many tags are made while `work` runs."""
    made = 0

    def look(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal made
        made += event == "call" and frame.f_code is _TAG

    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
    return made


def sensor(*, outside_dbm: int = -85, week: bool = True) -> Sensor:
    hours = (opening(["tue"], "04:00", "14:00"),) if week else ()
    place = Place(Zones(-70, outside_dbm), BERLIN, hours, Visits(Random(1).randrange, lambda _day: True))
    made = Sensor(("wifi",), lambda: os.urandom(32), 300, place)
    made.poll(T)
    made.listen("wifi", T)
    return made


def replayed(one: Sensor, frames: Iterable[Frame]) -> None:
    for frame in frames:
        one.poll(frame.at)
        one.feed(frame)


def below(number: int) -> list[Frame]:
    return [heard(T + n, f"00:11:22:33:{n >> 8 & 255:02x}:{n & 255:02x}", -86 - n % 40) for n in range(number)]


def late(number: int) -> list[Frame]:
    return [heard(T + 10 * 3600 + n, f"00:11:22:33:{n >> 8 & 255:02x}:{n & 255:02x}", -50) for n in range(number)]


def near(number: int) -> list[Frame]:
    return [heard(T + n, f"00:11:22:33:{n >> 8 & 255:02x}:{n & 255:02x}", -50) for n in range(number)]


def stationary(one: Sensor) -> tuple[int, int]:
    """(tags of a device's frames after nine hours in the shop, frames)."""
    replayed(one, [heard(T + 240 * n, "00:aa:22:33:44:55", -50) for n in range(9 * 15)])
    after = [heard(T + 9 * 3600 + n, "00:aa:22:33:44:55", -50) for n in range(200)]
    return tags_made(lambda: replayed(one, after)), len(after)


def prove(folder: Path, *, full: bool) -> Proof:
    number = 20_000 if full else 500
    weak = tags_made(lambda: replayed(sensor(), below(number)))
    closed = tags_made(lambda: replayed(sensor(), late(number)))
    known, frames = stationary(sensor())
    controls = (
        tags_made(lambda: replayed(sensor(outside_dbm=-127), below(100))),
        tags_made(lambda: replayed(sensor(week=False), late(100))),
        tags_made(lambda: replayed(sensor(), near(100))),
        stationary(sensor(week=False))[0] - frames,
    )
    return Proof(
        "PT-14",
        "no tag below the threshold, out of hours, or of what never leaves",
        f"{number:,} weak frames: {weak} tags; {number:,} out of hours: {closed} tags; of what has been there for nine "
        f"hours {known - frames} count tags for {frames} frames",
        weak == closed == 0 and known == frames,
        f"the same without each gate, and near frames in hours: {', '.join(map(str, controls))} tags",
        all(controls),
    )


def test_no_tag_is_made_beyond_the_gates(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))
