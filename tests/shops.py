"""Shops in memory: a store made of reports, for tests of what reads one. Figures come from the real rollup."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from agent.contract import DwellDay, Estimate, Heard, Report, VisitsHour
from cloud.core import calendar, ledger, rollup
from cloud.core.calibration import Factor, Span, fit
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import Figure, OpeningHours, Period, SensorState, Shop
from cloud.core.ledger import Line
from cloud.core.rollup import Reading
from cloud.core.visits import SensorPrivacy
from cloud.store import Glance, Seen, Store, Wanted, migrate

ZONE = "Europe/Berlin"
SENSOR = "acme:door"
ALL_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
PLACED = [Placement(sensor=SENSOR, zone="door")]
CURVE = {8: 2, 9: 9, 10: 14, 11: 21, 12: 27.4, 13: 22, 14: 17, 15: 19, 16: 26, 17: 31, 18: 24, 19: 11, 20: 2}


def at(text: str, zone: str = ZONE) -> int:
    """UTC seconds of local wall time "2026-11-24 14:10"."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def a_shop(shop: str = "corner", **changes: object) -> Shop:
    told: dict[str, object] = {
        "tenant": "acme",
        "shop": shop,
        "name": "Corner Shop",
        "time_zone": ZONE,
        "hours": [OpeningHours(days=ALL_DAYS[:6], opens="09:00", closes="20:00")],
    }
    return Shop(**(told | changes))  # type: ignore[arg-type]


def a_sensor(state: str = "counting", sentence: str = "The sensor is counting.") -> SensorState:
    return SensorState(
        sensor=SENSOR,
        zone="door",
        online=state == "counting",
        last_report_at=None,
        last_window_start=None,
        missing_reports=0,
        state=state,
        sentence=sentence,
    )


@contextmanager
def a_store(folder: Path, shops: Iterable[PlacedShop]) -> Iterator[Store]:
    """A new database in `folder` that has these shops."""
    database = str(folder / "cloud.db")
    migrate(database)
    store = Store(database)
    store.apply_shops(shops)
    yield store
    store.close()


def reading(start: int, devices: float, listened_s: float = 300.0) -> Reading:
    def estimate(count: float) -> Estimate:
        return Estimate(devices=count, low=count * 0.93, high=count * 1.08)

    heard = Heard(
        listened_s=listened_s,
        frames=9,
        ignored=0,
        damaged=0,
        dropped=0,
        estimator="hybrid/1",
        flooded=False,
        present=estimate(devices * 3) if listened_s else None,
        inside=estimate(devices) if listened_s else None,
        outside=estimate(devices * 2) if listened_s else None,
    )
    return Reading(
        SENSOR, "0" * 16, start // 300, Report(window_start=start, window_s=300, clock="trusted", wifi=heard)
    )


def busy(start: int, end: int, zone: str = ZONE, scale: float = 1.0) -> list[Reading]:
    """A reading per window from `start` to before `end`, as full as a shop is at that time of day."""
    hours = {second: datetime.fromtimestamp(second, ZoneInfo(zone)).hour for second in range(start, end, 300)}
    return [reading(second, CURVE.get(hour, 0) * scale) for second, hour in hours.items()]


def at_rest(start: int, end: int) -> list[Reading]:
    """A reading per window from `start` to before `end` of a radio that rests by plan."""
    resting = [reading(second, 0, listened_s=0.0) for second in range(start, end, 300)]
    return [with_wifi(one, rested_s=300.0) for one in resting]


def with_wifi(one: Reading, **told: object) -> Reading:
    """The reading with something else told by its Wi-Fi radio."""
    assert one.report.wifi is not None
    return replace(one, report=replace(one.report, wifi=replace(one.report.wifi, **told)))


def an_hour(start: int, arrivals: int, visits: int, listened_s: float = 3600.0) -> VisitsHour:
    return VisitsHour(
        start=start,
        end=start + 3600,
        listened_s=listened_s,
        arrivals=arrivals,
        arrivals_scale=1,
        visits=visits,
        visits_scale=3,
    )


def a_dwell_day(end: int, devices: Iterable[int]) -> DwellDay:
    edges_s = [300, 900, 1800, 3600, 7200, 14400]
    return DwellDay(start=end - 86400, end=end, edges_s=edges_s, devices=list(devices), scale=2)


def visited(
    readings: Iterable[Reading], hours: Mapping[int, tuple[int, int]], stays: Mapping[int, list[int]] | None = None
) -> list[Reading]:
    """The readings as a sensor tells them that counts visits: each in the window that ends its hour, or its day.

    `hours`: (first arrivals, visits) by the hour's start; `stays`: devices by length of stay, by the day's end.
    """
    found = []
    for one in readings:
        end, told = one.report.window_start + 300, {}
        if end - 3600 in hours:
            told["visits"] = an_hour(end - 3600, *hours[end - 3600])
        if stays and end in stays:
            told["dwell"] = a_dwell_day(end, stays[end])
        found.append(with_wifi(one, **told))
    return found


