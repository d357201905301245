"""Store: what the cloud knows, and the only way to change it.

1. A method is one transaction: all of it happens or none. What `commit` has returned from survives a power
   cut.
2. Doing anything twice is doing it once.
3. Time is an argument. Errors are StoreError, one sentence for the operator.

Methods may be called from several threads; they take turns to write.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from agent.contract import Hello, Watermark, encode
from cloud.core import rollup
from cloud.core.budget import privacy
from cloud.core.calibration import Factor
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import Figure, Period, SensorState, Shop
from cloud.core.rollup import Reading
from cloud.store import engine, intake, migration, places, raw, rollups, schema, sensors, shops
from cloud.store.delivery import Delivery, Quarantined, Said
from cloud.store.intake import Committed
from cloud.store.nights import Nights
from cloud.store.places import Places, ShopKey
from cloud.store.quarantine import Limits
from cloud.store.rollups import Rolled
from cloud.store.sensors import Told
from cloud.store.statements import compiled

_LATEST = 2**62  # a second after every other


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

    def calibrate(self, tenant: str, shop: str, factor: Factor) -> None:
        """A factor from phones to people holds from now on. Raises StoreError for a shop nobody knows."""
        with engine.writing(self._engine) as db:
            known = self._known = places.current(db, self._known, "to change")
            shops.calibrate(db, self._sql, known, (tenant, shop), factor)

    def factors(self, tenant: str, shop: str) -> list[Factor]:
        """The factors of a shop, in the order of time."""
        return self._places().factors.get((tenant, shop), [])

    def shops(self, tenant: str | None = None) -> list[Shop]:
        """The shops of one tenant, or of all, by key, each with its newest factor."""
        known = self._places()
        found = (known.shop_at(key, _LATEST) for key in sorted(known.shops) if tenant in (None, key[0]))
        return [shop for shop in found if shop is not None]

    def shop(self, tenant: str, shop: str) -> Shop | None:
        """A shop with its newest factor, or None."""
        return self._places().shop_at((tenant, shop), _LATEST)

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

    def reports(self, tenant: str, shop: str, start: int, end: int) -> list[Reading]:
        """The raw reports on windows that start in `start` to `end`, of the sensors that stood in the shop then."""
        placed = self._places().placements.get((tenant, shop), [])
        with engine.reading(self._engine) as db:
            return raw.readings(db, placed, start, end)

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
        placed = known.placements.get((tenant, shop), [])
        with engine.reading(self._engine) as db:
            newest = max((rollups.newest(db, one) for one in placed), default=-1)
            if newest < 0:
                return None
            last = rollups.windows(db, known, self._nights, (tenant, shop), newest - 600, newest + 1)[-2:]
        return max(reversed(last), key=lambda one: max(one.coverage, one.rested), default=None)

    def sensors(self, tenant: str, shop: str, now: int) -> list[SensorState]:
        """How the sensors are that stand in a shop at `now`, by name."""
        placed = [one for one in self._places().placements.get((tenant, shop), []) if one.holds(now)]
        with engine.reading(self._engine) as db:
            known = [(one, sensors.known(db, one.sensor)) for one in placed]
        return [replace(sensors.state(one, each, now), privacy=privacy(each.health)) for one, each in known]

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
