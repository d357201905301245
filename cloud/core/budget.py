"""Budget: what the figures of a period cost one device in privacy, at most.

1. Of one sensor and day it is the larger of what the sensor says it may spend and what the scales of the noise it told
   amount to: the figures on the page are never called cheaper than they were.
2. Sensors noise each for itself. A device that two of them hear in a day spends both, so a shop's budget is the sum.
3. A phone with a steady address on Wi-Fi and one on Bluetooth is two devices, and each has this budget.
"""

from collections.abc import Iterable, Sequence

from msgspec import UNSET

from agent.contract import Health
from agent.contract.report import DwellDay, VisitsHour
from cloud.core import cells
from cloud.core.coverage import PlacedShop
from cloud.core.figures import SensorState
from cloud.core.rollup import Reading
from cloud.core.visits import Budget, Radio, SensorBudget, SensorPrivacy

VISITS_CAP = 3  # visits of a device and epoch that count: the contract's word, in VisitsHour
RADIOS: tuple[Radio, Radio] = ("wifi", "ble")
NOTE = (
    "Every sensor adds its own noise and has a budget of its own: a device that two sensors hear in a day spends both, "
    "and a new day has a new budget. A reset of the key gives none: no more visits are counted until the next day."
)


def privacy(health: Health | None) -> SensorPrivacy | None:
    """What a sensor's newest health says that it keeps to; None if it has said nothing of it."""
    if health is None or health.privacy is UNSET:
        return None
    told = health.privacy
    return SensorPrivacy(
        profile=health.profile, epsilon=told.epsilon, longest_key_s=told.longest_key_s, panel=told.panel
    )


def spent(hours: Iterable[VisitsHour], days: Iterable[DwellDay]) -> float:
    """Epsilon of a device whose panel told these, from the scales of the noise; 0 where none was told."""
    arrivals, visits, stays = 0.0, 0.0, 0.0
    for hour in hours:
        arrivals, visits = max(arrivals, 1 / hour.arrivals_scale), max(visits, VISITS_CAP / hour.visits_scale)
    for day in days:
        stays = max(stays, 1 / day.scale)
    return arrivals + visits + stays


def budget(placed: PlacedShop, states: Sequence[SensorState], readings: Sequence[Reading]) -> Budget:
    """The budget of the figures that these readings make, with what the sensors said of themselves."""
    said = {one.sensor: one.privacy for one in states}
    zones = {one.sensor: one.zone for one in placed.placements}
    there = sorted({one.sensor for one in states} | {one.sensor for one in readings})
    sensors = [_sensor(one, zones.get(one, ""), said.get(one), readings) for one in there]
    known = [one.epsilon for one in sensors if one.epsilon is not None]
    lives = [one.longest_key_s for one in sensors if one.longest_key_s is not None]
    return Budget(
        epsilon=max(known, default=None),
        epsilon_shop=sum(known) if sensors and len(known) == len(sensors) else None,
        longest_key_s=max(lives, default=None),
        key_reset=any(one.key_reset for one in sensors),
        sensors=sensors,
        note=NOTE,
    )


def _sensor(sensor: str, zone: str, said: SensorPrivacy | None, readings: Sequence[Reading]) -> SensorBudget:
    own = [one for one in readings if one.sensor == sensor]
    told = max(_spent(own, radio) for radio in RADIOS)
    epsilon = told if said is None else max(told, said.epsilon)
    return SensorBudget(
        sensor=sensor,
        zone=zone,
        profile="D24" if told else None if said is None else said.profile,
        epsilon=None if said is None and not told else epsilon,
        longest_key_s=None if said is None else said.longest_key_s,
        key_reset=any(one.report.key_reset is True for one in own),
    )


def _spent(readings: Sequence[Reading], radio: Radio) -> float:
    hours = [cell.told for cell in cells.of_hours(readings, radio)]
    return spent(hours, [cell.told for cell in cells.of_days(readings, radio)])
