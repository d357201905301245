"""Background: what is heard when nobody is there - the neighbours, a printer, the shop's own till.

1. It is learnt from the windows of the closed hours of the `DAYS` days before a day, and taken off every count of that
   day. A level below which a fifth of those windows lie is taken: on some evenings somebody cleans, and a louder night
   must not eat the day's visitors.
2. It is a function of the raw reports alone, like every figure: nothing is remembered that could not be computed again.
3. With fewer than `FEWEST` windows listened to nothing is known, and nothing is taken off.
4. A shop without opening hours is never closed: it has no background. Nor is anything learnt on a date on which none
   of its hours are in force: that nobody told is no proof that nobody came.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from agent.contract.report import Estimate
from cloud.core import calendar
from cloud.core.figures import Shop

DAYS = 14
FEWEST = 24  # windows: two hours of five-minute ones
LOW_PERCENTILE = 0.2
MARGIN_S = 3600  # staff come before the doors open and leave after they close


class Background(Struct, frozen=True):
    """Devices heard with nobody there, per zone, and the number of windows behind it."""

    inside: float = 0.0
    outside: float = 0.0
    windows: int = 0


class Backgrounds(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every sensor of a shop hears with nobody there, on one day."""

    by_sensor: dict[str, Background]


NONE = Background()


def span(shop: Shop, second: int) -> tuple[int, int]:
    """The UTC seconds from whose closed hours the background of the day of `second` is learnt."""
    start, _ = calendar.day_at(shop.time_zone, second)
    return start - DAYS * 86_400, start


def is_closed(shop: Shop, start: int, end: int) -> bool:
    """Whether the shop is closed from `start` to `end`, with a margin for the staff."""
    day = calendar.date_at(shop.time_zone, start)
    told = any(calendar.in_force(rule, day) for rule in shop.hours)
    return told and not calendar.is_open(shop, start - MARGIN_S, end + MARGIN_S)


def learn(pairs: Iterable[tuple[Estimate, Estimate]]) -> Background:
    """The background from (inside, outside) of closed windows."""
    known = list(pairs)
    if len(known) < FEWEST:
        return NONE
    inside, outside = zip(*((one.devices, other.devices) for one, other in known), strict=True)
    return Background(_low(inside), _low(outside), len(known))


def above(estimate: Estimate, level: float) -> Estimate:
    """The estimate without the background; never below zero."""
    low, middle, high = (max(0.0, x - level) for x in (estimate.low, estimate.devices, estimate.high))
    return Estimate(devices=middle, low=low, high=high)


def _low(values: Sequence[float]) -> float:
    return sorted(values)[int(LOW_PERCENTILE * (len(values) - 1))]
