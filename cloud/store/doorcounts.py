"""Door counts: what was counted at a shop's door, and what came of it.

A count is kept as it was first told. What comes of it is decided once, and a factor is in force from the same
transaction on.
"""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, select, update

from agent.contract import encode
from cloud.core.coverage import Placement
from cloud.core.doorcount import DoorCount
from cloud.store import statements
from cloud.store.schema import doorcount, report
from cloud.store.store import Store

LONGEST_WINDOW_S = 600  # of the contract
_decode = msgspec.json.Decoder(DoorCount).decode


class DoorCounts:
    """The counts of all shops in `store`. Each method raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, tenant: str, shop: str, count: DoorCount) -> DoorCount:
        """The count of that id as it is kept: this one, if it is new."""
        with self._store.writing() as db:
            statements.keep(db, doorcount, [(tenant, shop, count.id, count.begun, encode(count))])
            return _known(db, tenant, shop, count.id) or count

    def known(self, tenant: str, shop: str, count_id: str) -> DoorCount | None:
        """The count of that id; None where there is none."""
        with self._store.reading() as db:
            return _known(db, tenant, shop, count_id)

    def since(self, tenant: str, shop: str, second: int = 0) -> list[DoorCount]:
        """The counts of a shop begun at the UTC second or later, in the order of time."""
        here = (doorcount.c.tenant == tenant, doorcount.c.shop == shop, doorcount.c.start >= second)
        query = select(doorcount.c.body).where(*here).order_by(doorcount.c.start, doorcount.c.id)
        with self._store.reading() as db:
            return [_decode(row.body) for row in db.execute(query)]

    def settle(self, tenant: str, shop: str, settled: DoorCount) -> DoorCount:
        """Keep what came of a count that waits, with its factor in force; returns the count as it is kept."""

        def once(db: Connection) -> bool:
            waiting = doorcount.c.body == encode(replace(settled, factor=None, reason=None))
            found = update(doorcount).where(*_named(tenant, shop, settled.id), waiting)
            return db.execute(found.values(body=encode(settled))).rowcount == 1

        if settled.factor is not None:
            self._store.calibrate(tenant, shop, settled.factor, once)
        else:
            with self._store.writing() as db:
                once(db)
        return self.known(tenant, shop, settled.id) or settled

    def arrived(self, tenant: str, shop: str, start: int, end: int) -> bool:
        """Whether every sensor that stood in the shop from `start` to `end` (UTC seconds) has reported up to the end.

        A sensor reports in the order of time, so a later window says so too.
        """
        placed = [one for one in self._store.placements(tenant, shop) if _stood(one, start, end)]
        with self._store.reading() as db:
            return all(_told_until(db, one, end) for one in placed)


def _named(tenant: str, shop: str, count_id: str) -> Sequence[ColumnElement[bool]]:
    return doorcount.c.tenant == tenant, doorcount.c.shop == shop, doorcount.c.id == count_id


def _known(db: Connection, tenant: str, shop: str, count_id: str) -> DoorCount | None:
    body = db.execute(select(doorcount.c.body).where(*_named(tenant, shop, count_id))).scalar()
    return None if body is None else _decode(body)


def _stood(one: Placement, start: int, end: int) -> bool:
    return one.valid_from < end and (one.valid_to is None or start < one.valid_to)


def _told_until(db: Connection, one: Placement, end: int) -> bool:
    tenant, _, sensor = one.sensor.partition(":")
    last = end if one.valid_to is None else min(end, one.valid_to)
    table = report.c
    query = select(table.window_start).where(
        table.tenant == tenant,
        table.sensor == sensor,
        table.window_start >= last - LONGEST_WINDOW_S,
        table.window_start + table.window_s >= last,
    )
    return db.execute(query.limit(1)).first() is not None
