"""Unusual: visitors of a day so far, beside those of the same hours on the same weekday before.

1. Compared are hours listened to well enough, in `FEWEST` to `WEEKS` of the last weeks; no holidays, no day before the
   people per device were last calibrated, and none on which a radio was flooded.
2. Unusual is what differs from their median by the share asked for, with a range that does not reach it, lies outside
   all of them, and differs by more than chance would: `CHANCE` standard deviations, taken from the median absolute
   deviation (times 1.4826, as for a normal distribution). Square roots are compared: that of a Poisson number has the
   deviation 1/2, whatever its mean, which is the least there is.
3. It is usual again within `BACK` of that share.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from statistics import median

from cloud.core import calendar, so_far
from cloud.core.calendar import Span
from cloud.core.figures import COMPLETE, Figure, Period, Shop
from cloud.core.glossary import disclosed
from cloud.core.so_far import SoFar

WEEKS, FEWEST = 8, 4
FEWEST_HOURS = 2
CHANCE = 3.5  # of shops whose days differ by 10 to 30 %, 0.5 to 4 % of days are called so by chance, simulated
BACK = 0.8
USUAL_SO_FAR = "usual-so-far/1"
Beside = tuple[Figure, Figure, list[float]]


def beside(shop: Shop, day: SoFar, hours: Mapping[int, Period], factor_at: int = 0) -> Beside | None:
    """Visitors so far, what is usual, and the visitors of each week before; None where they cannot be compared.

    `hours` are by their start; `factor_at` is since when the people per device holds.
    """
    if len(day.hours) < FEWEST_HOURS or day.hours[0][0] < factor_at or calendar.holiday(shop, day.date):
        return None
    now = _visitors(day.hours, hours)
    if now is None:
        return None
    weeks = [one for n in range(1, WEEKS + 1) if (one := _week(shop, day, hours, n, factor_at)) is not None]
    past = [one.value for one in weeks if one.value is not None]
    if len(past) < FEWEST:
        return None
    usual = Figure(
        value=median(past),
        low=min(past),
        high=max(past),
        coverage=min(one.coverage for one in weeks),
        definition=USUAL_SO_FAR,
    )
    return disclosed(now), disclosed(usual), past


def is_unusual(now: Figure, past: Sequence[float], limit: float, *, fewer: bool) -> bool | None:
    """Whether so many are `fewer`, or else more, than usual by the share `limit`; None between yes and no."""
    value, usual = now.value or 0.0, median(past)
    beyond = usual - value if fewer else value - usual
    if beyond < BACK * limit * usual:
        return False
    roots = [math.sqrt(one) for one in past]
    middle = median(roots)
    deviation = max(1.4826 * median(abs(one - middle) for one in roots), 0.5)
    outside = (
        value < min(past) and (now.high or 0.0) < usual if fewer else value > max(past) and (now.low or 0.0) > usual
    )
    far = abs(math.sqrt(value) - middle) >= CHANCE * deviation
    return True if beyond >= limit * usual and outside and far else None


def _week(shop: Shop, day: SoFar, hours: Mapping[int, Period], weeks: int, factor_at: int) -> Figure | None:
    starts = so_far.weeks_before(shop, day.hours, weeks)
    if starts is None or starts[0] < factor_at or calendar.holiday(shop, day.date - timedelta(weeks=weeks)):
        return None
    told = [hours[start] for start in starts if start in hours]
    if len(told) < len(starts) or not all(one.open for one in told):
        return None
    return _visitors([(one.start, one.end) for one in told], hours)


def _visitors(spans: Sequence[Span], hours: Mapping[int, Period]) -> Figure | None:
    share = so_far.listened(spans, hours)
    told = [hours[start] for start, _ in spans if start in hours]
    if share is None or share < COMPLETE or any(one.flooded for one in told):
        return None
    found = so_far.visitors(told, share)
    return None if found.value is None else found
