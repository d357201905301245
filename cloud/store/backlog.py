"""Backlog: how much lies in the cloud that is still to be done, as bare counts."""

from msgspec import Struct
from sqlalchemy import func, select

from cloud.store import schema
from cloud.store.store import Store


class Waiting(Struct, frozen=True, kw_only=True):
    """Of the whole database: hours to roll up, messages nobody can use that are kept, and those given up.

    Of one tenant: mails and webhooks to be sent, codes that wait for their sensor, settings not sent yet, and rollouts
    by their state.
    """

    dirty_hours: int
    quarantined: int
    given_up: int
    outgoing: int
    claims: int
    unsent: int
    rollouts: dict[str, int]


class Backlog:
    """Counts in `store`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def look(self, tenant: str, now: int) -> Waiting:
        """How it stands at UTC second `now`, in one view. Raises StoreError."""
        refused, outgoing, claim = schema.refused.c, schema.outgoing.c, schema.claim.c
        wanted, rollout = schema.wanted.c, schema.rollout.c
        by_state = select(rollout.state, func.count()).where(rollout.tenant == tenant).group_by(rollout.state)
        open_claims = (claim.tenant == tenant, claim.used_at.is_(None), claim.expires_at > now)
        with self._store.reading() as db:
            kept, given_up = db.execute(select(func.sum(refused.kept), func.sum(refused.given_up))).one()

            def count(*where: object) -> int:
                return db.execute(select(func.count()).where(*where)).scalar_one()  # type: ignore[arg-type]

            return Waiting(
                dirty_hours=db.execute(select(func.count()).select_from(schema.dirty)).scalar_one(),
                quarantined=int(kept or 0),
                given_up=int(given_up or 0),
                outgoing=count(outgoing.tenant == tenant, outgoing.due_at.is_not(None)),
                claims=count(*open_claims),
                unsent=count(wanted.tenant == tenant, wanted.sent_at.is_(None)),
                rollouts=dict(db.execute(by_state).all()),
            )
