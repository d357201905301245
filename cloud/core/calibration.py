"""Calibration: the factor from phones to people, from people somebody counted at the door.

1. Compared are visits begun: people counted against devices that came, in the same spans, of which the sensors must
   have listened to `COMPLETE`. The factor is what the devices are to be multiplied by.
2. It has an 80 % interval. With three spans or more that comes from how they differ; with fewer from the chance in
   counting so few people and from the interval of the device count.
3. The error before and after is shown beside it. "After" is always of a span the factor was not fitted to (each left
   out in turn); with fewer than three spans there is no such figure, and it is null.
4. A factor applies forward from when it was made. History keeps its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import exp, sqrt
from typing import Literal

from msgspec import Struct

from cloud.core.figures import COMPLETE, Figure
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying

Z80 = 1.2816  # 10th and 90th percentile of the normal distribution
# 90th percentile of Student's t by degrees of freedom, 2 to 10; beyond, nearly the normal's.
_T90 = (1.886, 1.638, 1.533, 1.476, 1.440, 1.415, 1.397, 1.383, 1.372)
FEWEST = 3


Reason = Literal["unheard", "nobody", "no devices"]
REASONS: Mapping[Reason, Saying] = {
    "unheard": Saying(
        "The sensor did not listen all the time while you counted: count again while it shows a live number."
    ),
    "nobody": Saying("Nobody came in while you counted: count again when people come in."),
    "no devices": Saying("The sensor noticed no device come in while you counted: count again at a busier time."),
}


class CalibrationError(Refusal):
    """The counts give no factor: `reason` says why, and the message what to count."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(REASONS[reason])
        self.reason = reason


class Span(Struct, frozen=True, kw_only=True):
    """People counted at the door from `start` to `end` (UTC seconds), and the visits of devices begun then."""

    start: int
    end: int
    people: int
    devices: Figure


class Factor(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """People per device, valid from the UTC second `valid_from` on, with its 80 % interval and where it comes from.

    `error_before` and `error_after` are mean absolute errors as shares of the people counted, with the factor that held
    before and with this one; null where undefined.
    """

    valid_from: int
    value: float
    low: float
    high: float
    spans: int
    people: int
    source: str
    error_before: float | None
    error_after: float | None


def fit(spans: Sequence[Span], previous: float, valid_from: int, source: str) -> Factor:
    """The factor from `spans`; `previous` is the one that held, by which the devices are not multiplied.

    Ratio estimator (Cochran, Sampling Techniques, 6.3). Raises CalibrationError.
    """
    usable = [one for one in spans if heard(one)]
    people, devices = _totals(usable)
    if not usable:
        raise CalibrationError("unheard")
    if people < 1:
        raise CalibrationError("nobody")
    if devices <= 0:
        raise CalibrationError("no devices")
    value = people / devices
    relative = _relative_error(usable, value)
    return Factor(
        valid_from=valid_from,
        value=value,
        low=value * exp(-relative),
        high=value * exp(relative),
        spans=len(usable),
        people=people,
        source=source,
        error_before=_error((one, previous) for one in usable),
        error_after=_error(_left_out(usable)) if len(usable) >= FEWEST else None,
    )


def heard(span: Span) -> bool:
    """Whether the sensors listened to enough of the span to compare it with."""
    return span.devices.value is not None and span.devices.coverage >= COMPLETE


def _totals(spans: Sequence[Span]) -> tuple[int, float]:
    """People counted and devices begun, over all spans."""
    return sum(one.people for one in spans), sum(_devices(one) for one in spans)


def _devices(span: Span) -> float:
    return span.devices.value or 0.0


def _relative_error(spans: Sequence[Span], value: float) -> float:
    """Half the width of the 80 % interval of the factor's logarithm."""
    people, devices = _totals(spans)
    chance = 1 / people + _doubt(spans, devices) ** 2
    if len(spans) < FEWEST:
        return Z80 * sqrt(chance)
    count = len(spans)
    residuals = sum((one.people - value * _devices(one)) ** 2 for one in spans) / (count - 1)
    spread = residuals * count / people**2
    quantile = _T90[count - 3] if count - 3 < len(_T90) else Z80
    return max(quantile * sqrt(spread), Z80 / sqrt(people))


def _doubt(spans: Sequence[Span], devices: float) -> float:
    """Relative standard error of the device count, from its intervals; they share their error and are added."""
    width = sum((one.devices.high or 0.0) - (one.devices.low or 0.0) for one in spans)
    return width / (2 * Z80 * devices)


def _left_out(spans: Sequence[Span]) -> Iterable[tuple[Span, float]]:
    people, devices = _totals(spans)
    for one in spans:
        others = devices - _devices(one)
        if others > 0:
            yield one, (people - one.people) / others


def _error(pairs: Iterable[tuple[Span, float]]) -> float | None:
    errors = [abs(_devices(one) * factor - one.people) / one.people for one, factor in pairs if one.people > 0]
    return sum(errors) / len(errors) if errors else None


def in_force(factors: Iterable[Factor], second: int) -> Factor | None:
    """The newest factor that is valid at `second`; None before the first."""
    return max((one for one in factors if one.valid_from <= second), key=lambda one: one.valid_from, default=None)


def sentence(factor: Factor) -> Saying:
    """What the factor says, for a person."""
    people, low, high = (round(100 * one) for one in (factor.value, factor.low, factor.high))
    said = Saying(
        "100 devices stand for {people} people ({low} to {high}), by {counted} counted at the door",
        people=people,
        low=low,
        high=high,
        counted=factor.people,
    )
    if factor.error_before is None:
        return Saying("{said}.", said=said)
    if factor.error_after is None:
        return Saying("{said}: a count was {before:percent} off before.", said=said, before=factor.error_before)
    return Saying(
        "{said}: a count was {before:percent} off before and is {after:percent} off with it.",
        said=said,
        before=factor.error_before,
        after=factor.error_after,
    )
