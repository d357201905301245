"""Key lists: which keys sign settings, as a root key has signed it. The newest is in force; the others are kept."""

from msgspec import Struct
from sqlalchemy import select

from cloud.core.fleet.deed import Deed
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.store import deeds, statements
from cloud.store.schema import keylist
from cloud.store.store import Store


class Kept(Struct, frozen=True):
    """A signed key list, byte for byte, and its version."""

    version: int
    payload: bytes


class KeyLists:
    """The key lists in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def newest(self, tenant: str) -> Kept | None:
        """The list in force; None where there is none."""
        query = select(keylist).where(keylist.c.tenant == tenant).order_by(keylist.c.version.desc()).limit(1)
        with self._store.reading() as db:
            row = db.execute(query).first()
        return None if row is None else Kept(row.version, bytes(row.payload))

    def add(self, tenant: str, told: Kept, done: Deed) -> None:
        """Keep a list that is newer than all others, and who sent it. Raises Refusal where it is not."""
        query = select(keylist.c.version, keylist.c.payload).where(keylist.c.tenant == tenant)
        with self._store.writing() as db:
            known = {row.version: bytes(row.payload) for row in db.execute(query)}
            if known.get(told.version) == told.payload:
                return
            if known and told.version <= max(known):
                raise Refusal(
                    Saying(
                        "Key list {version} is not newer than {newest}, which is in force: sign a higher version.",
                        version=told.version,
                        newest=max(known),
                    )
                )
            statements.put(db, keylist, [(tenant, told.version, told.payload)])
            deeds.write(db, tenant, done)
