"""Ranges: what may be said of two figures, given how far each can be trusted.

1. Figures whose ranges have a number in common are not told apart (`cloud.core.compared.overlap`).
2. A change is told only of two complete figures that devices became people for by the same factor: another factor is
   another measure. The factor multiplies both alike, so it cancels, and its range is taken out of the change's.
3. The rest of the two ranges is not: each end takes the worse of both.
"""

import math

from cloud.core.figures import COMPLETE, Figure, Shop

CHANGE = "change/1"


def whole(figure: Figure) -> tuple[int, int]:
    """The range in whole numbers, outward; nothing where there is none."""
    return math.floor(figure.low or 0.0), math.ceil(figure.high or 0.0)


def same_people(*shops: Shop) -> bool:
    """Whether devices become people by the same factor in all."""
    return len({_factor(one) for one in shops}) == 1


def change(now: Figure, was: Figure, shop: Shop) -> Figure | None:
    """`now / was - 1`, or None where they may not be compared. `shop` has the factor that both were made with."""
    if min(now.coverage, was.coverage) < COMPLETE:
        return None
    if now.value is None or now.low is None or now.high is None or not was.value or not was.low or not was.high:
        return None
    spread = shop.people_per_device_high / shop.people_per_device_low
    value = now.value / was.value - 1
    return Figure(
        value=value,
        low=min(value, now.low / was.high * spread - 1),
        high=max(value, now.high / was.low / spread - 1),
        coverage=min(now.coverage, was.coverage),
        definition=CHANGE,
    )


def _factor(shop: Shop) -> tuple[float, float, float, bool]:
    return shop.people_per_device, shop.people_per_device_low, shop.people_per_device_high, shop.calibrated
