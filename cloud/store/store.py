"""Store: what the cloud knows, and the only way to change it.

1. A method is one transaction: all of it happens or none. What `commit` has returned from survives a power
   cut.
2. Doing anything twice is doing it once.
3. Time is an argument. Errors are StoreError, one sentence for the operator.

Methods may be called from several threads; they take turns to write.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

from msgspec import Struct
from sqlalchemy import Connection, func, select

from agent.contract import Hello, Watermark, encode
from cloud.core import calendar, calibration, people, rollup
from cloud.core.calendar import Span
from cloud.core.calibration import Factor
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import Figure, Period, SensorState, Shop
from cloud.core.ledger import Line
from cloud.core.rollup import Reading
from cloud.store import engine, intake, ledgers, migration, places, raw, rollups, schema, sensors, shops
from cloud.store.delivery import Delivery, Quarantined, Said
from cloud.store.intake import Committed
from cloud.store.nights import Nights
from cloud.store.places import Places, ShopKey
from cloud.store.quarantine import Limits
from cloud.store.rollups import Rolled
from cloud.store.sensors import Told
from cloud.store.statements import compiled


class Wanted(Struct, frozen=True, kw_only=True):
    """Spans of UTC seconds: which hours and windows, and which reports on the panel."""

    hours: Sequence[Span]
    windows: Sequence[Span]
    panel: Span


class Seen(Struct, frozen=True, kw_only=True):
    """The hours and windows wanted, the newest of all (null: none yet), the sensors, and reports on the panel."""

    hours: list[Period]
    windows: list[Period]
    latest: Period | None
    sensors: list[SensorState]
    panel: list[Reading]


class Glance(Struct, frozen=True):
    """A shop as a list of many shows it: its local day so far, its newest window (null: none yet), and its sensors.

    `day` speaks of the whole day, so its coverage is of what is yet to come too.
    """

    shop: Shop
    day: Period | None
    latest: Period | None
    sensors: list[SensorState]


class Store:
    """The database at `database`, a SQLAlchemy URL or the path of a SQLite file, migrated before.

    Raises StoreTooNewError, StoreTooOldError, StoreError.
    """

    def __init__(self, database: str, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        self.database = database
        self._engine = engine.open_engine(database)
        migration.check(self._engine)
        self._sql = compiled(self._engine)
        self._known = Places()
        self._nights = Nights()
        self._limits = limits

    def close(self) -> None:
        """Give back the connections."""
        self._engine.dispose()

    def reading(self) -> AbstractContextManager[Connection]:
        """One consistent view, for the modules of this package that keep what people tell. Raises StoreError."""
        return engine.reading(self._engine)

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction that writes, for them. Raises StoreError."""
        return engine.writing(self._engine)

    def commit(self, deliveries: Sequence[Delivery], now: int) -> Committed:
        """Store what has arrived by UTC second `now`, in one transaction."""
        with engine.writing(self._engine) as db:
            known = self._known = places.current(db, self._known, "as it is")
            return intake.take(db, self._sql, known, deliveries, now, self._limits)

    def hello(self, hello: Hello, now: int) -> Watermark:
        """A sensor said what it holds: where the cloud is. What it gave up unseen is counted missing."""
        tenant, _, sensor = hello.sensor.partition(":")
        return self.commit([Said(tenant, sensor, hello, encode(hello))], now).watermarks[0][1]

    def quarantine(self, refused: Quarantined, now: int) -> None:
        """Keep a payload nobody can use, once."""
        self.commit([refused], now)

    def recompute(self, limit: int = 100) -> list[Rolled]:
        """Recompute up to `limit` dirty hours and their days; empty when there is nothing to do."""
        with engine.writing(self._engine) as db:
            known = self._known = places.current(db, self._known, "as it is")
            return rollups.recompute(db, self._sql, known, self._nights, limit)

    def apply_shops(self, wanted: Iterable[PlacedShop]) -> set[ShopKey]:
        """Make shops and placements be as given; returns the keys that changed. Raises StoreError."""
        with engine.writing(self._engine) as db:
            known = self._known = places.current(db, self._known, "to change")
            return shops.apply(db, self._sql, known, wanted)

    def with_claimed(self, wanted: Sequence[PlacedShop]) -> list[PlacedShop]:
        """What `apply_shops` makes of shops: as given, with the sensors that were claimed for them."""
        with engine.reading(self._engine) as db:
            known = self._known = places.current(db, self._known)
            return shops.with_claimed(db, known, wanted)

    def calibrate(
        self, tenant: str, shop: str, factor: Factor, once: Callable[[Connection], bool] = lambda _: True
    ) -> None:
        """A factor from phones to people holds from now on, if `once` says so in the same transaction.

        Raises StoreError for a shop nobody knows.
        """
        with engine.writing(self._engine) as db:
            known = self._known = places.current(db, self._known, "to change")
            if once(db):
                shops.calibrate(db, self._sql, known, (tenant, shop), factor)

    def factors(self, tenant: str, shop: str) -> list[Factor]:
        """The factors of a shop, in the order of time."""
        return self._places().factors.get((tenant, shop), [])

    def shops(self, tenant: str | None = None) -> list[Shop]:
        """The shops of one tenant, or of all, by key, each with its newest factor."""
        known = self._places()
        found = (known.shop_at(key, schema.LATEST) for key in sorted(known.shops) if tenant in (None, key[0]))
        return [shop for shop in found if shop is not None]

    def placed(self, tenant: str) -> list[PlacedShop]:
        """The shops of one tenant, by id, each with its newest factor and where sensors stand or stood in it."""
        known = self._places()
        found = {key: known.shop_at(key, schema.LATEST) for key in sorted(known.shops) if key[0] == tenant}
        return [
            PlacedShop(shop=shop, placements=known.placements.get(key, []))
            for key, shop in found.items()
            if shop is not None
        ]

    def shop(self, tenant: str, shop: str, second: int = schema.LATEST) -> Shop | None:
        """A shop with the factor in force at `second`, or the newest; None for one nobody knows."""
        return self._places().shop_at((tenant, shop), second)

    def factored(self, tenant: str) -> Callable[[str, int], Shop]:
        """Gives a shop with the factor in force at a UTC second, as of now. Raises KeyError for one nobody knows."""
        known = self._places()

        def at(shop: str, second: int) -> Shop:
            key = (tenant, shop)
            return people.calibrated(known.shops[key], calibration.in_force(known.factors.get(key, ()), second))

        return at

    def periods(self, tenant: str, shop: str, grain: str, start: int, end: int) -> list[Period]:
        """Rows of `grain` "hour" or "day" that start in `start` to `end`, in order.

        A span on which nobody reported has no row: `rollup.silent` is the gap to show for it.
        """
        with engine.reading(self._engine) as db:
            return rollups.periods(db, (tenant, shop), grain, start, end)

    def day(self, tenant: str, shop: str, start: int, end: int) -> Period | None:
        """Figures from `start` to `end` of the hours that start in it: a day in progress with `end` = now.

        None for a shop nobody knows.
        """
        if (known := self._places().shop_at((tenant, shop), end - 1)) is None:
            return None
        return rollup.total(known, start, end, self.periods(tenant, shop, "hour", start, end))

    def windows(self, tenant: str, shop: str, start: int, end: int) -> list[Period]:
        """Figures per window that starts in `start` to `end`, from the raw reports."""
        known = self._places()
        with engine.reading(self._engine) as db:
            return rollups.windows(db, known, self._nights, (tenant, shop), start, end)

    def zone_windows(self, tenant: str, shop: str, start: int, end: int) -> dict[str, list[Period]]:
        """The same for every zone that a sensor stood in then; the sensors of one add up."""
        known, key = self._places(), (tenant, shop)
        placed = known.placements.get(key, [])
        zones = {one.zone for one in placed if one.valid_from < end and (one.valid_to is None or start < one.valid_to)}
        with engine.reading(self._engine) as db:
            return {one: rollups.windows(db, known, self._nights, key, start, end, one) for one in sorted(zones)}

    def reports(self, tenant: str, shop: str, start: int, end: int) -> list[Reading]:
        """The raw reports on windows that start in `start` to `end`, of the sensors that stood in the shop then."""
        placed = self._places().placements.get((tenant, shop), [])
        with engine.reading(self._engine) as db:
            return raw.readings(db, placed, start, end)

    def panel_reports(self, tenant: str, shop: str, start: int, end: int) -> list[Reading]:
        """Those of `reports` that tell of the panel, of a rest, or of a lost key."""
        placed = self._places().placements.get((tenant, shop), [])
        with engine.reading(self._engine) as db:
            return raw.readings(db, placed, start, end, raw.tells_of_panel)

    def lines(self, tenant: str, shops: Sequence[str], start: int, end: int) -> dict[str, list[Line]]:
        """By shop, the lines of the ledger of the days that start in `start` to `end`, in order."""
        with engine.reading(self._engine) as db:
            return ledgers.lines(db, tenant, shops, start, end)

    def placements(self, tenant: str, shop: str) -> list[Placement]:
        """Where sensors stand or stood in a shop."""
        return self._places().placements.get((tenant, shop), [])

    def visits_of_devices(self, tenant: str, shop: str, start: int, end: int) -> Figure:
        """Visits begun from `start` to `end` by devices: what people counted at the door are compared with."""
        known = self._places()
        with engine.reading(self._engine) as db:
            return rollups.visits_of_devices(db, known, self._nights, (tenant, shop), start, end)

    def latest_window(self, tenant: str, shop: str) -> Period | None:
        """The newest window, or the one before while more sensors have reported that; None: none yet.

        A sensor that rests by plan has reported too.
        """
        known = self._places()
        with engine.reading(self._engine) as db:
            return rollups.latest(db, known, self._nights, (tenant, shop))

    def sensors(self, tenant: str, shop: str, now: int) -> list[SensorState]:
        """How the sensors are that stand in a shop at `now`, by name."""
        placed = [one for one in self._places().placements.get((tenant, shop), []) if one.holds(now)]
        with engine.reading(self._engine) as db:
            return sensors.states(db, placed, now)

    def seen(self, tenant: str, shop: str, now: int, wanted: Wanted) -> Seen:
        """What a shop's Today is made of, in one view."""
        key = (tenant, shop)
        with engine.reading(self._engine) as db:
            known = self._known = places.current(db, self._known)
            placed = known.placements.get(key, [])
            windows = [rollups.windows(db, known, self._nights, key, *span) for span in wanted.windows]
            return Seen(
                hours=[one for span in wanted.hours for one in rollups.periods(db, key, "hour", *span)],
                windows=[one for some in windows for one in some],
                latest=rollups.latest(db, known, self._nights, key),
                sensors=sensors.states(db, [one for one in placed if one.holds(now)], now),
                panel=raw.readings(db, placed, *wanted.panel, raw.tells_of_panel),
            )

    def glances(self, tenant: str, now: int) -> list[Glance]:
        """Every shop of a tenant at `now`, by key, as last rolled up: not one after the other."""
        with engine.reading(self._engine) as db:
            known = self._known = places.current(db, self._known)
            shops = {key[1]: known.shop_at(key, schema.LATEST) for key in sorted(known.shops) if key[0] == tenant}
            days = {calendar.day_at(zone, now)[0] for zone in {one.time_zone for one in shops.values() if one}}
            rows = rollups.glances(db, tenant, list(shops), days)
            placed = {one: [x for x in known.placements.get((tenant, one), []) if x.holds(now)] for one in shops}
            there = sensors.states(db, [x for some in placed.values() for x in some], now)
        states = {one.sensor: one for one in there}
        return [
            Glance(shop, *rows[one], [states[x.sensor] for x in placed[one]])
            for one, shop in shops.items()
            if shop is not None
        ]

    def told(self, sensor_ids: Iterable[str]) -> dict[str, Told]:
        """What each of these sensors last told of itself."""
        with engine.reading(self._engine) as db:
            return {one: sensors.told(db, one) for one in sensor_ids}

    def backlog(self) -> int:
        """How many hours wait to be recomputed."""
        with engine.reading(self._engine) as db:
            return int(db.execute(select(func.count()).select_from(schema.dirty)).scalar_one())

    def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """The newest payloads nobody could use, at most `limit`."""
        table = schema.quarantine
        with engine.reading(self._engine) as db:
            rows = db.execute(select(table).order_by(table.c.received_at.desc(), table.c.id).limit(limit)).all()
        return [
            Quarantined(row.topic, row.reason, row.payload, row.tenant, row.sensor, row.epoch, row.sequence)
            for row in rows
        ]

    def _places(self) -> Places:
        with engine.reading(self._engine) as db:
            known = self._known = places.current(db, self._known)
        return known
