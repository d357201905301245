"""Facts: what a shop's papers are about - the shop, who answers for it, and what its sensors keep to.

1. What a sensor keeps to is what it last told (`Health`). One that has told nothing makes an error, unless somebody
   says what to assume, and the papers say so.
2. Where sensors differ the papers tell the loosest: the longest key, the farthest reach. What one device can spend of
   its privacy adds up over the sensors that hear it.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import UNSET, Struct

from agent.contract import Health
from agent.contract.report import WindowLength
from cloud.config import Controller
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import Shop
from cloud.paperwork.radius import sensed_radius_m
from cloud.store.sensors import Told

Profile = Literal["F5", "D24"]
LONGEST_WINDOW_S: int = get_args(WindowLength)[1].le  # the contract's bound: no count key lives longer
LONGEST_EPOCH_S = 86_400
RADIOS = ("wifi", "ble")
_ASSUME = "--assume: write F5,DBM or D24,DBM,EPSILON, such as F5,-90 or D24,-90,2.5."


class PaperworkError(Exception):
    """A paper cannot be made. The message says what is missing and where to add it."""


class Assumed(Struct, frozen=True):
    """What is said of a sensor that has not told yet."""

    profile: Profile
    outside_dbm: int
    epsilon: float


class Sense(Struct, frozen=True, kw_only=True):
    """One sensor and what it keeps to. `told_at`: when it said so (UTC seconds), None where it is assumed.

    `held_since`: start of the oldest window the cloud holds of it.
    """

    sensor: str
    zone: str
    profile: Profile
    outside_dbm: int
    inside_dbm: int | None
    longest_key_s: float
    epsilon: float
    radios: tuple[str, ...]
    site: str | None
    opt_outs: int | None
    told_at: int | None
    held_since: int | None


class Facts(Struct, frozen=True, kw_only=True):
    """What the papers of a shop rest on. `at`: when they were made (UTC seconds)."""

    shop: Shop
    controller: Controller
    sensors: list[Sense]
    at: int

    @property
    def profile(self) -> Profile:
        """D24 where any sensor has it."""
        return "D24" if any(one.profile == "D24" for one in self.sensors) else "F5"

    @property
    def assumed(self) -> bool:
        """Whether any of it was assumed and not told."""
        return any(one.told_at is None for one in self.sensors)

    @property
    def outside_dbm(self) -> int:
        """The lowest threshold, which reaches farthest."""
        return min(one.outside_dbm for one in self.sensors)

    @property
    def radius_m(self) -> tuple[int, int]:
        """Metres from which phones are heard: (through walls, in free sight)."""
        return sensed_radius_m(self.outside_dbm)

    @property
    def epsilon(self) -> float:
        """The most that one device heard by all sensors can spend of its privacy in a day."""
        return sum(one.epsilon for one in self.sensors)

    @property
    def longest_key_s(self) -> float:
        """The longest life of any key."""
        return max(one.longest_key_s for one in self.sensors)

    @property
    def window_s(self) -> float:
        """The longest a device whose address changes can be recognised."""
        return self.longest_key_s if self.profile == "F5" else float(LONGEST_WINDOW_S)

    @property
    def radios(self) -> list[str]:
        """The radios that listen, of RADIOS."""
        return [kind for kind in RADIOS if any(kind in one.radios for one in self.sensors)]

    @property
    def held_since(self) -> int | None:
        """Start of the oldest window held; None before the first."""
        return min((one.held_since for one in self.sensors if one.held_since is not None), default=None)


def assumption(text: str) -> Assumed:
    """What `--assume` says. Raises PaperworkError."""
    profile, *numbers = text.split(",")
    try:
        dbm, epsilon = (int(numbers[0]), float(numbers[1]) if profile == "D24" else 0.0)
    except (IndexError, ValueError):
        raise PaperworkError(_ASSUME) from None
    if len(numbers) != 1 + (profile == "D24") or not -127 <= dbm <= 0 or not 0 <= epsilon <= 10:
        raise PaperworkError(_ASSUME)
    if profile == "F5":
        return Assumed("F5", dbm, 0.0)
    if profile == "D24":
        return Assumed("D24", dbm, epsilon)
    raise PaperworkError(_ASSUME)


def placed_now(shop: PlacedShop, now: int) -> list[Placement]:
    """The sensors that stand in the shop at `now`. Raises PaperworkError where there is none."""
    found = [one for one in shop.placements if one.holds(now)]
    if not found:
        raise PaperworkError(
            f"No sensor stands in the shop {shop.shop.shop} now: claim one or list one in its `sensors`."
        )
    return found


def gather(
    shop: PlacedShop, controller: Controller, told: Mapping[str, Told], now: int, assumed: Assumed | None = None
) -> Facts:
    """The facts of a shop at UTC second `now`; `told` by sensor. Raises PaperworkError naming who has not told."""
    sensors: list[Sense] = []
    silent: list[str] = []
    for placement in placed_now(shop, now):
        if (one := _sense(placement, told[placement.sensor])) is not None:
            sensors.append(one)
        elif assumed is not None:
            sensors.append(_assume(placement, assumed))
        else:
            silent.append(placement.sensor)
    if silent:
        raise PaperworkError(
            f"It is not known yet what the sensors of this shop keep to: {', '.join(silent)} sent no health with "
            "privacy settings. Start them and try again in a minute, or say what is planned: --assume D24,-90,2.5."
        )
    return Facts(shop=shop.shop, controller=controller, sensors=sensors, at=now)


def _sense(placement: Placement, told: Told) -> Sense | None:
    health: Health | None = told.health
    if health is None or health.privacy is UNSET:
        return None
    keeps = health.privacy
    return Sense(
        sensor=placement.sensor,
        zone=placement.zone,
        profile=health.profile,
        outside_dbm=keeps.outside_dbm,
        inside_dbm=keeps.inside_dbm,
        longest_key_s=keeps.longest_key_s,
        epsilon=keeps.epsilon,
        radios=tuple(one.radio for one in health.radios),
        site=keeps.site,
        opt_outs=keeps.opt_outs,
        told_at=told.health_at,
        held_since=told.held_since,
    )


def _assume(placement: Placement, assumed: Assumed) -> Sense:
    """Both radios and the longest key of the profile: what is not said is taken as the most there can be."""
    return Sense(
        sensor=placement.sensor,
        zone=placement.zone,
        profile=assumed.profile,
        outside_dbm=assumed.outside_dbm,
        inside_dbm=None,
        longest_key_s=LONGEST_EPOCH_S if assumed.profile == "D24" else LONGEST_WINDOW_S,
        epsilon=assumed.epsilon,
        radios=RADIOS,
        site=None,
        opt_outs=None,
        told_at=None,
        held_since=None,
    )
