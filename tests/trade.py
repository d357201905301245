"""Trade: shops with a known lift, simulated day by day, to see what is made of them.

Shops differ in size and in their weekdays, share weather and season, each by its own share, drift apart slowly, have
good and bad days that last, and are counted with chance and with a sensor's error. Days are missing, one by one and in
outages; Sundays are closed, and two dates are holidays.
"""

from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.random import Generator, default_rng

from cloud.core.calibration import Factor
from cloud.core.cohort import Cohort, ShopDays
from cloud.core.contrast import Grid

MONDAY = date(2026, 3, 2)
USUAL = np.log([0.8, 0.8, 0.85, 0.9, 1.15, 1.5, 0.7])


class Street(NamedTuple):
    """How shops behave. Spreads are of logarithms: 0.1 is about 10 %; `fades` is what a day takes on from the last."""

    size: float = 250.0  # visitors a day, in the middle of shops
    sizes: float = 0.7
    weekdays: float = 0.1
    weather: float = 0.12
    loading: float = 0.25  # how unlike shops take the weather
    season: float = 0.01  # a week, of all shops
    december: float = 0.0  # by how much all shops rise each week once the campaign has begun
    drift: float = 0.004  # a week, of each shop
    days: float = 0.08
    fades: float = 0.5
    sensor: float = 0.05
    gap: float = 0.03
    outage: float = 0.2
    events: float = 0.0  # a week: something that changes one shop by a fifth for a week


USUAL_STREET = Street()


def compared(
    seed: int, exposed: int, control: int, weeks: int, days: int, lift: float, street: Street = USUAL_STREET
) -> Cohort:
    """Shops of which the first `exposed` have a `lift` in the last `days`, after `weeks` without."""
    rng = default_rng(seed)
    shops, begins = exposed + control, weeks * 7
    logs = _usual(rng, shops, begins, days, street)
    logs[:exposed, begins:] += np.log1p(lift)
    counted = rng.poisson(np.exp(logs)) * np.exp(rng.normal(-(street.sensor**2) / 2, street.sensor, logs.shape))
    due = np.ones(logs.shape, dtype=bool)
    due[:, np.arange(logs.shape[1]) % 7 == 6] = False
    due[:, rng.integers(0, logs.shape[1], 2)] = False
    known = due & ~_missing(rng, logs.shape, street)
    return Cohort(
        metric="visitors",
        first=MONDAY,
        begins=begins,
        shops=[
            ShopDays(
                shop=f"shop-{n}",
                name=f"Shop {n}",
                exposed=n < exposed,
                values=[float(one) if there else None for one, there in zip(counted[n], known[n], strict=True)],
                due=due[n].tolist(),
            )
            for n in range(shops)
        ],
    )


def a_factor(valid_from: int, value: float) -> Factor:
    """People per device since a UTC second."""
    return Factor(
        valid_from=valid_from, value=value, low=value, high=value, spans=1, people=9, source="taps", error_before=None,
        error_after=None,
    )  # fmt: skip


def _usual(rng: Generator, shops: int, begins: int, days: int, street: Street) -> Grid:
    at = np.arange(begins + days)
    weeks = (at - begins) / 7
    logs = rng.normal(np.log(street.size), street.sizes, (shops, 1)) + np.zeros((1, len(at)))
    logs += (USUAL + rng.normal(0, street.weekdays, (shops, 7)))[:, at % 7]
    logs += _lasting(rng, 1, len(at), street.weather, 0.5) * (1 + rng.normal(0, street.loading, (shops, 1)))
    logs += (rng.normal(0, street.season) + rng.normal(0, street.drift, (shops, 1))) * weeks
    logs += np.log1p(street.december) * np.maximum(weeks, 0)
    logs += _lasting(rng, shops, len(at), street.days, street.fades)
    for shop in range(shops):
        for _ in range(rng.poisson(street.events * len(at) / 7)):
            start = rng.integers(0, len(at))
            logs[shop, start : start + 7] += rng.choice([-0.2, 0.2])
    return np.asarray(logs)


def _lasting(rng: Generator, rows: int, days: int, spread: float, fades: float) -> Grid:
    """Noise of that spread of which each day takes on `fades` of the last."""
    fresh = rng.normal(0, spread * np.sqrt(1 - fades**2), (rows, days))
    found = np.empty((rows, days))
    last = rng.normal(0, spread, rows)
    for day in range(days):
        last = found[:, day] = fades * last + fresh[:, day]
    return found


def _missing(
    rng: Generator, shape: tuple[int, ...], street: Street
) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    missing = rng.random(shape) < street.gap
    for shop in range(shape[0]):
        if rng.random() < street.outage:
            start = rng.integers(0, shape[1])
            missing[shop, start : start + rng.integers(3, 10)] = True
    return missing
