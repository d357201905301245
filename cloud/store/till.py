"""Till: what a tenant's shops sold, by hour and source, for those who ask and tell."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, delete, select

from cloud.core.till import Sale
from cloud.store import sales
from cloud.store.sales import Kept
from cloud.store.schema import LATEST, sale
from cloud.store.store import Store

_decode = msgspec.json.Decoder(Sale).decode


class Till:
    """The sales in `store`. A method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, tenant: str, shop: str, told: Sequence[Sale]) -> Kept:
        """Keep sales, each in place of what its source told of that hour before."""
        with self._store.writing() as db:
            return sales.put(db, (tenant, shop), told)

    def compared(self, tenant: str, shop: str, told: Sequence[Sale]) -> Kept:
        """What `put` would do."""
        with self._store.reading() as db:
            return sales.compared(db, (tenant, shop), told)[0]

    def sales(self, tenant: str, shop: str, start: int = 0, end: int = LATEST) -> list[Sale]:
        """The sales of hours that start in `start` to `end` (UTC seconds), by hour and source."""
        with self._store.reading() as db:
            return _sales(db, tenant, shop, start, end)

    def by_shop(self, tenant: str, start: int, end: int) -> dict[str, list[Sale]]:
        """The same for every shop that sold anything then; `cloud.core.till.total` adds one shop's up."""
        shops = [one.shop for one in self._store.shops(tenant)]
        with self._store.reading() as db:  # shop by shop: the index has the hour behind the shop
            found = ((shop, _sales(db, tenant, shop, start, end)) for shop in shops)
            return {shop: some for shop, some in found if some}

    def forget(self, tenant: str, shop: str, source: str) -> int:
        """Delete everything a source told; returns of how many hours that was."""
        here = (sale.c.tenant == tenant, sale.c.shop == shop, sale.c.source == source)
        with self._store.writing() as db:
            return db.execute(delete(sale).where(*here)).rowcount


def _sales(db: Connection, tenant: str, shop: str, start: int, end: int) -> list[Sale]:
    here = (sale.c.tenant == tenant, sale.c.shop == shop, sale.c.hour >= start, sale.c.hour < end)
    return [
        _decode(row.body) for row in db.execute(select(sale.c.body).where(*here).order_by(sale.c.hour, sale.c.source))
    ]
