"""Deaf: how often the detector of deaf radios is wrong on recordings, and how soon it is right when one is cut off.

1. The product's own detector (`agent/core/hearing.py`) looks once a second while a recording passes. The surroundings
   are always heard, so nothing but missing frames can make it doubt; every alarm in a recording is false. After one
   it begins anew, as it does on a sensor.
2. A quieter place is the same room with a part of its transmitters, each address with all its frames or not at all.
3. "one phone" is a phone alone with one receiver for twenty minutes, and "it left" the hour without it
   thereafter: a shop after its last visitor.
4. "unproven": the share of the time not listened to by the detector's own proof as five-minute windows end. All of it
   was.
5. Detection: all frames after a random moment are removed, at least fifteen minutes in. The rate is that of the
   fifteen minutes before.

Run: PYTHONPATH=. python benchmarks/deaf.py [--draws 3] [--cuts 10]
"""

import argparse
import copy
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from agent.core.dot11 import Decoder
from agent.core.hearing import Hearing
from agent.radio import capture
from benchmarks import parts

DOUBTS = (10.0, 20.0, 30.0, 50.0)
SHARES = (0.3, 0.1, 0.03, 0.01)
MEMORY_S, SESSION_S, CORRIDOR_S, LEFT_S, PATIENCE_S, WINDOW_S = 900, 1200, 120, 3600, 3600, 300
CLASSES = ((0, 1), (1, 3), (3, 10), (10, 30), (30, 1000))  # frames a minute

Recording = list[tuple[float, int]]  # when, and from whom
Counts = list[int]  # frames in each second


class Place(NamedTuple):
    """Recordings of one kind, each as frames a second; only alarms from second `since` on count."""

    name: str
    streams: list[Counts]
    since: int = 0


def load(folder: Path) -> list[Recording]:
    decoder, found = Decoder(), []
    for path in sorted(folder.glob("*.pcap")):
        heard = [(frame.at, decoder.radiotap(frame.payload)) for frame in capture.read(path)]
        found.append([(at, int.from_bytes(sighting.address)) for at, sighting in heard if sighting is not None])
    return [recording for recording in found if recording]


def seconds(recording: Recording, length: int | None = None, share: float = 1.0, draw: int = 0) -> Counts:
    """Frames in each second of a recording, of this share of its transmitters."""
    begun = recording[0][0]
    taken = {source for _, source in recording if random.Random(source << 8 | draw).random() < share}
    counts = [0] * (length or int(recording[-1][0] - begun) + 1)
    for at, source in recording:
        second = int(at - begun)
        if second < len(counts) and source in taken:
            counts[second] += 1
    return counts


def places(draws: int) -> list[Place]:
    room, phones = load(parts.shared("data/brno_cal")), load(parts.shared("data/pintor_train"))
    corridor = load(parts.shared("data/argo_corridor"))
    alone = [seconds(one, SESSION_S) for one in phones]
    return [
        Place("room", [seconds(day) for day in room]),
        *(
            Place(
                f"room, {share:.0%} of it", [seconds(day, None, share, draw) for day in room for draw in range(draws)]
            )
            for share in SHARES
        ),
        Place("corridor", [seconds(one, CORRIDOR_S) for one in corridor]),
        Place("one phone", alone),
        Place(f"it left, {len(alone)} times", [[*one, *[0] * LEFT_S] for one in alone], SESSION_S),
    ]


def alarms(counts: Counts, doubt: float, since: int) -> int:
    hearing, found = Hearing(0.0, doubt=doubt), 0
    for second, count in enumerate(counts):
        if hearing.look(second, second, count) != "hears":
            hearing = Hearing(float(second), doubt=doubt)
            found += second >= since
    return found


