"""Recipients: who gets which shop's mails. (tenant, shop, address) is a row; put again it gets new wishes only."""

import msgspec
from msgspec.structs import replace
from sqlalchemy import ColumnElement, delete, select

from agent.contract import encode
from cloud.core.recipient import Subscription
from cloud.store import statements
from cloud.store.schema import recipient
from cloud.store.store import Store

_subscription = msgspec.json.Decoder(Subscription)


class Recipients:
    """The recipients of all shops in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, tenant: str, shop: str | None = None) -> list[tuple[str, Subscription]]:
        """(shop, subscription) of one shop, or of all of the tenant's, by shop and address."""
        query = select(recipient).where(recipient.c.tenant == tenant).order_by(recipient.c.shop, recipient.c.address)
        if shop is not None:
            query = query.where(recipient.c.shop == shop)
        with self._store.reading() as db:
            return [(row.shop, _subscription.decode(row.body)) for row in db.execute(query)]

    def put(self, tenant: str, shop: str, wanted: Subscription) -> Subscription:
        """Keep a recipient. One that is known keeps its word, and is confirmed if it was; returns what is kept."""
        key = _key(tenant, shop, wanted.recipient.address)
        with self._store.writing() as db:
            body = db.execute(select(recipient.c.body).where(*key)).scalar_one_or_none()
            if body is not None:
                known = _subscription.decode(body)
                told = known.recipient
                confirmed_at = told.confirmed_at if told.confirmed_at is not None else wanted.recipient.confirmed_at
                told = replace(told, wishes=wanted.recipient.wishes, confirmed_at=confirmed_at)
                wanted = replace(known, recipient=told)
            statements.put(db, recipient, [(tenant, shop, wanted.recipient.address, encode(wanted))])
        return wanted

    def drop(self, tenant: str, shop: str, address: str) -> bool:
        """Forget a recipient; returns whether there was one."""
        with self._store.writing() as db:
            return db.execute(delete(recipient).where(*_key(tenant, shop, address))).rowcount > 0


def _key(tenant: str, shop: str, address: str) -> tuple[ColumnElement[bool], ...]:
    return recipient.c.tenant == tenant, recipient.c.shop == shop, recipient.c.address == address
