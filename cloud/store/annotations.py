"""Annotations: what happened in shops, by local date."""

from datetime import date

import msgspec
from sqlalchemy import ColumnElement, delete, select

from agent.contract import encode
from cloud.core.annotation import Annotation
from cloud.store import statements
from cloud.store.schema import annotation
from cloud.store.store import Store

_decode = msgspec.json.Decoder(Annotation).decode


class Annotations:
    """The notes of all shops in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def between(self, tenant: str, shop: str, first: date, last: date) -> list[Annotation]:
        """The notes at the local dates `first` to `last`, both included, by date and id."""
        table = annotation.c
        here = (table.tenant == tenant, table.shop == shop)
        days = (table.day >= first.toordinal(), table.day <= last.toordinal())
        query = select(table.body).where(*here, *days).order_by(table.day, table.id)
        with self._store.reading() as db:
            return [_decode(row.body) for row in db.execute(query)]

    def put(self, tenant: str, shop: str, told: Annotation) -> None:
        """Keep a note, in place of the one of that id, at whatever date that stood."""
        day = date.fromisoformat(told.date).toordinal()
        with self._store.writing() as db:
            db.execute(delete(annotation).where(*_named(tenant, shop, told.id), annotation.c.day != day))
            statements.put(db, annotation, [(tenant, shop, day, told.id, encode(told))])

    def delete(self, tenant: str, shop: str, annotation_id: str) -> None:
        """Forget the note of that id; nothing where there is none."""
        with self._store.writing() as db:
            db.execute(delete(annotation).where(*_named(tenant, shop, annotation_id)))


def _named(tenant: str, shop: str, annotation_id: str) -> tuple[ColumnElement[bool], ...]:
    table = annotation.c
    return table.tenant == tenant, table.shop == shop, table.id == annotation_id
