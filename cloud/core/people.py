"""People: devices to people, with the interval of the factor multiplied in.

The shop's factor `people_per_device` is 1.0 until someone counts by hand. Its interval and that of the device
estimate are multiplied end to end: wider than were the two independent, which nobody has shown they are.
"""

from msgspec.structs import replace

from agent.contract.report import Estimate
from cloud.core.calibration import Factor
from cloud.core.figures import Figure, Shop, undefined


def calibrated(shop: Shop, factor: Factor | None) -> Shop:
    """The shop with a factor somebody counted; as it is where nobody has."""
    if factor is None:
        return shop
    return replace(
        shop,
        people_per_device=factor.value,
        people_per_device_low=factor.low,
        people_per_device_high=factor.high,
        calibrated=True,
    )


def apply(estimate: Estimate | None, shop: Shop, coverage: float, definition: str) -> Figure:
    """People for an estimate of devices, null for None. `coverage` and `definition` are passed through."""
    if estimate is None:
        return undefined(coverage, definition)
    return Figure(
        value=estimate.devices * shop.people_per_device,
        low=estimate.low * shop.people_per_device_low,
        high=estimate.high * shop.people_per_device_high,
        coverage=coverage,
        definition=definition,
    )


def share(part: Figure, rest: Figure, shop: Shop, definition: str) -> Figure:
    """`part / (part + rest)`, null where undefined.

    The factor multiplies both alike, so it cancels and its interval is taken out again. The two device counts
    come from one estimator but different people, so each end takes the worse of both.
    """
    coverage = min(part.coverage, rest.coverage)
    if part.value is None or rest.value is None or part.value + rest.value <= 0:
        return undefined(coverage, definition)
    least, most = shop.people_per_device_low, shop.people_per_device_high
    value = part.value / (part.value + rest.value)
    low = _ratio((part.low or 0.0) / least, (rest.high or 0.0) / most, value)
    high = _ratio((part.high or 0.0) / most, (rest.low or 0.0) / least, value)
    return Figure(value=value, low=min(low, value), high=max(high, value), coverage=coverage, definition=definition)


def _ratio(part: float, rest: float, otherwise: float) -> float:
    return part / (part + rest) if part + rest > 0 else otherwise
