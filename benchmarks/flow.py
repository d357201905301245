"""Zone flow against simulated shops whose truth is known: the right lag found, and claims where there is nothing.

Devices come at the door by a day's curve, some go to the back a while later, and others are in the back by themselves.
Sensors hear each device in two of three windows, and their counts err by a tenth. Repeatable: every shop has its number.
"""

import random
from collections.abc import Callable
from datetime import date, timedelta

from cloud.core import calendar, flow, rollup
from cloud.core.coverage import Placement
from cloud.core.figures import Figure, Period
from tests.shops import ALL_DAYS, ZONE, a_shop

FIRST = date(2026, 11, 2)
OPENS, SLOTS = 9 * 60, 132
SHOPS = 20


def visits(chance: random.Random, per_day: float) -> list[float]:
    """Minutes after opening at which somebody comes, by a curve with two peaks and a level of the day's own."""
    level = per_day * chance.uniform(0.7, 1.3)
    times = []
    for _ in range(int(level)):
        peak = chance.choice([(180, 70), (480, 90), (330, 200)])
        times.append(chance.gauss(*peak))
    return [one for one in times if 0 <= one < SLOTS * 5 - 5]


def counted(chance: random.Random, stays: list[tuple[float, float]], leak: list[tuple[float, float]] | None = None) -> list[float]:
    """Devices heard per window of five minutes of those who are there from when to when."""
    counts = [0.0] * SLOTS
    for weight, some in ((1.0, stays), (0.1, leak or [])):
        for begins, ends in some:
            for slot in range(max(0, int(begins // 5)), min(SLOTS, int(ends // 5) + 1)):
                there = min(ends, slot * 5 + 5) - max(begins, slot * 5)
                if there > 0 and chance.random() < 0.67:
                    counts[slot] += weight * there / 5
    return [one * max(0.0, chance.gauss(1.0, 0.1)) for one in counts]


def day(chance: random.Random, per_day: float, lag: float, share: float, *, leaks: bool) -> tuple[list[float], list[float]]:
    door, back = [], []
    for came in visits(chance, per_day):
        goes = max(1.0, chance.gauss(lag, 3.0)) if lag else chance.expovariate(1 / 8)
        door.append((came, came + min(goes, 15.0)))
        if lag and chance.random() < share:
            back.append((came + goes, came + goes + chance.expovariate(1 / 10)))
    back += [(came, came + chance.expovariate(1 / 10)) for came in visits(chance, per_day * (1 - share if lag else 1))]
    return counted(chance, door, back if leaks else None), counted(chance, back, door if leaks else None)


def windows(days: list[list[float]]) -> list[Period]:
    found = []
    for number, counts in enumerate(days):
        opens = calendar.day_of(ZONE, FIRST + timedelta(days=number))[0] + OPENS * 60
        found += [window(opens + slot * 300, count) for slot, count in enumerate(counts)]
    return found


def window(start: int, count: float) -> Period:
    empty = rollup.silent(SHOP, start, start + 300)
    told = Figure(value=count, low=count, high=count, coverage=1.0, definition=rollup.OCCUPANCY)
    return Period(
        start=start, end=start + 300, open=True, flooded=False, coverage=1.0, occupancy=told,
        visitors=empty.visitors, passers_by=empty.passers_by, capture_rate=empty.capture_rate,
    )  # fmt: skip


SHOP = a_shop(hours=[])


def outcome(days: int, made: Callable[[random.Random], tuple[list[float], list[float]]], lag: float) -> tuple[int, int, int]:
    """(the right lag, another lag or direction, nothing said) over the shops."""
    right = wrong = 0
    for number in range(SHOPS):
        chance = random.Random(number)
        pairs = [made(chance) for _ in range(days)]
        told = flow.flow(
            SHOP_OPEN, FIRST, FIRST + timedelta(days=days - 1),
            {"back": windows([back for _, back in pairs]), "door": windows([door for door, _ in pairs])},
        )  # fmt: skip
        for one in told.following:
            fits = lag and one.first == "door" and (one.lag.low or 0) <= lag <= (one.lag.high or 0)
            right, wrong = (right + 1, wrong) if fits else (right, wrong + 1)
    return right, wrong, SHOPS - right - wrong


SHOP_OPEN = a_shop(hours=[a_shop().hours[0].__class__(days=ALL_DAYS, opens="09:00", closes="20:00")])


def main() -> None:
    print(f"{'shop':54} {'days':>4} {'right lag':>10} {'other':>6} {'nothing':>8}   of {SHOPS}")
    for per_day, lag, share, leaks, days in CASES:
        found = outcome(days, lambda chance: day(chance, per_day, lag, share, leaks=leaks), lag)
        what = f"{per_day} visits a day, {share:.0%} go on after {lag:g} min" if lag else f"{per_day} visits a day, no way between"
        print(f"{what + (', each hears the other' if leaks else ''):54} {days:4} {found[0]:10} {found[1]:6} {found[2]:8}")


CASES = [
    (400, 10, 0.6, False, 14),
    (400, 20, 0.6, False, 14),
    (400, 10, 0.6, True, 14),
    (400, 10, 0.3, False, 14),
    (150, 10, 0.6, False, 14),
    (400, 10, 0.6, False, 28),
    (150, 10, 0.6, False, 28),
    (400, 0, 0.0, False, 14),
    (400, 0, 0.0, True, 14),
    (150, 0, 0.0, False, 28),
]


if __name__ == "__main__":
    main()
