"""Restarts: the broker ended and started again, over and over, with its memory, without it, or away for a while.

Several streets suffer side by side, each with a broker of its own. After each restart a new report must come through
within 90 s; in the end everything must be at the cloud once. The control is a sensor that takes a PUBACK for a receipt.
"""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Lock

from tests.faults.line import Naive, at_rest, judged, missed, until_next
from tests.faults.parts import Progress, Whole, whole
from tests.faults.table import Line

STREETS = 4
KILLED, FORGETTING, AWAY, AWAY_S = 0.5, 0.2, 0.25, 4.0  # shares of the restarts; at most so long
DEAF_S = 0.3  # nobody connects again sooner: what arrives before was under way as the broker ended


def torture(folder: Path, *, full: bool) -> list[Line]:
    """1,000 restarts in full, 10 in short."""
    restarts, streets = (1_000, STREETS) if full else (10, 2)
    progress, done, lock = Progress(restarts), count(1), Lock()

    def told(words: str) -> None:
        with lock:
            progress.show(next(done), words)

    def suffered(number: int) -> tuple[Line, int]:
        place = folder / str(number)
        place.mkdir()
        return _street(place, restarts // streets, random.Random(number), told)

    with ThreadPoolExecutor(streets) as pool:
        lines, naive = zip(*pool.map(suffered, range(streets)), strict=True)
    fault = "broker ended (kill -9, SIGTERM), its memory kept or deleted"
    longest = max(line.longest_recovery_s for line in lines)
    lost, doubled = sum(line.lost for line in lines), sum(line.doubled for line in lines)
    note = f"{streets} brokers side by side; {', '.join(line.note for line in lines)}"
    control = sum(naive)
    return [
        Line(fault, restarts, lost, doubled, longest, note, all(line.held for line in lines)),
        Line(
            "control: the same, a PUBACK taken for a receipt", restarts, control, 0, 0.0, "must lose some", control > 0
        ),
    ]


def _street(folder: Path, restarts: int, dice: random.Random, told: Callable[[str], None]) -> tuple[Line, int]:
    """So many restarts of one broker: what became of the sensor's reports, and how many the naive one lost."""
    longest = 0.0
    with whole(folder) as one:
        until_next(folder, "the first report")
        with Naive("puback", one.port, 1) as naive:
            for _ in range(restarts):
                took = _restart(one, dice)
                longest = max(longest, took)
                told(f"back after {took:.1f} s, longest {longest:.1f} s")
            given = naive.given()
        at_rest(folder, [naive.name])
        return judged(one, "", restarts, longest), missed(folder, naive.name, given)


def _restart(one: Whole, dice: random.Random) -> float:
    """One restart; seconds until a report comes through again."""
    broker = one.parts["broker"]
    if dice.random() < KILLED:
        broker.kill()
    else:
        broker.stop()
    if dice.random() < FORGETTING:
        (one.folder / "mosquitto.db").unlink(missing_ok=True)
    if dice.random() < AWAY:
        time.sleep(dice.uniform(0, AWAY_S))
    broker.start()
    time.sleep(DEAF_S)
    return DEAF_S + until_next(one.folder, "a report after the broker's restart")
