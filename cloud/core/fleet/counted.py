"""Counted: whether sensors with new settings count otherwise than those that wait for them.

1. Of every sensor, devices per window after its release are compared with those of a span as long before it. What
   changed the street that day changed it for those that wait too, so that is taken off: only the difference counts.
2. A sensor speaks with the logarithm of its ratio, so that a large shop and a small one say the same thing alike; one
   device is added to both sides, for shops where nobody was.
3. The spread is that of the sensors that wait: what the settings do to the spread of the others must not hide it.
4. Too few sensors, or too few windows, say nothing, and that is said.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from msgspec import Struct

from cloud.core.saying import Saying

SIGMAS = 3.0
FEWEST_CHANGED, FEWEST_WAITING, FEWEST_WINDOWS = 5, 20, 6
MOST_SENSORS = 100  # on either side: more would be read for little
FINEST = 0.02  # of a logarithm: that so many sensors agree to within less is chance


class Shift(Struct, frozen=True, kw_only=True):
    """By which `share` more (or fewer) devices are counted, and how many standard errors that is; null: not known.

    `sentence` says from what.
    """

    share: float
    sigmas: float | None
    sentence: str


Counts = Mapping[str, tuple[Sequence[float], Sequence[float]]]  # by sensor: devices of windows before, and after


def shift(changed: Counts, waiting: Counts) -> Shift:
    """How the counts of the `changed` sensors have shifted beside those of the `waiting`."""
    those, others = _logs(changed), _logs(waiting)
    if len(those) < FEWEST_CHANGED or len(others) < FEWEST_WAITING:
        said = Saying(
            "Counts were not compared: {n} changed sensors and {m} that wait have told enough.",
            n=len(those),
            m=len(others),
        )
        return Shift(share=0.0, sigmas=None, sentence=said)
    difference = fmean(those) - fmean(others)
    spread = max(stdev(others), FINEST)
    sigmas = difference / (spread * math.sqrt(1 / len(those) + 1 / len(others)))
    share = math.expm1(difference)
    said = Saying(
        "{n} changed sensors count {p:percent} more devices than {m} that wait ({sigmas:.1f} standard errors).",
        n=len(those),
        p=share,
        m=len(others),
        sigmas=sigmas,
    )
    return Shift(share=share, sigmas=sigmas, sentence=said)


def _logs(counts: Counts) -> list[float]:
    return [
        math.log((1 + fmean(after)) / (1 + fmean(before)))
        for before, after in counts.values()
        if min(len(before), len(after)) >= FEWEST_WINDOWS
    ]
