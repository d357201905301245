"""Erasure: what is kept of a shop before a time, deleted for good; in SQLite its pages stay until they are used again.

Marks of what has come stay, so that a report that is sent again is known and not taken for a new one.
"""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, delete

from cloud.core.coverage import Placement
from cloud.store import rollups, schema
from cloud.store.ledgers import GRAIN
from cloud.store.store import Store

_MONTH_S = 27 * 86_400  # shorter than any: a page that starts so long before has ended


class Erased(NamedTuple):
    """How many rows of reports, of figures by hour and day, and of what people told there were."""

    reports: int
    figures: int
    told: int


class Erasure:
    """Deletes from `store`. The method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def erase(self, tenant: str, shop: str, before: int) -> Erased:
        """Delete all of a shop before the UTC second `before`, which must start a month of the shop."""
        period, sale, count, alert = schema.period, schema.sale, schema.doorcount, schema.alert
        with self._store.writing() as db:
            gone = [
                db.execute(delete(schema.report).where(*_reported(one, before))).rowcount
                for one in self._store.placements(tenant, shop)
                if one.valid_from < before
            ]

            def drop(table: Table, *which: ColumnElement[bool]) -> int:
                return db.execute(delete(table).where(table.c.tenant == tenant, table.c.shop == shop, *which)).rowcount

            drop(schema.dirty, schema.dirty.c.hour < before)
            drop(period, period.c.grain == GRAIN, period.c.start < before - _MONTH_S)
            drop(period, period.c.grain == "base", period.c.start < before)
            figures = drop(period, period.c.grain.in_(("hour", "day")), period.c.start < before)
            if not rollups.periods(db, (tenant, shop), "hour", before, schema.LATEST):
                drop(period, period.c.grain == "last")  # the newest window was before too
            told = drop(sale, sale.c.hour < before) + drop(count, count.c.start < before)
            drop(alert, alert.c.ended_at.is_not(None), alert.c.ended_at < before)
        return Erased(sum(gone), figures, told)


def _reported(placed: Placement, before: int) -> tuple[ColumnElement[bool], ...]:
    tenant, _, sensor = placed.sensor.partition(":")
    table, end = schema.report.c, before if placed.valid_to is None else min(before, placed.valid_to)
    first = max(0, placed.valid_from)
    return table.tenant == tenant, table.sensor == sensor, table.window_start >= first, table.window_start < end
