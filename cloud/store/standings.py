"""Standings: what is known of every sensor of a tenant at once, in a few queries whatever their number."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from agent.contract import ReportedConfig
from cloud.core import calendar
from cloud.core.coverage import Placement
from cloud.core.figures import Shop
from cloud.core.fleet.standing import Standing, told
from cloud.core.member import Member
from cloud.store import raw, schema, sensors
from cloud.store.sensors import Known
from cloud.store.store import Store

WELL = frozenset(("counting", "behind"))
_reported = msgspec.json.Decoder(ReportedConfig)
_member = msgspec.json.Decoder(Member)


class Standings:
    """Reads the sensors in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, tenant: str, now: int) -> list[Standing]:
        """Every sensor that was claimed, stands in a shop, has spoken, or shall have settings, but for retired ones."""
        placed = _placed(self._store, tenant, now)
        with self._store.reading() as db:
            members = {row.sensor: _member.decode(row.body) for row in _of(db, tenant, "sensor", "body")}
            wanted = {row.sensor: (row.version, row.put_at) for row in _of(db, tenant, "wanted", "version", "put_at")}
            said = {row.sensor: row for row in _of(db, tenant, "sensor_state", "config", "config_at")}
            retired = {name for name, one in members.items() if not one.is_active}
            here = {one.partition(":")[2] for one in placed}
            names = sorted({*members, *wanted, *said, *here} - retired)
            known = sensors.known(db, [f"{tenant}:{one}" for one in names])
        found = []
        for name in names:
            row, (version, put_at) = said.get(name), wanted.get(name, (0, None))
            sensor = f"{tenant}:{name}"
            found.append(
                Standing(
                    sensor=sensor,
                    labels=members[name].labels if name in members else {},
                    wanted=version,
                    put_at=put_at,
                    reported=_reported.decode(row.config) if row is not None and row.config else None,
                    reported_at=None if row is None else row.config_at,
                    **_counts(sensor, placed.get(sensor), known[sensor], now),
                )
            )
        return found

    def names(self, tenant: str, now: int) -> list[str]:
        """The ids of the same sensors, in a quarter of the time."""
        placed = {one.partition(":")[2] for one in _placed(self._store, tenant, now)}
        with self._store.reading() as db:
            members = {row.sensor: _member.decode(row.body) for row in _of(db, tenant, "sensor", "body")}
            others = {row.sensor for one in ("wanted", "sensor_state") for row in _of(db, tenant, one)}
        retired = {name for name, one in members.items() if not one.is_active}
        return sorted(f"{tenant}:{one}" for one in (placed | others | members.keys()) - retired)

    def devices(
        self, sensor_ids: Sequence[str], before: calendar.Span, after: calendar.Span
    ) -> dict[str, tuple[list[float], list[float]]]:
        """By sensor, how many devices its Wi-Fi heard inside and outside, window by window, in two spans."""
        found: dict[str, tuple[list[float], list[float]]] = {one: ([], []) for one in sensor_ids}
        placements = [Placement(sensor=one, zone="") for one in sensor_ids]
        with self._store.reading() as db:
            for span, which in ((before, 0), (after, 1)):
                for reading in raw.readings(db, placements, *span):
                    wifi = reading.report.wifi
                    if wifi is not None and wifi.inside is not None and wifi.outside is not None:
                        found[reading.sensor][which].append(wifi.inside.devices + wifi.outside.devices)
        return found


def _of(db: Connection, tenant: str, table: str, *columns: str) -> Sequence[Row[Any]]:
    here = schema.metadata.tables[table]
    return db.execute(select(here.c.sensor, *(here.c[one] for one in columns)).where(here.c.tenant == tenant)).all()


def _placed(store: Store, tenant: str, now: int) -> dict[str, tuple[Shop, Placement]]:
    return {one.sensor: (each.shop, one) for each in store.placed(tenant) for one in each.placements if one.holds(now)}


def _counts(sensor: str, placed: tuple[Shop, Placement] | None, known: Known, now: int) -> dict[str, Any]:
    state = sensors.state(placed[1] if placed else Placement(sensor=sensor, zone=""), known, now).state
    found: dict[str, Any] = {"state": state, "well": state in WELL, **told(known.health)}
    if placed:
        shop, here = placed
        # A shop that has told no hours is never known to be full of people.
        is_open = bool(shop.hours) and calendar.is_open(shop, now, now + 1)
        found |= {"shop": shop.shop, "region": shop.region, "zone": here.zone, "shop_open": is_open}
    return found
