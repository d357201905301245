"""Shops: what the operator says stands where, made true in the database.

Applying the same list again changes nothing. A shop that changed in what its figures follow from loses its
rollups and has every hour it has reports for marked dirty: they are recomputed as if the shop had always been
so. Reports are never touched, so a sensor that was placed late, or wrongly, is put right the same way.
What is only shown beside the figures, or compared with them, changes without that.

Of a sensor that the list names, the list alone says where it stands. One that was claimed stands where it was claimed
for, as long as the list does not name it.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from agent.contract import encode
from cloud.core import calendar
from cloud.core.calibration import Factor
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import Shop
from cloud.store import schema
from cloud.store.errors import StoreError
from cloud.store.places import Places, ShopKey
from cloud.store.statements import Statements

_QUARTER_S = 900


def apply(db: Connection, sql: Statements, places: Places, shops: Iterable[PlacedShop]) -> set[ShopKey]:
    """Make `shops` be as given; shops not named stay as they are. Returns those that changed.

    Raises StoreError where a sensor would stand in two places at once or in a shop of another tenant.
    """
    wanted = {(one.shop.tenant, one.shop.shop): one for one in with_claimed(db, places, list(shops))}
    changing = {key: one for key, one in sorted(wanted.items(), key=itemgetter(0)) if _differs(places, key, one)}
    if not changing:
        return set()
    otherwise = {key: one for key, one in changing.items() if _counts_otherwise(places, key, one)}
    for key in otherwise:
        _forget(db, key)
    for key, one in changing.items():
        sql.put_shop.run(db, [(*key, encode(one.shop))])
    for key, one in otherwise.items():
        for placement in one.placements:
            _place(db, key, placement)
    _check_apart(db)
    for key, one in otherwise.items():
        _mark(db, sql, key, one)
    changed(db)
    return set(changing)


def with_claimed(db: Connection, places: Places, shops: Sequence[PlacedShop]) -> list[PlacedShop]:
    """The shops as given, each with the sensors too that were claimed for it and that the list does not name."""
    named = {placement.sensor for one in shops for placement in one.placements}
    table = schema.sensor.c
    rows = db.execute(select(table.tenant, table.sensor).where(table.serial != ""))
    claimed = {f"{tenant}:{sensor}" for tenant, sensor in rows} - named

    def of(shop: Shop) -> list[Placement]:
        return [one for one in places.placements.get((shop.tenant, shop.shop), []) if one.sensor in claimed]

    return [PlacedShop(shop=one.shop, placements=[*one.placements, *of(one.shop)]) for one in shops]


def stand(db: Connection, sensor_id: str, shop: str, zone: str, now: int) -> None:
    """A sensor stands in a zone of a shop from UTC second `now` on, and no longer where it stood; twice is once."""
    tenant, _, sensor = sensor_id.partition(":")
    table = schema.placement
    if standing(db, sensor_id, now) == (shop, zone):
        return
    leave(db, sensor_id, now)
    placed = {"tenant": tenant, "sensor": sensor, "valid_from": now, "shop": shop, "zone": zone}
    db.execute(delete(table).where(table.c.tenant == tenant, table.c.sensor == sensor, table.c.valid_from == now))
    db.execute(insert(table).values(placed))
    changed(db)


def standing(db: Connection, sensor_id: str, now: int) -> tuple[str, str] | None:
    """The shop and zone in which a sensor stands at UTC second `now`; None: in none."""
    tenant, _, sensor = sensor_id.partition(":")
    row = db.execute(select(schema.placement).where(*_lasting(tenant, sensor, now))).first()
    return None if row is None else (row.shop, row.zone)


def leave(db: Connection, sensor_id: str, now: int) -> None:
    """A sensor stands nowhere from UTC second `now` on."""
    tenant, _, sensor = sensor_id.partition(":")
    db.execute(update(schema.placement).where(*_lasting(tenant, sensor, now)).values(valid_to=now))
    changed(db)


def hold(db: Connection) -> None:
    """Let nobody else move a sensor, or give one a name, until the end of the transaction."""
    db.execute(select(schema.revision.c.number).with_for_update())


def changed(db: Connection) -> None:
    """Let every process read anew what stands where, and whom to believe."""
    db.execute(update(schema.revision).values(number=schema.revision.c.number + 1))


def calibrate(db: Connection, sql: Statements, places: Places, key: ShopKey, factor: Factor) -> None:
    """Keep a factor; hours rolled up since it holds are recomputed. Raises StoreError for a shop nobody knows."""
    shop = places.shops.get(key)
    if shop is None:
        raise StoreError(f"There is no shop {'/'.join(key)}: see `footfall-cloud` settings for the shops there are.")
    sql.put_factor.run(db, [(*key, factor.valid_from, encode(factor))])
    table = schema.period
    since = select(table.c.start).where(
        table.c.tenant == key[0],
        table.c.shop == key[1],
        table.c.grain == "hour",
        table.c.start > factor.valid_from - 3600,
    )
    sql.mark_dirty.run(db, sorted((*key, row.start) for row in db.execute(since)))
    changed(db)


def _lasting(tenant: str, sensor: str, now: int) -> tuple[ColumnElement[bool], ...]:
    table = schema.placement.c
    ends_later = table.valid_to.is_(None) | (table.valid_to > now)
    return table.tenant == tenant, table.sensor == sensor, table.valid_from <= now, ends_later


def _differs(places: Places, key: ShopKey, one: PlacedShop) -> bool:
    return places.shops.get(key) != one.shop or _stands_otherwise(places, key, one)


def _counts_otherwise(places: Places, key: ShopKey, one: PlacedShop) -> bool:
    known = places.shops.get(key)
    return known is None or _counted(known) != _counted(one.shop) or _stands_otherwise(places, key, one)


def _counted(shop: Shop) -> Shop:
    """The shop but for what none of its stored figures follows from."""
    return replace(shop, name="", region="", currency="", capacity=None, engaged_min_s=0.0, preset="")


def _stands_otherwise(places: Places, key: ShopKey, one: PlacedShop) -> bool:
    known = sorted(places.placements.get(key, []), key=_order)
    return known != sorted(one.placements, key=_order)


def _order(placement: Placement) -> tuple[str, int]:
    return placement.sensor, placement.valid_from


def _forget(db: Connection, key: ShopKey) -> None:
    for table in (schema.placement, schema.dirty, schema.period):
        db.execute(delete(table).where(table.c.tenant == key[0], table.c.shop == key[1]))


def _place(db: Connection, key: ShopKey, placement: Placement) -> None:
    tenant, _, sensor = placement.sensor.partition(":")
    if tenant != key[0]:
        raise StoreError(f"The sensor {placement.sensor} is not of the tenant of shop {'/'.join(key)}.")
    same = select(schema.placement.c.shop).where(
        schema.placement.c.tenant == tenant,
        schema.placement.c.sensor == sensor,
        schema.placement.c.valid_from == placement.valid_from,
    )
    if other := db.execute(same).scalar():
        raise _two_places(placement.sensor, other, key[1])
    db.execute(
        insert(schema.placement).values(
            tenant=tenant,
            sensor=sensor,
            valid_from=placement.valid_from,
            valid_to=placement.valid_to,
            shop=key[1],
            zone=placement.zone,
        )
    )


def _check_apart(db: Connection) -> None:
    last = None
    for row in db.execute(select(schema.placement).order_by("tenant", "sensor", "valid_from")):
        same = last is not None and (last.tenant, last.sensor) == (row.tenant, row.sensor)
        if last is not None and same and (last.valid_to is None or row.valid_from < last.valid_to):
            raise _two_places(f"{row.tenant}:{row.sensor}", last.shop, row.shop)
        last = row


def _two_places(sensor: str, one: str, other: str) -> StoreError:
    return StoreError(
        f"The sensor {sensor} would stand in two places at once ({one} and {other}): "
        "end its older place with `until` before the newer begins with `from`."
    )


def _mark(db: Connection, sql: Statements, key: ShopKey, one: PlacedShop) -> None:
    hours: set[tuple[str, str, int]] = set()
    for placement in one.placements:
        for start in _quarters(db, placement):
            # Hours begin at quarters everywhere today; both ends, for zones that once did otherwise.
            for second in (start, start + _QUARTER_S - 1):
                hours.add((*key, calendar.hour_at(one.shop.time_zone, second)[0]))
    sql.mark_dirty.run(db, sorted(hours))


def _quarters(db: Connection, placement: Placement) -> list[int]:
    """The quarters of hours in which a placed sensor reported."""
    tenant, _, sensor = placement.sensor.partition(":")
    window = schema.report.c.window_start
    query = (
        select((window - window % _QUARTER_S).label("quarter"))
        .where(schema.report.c.tenant == tenant, schema.report.c.sensor == sensor)
        .where(window >= placement.valid_from)
        .distinct()
    )
    if placement.valid_to is not None:
        query = query.where(window < placement.valid_to)
    return [row.quarter for row in db.execute(query)]
