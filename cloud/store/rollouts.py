"""Rollouts: changes of settings on their way, what each has for every sensor, and what follows for what is wanted.

1. A rollout, its parts and their documents are written together, once. A sensor is in one that runs at most, and a
   version is given once.
2. A step is written whole: the rollout, the parts that changed, what their sensors shall have from now on, and the
   deeds. It is written only onto what it was taken from: of two who step at once, one does nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Select, select, update

from agent.contract import encode
from cloud.core.fleet.deed import Deed
from cloud.core.fleet.rollout import Part, Rollout
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.store import deeds, schema, statements, wanted
from cloud.store.store import Store

_rollout = msgspec.json.Decoder(Rollout)
_part = msgspec.json.Decoder(Part)
_AT_ONCE = 500


class Signed(Struct, frozen=True):
    """A part, and its two documents as they would lie at the broker."""

    part: Part
    forward: bytes
    back: bytes


class Rollouts:
    """The rollouts in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, tenant: str, state: str | None = None) -> list[Rollout]:
        """A tenant's rollouts, the newest first; those of one state where it is given."""
        query = select(schema.rollout.c.body).where(schema.rollout.c.tenant == tenant)
        if state is not None:
            query = query.where(schema.rollout.c.state == state)
        with self._store.reading() as db:
            found = [_rollout.decode(row.body) for row in db.execute(query)]
        return sorted(found, key=lambda one: (-one.made_at, one.id))

    def get(self, tenant: str, rollout_id: str) -> Rollout | None:
        """The rollout of that id; None where there is none."""
        with self._store.reading() as db:
            body = db.execute(_body(tenant, rollout_id)).scalar()
        return None if body is None else _rollout.decode(body)

    def parts(self, tenant: str, rollout_id: str) -> list[Part]:
        """What a rollout has for each sensor, by stage and name, without the documents."""
        table = schema.part
        query = select(table.c.body).where(table.c.tenant == tenant, table.c.rollout == rollout_id)
        with self._store.reading() as db:
            found = [_part.decode(row.body) for row in db.execute(query)]
        return sorted(found, key=lambda one: (one.stage, one.sensor))

    def highest(self, tenant: str) -> dict[str, int]:
        """By sensor, the highest version that any rollout, or what is wanted of it, has."""
        with self._store.reading() as db:
            return _highest(db, tenant)

    def busy(self, tenant: str) -> set[str]:
        """The sensors of rollouts that run."""
        with self._store.reading() as db:
            return _busy(db, tenant)

    def backs(self, tenant: str, forwards: Mapping[str, int]) -> dict[str, bytes]:
        """By sensor, the document that puts back what the version given was to replace, where one was made."""
        table = schema.part
        found = {}
        with self._store.reading() as db:
            for sensor, version in forwards.items():
                here = (table.c.tenant == tenant, table.c.sensor == sensor.partition(":")[2])
                for row in db.execute(select(table.c.body, table.c.back).where(*here)):
                    if _part.decode(row.body).forward == version:
                        found[sensor] = bytes(row.back)
        return found

    def make(self, tenant: str, made: Rollout, parts: Sequence[Signed], done: Deed) -> None:
        """Keep a new rollout; one of that id changes nothing.

        Raises Refusal where one of its sensors was given another version meanwhile, or is in a rollout that runs.
        """
        with self._store.writing() as db:
            db.execute(select(schema.revision).with_for_update())  # one at a time: who checks must not be overtaken
            if db.execute(_body(tenant, made.id)).first() is not None:
                return
            _check_apart(db, tenant, parts)
            statements.put(db, schema.rollout, [(tenant, made.id, made.state, encode(made))])
            statements.put(db, schema.part, sorted(_row(tenant, made.id, one) for one in parts))
            deeds.write(db, tenant, done)

    def keep(
        self, tenant: str, before: Rollout, after: Rollout, parts: Iterable[Part], done: Iterable[Deed], now: int
    ) -> bool:
        """Make the rollout that was read as `before` be `after`, at UTC second `now`, with the parts that changed.

        False, and nothing is written, where somebody else has changed it.
        """
        changed = list(parts)
        with self._store.writing() as db:
            body = db.execute(_body(tenant, before.id).with_for_update()).scalar()
            if body is None or _rollout.decode(body) != before:
                return False
            here = (schema.rollout.c.tenant == tenant, schema.rollout.c.rollout == before.id)
            db.execute(update(schema.rollout).where(*here).values(state=after.state, body=encode(after)))
            _write_parts(db, tenant, before.id, changed)
            _want(db, tenant, before.id, changed, now)
            for one in done:
                deeds.write(db, tenant, one)
        return True


def _body(tenant: str, rollout_id: str) -> Select[Any]:
    table = schema.rollout
    return select(table.c.body).where(table.c.tenant == tenant, table.c.rollout == rollout_id)


def _row(tenant: str, rollout_id: str, one: Signed) -> tuple[object, ...]:
    part, name = one.part, one.part.sensor.partition(":")[2]
    return tenant, rollout_id, name, part.stage, part.state, one.forward, one.back, encode(part)


def _highest(db: Connection, tenant: str) -> dict[str, int]:
    found = {f"{tenant}:{name}": version for name, version in wanted.versions(db, tenant).items()}
    for row in db.execute(select(schema.part.c.body).where(schema.part.c.tenant == tenant)):
        one = _part.decode(row.body)
        found[one.sensor] = max(found.get(one.sensor, 0), one.forward, one.back)
    return found


def _busy(db: Connection, tenant: str) -> set[str]:
    part, rollout = schema.part.c, schema.rollout.c
    query = (
        select(part.sensor)
        .join(schema.rollout, (rollout.tenant == part.tenant) & (rollout.rollout == part.rollout))
        .where(part.tenant == tenant, rollout.state == "running")
    )
    return {f"{tenant}:{row.sensor}" for row in db.execute(query)}


def _check_apart(db: Connection, tenant: str, parts: Sequence[Signed]) -> None:
    highest, busy = _highest(db, tenant), _busy(db, tenant)
    for one in parts:
        if one.part.sensor in busy:
            raise Refusal(
                Saying("{sensor} is in a rollout that runs: wait for its end, or stop it.", sensor=one.part.sensor)
            )
        if one.part.forward <= highest.get(one.part.sensor, 0):
            raise Refusal(Saying("{sensor} was given another version meanwhile: plan again.", sensor=one.part.sensor))


def _write_parts(db: Connection, tenant: str, rollout_id: str, parts: Iterable[Part]) -> None:
    table = schema.part
    for one in sorted(parts, key=lambda one: one.sensor):
        here = (table.c.tenant == tenant, table.c.rollout == rollout_id, table.c.sensor == one.sensor.partition(":")[2])
        db.execute(update(table).where(*here).values(state=one.state, body=encode(one)))


def _want(db: Connection, tenant: str, rollout_id: str, parts: Sequence[Part], now: int) -> None:
    """Have the documents wanted of the parts that were released or put back; that again changes nothing."""
    table = schema.part
    moved = {one.sensor.partition(":")[2]: one for one in parts if one.state != "waiting"}
    names, rows = sorted(moved), []
    for at in range(0, len(names), _AT_ONCE):
        here = (table.c.tenant == tenant, table.c.rollout == rollout_id, table.c.sensor.in_(names[at : at + _AT_ONCE]))
        for row in db.execute(select(table.c.sensor, table.c.forward, table.c.back).where(*here)):
            one = moved[row.sensor]
            forward = one.state == "released"
            rows.append((row.sensor, one.forward if forward else one.back, bytes(row.forward if forward else row.back)))
    wanted.put(db, tenant, rows, now)
