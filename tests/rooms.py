"""Rooms: simulated shops of two zones, door and back, whose truth is known. Repeatable: a shop is its number.

Devices come at the door by a day's curve. Some go on to the back a while later; others come to the back by themselves.
Sensors hear each device in two of three windows, and their counts err by a tenth.
"""

import random
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from cloud.core import calendar, flow, rollup
from cloud.core.figures import Figure, OpeningHours, Period
from cloud.core.flow import Flow
from tests.shops import ALL_DAYS, a_shop

FIRST = date(2026, 11, 2)
SLOTS = 132
SHOP = a_shop(hours=[OpeningHours(days=ALL_DAYS, opens="09:00", closes="20:00")])
PEAKS = ((180, 70), (480, 90), (330, 200))  # minutes after opening, and how widely spread
Stays = list[tuple[float, float]]


class Rooms(Struct, frozen=True):
    """So many visits a day, of whom a share goes on to the back `lag` minutes later; none for 0.

    `leak`: the weight at which each sensor hears the other zone. `together`: others come to both at the same moments.
    """

    per_day: int
    lag: float = 0.0
    share: float = 0.6
    leak: float = 0.0
    together: bool = False


def told(rooms: Rooms, days: int, number: int) -> Flow:
    """What is said of shop `number` after so many days."""
    chance = random.Random(number)
    made = [_day(rooms, chance) for _ in range(days)]
    windows = {zone: _windows([one[place] for one in made]) for place, zone in enumerate(("door", "back"))}
    return flow.flow(SHOP, FIRST, FIRST + timedelta(days=days - 1), windows)


def _day(rooms: Rooms, chance: random.Random) -> tuple[list[float], list[float]]:
    door: Stays = []
    back: Stays = []
    came = _visits(chance, rooms.per_day)
    for at in came:
        goes = max(1.0, chance.gauss(rooms.lag, 3.0)) if rooms.lag else chance.expovariate(1 / 8)
        door.append((at, at + min(goes, 15.0)))
        if rooms.lag and chance.random() < rooms.share:
            back.append((at + goes, at + goes + chance.expovariate(1 / 10)))
    others = came if rooms.together else _visits(chance, rooms.per_day * (1 - rooms.share if rooms.lag else 1))
    back += [(at, at + chance.expovariate(1 / 10)) for at in others]
    return _heard(chance, door, back, rooms.leak), _heard(chance, back, door, rooms.leak)


def _visits(chance: random.Random, per_day: float) -> list[float]:
    """Minutes after opening, on a day with a level of its own."""
    times = [chance.gauss(*chance.choice(PEAKS)) for _ in range(int(per_day * chance.uniform(0.7, 1.3)))]
    return [one for one in times if 0 <= one < SLOTS * 5 - 5]


def _heard(chance: random.Random, stays: Stays, beside: Stays, leak: float) -> list[float]:
    counts = [0.0] * SLOTS
    for weight, some in ((1.0, stays), (leak, beside if leak else [])):
        for begins, ends in some:
            for slot in range(int(begins // 5), min(SLOTS, int(ends // 5) + 1)):
                there = min(ends, slot * 5 + 5) - max(begins, slot * 5)
                if there > 0 and chance.random() < 2 / 3:
                    counts[slot] += weight * there / 5
    return [one * max(0.0, chance.gauss(1.0, 0.1)) for one in counts]


def _windows(days: list[list[float]]) -> list[Period]:
    opens = [calendar.opened(SHOP, FIRST + timedelta(days=number))[0][0] for number in range(len(days))]
    return [
        window(start + slot * 300, count)
        for start, counts in zip(opens, days, strict=True)
        for slot, count in enumerate(counts)
    ]


def window(start: int, count: float) -> Period:
    """Five minutes in which so many were heard inside."""
    inside = Figure(value=count, low=count, high=count, coverage=1.0, definition=rollup.OCCUPANCY)
    return replace(rollup.silent(SHOP, start, start + 300), coverage=1.0, occupancy=inside)
