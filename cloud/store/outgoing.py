"""Outgoing: mails and webhooks on their way, an outbox of the cloud.

1. A name is put once; what was sent, or was given up, keeps its name, so that it is not said again.
2. Who takes a message holds it for `LEASE_S`: no other process sends it meanwhile. One that dies before it says that it
   was sent lets it be sent again, under the same name.
3. What fails is tried again, with growing pauses that differ by message; after `GIVE_UP_S` it is given up, and counted.
4. Of what was sent nothing is kept but the name; of what was given up, why.
"""

from collections.abc import Iterable, Mapping
from itertools import islice

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, func, select, update

from agent.contract import encode
from cloud.core.message import Message
from cloud.store import statements
from cloud.store.schema import outgoing
from cloud.store.store import Store

LEASE_S = 900
FIRST_PAUSE_S, LONGEST_PAUSE_S = 60, 6 * 3600
GIVE_UP_S = 3 * 86_400
_AT_ONCE = 500
_SENT = b""


class Body(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A row: the message until it is sent or given up, when it was put, and why it was not sent yet."""

    put_at: int
    message: Message | None = None
    why: str = ""


class Due(Struct, frozen=True, kw_only=True):
    """A message to send now; `attempts` counts this one, and names the lease."""

    tenant: str
    id: str
    attempts: int
    put_at: int
    message: Message


_body = msgspec.json.Decoder(Body)


class Outgoing:
    """The outbox in `store`. Times are UTC seconds. Methods are one transaction, and raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, tenant: str, messages: Mapping[str, Message], now: int) -> int:
        """Take messages by their names; returns how many were new."""
        rows = [(tenant, name, now, 0, encode(Body(put_at=now, message=one))) for name, one in sorted(messages.items())]
        with self._store.writing() as db:
            return statements.keep(db, outgoing, rows)

    def known(self, tenant: str, names: Iterable[str]) -> set[str]:
        """Those of the names that were put."""
        wanted, found = iter(sorted(set(names))), set[str]()
        with self._store.reading() as db:
            while some := list(islice(wanted, _AT_ONCE)):
                query = select(outgoing.c.id).where(outgoing.c.tenant == tenant, outgoing.c.id.in_(some))
                found.update(db.execute(query).scalars())
        return found

    def due(self, tenant: str, now: int, limit: int = 1) -> list[Due]:
        """Take up to `limit` messages that are due, the longest first, and hold them."""
        mine = (outgoing.c.tenant == tenant, outgoing.c.due_at <= now)
        with self._store.reading() as db:  # nearly always there is none, and then nobody need wait for us
            if db.execute(select(outgoing.c.id).where(*mine).limit(1)).first() is None:
                return []
        query = select(outgoing).where(*mine).order_by(outgoing.c.due_at, outgoing.c.id).limit(limit)
        found = []
        with self._store.writing() as db:
            for row in db.execute(query.with_for_update(skip_locked=True)).all():
                held = {"due_at": now + LEASE_S, "attempts": row.attempts + 1}
                db.execute(update(outgoing).where(*_key(tenant, row.id)).values(held))
                body = _body.decode(row.body)
                if body.message is not None:
                    found.append(
                        Due(
                            tenant=tenant,
                            id=row.id,
                            attempts=row.attempts + 1,
                            put_at=body.put_at,
                            message=body.message,
                        )
                    )
        return found

    def done(self, one: Due) -> None:
        """It was sent."""
        with self._store.writing() as db:
            db.execute(update(outgoing).where(*_key(one.tenant, one.id)).values(due_at=None, body=_SENT))

    def failed(self, one: Due, now: int, why: str, *, for_good: bool = False, pause_s: int = 0) -> bool:
        """It was not sent; returns whether it is given up. Whoever took it after the lease had ended decides instead.

        `for_good`: trying again is of no use. `pause_s`: not before so many seconds.
        """
        given_up = for_good or now - one.put_at >= GIVE_UP_S
        kept = Body(put_at=one.put_at, message=None if given_up else one.message, why=why[:500])
        next_s = max(pause(one.id, one.attempts), min(pause_s, LONGEST_PAUSE_S))
        told = {"due_at": None if given_up else now + next_s, "body": encode(kept)}
        held = (outgoing.c.attempts == one.attempts, outgoing.c.due_at.is_not(None))
        with self._store.writing() as db:
            db.execute(update(outgoing).where(*_key(one.tenant, one.id), *held).values(told))
        return given_up

    def counts(self, tenant: str) -> tuple[int, int]:
        """How many messages wait, and how many were given up since the first day."""
        of_tenant = select(func.count()).select_from(outgoing).where(outgoing.c.tenant == tenant)
        given_up = of_tenant.where(outgoing.c.due_at.is_(None), func.length(outgoing.c.body) > 0)
        with self._store.reading() as db:
            waiting = db.execute(of_tenant.where(outgoing.c.due_at.is_not(None))).scalar_one()
            return int(waiting), int(db.execute(given_up).scalar_one())


def pause(name: str, attempts: int) -> int:
    """Seconds before the next try: doubled each time, up to `LONGEST_PAUSE_S`, and by the name up to a fifth longer."""
    longer = 1 + int(name[:4], 16) / 0xFFFF / 5
    return int(longer * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempts - 1, 20)))


def _key(tenant: str, name: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return outgoing.c.tenant == tenant, outgoing.c.id == name
