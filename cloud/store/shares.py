"""Shares: the links that show a shop to whoever has them. Of a link only its SHA-256 is kept."""

import msgspec
from sqlalchemy import delete, insert, select

from agent.contract import encode
from cloud.core.share import Share
from cloud.store import schema
from cloud.store.store import Store

_share = msgspec.json.Decoder(Share)


class Shares:
    """The links of all shops in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, tenant: str, share: Share, now: int) -> None:
        """Keep a new link, and forget the tenant's that have ended by `now`."""
        table = schema.share
        with self._store.writing() as db:
            known = db.execute(select(table).where(table.c.tenant == tenant)).all()
            ended = [row.hash for row in known if not _share.decode(row.body).holds(now)]
            db.execute(delete(table).where(table.c.tenant == tenant, table.c.hash.in_([*ended, share.id])))
            db.execute(insert(table).values(tenant=tenant, hash=share.id, body=encode(share)))

    def of(self, tenant: str, shop: str) -> list[Share]:
        """The links of a shop, oldest first; also those that have ended and are not forgotten yet."""
        table = schema.share
        with self._store.reading() as db:
            found = [_share.decode(row.body) for row in db.execute(select(table).where(table.c.tenant == tenant))]
        return sorted((one for one in found if one.shop == shop), key=lambda one: (one.created_at, one.id))

    def found(self, tenant: str, share_id: str) -> Share | None:
        """The link of that id, ended or not; None where there is none."""
        table = schema.share
        query = select(table.c.body).where(table.c.tenant == tenant, table.c.hash == share_id)
        with self._store.reading() as db:
            body = db.execute(query).scalar()
        return None if body is None else _share.decode(body)

    def revoke(self, tenant: str, share_id: str) -> None:
        """Forget the link of that id; nothing where there is none."""
        table = schema.share
        with self._store.writing() as db:
            db.execute(delete(table).where(table.c.tenant == tenant, table.c.hash == share_id))
