"""Arrivals: whether all that there will be of a span is here, so that its figures will not change."""

from sqlalchemy import select

from cloud.store import rollups
from cloud.store.schema import dirty
from cloud.store.store import Store


class Arrivals:
    """What has come of shops in `store`. Methods raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def whole(self, tenant: str, shop: str, start: int, end: int) -> bool:
        """Whether every sensor that stood in the shop to the end of the span has told of a later window, and every hour
        of it is rolled up.

        A sensor tells in the order of time, so nothing of the span is still on its way.
        """
        placed = [one for one in self._store.placements(tenant, shop) if one.holds(end - 1)]
        waiting = select(dirty.c.hour).where(dirty.c.tenant == tenant, dirty.c.shop == shop)
        with self._store.reading() as db:
            if any(one.holds(end) and rollups.newest(db, one) < end for one in placed):
                return False
            return db.execute(waiting.where(dirty.c.hour >= start, dirty.c.hour < end).limit(1)).first() is None
