"""Campaigns: what ran in which shops of a tenant, and when."""

import msgspec
from sqlalchemy import Connection, delete, select

from agent.contract import encode
from cloud.core.campaign import Campaign, check_apart
from cloud.store import statements
from cloud.store.schema import campaign
from cloud.store.store import Store

_decode = msgspec.json.Decoder(Campaign).decode


class Campaigns:
    """The campaigns in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, tenant: str) -> list[Campaign]:
        """A tenant's campaigns, the newest first."""
        with self._store.reading() as db:
            return sorted(_all(db, tenant), key=lambda one: (one.first, one.id), reverse=True)

    def put(self, tenant: str, told: Campaign) -> None:
        """Keep a campaign, in place of the one of that id. Raises Refusal where it cannot be told from another."""
        with self._store.writing() as db:
            check_apart(told, _all(db, tenant))
            statements.put(db, campaign, [(tenant, told.id, encode(told))])

    def delete(self, tenant: str, campaign_id: str) -> None:
        """Forget the campaign of that id; nothing where there is none."""
        here = (campaign.c.tenant == tenant, campaign.c.campaign == campaign_id)
        with self._store.writing() as db:
            db.execute(delete(campaign).where(*here))


def _all(db: Connection, tenant: str) -> list[Campaign]:
    return [_decode(row.body) for row in db.execute(select(campaign.c.body).where(campaign.c.tenant == tenant))]
