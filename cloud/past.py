"""Past: what the demo's shops counted and sold in the weeks before it began, so that there is something to compare.

1. It comes from the same simulated street, person by person; but no frame is made of it: a window's count is the truth,
   off by as much as the estimator is on recordings, with the interval that it would state.
2. The oldest day comes first: from the nights before a day its background is learnt, so no hour is computed twice.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from math import exp
from random import Random

from agent.contract import Estimate, Heard, Report, encode
from agent.radio import street
from agent.radio.street import Person, Profile
from cloud.core import calendar
from cloud.core.till import Sale
from cloud.core.today import WINDOW_S
from cloud.store import Reports
from cloud.store.delivery import Row

DAYS = 91
_OFF = 0.08  # of a window's count, one standard deviation of its logarithm
_SILENT_S = 120.0  # between two bursts of a phone, on average
_HALF = 1.2816  # standard deviations of half an 80 % interval
_WEEK = (0.85, 0.9, 0.95, 1.0, 1.1, 1.35, 0.8)  # Monday to Sunday
_BUYS, _ITEMS, _PRICE = 0.3, 2.1, 9.5  # share of visitors, items of a receipt, price of an item


def on(profile: Profile, day: date, lift: float = 0.0) -> Profile:
    """The street as full as it is on that day of the week, and by so much fuller."""
    return profile._replace(visitors_per_day=round(profile.visitors_per_day * _WEEK[day.weekday()] * (1 + lift)))


def reports(profile: Profile, sensor: str, day: date, until: float, lift: float = 0.0) -> Reports:
    """What a sensor would have told of a local day, up to `until` (UTC seconds): a life of its own."""
    start, end = calendar.day_of(profile.time_zone, day)
    everyone = street.people(on(profile, day, lift), day)
    rng = Random(f"{profile.seed}/{day}/off")
    inside, outside = (_heard(everyone, start, end, rng, inside=one) for one in (True, False))
    epoch, windows = f"{day.toordinal():016x}", range(start, min(end, int(until)), WINDOW_S)
    tenant, _, name = sensor.partition(":")
    rows: list[Row] = [
        (tenant, name, epoch, n + 1, window, WINDOW_S, end, encode(_report(window, inside[n], outside[n], rng)))
        for n, window in enumerate(windows)
    ]
    return Reports(tenant, name, epoch, 1, len(rows), rows, [])


def sales(profile: Profile, day: date, until: float, lift: float = 0.0) -> list[Sale]:
    """What the till sold in the hours of the day that end by `until` (UTC seconds)."""
    rng = Random(f"{profile.seed}/{day}/till")
    visitors = [
        one for one in street.people(on(profile, day, lift), day) if one.inside and one.leaves - one.arrives < 6000
    ]
    by_hour: dict[tuple[int, int], list[int]] = {}
    for one in visitors:
        hour = calendar.hour_at(profile.time_zone, int(one.leaves))
        by_hour.setdefault(hour, [])
        if rng.random() < _BUYS:
            by_hour[hour].append(1 + int(rng.expovariate(1 / (_ITEMS - 1)) + 0.5))
    return [
        Sale(
            hour=start,
            source="demo",
            transactions=len(receipts),
            items=sum(receipts),
            net_sales=round(sum(receipts) * _PRICE * exp(rng.gauss(0, 0.1)), 2),
        )
        for (start, end), receipts in sorted(by_hour.items())
        if end <= until
    ]


def days(last: date) -> Iterator[date]:
    """The days up to `last`, the oldest first."""
    return (last - timedelta(days=n) for n in range(DAYS, -1, -1))


def _heard(everyone: list[Person], start: int, end: int, rng: Random, *, inside: bool) -> list[int]:
    """Devices heard, by window: who is near for a moment may say nothing meanwhile."""
    found = [0] * ((end - start) // WINDOW_S)
    for one in everyone:
        if one.inside == inside:
            first = max(0, int(one.arrives - start) // WINDOW_S)
            last = min(len(found) - 1, int(one.leaves - start) // WINDOW_S)
            for window in range(first, last + 1):
                near_s = min(one.leaves - start, (window + 1) * WINDOW_S) - max(one.arrives - start, window * WINDOW_S)
                found[window] += rng.random() < 1 - exp(-near_s / _SILENT_S)
    return found


def _report(window: int, inside: int, outside: int, rng: Random) -> Report:
    heard = Heard(
        listened_s=float(WINDOW_S),
        frames=9 * (inside + outside),
        ignored=0,
        damaged=0,
        dropped=0,
        estimator="past-1",
        flooded=False,
        present=_estimate(inside + outside, rng),
        inside=_estimate(inside, rng),
        outside=_estimate(outside, rng),
    )
    return Report(window_start=window, window_s=WINDOW_S, clock="trusted", wifi=heard)


def _estimate(truth: int, rng: Random) -> Estimate:
    devices = truth * exp(rng.gauss(0, _OFF))
    wide = exp(_HALF * _OFF)
    return Estimate(devices=round(devices, 2), low=round(devices / wide, 2), high=round(devices * wide, 2))
