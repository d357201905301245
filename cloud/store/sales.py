"""Sales: rows of what tills told, within the caller's transaction.

1. (tenant, shop, hour, source) is a row. What is told again and differs replaces it; what is the same is not written.
2. What a till published is kept whole or quarantined whole, with the reason, and holds up nothing beside it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from agent.contract import encode
from cloud.core import till
from cloud.core.refusal import Refusal
from cloud.core.till import Sale
from cloud.store import schema, statements
from cloud.store.delivery import MAX_REASON, Quarantined, Sold
from cloud.store.places import Places, ShopKey

Row = tuple[str, str, int, str, bytes]  # a row of `sale`


class Kept(NamedTuple):
    """Of how many hours a source told for the first time, told something new, and told what was known."""

    new: int
    changed: int
    same: int


def take(db: Connection, known: Places, sold: Iterable[Sold], now: int) -> tuple[int, list[Quarantined]]:
    """Keep what tills published by UTC second `now`: (how many hours that changed, what is to be quarantined)."""
    taken: dict[ShopKey, dict[tuple[int, str], Sale]] = {}
    bad: list[Quarantined] = []
    for one in sold:
        shop = known.shops.get((one.tenant, one.shop))
        if shop is None:
            bad.append(Quarantined(one.topic, "there is no such shop", one.payload))
            continue
        try:
            sales = till.from_rows(one.told, shop.time_zone, now)
        except Refusal as error:
            bad.append(Quarantined(one.topic, str(error)[:MAX_REASON], one.payload))
        else:
            taken.setdefault((one.tenant, one.shop), {}).update(((sale.hour, sale.source), sale) for sale in sales)
    kept = [put(db, key, list(sales.values())) for key, sales in sorted(taken.items())]
    return sum(one.new + one.changed for one in kept), bad


def put(db: Connection, key: ShopKey, sales: Sequence[Sale]) -> Kept:
    """Keep sales of one shop, each hour and source once, in place of what was told before."""
    kept, rows = compared(db, key, sales)
    if rows:
        statements.put(db, schema.sale, rows)
    return kept


def compared(db: Connection, key: ShopKey, sales: Sequence[Sale]) -> tuple[Kept, list[Row]]:
    """What `put` would do, and the rows it would write, in the order of their keys."""
    if not sales:
        return Kept(0, 0, 0), []
    table, hours = schema.sale.c, [sale.hour for sale in sales]
    query = select(table.hour, table.source, table.body).where(
        table.tenant == key[0],
        table.shop == key[1],
        table.hour.between(min(hours), max(hours)),
        table.source.in_(sorted({sale.source for sale in sales})),
    )
    before = {(row.hour, row.source): row.body for row in db.execute(query)}
    told = {(sale.hour, sale.source): encode(sale) for sale in sales}
    rows = [(*key, *which, body) for which, body in sorted(told.items()) if before.get(which) != body]
    new = len(told.keys() - before.keys())
    return Kept(new, len(rows) - new, len(told) - len(rows)), rows
