"""Walk tests on the simulated street: how often what a walk suggests parts inside from outside.

    PYTHONPATH=. python benchmarks/walk.py [--quick] [--walks 200]

Every row is a street and how much weaker than the weakest stand inside the phone is outside, on average. Walks are at
any time of the opening hours, in a shop whose stands are anywhere within reach; the phone scans every 7.5 to 12.5
seconds, one to three frames of a scan are heard, and hand, body and people moving change its level by 4 dB. "parts":
the suggested `inside_dbm` lies between the phone's average outside and its average at the weakest stand inside. "off":
by how much the level found at a stand differs from that average, in the middle and in the worst of ten. "repeated": a
stand was not heard, so it has to be stood at again; the columns before are of the other walks. "cannot tell": the walk
says that no signal parts the two.
"""

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from math import exp
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agent.core.dot11 import Decoder
from agent.core.pseudonym import level
from agent.core.walk import BEFORE_S, LONGEST_S, LONGEST_STAND_S, PLACES, Place, Walk, zoning
from agent.radio import street

DAY = datetime(2026, 11, 24, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
STREETS = {
    "quiet": street.Profile(visitors_per_day=60, staff=1, neighbours=2),
    "usual": street.Profile(),
    "busy": street.Profile(visitors_per_day=1200, passers_per_visitor=6.0, staff=8, neighbours=12),
}
APART_DB = (20, 14, 10, 6, 3, 0)
BODY_DB, FADING_S = 4.0, 20.0
Air = dict[int, Counter[int]]


class Row(NamedTuple):
    parts: float
    off: float
    off_worst: float
    repeated: float
    cannot_tell: float
    lasted: float


def air(profile: street.Profile) -> Air:
    """Frames by second and dBm of a day of the street, through the decoder as on a sensor."""
    decoder, found = Decoder(), dict[int, Counter[int]]()
    for frame in street.frames(profile, DAY):
        if frame.at >= DAY + 86_400:
            return found
        sighting = decoder.radiotap(frame.payload)
        told = None if sighting is None else level(sighting)
        if told is not None:
            found.setdefault(int(frame.at - DAY), Counter())[told] += 1
    return found


def shop(rng: Random, apart: int) -> dict[Place, float]:
    """The phone's average level at each stand."""
    weakest = rng.uniform(-72, -55)
    levels = {place: weakest + rng.uniform(0, 22) for place in PLACES}
    levels[rng.choice(PLACES[:3])] = weakest
    return levels | {"outside": weakest - apart}


def scans(rng: Random, mean: float, start: float) -> Iterator[tuple[float, int]]:
    """When and at which level frames of the walking phone are heard at one stand."""
    gap = rng.uniform(7.5, 12.5)
    at, fading = start + rng.uniform(0, gap), rng.gauss(0, BODY_DB)
    kept = exp(-gap / FADING_S)
    while at < start + LONGEST_STAND_S:
        fading = kept * fading + rng.gauss(0, BODY_DB * (1 - kept * kept) ** 0.5)
        here = mean + fading
        for number in range(rng.randint(1, 3)):
            if here > -93:
                yield at + 0.05 * number, round(here + rng.gauss(0, 1.5))
        at += gap * rng.gauss(1, 0.1)


def walked(rng: Random, around: Air, levels: dict[Place, float]) -> tuple[Walk, float]:
    """A walk at a random time of the opening hours, and how long it took."""
    begun = rng.randrange(9 * 3600, 20 * 3600 - 200)
    walk, own, waiting, ready = Walk(begun), dict[int, Counter[int]](), list(PLACES), begun + BEFORE_S
    for second in range(begun, begun + int(LONGEST_S)):
        if walk.place is None and second >= ready:
            if not waiting:
                return walk, second - begun
            place, ready = waiting.pop(0), second + rng.randint(2, 7)
            walk.stand(place, second)
            own.clear()  # of the stand before
            for when, dbm in scans(rng, levels[place], second):
                own.setdefault(int(when), Counter())[dbm] += 1
        walk.hear(second + 1, around.get(second, Counter()) + (own.get(second, Counter()) if walk.place else Counter()))
        ready = second + rng.randint(3, 7) if walk.place else ready
    return walk, LONGEST_S


def row(around: Air, apart: int, walks: int, seed: int) -> Row:
    rng, parts, off, repeated, cannot = Random(seed), 0, list[float](), 0, 0
    times = list[float]()
    for _ in range(walks):
        levels = shop(rng, apart)
        walk, lasted = walked(rng, around, levels)
        found = walk.levels
        times.append(lasted)
        off += [abs(one - levels[place]) for place, one in found.items() if one is not None]
        told = zoning(found)
        if told is None or None in found.values() or len(found) < 4:
            repeated += 1
            continue
        cannot += told.grade == "none"
        inside = min(one for place, one in levels.items() if place != "outside")
        parts += levels["outside"] < told.inside_dbm <= inside
    finished = max(1, walks - repeated)
    tenths = statistics.quantiles(off, n=10)
    return Row(
        parts / finished,
        statistics.median(off),
        tenths[-1],
        repeated / walks,
        cannot / finished,
        statistics.median(times),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--walks", type=int, default=300)
    parser.add_argument("--quick", action="store_true")
    told = parser.parse_args()
    walks = 40 if told.quick else told.walks
    heads = ("apart dB", "parts", "off dB", "worst", "repeated", "cannot tell", "took s")
    print(f"{'street':7} " + " ".join(f"{one:>11}" for one in heads))
    for name, profile in STREETS.items():
        around = air(profile)
        for apart in APART_DB:
            one = row(around, apart, walks, 8)
            cells = (f"{one.parts:.0%}", f"{one.off:.1f}", f"{one.off_worst:.1f}", f"{one.repeated:.0%}")
            cells += (f"{one.cannot_tell:.0%}", f"{one.lasted:.0f}")
            print(f"{name:7} {apart:11} " + " ".join(f"{cell:>11}" for cell in cells), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
