"""Members: the sensors that belong to the fleet, by the name each has within its tenant."""

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection, select

from agent.contract import encode
from cloud.core.fleet.deed import Deed
from cloud.core.member import Member
from cloud.store import deeds, schema, statements
from cloud.store.store import Store

_member = msgspec.json.Decoder(Member)


class Members:
    """The members in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, tenant: str) -> list[Member]:
        """Those of a tenant by name, retired ones too."""
        table = schema.sensor
        query = select(table.c.body).where(table.c.tenant == tenant).order_by(table.c.sensor)
        with self._store.reading() as db:
            return [_member.decode(row.body) for row in db.execute(query)]

    def one(self, sensor_id: str) -> Member | None:
        """The member of that id, retired or not; None where there is none."""
        with self._store.reading() as db:
            return read(db, sensor_id)

    def by_serial(self, serial: str) -> list[Member]:
        """Those of any tenant whose board has or had this serial number."""
        with self._store.reading() as db:
            return of_board(db, serial)

    def change(self, sensor_id: str, told: Deed, changed: Callable[[Member], Member]) -> Member | None:
        """Put in place of a member what `changed` makes of it, with the deed that tells of it; None: there is none."""
        with self._store.writing() as db:
            known = read(db, sensor_id, to_change=True)
            if known is None or (new := changed(known)) == known:
                return known
            write(db, new)
            deeds.write(db, sensor_id.partition(":")[0], told)
        return new


def read(db: Connection, sensor_id: str, *, to_change: bool = False) -> Member | None:
    """The member of that id; held to the end of a transaction that means to change it."""
    tenant, _, sensor = sensor_id.partition(":")
    table = schema.sensor
    query = select(table.c.body).where(table.c.tenant == tenant, table.c.sensor == sensor)
    body = db.execute(query.with_for_update() if to_change else query).scalar()
    return None if body is None else _member.decode(body)


def of_board(db: Connection, serial: str) -> list[Member]:
    """Those whose board has or had this serial number."""
    table = schema.sensor
    query = select(table.c.body).where(table.c.serial == serial).order_by(table.c.tenant, table.c.sensor)
    return [_member.decode(row.body) for row in db.execute(query)] if serial else []


def write(db: Connection, member: Member) -> None:
    """Keep a member, in place of any of its name."""
    tenant, _, sensor = member.sensor.partition(":")
    statements.put(db, schema.sensor, [(tenant, sensor, member.serial, encode(member))])