def keeping(epsilon: float = 2.5, profile: str = "D24") -> SensorPrivacy:
    """What a sensor says that it keeps to."""
    return SensorPrivacy(profile=profile, epsilon=epsilon, longest_key_s=86400.0, panel="open")


def without(readings: Iterable[Reading], start: int, end: int) -> list[Reading]:
    """The readings but those of the windows from `start` to before `end`."""
    return [one for one in readings if not start <= one.report.window_start < end]


class Clock:
    """A time that tests set, in UTC seconds."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class MemoryStore:
    """What the API asks a store. `readings` and `sensors` are by shop id and may be changed at any time."""

    def __init__(self, *shops: Shop) -> None:
        self.known = list(shops)
        self.readings: dict[str, list[Reading]] = {}
        self.states: dict[str, list[SensorState]] = {shop.shop: [a_sensor()] for shop in shops}

    def shops(self, tenant: str | None = None) -> list[Shop]:
        return [shop for shop in self.known if tenant in {None, shop.tenant}]

    def shop(self, tenant: str, shop: str) -> Shop | None:
        return next((one for one in self.known if (one.tenant, one.shop) == (tenant, shop)), None)

    def periods(self, tenant: str, shop: str, grain: str, start: int, end: int) -> list[Period]:
        known = self.shop(tenant, shop)
        assert known is not None
        if grain == "hour":
            return self._rolled(known, start, end, lambda second: calendar.hour_at(known.time_zone, second))
        days = {calendar.day_at(known.time_zone, one.start) for one in self.periods(tenant, shop, "hour", start, end)}
        hours = self.periods(tenant, shop, "hour", start, end)
        return [
            rollup.total(known, *day, [one for one in hours if day[0] <= one.start < day[1]]) for day in sorted(days)
        ]

    def windows(self, tenant: str, shop: str, start: int, end: int) -> list[Period]:
        known = self.shop(tenant, shop)
        assert known is not None
        return self._rolled(known, start, end, lambda second: (second, second + 300))

    def reports(self, tenant: str, shop: str, start: int, end: int) -> list[Reading]:
        return [one for one in self.readings.get(shop, []) if start <= one.report.window_start < end]

    def panel_reports(self, tenant: str, shop: str, start: int, end: int) -> list[Reading]:
        return self.reports(tenant, shop, start, end)

    def seen(self, tenant: str, shop: str, now: int, wanted: Wanted) -> Seen:
        return Seen(
            hours=[one for span in wanted.hours for one in self.periods(tenant, shop, "hour", *span)],
            windows=[one for span in wanted.windows for one in self.windows(tenant, shop, *span)],
            latest=self.latest_window(tenant, shop),
            sensors=self.sensors(tenant, shop, now),
            panel=self.reports(tenant, shop, *wanted.panel),
        )

    def glances(self, tenant: str, now: int) -> list[Glance]:
        days = {shop.shop: calendar.day_at(shop.time_zone, now) for shop in self.shops(tenant)}
        return [
            Glance(
                shop,
                next(iter(self.periods(tenant, shop.shop, "day", *days[shop.shop])), None),
                self.latest_window(tenant, shop.shop),
                self.sensors(tenant, shop.shop, now),
            )
            for shop in self.shops(tenant)
        ]

    def lines(self, tenant: str, shops: Iterable[str], start: int, end: int) -> dict[str, list[Line]]:
        return {one: self._lines(tenant, one, start, end) for one in shops}

    def _lines(self, tenant: str, shop: str, start: int, end: int) -> list[Line]:
        known = self.shop(tenant, shop)
        assert known is not None
        days = self.periods(tenant, shop, "day", start, end)
        return [ledger.line(known, day, self.periods(tenant, shop, "hour", day.start, day.end)) for day in days]

    def placements(self, tenant: str, shop: str) -> list[Placement]:
        return PLACED

    def latest_window(self, tenant: str, shop: str) -> Period | None:
        known = self.shop(tenant, shop)
        assert known is not None
        last = max((one.report.window_start for one in self.readings.get(shop, [])), default=None)
        return None if last is None else self.windows(tenant, shop, last, last + 300)[0]

    def factored(self, tenant: str) -> Callable[[str, int], Shop | None]:
        return lambda shop, second: self.shop(tenant, shop)

    def factors(self, tenant: str, shop: str) -> list[Factor]:
        visits = Figure(value=20.0, low=18.0, high=22.0, coverage=1.0, definition="visitors/2")
        return [fit([Span(start=0, end=3600, people=30, devices=visits)], 1.0, 0, "taps")]

    def sensors(self, tenant: str, shop: str, now: int) -> list[SensorState]:
        return self.states[shop]

    def _rolled(self, shop: Shop, start: int, end: int, span_at: Callable[[int], tuple[int, int]]) -> list[Period]:
        groups: dict[tuple[int, int], list[Reading]] = {}
        for one in self.readings.get(shop.shop, []):
            if start <= one.report.window_start < end:
                groups.setdefault(span_at(one.report.window_start), []).append(one)
        return [rollup.period(shop, *span, PLACED, group) for span, group in sorted(groups.items())]
