"""Deeds: who changed what of a tenant's fleet. Rows are only ever added."""

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from agent.contract import encode
from cloud.core.fleet.deed import Deed, Kind, Words, deed, said, words
from cloud.core.saying import Saying
from cloud.store import schema, statements

if TYPE_CHECKING:
    from cloud.store.store import Store  # whoever changes shops notes a deed, and the store changes shops


class Body(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A row, but for its key."""

    who: str
    kind: Kind
    what: Words
    about: list[str] = []


_body = msgspec.json.Decoder(Body)


class Deeds:
    """The deeds of `tenant` in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: "Store", tenant: str) -> None:
        self._store, self._tenant = store, tenant

    def note(self, who: str, what: Saying, at: int, kind: Kind, *about: str) -> None:
        """Write down that `who` did `what` at UTC second `at`, to the things named `about`."""
        with self._store.writing() as db:
            write(db, self._tenant, deed(who, what, at, kind, about))

    def newest(self, most: int = 100, about: str | None = None, before: tuple[int, str] | None = None) -> list[Deed]:
        """The newest first, at most so many; those about one thing, or before the deed (at, id), where that is given.

        Deeds about one thing are looked for among all of the tenant's: there are as many as people did.
        """
        table = schema.deed
        query = select(table).where(table.c.tenant == self._tenant).order_by(table.c.at.desc(), table.c.id.desc())
        if before is not None:
            at, one = before
            query = query.where((table.c.at < at) | ((table.c.at == at) & (table.c.id < one)))
        found: list[Deed] = []
        with self._store.reading() as db:
            for row in db.execute(query.limit(most) if about is None else query):
                told = _read(row.id, row.at, row.body)
                if about is None or about in told.about:
                    found.append(told)
                if len(found) == most:
                    break
        return found


def write(db: Connection, tenant: str, told: Deed) -> None:
    """Keep a deed, once, in the caller's transaction: with the change it tells of."""
    body = Body(who=told.who, kind=told.kind, what=words(told.what), about=told.about)
    statements.keep(db, schema.deed, [(tenant, told.at, told.id, encode(body))])


def _read(one: str, at: int, body: bytes) -> Deed:
    kept = _body.decode(body)
    return Deed(id=one, at=at, who=kept.who, kind=kept.kind, what=said(kept.what), about=kept.about)