def unproven(counts: Counts, since: int) -> list[float]:
    """For each window its share that is not proven when it ends."""
    hearing, found = Hearing(0.0), []
    for second, count in enumerate(counts, 1):
        if hearing.look(second, second, count) != "hears":
            hearing = Hearing(float(second))
        if second > since and second % WINDOW_S == 0:
            found.append(min(1.0, (second - hearing.proven_at) / WINDOW_S))
    return found


def detections(counts: Counts, doubt: float, cuts: Sequence[int]) -> list[float]:
    """For each cut (rising), seconds until the alarm; infinite where there is none within an hour."""
    hearing, found, waiting = Hearing(0.0, doubt=doubt), [], list(cuts)
    for second, count in enumerate(counts):
        if waiting and second == waiting[0]:
            waiting.pop(0)
            cut = copy.copy(hearing)
            took = (after for after in range(PATIENCE_S) if cut.look(second + after, second + after, 0) != "hears")
            found.append(float(next(took, math.inf)))
        if hearing.look(second, second, count) != "hears":
            hearing = Hearing(float(second), doubt=doubt)
    return found


def print_alarms(everywhere: Sequence[Place]) -> None:
    doubts = [f"doubt {doubt:g}" for doubt in DOUBTS]
    rows: list[Sequence[object]] = [("alarms an hour", "hours", "a minute", *doubts, "unproven")]
    for place in everywhere:
        streams = place.streams
        hours = sum(len(counts) - place.since for counts in streams) / 3600
        rate = sum(sum(counts[place.since :]) for counts in place.streams) / hours / 60
        found = [sum(alarms(counts, doubt, place.since) for counts in streams) for doubt in DOUBTS]
        cells: list[object] = [number / hours for number in found]
        if place.since:
            cells = [f"{number / len(streams):.0%}" for number in found]
        missing = [share for counts in streams for share in unproven(counts, place.since)]
        lost = f"{sum(missing) / len(missing):.1%}" if missing else ""
        rows.append((place.name, f"{hours:.1f}", f"{rate:.1f}", *cells, lost))
    parts.table(rows, (22, 8, 10, *[11] * (len(DOUBTS) + 1)))


def print_detections(everywhere: Sequence[Place], cuts: int) -> None:
    found: dict[tuple[float, float], list[Sequence[float]]] = {}
    rng = random.Random(1)
    for place in everywhere:
        for counts in place.streams if place.name.startswith("room") else ():
            moments = sorted(rng.sample(range(MEMORY_S, len(counts)), cuts))
            took = [detections(counts, doubt, moments) for doubt in DOUBTS]
            for moment, each in zip(moments, zip(*took, strict=True), strict=True):
                rate = sum(counts[moment - MEMORY_S : moment]) / MEMORY_S * 60
                found.setdefault(next((one for one in CLASSES if one[0] <= rate < one[1]), CLASSES[0]), []).append(each)
    rows: list[Sequence[object]] = [("a minute, before", "cuts", *(f"doubt {doubt:g}" for doubt in DOUBTS))]
    for low, high in CLASSES:
        every = found.get((low, high), [])
        if every:
            rows.append(
                (f"{low:g} to {high:g}", len(every), *(timing(sorted(one)) for one in zip(*every, strict=True)))
            )
    parts.table(rows, (22, 8, *[24] * len(DOUBTS)))


def timing(took: Sequence[float]) -> str:
    """Median, ninetieth percentile, and how many were found at all."""
    middle, most = took[len(took) // 2], took[len(took) * 9 // 10]
    return f"{middle:.0f} s, {most:.0f} s, {sum(map(math.isfinite, took)) / len(took):.0%}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=3, help="choices of transmitters for each quieter room")
    parser.add_argument("--cuts", type=int, default=10, help="random moments in each recording")
    wanted = parser.parse_args()
    everywhere = places(wanted.draws)
    print("False alarms, an hour, or for a phone that left how often it raised one\n")
    print_alarms(everywhere)
    print("\nFrom the cut to the alarm: median, ninetieth percentile, found within an hour\n")
    print_detections(everywhere, wanted.cuts)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
