"""Lifts of simulated campaigns: how often the interval holds the truth, and what is seen where nothing ran.

    PYTHONPATH=. python benchmarks/lift.py [--quick] [--seeds 100] [--first 0] [--street December]

Every row is a scenario: so many shops with and without the campaign, weeks before and days of it, on a street. How
often the interval holds the truth, bias and width are over seeds and true lifts of -10, 0, 5, 10 and 20 %. "false" is
how often a lift of nothing is called a rise or a fall (at most 10 %), "placebos" how often a placebo is. "detectable"
is the smallest lift promised beforehand, in the middle of seeds, and "seen" how often one of that size is called a rise
(80 %).
"""

import argparse
import statistics
import sys
import time
from typing import NamedTuple

from msgspec.structs import replace

from cloud.core import trial
from cloud.core.lift import Lift, Power
from tests.trade import USUAL_STREET, Street, compared

SHOPS = ((1, 1), (1, 2), (1, 3), (1, 5), (3, 10), (10, 30), (1, 0), (4, 0))
SPANS = ((4, 7), (8, 14), (8, 28), (12, 28))
LIFTS = (-0.1, 0.0, 0.05, 0.1, 0.2)
STREETS = {
    "usual": USUAL_STREET,
    "days that last, shops that drift": Street(fades=0.8, drift=0.006),
    "small shops, events": Street(size=80.0, events=0.02),
    "season": Street(season=0.04),
    "December": Street(december=0.08),
}


class Row(NamedTuple):
    """What came of a scenario, in shares."""

    holds: float
    bias: float
    width: float
    false: float
    placebos: float
    detectable: float
    seen: float


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--quick", action="store_true", help="few scenarios and seeds, in less than 40 s")
    ask.add_argument("--seeds", type=int, default=100)
    ask.add_argument("--first", type=int, default=0, help="the first of the seeds; others than those it was tuned on")
    ask.add_argument("--street", choices=STREETS, help="this one alone")
    asked = ask.parse_args()
    seeds = 40 if asked.quick else asked.seeds
    alone = "usual" if asked.quick else asked.street
    streets = {alone: STREETS[alone]} if alone else STREETS
    began = time.process_time()
    for name, street in streets.items():
        spans = ((8, 14),) if asked.quick else SPANS if street is USUAL_STREET else ((8, 28),)
        print(f"\nStreet: {name}\n")
        print("| exposed + control | weeks | days | 80 % holds | bias | width | false | placebos | detectable | seen |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for exposed, control in SHOPS:
            for weeks, days in spans:
                one = scenario(range(asked.first, asked.first + seeds), exposed, control, weeks, days, street)
                print(
                    f"| {exposed} + {control} | {weeks} | {days} | {one.holds:.0%} | {one.bias:+.1%} | {one.width:.0%} "
                    f"| {one.false:.0%} | {one.placebos:.0%} | {one.detectable:.0%} | {one.seen:.0%} |",
                    flush=True,
                )
    print(f"\n{seeds} seeds a row, {time.process_time() - began:.0f} s of CPU.")
    return 0


def scenario(seeds: range, exposed: int, control: int, weeks: int, days: int, street: Street) -> Row:
    size = (exposed, control, weeks, days)
    truths = [(LIFTS[seed % len(LIFTS)], seed) for seed in seeds]
    told = [(true, trial.result(compared(seed, *size, true, street))) for true, seed in truths]
    told = [(true, one) for true, one in told if one.lift.value is not None]
    nothing = [trial.result(compared(seed, *size, 0.0, street)) for seed in seeds]
    tried = sum(placebos.tried for one in nothing for placebos in (one.in_time, one.in_shops))
    called = sum(placebos.called for one in nothing for placebos in (one.in_time, one.in_shops))
    promised = [one for seed in seeds if (one := promise(seed, exposed, control, weeks, days, street)).detectable.value]
    least = statistics.median(one.detectable.value or 0.0 for one in promised)
    real = [trial.result(compared(seed, *size, least, street)) for seed in seeds]
    return Row(
        holds=statistics.mean((one.lift.low or 0.0) <= true <= (one.lift.high or 0.0) for true, one in told),
        bias=statistics.mean((one.lift.value or 0.0) - true for true, one in told),
        width=statistics.mean((one.lift.high or 0.0) - (one.lift.low or 0.0) for _, one in told),
        false=share(nothing, "rose") + share(nothing, "fell"),
        placebos=called / tried if tried else float("nan"),
        detectable=least,
        seen=share(real, "rose"),
    )


def share(told: list[Lift], outcome: str) -> float:
    known = [one for one in told if one.outcome != "unknown"]
    return statistics.mean(one.outcome == outcome for one in known)


def promise(seed: int, exposed: int, control: int, weeks: int, days: int, street: Street) -> Power:
    """What is promised from weeks without a campaign: those before, and as many days as it is to run."""
    before = compared(seed + 1_000_000, exposed, control, weeks + (days + 27) // 7, 0, 0.0, street)
    return trial.power(replace(before, begins=0), days)


if __name__ == "__main__":
    sys.exit(main())
