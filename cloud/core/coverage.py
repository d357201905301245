"""Coverage: the share of the time that was listened to. Silence is not zero.

1. What should have been listened to is the time for which sensors were placed in the shop, sensor by sensor;
   a sensor that stands there and is silent was not listening. One that rests by plan need not listen: that time is
   not due.
2. What was listened to is never more than what was due: coverage is between 0 and 1, and 0 where nothing was due.
"""

from collections.abc import Iterable

from msgspec import Struct

from agent.contract.handover import SensorId
from cloud.core.figures import Shop


class Placement(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a sensor stood from `valid_from` until before `valid_to` (UTC seconds; None: still does)."""

    sensor: SensorId
    zone: str
    valid_from: int = 0
    valid_to: int | None = None

    def holds(self, second: int) -> bool:
        """Whether the sensor stood here at `second`."""
        return self.valid_from <= second and (self.valid_to is None or second < self.valid_to)


class PlacedShop(Struct, frozen=True, kw_only=True):
    """A shop and the sensors that stand or stood in it."""

    shop: Shop
    placements: list[Placement]


def expected_s(placements: Iterable[Placement], start: int, end: int) -> int:
    """Sensor-seconds of `start` to `end` in which a sensor was placed."""
    return sum(max(0, min(end, _until(one, end)) - max(start, one.valid_from)) for one in placements)


def share(listened_s: float, of_s: float) -> float:
    """`listened_s` as a share of `of_s`, between 0 and 1."""
    return min(1.0, max(0.0, listened_s / of_s)) if of_s > 0 else 0.0


def _until(placement: Placement, end: int) -> int:
    return end if placement.valid_to is None else placement.valid_to
