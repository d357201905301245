"""Wanted: the signed document each sensor shall have now, byte for byte, and whether the broker has it.

1. A document gives way to one of a higher version only.
2. What was put is due until the broker has taken it (`sent`). One that its sensor does not speak of for long is due
   again: a broker may have lost it, or a sensor begun anew.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row, select, update

from agent.contract import ReportedConfig
from cloud.core.fleet.standing import FAILED, version_state
from cloud.store import schema, statements
from cloud.store.schema import wanted
from cloud.store.store import Store

_reported = msgspec.json.Decoder(ReportedConfig)


class Document(Struct, frozen=True, kw_only=True):
    """What a sensor shall have since `put_at`; the broker has it since `sent_at` (UTC seconds; null: not yet)."""

    sensor: str
    version: int
    put_at: int
    sent_at: int | None
    payload: bytes


class Documents:
    """The documents in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, tenant: str) -> list[Document]:
        """The document of every sensor that has one."""
        with self._store.reading() as db:
            return [_document(tenant, row) for row in db.execute(select(wanted).where(wanted.c.tenant == tenant))]

    def due(self, tenant: str, sent_before: int, most: int) -> list[Document]:
        """Documents the broker is not known to have, at most so many.

        Also those it took before the UTC second `sent_before` whose sensor has not answered them.
        """
        said = schema.sensor_state
        unsent = wanted.c.sent_at.is_(None) | (wanted.c.sent_at < sent_before)
        query = (
            select(wanted.c.sensor, wanted.c.version, wanted.c.sent_at, said.c.config)
            .outerjoin(said, (said.c.tenant == wanted.c.tenant) & (said.c.sensor == wanted.c.sensor))
            .where(wanted.c.tenant == tenant, unsent)
            .order_by(wanted.c.put_at, wanted.c.sensor)
        )
        with self._store.reading() as db:
            rows = db.execute(query).all()
            names = [row.sensor for row in rows if row.sent_at is None or not _answered(row.config, row.version)]
            these = wanted.c.sensor.in_(names[:most])
            found = db.execute(select(wanted).where(wanted.c.tenant == tenant, these)) if names else ()
            return sorted((_document(tenant, row) for row in found), key=lambda one: (one.put_at, one.sensor))

    def sent(self, tenant: str, documents: Iterable[Document], now: int) -> None:
        """The broker has these since UTC second `now`; nothing where another is wanted meanwhile."""
        with self._store.writing() as db:
            for one in documents:
                sensor = one.sensor.partition(":")[2]
                here = (wanted.c.tenant == tenant, wanted.c.sensor == sensor, wanted.c.version == one.version)
                db.execute(update(wanted).where(*here).values(sent_at=now))


def put(db: Connection, tenant: str, documents: Iterable[tuple[str, int, bytes]], now: int) -> None:
    """Have (sensor's name within the tenant, version, payload) wanted from UTC second `now`, where that is newer.

    In the caller's transaction.
    """
    rows = sorted(documents)
    known = versions(db, tenant) if rows else {}
    newer = [
        (tenant, name, version, now, None, payload) for name, version, payload in rows if version > known.get(name, 0)
    ]
    statements.put(db, wanted, newer)


def versions(db: Connection, tenant: str) -> dict[str, int]:
    """By a sensor's name within the tenant, the version wanted of it."""
    query = select(wanted.c.sensor, wanted.c.version).where(wanted.c.tenant == tenant)
    return {row.sensor: row.version for row in db.execute(query)}


def _document(tenant: str, row: Row[Any]) -> Document:
    return Document(
        sensor=f"{tenant}:{row.sensor}",
        version=row.version,
        put_at=row.put_at,
        sent_at=row.sent_at,
        payload=bytes(row.payload),
    )


def _answered(config: bytes | None, version: int) -> bool:
    state = version_state(None if config is None else _reported.decode(config), version)
    return state in FAILED or state in ("applied", "pending", "foreign")
