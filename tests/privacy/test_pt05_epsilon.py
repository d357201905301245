"""PT-5: the figures of a day tell of any one device no more than its budget. An audit from outside.

Two epochs, alike but for one device that comes ten times, go through the panel and then through the noise, over and
over. Whatever an observer may look for in the figures happens with probability p in one epoch and p' in the other, and
then epsilon is at least ln(p / p'). We look at every figure, at the difference of any two, and at how far all of them
together lie towards the device; of each at every value near and at every threshold. The limits of p and p' are those of
Clopper & Pearson (1934), for all looks together (Bonferroni). The largest such lower limit is what can be proven of
epsilon: above the claim, the claim is false; far below it, the audit is weak.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import combinations
from math import exp, inf, isqrt, lgamma, log, log1p
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from agent.core.noise import (
    ARRIVALS_EPSILON,
    DWELL_EPSILON,
    EPSILON,
    VISITS_EPSILON,
    Day,
    Hour,
    noised_day,
    noised_hour,
)
from agent.core.visits import Guest, Panel
from tests.privacy.proof import Proof, check

Figures = npt.NDArray[
    np.int16
]  # one row per run: arrivals of three hours, visits of three hours, seven lengths of stay
Truths = tuple[list[int], list[int]]
HOURS, STAYS = 3, 7
AUDITS = {  # which figures the observer has, and the claim
    "arrivals": (range(HOURS), ARRIVALS_EPSILON),
    "visits": (range(HOURS, 2 * HOURS), VISITS_EPSILON),
    "hours": (range(2 * HOURS), ARRIVALS_EPSILON + VISITS_EPSILON),
    "stays": (range(2 * HOURS, 2 * HOURS + STAYS), DWELL_EPSILON),
    "day": (range(2 * HOURS + STAYS), EPSILON),
}
REACH = 9  # how far from the true value we look
DOUBT = 1e-4  # the probability that any limit of one audit is wrong
PARTS = 8


class Epoch(NamedTuple):
    """True counts, as the panel gives them."""

    hours: tuple[Hour, ...]
    day: Day

    @property
    def figures(self) -> list[int]:
        return [*(one.arrivals for one in self.hours), *(one.visits for one in self.hours), *self.day.devices]


class Pair(NamedTuple):
    """The figures of many runs of two epochs, without the device and with it, and the true figures of each."""

    told: tuple[Figures, Figures]
    truths: Truths


class Limits(NamedTuple):
    """What the strongest event proves: epsilon is at least `low`. For that event alone it is at most `high`."""

    low: float
    high: float


class Uncapped(Panel):
    """A planted leak: visits of a device beyond the third count too."""

    def _recognise(self, guest: Guest) -> None:
        super()._recognise(guest)
        guest.visits = 1


def epoch(panel: Panel, others: int, device: bool) -> Epoch:
    """Three hours in which `others` come once, and the device, if there, ten times: two, four and four."""
    sightings = [(60.0 * tag + again, tag) for tag in range(1, others + 1) for again in (0, 60)]
    if device:
        sightings += [(2000.0 + 965 * visit + again, 0) for visit in range(10) for again in (0, 60)]
    hours = []
    for start in range(0, 3600 * HOURS, 3600):
        for at, tag in sorted(sightings):
            if start <= at < start + 3600:
                panel.hear(tag, at)
        panel.settle(start + 3600)
        hours.append(Hour(start, start + 3600, 3600.0, *panel.hour()))
    return Epoch(tuple(hours), Day(0, 3600 * HOURS, panel.day()))


def runs(true: Epoch, number: int, seed: int) -> Figures:
    """What leaves the sensor, `number` times."""
    below, told = Random(seed).randrange, np.empty((number, 2 * HOURS + STAYS), np.int16)
    for row in told:
        hours, day = [noised_hour(hour, below) for hour in true.hours], noised_day(true.day, below)
        row[:] = [*(one.arrivals for one in hours), *(one.visits for one in hours), *day.devices]
    return told


def observed(pool: ProcessPoolExecutor, others: int, number: int) -> Pair:
    epochs = [epoch(Panel(), others, device) for device in (False, True)]
    parts = [
        list(pool.map(runs, [one] * PARTS, [number // PARTS] * PARTS, range(first, first + PARTS)))
        for first, one in zip((1000 * others, 1000 * others + PARTS), epochs, strict=True)
    ]
    return Pair((np.concatenate(parts[0]), np.concatenate(parts[1])), (epochs[0].figures, epochs[1].figures))


def looks(told: Figures, truths: Truths, columns: range) -> Iterator[Figures]:
    """Numbers an observer may make of the figures; all are near 0 where the device is not, or as near where it is."""
    without, step = np.array(truths[0], np.int16), np.subtract(truths[1], truths[0]).astype(np.int16)
    moved = told - without
    for column in columns:
        yield moved[:, column]
    for one, other in combinations(columns, 2):
        yield moved[:, one] - moved[:, other]
    touched = [column for column in columns if step[column]]
    towards = moved[:, touched] * np.sign(step[touched])
    yield (towards - abs(step[touched])).min(axis=1)
    yield towards.max(axis=1)


def events(told: Figures, truths: Truths, columns: range) -> npt.NDArray[np.int64]:
    """How often each event was seen: of each look every value, every value or less, every value or more."""
    found = []
    for look in looks(told, truths, columns):
        at = np.bincount(np.clip(look, -REACH, REACH) + REACH, minlength=2 * REACH + 1)
        found += [at[1:-1], at.cumsum()[:-1], at[::-1].cumsum()[:-1]]
    return np.concatenate(found)


def tail(seen: int, of: int, p: float) -> float:
    """Probability of `seen` or more successes of `of`, where p <= seen / of; terms beyond 16 deviations are nothing."""
    further = np.arange(seen, min(of, seen + 8 * isqrt(of) + 50))
    ratios = np.cumprod((of - further) / (further + 1) * (p / (1 - p)))
    first = lgamma(of + 1) - lgamma(seen + 1) - lgamma(of - seen + 1) + seen * log(p) + (of - seen) * log1p(-p)
    return exp(first) * (1 + float(ratios.sum()))


def lowest(seen: int, of: int, doubt: float) -> float:
    """Clopper & Pearson's lower limit of a probability: where `seen` or more would have the probability `doubt`."""
    low, high = 0.0, seen / of
    for _ in range(50 if seen else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(seen, of, middle) < doubt else (low, middle)
    return low


def limits(more: int, less: int, of: int, doubt: float) -> Limits:
    """Of ln(p / p'), where the event was seen `more` times with p and `less` times with p'."""

    def ratio(above: float, below: float) -> float:
        return log(above / below) if above and below else (inf if above else -inf)

    low = ratio(lowest(more, of, doubt), 1 - lowest(of - less, of, doubt))
    return Limits(low, ratio(1 - lowest(of - more, of, doubt), lowest(less, of, doubt)))


def audit(pair: Pair, columns: range) -> Limits:
    """What the strongest of all events proves. Limits are worked out for the likeliest; they hold for all at once."""
    without, with_ = (events(told, pair.truths, columns) for told in pair.told)
    more, less = np.concatenate([with_, without]), np.concatenate([without, with_])
    promising = np.log((more + 0.5) / (less + 0.5)) - 5 * np.sqrt(1 / (more + 0.5) + 1 / (less + 0.5))
    best = np.argsort(promising)[-8:]
    doubt = DOUBT / (2 * len(more))
    return max(limits(int(more[event]), int(less[event]), len(pair.told[0]), doubt) for event in best)


def planted(pair: Pair, others: int) -> Iterator[tuple[str, Pair]]:
    """The same runs, with the same noise, of sensors that leak."""

    def leak(shape: Callable[[Figures, Figures], Figures], truths: Truths = pair.truths) -> Pair:
        one, other = (
            shape(np.array(leaky, np.int16), told - np.array(true, np.int16))
            for leaky, told, true in zip(truths, pair.told, pair.truths, strict=True)
        )
        return Pair((one, other), truths)

    def reused(true: Figures, drawn: Figures) -> Figures:
        visits = drawn[:, HOURS : 2 * HOURS]
        return (true + np.hstack([visits, visits, drawn[:, 2 * HOURS :]])).astype(np.int16)

    yield "noise halved", leak(lambda true, drawn: true + drawn // 2)
    uncapped = epoch(Uncapped(), others, device=False).figures, epoch(Uncapped(), others, device=True).figures
    yield "no cap", leak(lambda true, drawn: true + drawn, uncapped)
    yield "threshold before noise", leak(lambda true, drawn: np.where(true < 5, 0, true + drawn))
    yield "noise clamped by the count", leak(lambda true, drawn: true + np.clip(drawn, -true, true))
    yield "one noise for two figures", leak(reused)


def worst(pair: Pair) -> tuple[float, str]:
    """By how many times a claim is exceeded, and how that reads."""
    exceeded = []
    for name, (columns, claim) in AUDITS.items():
        low = audit(pair, columns).low
        exceeded.append((low / claim, f"{name} {low:.1f} ({claim})"))
    return max(exceeded)


def prove(folder: Path, *, full: bool) -> Proof:
    number, strong = (1_000_000, 0.8) if full else (8000, 0.5)
    with ProcessPoolExecutor(2) as pool:
        shops = {others: observed(pool, others, number) for others in (0, 4)}
    found = {name: [audit(shop, columns) for shop in shops.values()] for name, (columns, _) in AUDITS.items()}
    shares = {name: max(found[name]).low / claim for name, (_, claim) in AUDITS.items()}
    leaks = {name: worst(leaky) for name, leaky in planted(shops[4], 4)}
    return Proof(
        "PT-5",
        f"one device can spend no more than epsilon {EPSILON} of its privacy at a sensor in a day",
        f"{number:,} runs of each of four epochs; epsilon found (claimed): "
        + ", ".join(
            f"{name} {max(found[name]).low:.3f} to {max(found[name]).high:.3f} ({claim})"
            for name, (_, claim) in AUDITS.items()
        ),
        max(shares.values()) <= 1,
        f"the audit finds at least {min(shares.values()):.0%} of what is there; "
        + ", ".join(f"{name}: {text}" for name, (_, text) in leaks.items()),
        min(shares.values()) >= strong and all(times > 1 for times, _ in leaks.values()),
    )


def test_a_device_spends_no_more_than_its_budget(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))


def test_ten_visits_of_a_device_change_the_true_figures_by_what_the_noise_covers() -> None:
    for others in (0, 4):
        without, with_ = (np.array(epoch(Panel(), others, device).figures) for device in (False, True))
        changed = abs(with_ - without)
        assert (changed[:HOURS].sum(), changed[HOURS : 2 * HOURS].sum(), changed[2 * HOURS :].sum()) == (1, 3, 1)


def test_the_limits_are_clopper_and_pearsons() -> None:
    """Where they have a closed form, and in the table of their paper's usual example, 5 of 10."""
    assert abs(lowest(10, 10, 0.025) - 0.025**0.1) < 1e-9
    assert lowest(0, 10, 0.025) == 0
    assert abs(lowest(1, 1000, 1e-6) - (1 - (1 - 1e-6) ** 0.001)) < 1e-15
    assert abs(lowest(5, 10, 0.025) - 0.187086) < 1e-6
