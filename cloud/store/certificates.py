"""Certificates: every one that was made, so that the next can be made in time, and any be revoked."""

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Connection, select, update

from agent.contract import encode
from cloud.core.certificate import Certificate
from cloud.core.fleet.deed import Deed
from cloud.core.member import Member
from cloud.store import deeds, members, schema, shops, statements
from cloud.store.store import Store

_certificate = msgspec.json.Decoder(Certificate)
Made = Callable[[Member | None, Sequence[Certificate]], tuple[Member, Certificate]]


class Certificates:
    """The certificates in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, tenant: str) -> list[Certificate]:
        """Those of a tenant, sensor by sensor, the oldest first."""
        table = schema.certificate
        query = select(table).where(table.c.tenant == tenant).order_by(table.c.sensor, table.c.expires_at)
        with self._store.reading() as db:
            return [_read(row.body, row.revoked_at) for row in db.execute(query)]

    def keep(self, sensor_id: str, made: Made, told: Deed) -> Certificate:
        """Keep what `made` makes of the member (null: none of that id) and the certificates it has had.

        With a new certificate goes the deed that tells of it. What `made` raises goes through, and nothing was kept.
        """
        with self._store.writing() as db:
            shops.hold(db)
            had = _of_sensor(db, sensor_id)
            known = members.read(db, sensor_id)
            member, one = made(known, had)
            if member != known:
                members.write(db, member)
                shops.changed(db)
            if one not in had:
                add(db, one)
                deeds.write(db, sensor_id.partition(":")[0], told)
        return one

    def retire(self, sensor_id: str, now: int, told: Deed) -> Member | None:
        """From UTC second `now` on a sensor has no certificate, stands nowhere, and is not believed.

        Returns it; None where there is none of that id.
        """
        with self._store.writing() as db:
            shops.hold(db)
            known = members.read(db, sensor_id)
            if known is None or not known.is_active:
                return known
            retired = msgspec.structs.replace(known, retired_at=now)
            members.write(db, retired)
            revoke(db, sensor_id, now)
            shops.leave(db, sensor_id, now)
            deeds.write(db, sensor_id.partition(":")[0], told)
        return retired

    def revoked(self, now: int) -> list[tuple[str, int]]:
        """(number, UTC second it was revoked at) of all that would still be good, of every tenant."""
        table = schema.certificate.c
        query = select(table.number, table.revoked_at).where(table.revoked_at.is_not(None), table.expires_at > now)
        with self._store.reading() as db:
            return [(number, at) for number, at in db.execute(query.order_by(table.number))]


def add(db: Connection, one: Certificate) -> None:
    """Keep a certificate."""
    tenant, _, sensor = one.sensor.partition(":")
    statements.put(db, schema.certificate, [(tenant, sensor, one.number, one.expires_at, one.revoked_at, encode(one))])


def revoke(db: Connection, sensor_id: str, now: int) -> None:
    """None of a sensor's certificates is good from UTC second `now` on."""
    tenant, _, sensor = sensor_id.partition(":")
    table = schema.certificate
    its = (table.c.tenant == tenant, table.c.sensor == sensor, table.c.revoked_at.is_(None))
    db.execute(update(table).where(*its).values(revoked_at=now))


def _of_sensor(db: Connection, sensor_id: str) -> list[Certificate]:
    tenant, _, sensor = sensor_id.partition(":")
    table = schema.certificate
    query = select(table.c.body, table.c.revoked_at).where(table.c.tenant == tenant, table.c.sensor == sensor)
    return [_read(row.body, row.revoked_at) for row in db.execute(query.order_by(table.c.expires_at))]


def _read(body: bytes, revoked_at: int | None) -> Certificate:
    return msgspec.structs.replace(_certificate.decode(body), revoked_at=revoked_at)
