"""Alerts: the rules shops have told, and every alert until it has ended and that was told.

`ended_at` is null until the end of an alert has been told: what is null is what the next look begins with. A pending
alert that ends was nothing, and is deleted.
"""

from collections.abc import Iterable

import msgspec
from sqlalchemy import delete, select, tuple_

from agent.contract import encode
from cloud.core.alerts import Alert, Key
from cloud.core.rule import RuleWanted
from cloud.store import statements
from cloud.store.schema import alert, rule
from cloud.store.store import Store

_alert = msgspec.json.Decoder(Alert)
_wanted = msgspec.json.Decoder(RuleWanted)


class Alerts:
    """The rules and alerts of all shops in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def rules(self, tenant: str, shop: str | None = None) -> dict[Key, RuleWanted]:
        """What one shop has told, or all of the tenant's, by (shop, kind)."""
        query = select(rule).where(rule.c.tenant == tenant)
        if shop is not None:
            query = query.where(rule.c.shop == shop)
        with self._store.reading() as db:
            return {(row.shop, row.kind): _wanted.decode(row.body) for row in db.execute(query)}

    def put_rule(self, tenant: str, key: Key, wanted: RuleWanted) -> None:
        """Keep a rule in place of the one before."""
        with self._store.writing() as db:
            statements.put(db, rule, [(tenant, *key, encode(wanted))])

    def open(self, tenant: str) -> list[Alert]:
        """Those that have not ended, or whose end nobody was told yet."""
        query = select(alert.c.body).where(alert.c.tenant == tenant, alert.c.ended_at.is_(None))
        with self._store.reading() as db:
            return [_alert.decode(row.body) for row in db.execute(query)]

    def keep(self, tenant: str, before: Iterable[Alert], after: Iterable[Alert]) -> None:
        """Make `before`, as it was read, be `after`. What is the same is not written."""
        known = {_name(one): one for one in before}
        wanted = {_name(one): one for one in after}
        changed = [one for name, one in sorted(wanted.items()) if known.get(name) != one]
        gone = sorted(known.keys() - wanted.keys())
        if not changed and not gone:
            return
        with self._store.writing() as db:
            for at in range(0, len(gone), 100):
                these = tuple_(alert.c.shop, alert.c.kind, alert.c.began_at).in_(gone[at : at + 100])
                db.execute(delete(alert).where(alert.c.tenant == tenant, these))
            rows = [(tenant, *_name(one), _told_end(one), encode(one)) for one in changed]
            statements.put(db, alert, rows)

    def history(self, tenant: str, shop: str, since: int) -> list[Alert]:
        """The alerts of a shop that ended at or after the UTC second `since`, or have not; newest first.

        Those of many shops that it was one of are among them.
        """
        query = select(alert.c.body).where(
            alert.c.tenant == tenant,
            alert.c.shop.in_(["", shop]),
            (alert.c.ended_at >= since) | alert.c.ended_at.is_(None),
        )
        with self._store.reading() as db:
            found = [_alert.decode(row.body) for row in db.execute(query)]
        mine = [one for one in found if shop in {one.shop, *one.shops}]
        return sorted(mine, key=lambda one: (-one.began_at, one.kind, one.shop))


def _name(one: Alert) -> tuple[str, str, int]:
    return one.shop, one.kind, one.began_at


def _told_end(one: Alert) -> int | None:
    return one.ended_at if one.told == "resolved" else None
