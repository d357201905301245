"""Rule: what a shop wants to be told of, and from when on.

1. Where a shop has said nothing, the default is in force: sensors and coverage are watched, a capacity too where the
   shop has one, quiet and busy days are not.
2. What `limit` means depends on the kind: people (null: the shop's capacity), a share of the usual (0.3: 30 % more or
   fewer), a share of the time. A sensor's state has no limit.
"""

from msgspec import Struct

from cloud.core.alerts import OF_SENSORS, Kind
from cloud.core.fall import TOGETHER_S
from cloud.core.figures import COMPLETE, Shop
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying

MOST_HOLD_S = 86_400
_LIMITS = {"over-capacity": (1.0, 100_000.0), "quiet": (0.05, 0.95), "busy": (0.05, 10.0), "coverage-low": (0.1, 1.0)}


class RuleWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What somebody wants a rule to be; null for `limit` and `hold_s` is the default."""

    on: bool
    limit: float | None = None
    hold_s: int | None = None


class Rule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Tell of `kind`, if `on`, once it is beyond `limit` for `hold_s` seconds."""

    kind: Kind
    on: bool
    limit: float | None
    hold_s: int


def in_force(shop: Shop, kind: Kind, wanted: RuleWanted | None) -> Rule:
    """The rule of a shop that wants so; null: that has said nothing."""
    usual = _usual(shop, kind)
    if wanted is None:
        return usual
    limit = usual.limit if wanted.limit is None else wanted.limit
    hold_s = usual.hold_s if wanted.hold_s is None else wanted.hold_s
    watched = wanted.on and (kind != "over-capacity" or limit is not None)  # a capacity may be taken from the shop
    return Rule(kind=kind, on=watched, limit=limit, hold_s=hold_s)


def checked(shop: Shop, kind: Kind, wanted: RuleWanted) -> RuleWanted:
    """What somebody sent, if it can be a rule of the shop. Raises Refusal."""
    _check_limit(kind, wanted.limit)
    least = TOGETHER_S if kind in OF_SENSORS else 0
    if wanted.hold_s is not None and not least <= wanted.hold_s <= MOST_HOLD_S:
        raise Refusal(
            Saying("hold_s is {n}: send {least} to {most} seconds.", n=wanted.hold_s, least=least, most=MOST_HOLD_S)
        )
    if kind == "over-capacity" and wanted.on and in_force(shop, kind, wanted).limit is None:
        raise Refusal(Saying("limit is missing: send the most people the shop may hold, or set its capacity."))
    return wanted


def _usual(shop: Shop, kind: Kind) -> Rule:
    match kind:
        case "over-capacity":
            limit = None if shop.capacity is None else float(shop.capacity)
            return Rule(kind=kind, on=limit is not None, limit=limit, hold_s=600)
        case "quiet" | "busy":
            return Rule(kind=kind, on=False, limit=0.3, hold_s=3600)
        case "coverage-low":
            return Rule(kind=kind, on=True, limit=COMPLETE, hold_s=900)
        case "sensor-silent":
            return Rule(kind=kind, on=True, limit=None, hold_s=900)
        case _:
            return Rule(kind=kind, on=True, limit=None, hold_s=600)


def _check_limit(kind: Kind, limit: float | None) -> None:
    if limit is None:
        return
    if kind not in _LIMITS:
        raise Refusal(Saying("limit: a sensor's state has none, leave it out."))
    least, most = _LIMITS[kind]
    if kind == "over-capacity" and not (least <= limit <= most and limit == int(limit)):
        raise Refusal(Saying("limit: send a whole number of people from {least} to {most}.", least=least, most=most))
    if not least <= limit <= most:
        raise Refusal(
            Saying("limit is {n:.2f}: send a share from {least:.2f} to {most:.2f}.", n=limit, least=least, most=most)
        )
