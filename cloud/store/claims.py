"""Claims: the codes by which boards become sensors. Of a code only its SHA-256 is kept.

Forty bits can be searched for: the hash keeps codes from whoever reads a backup later, not from whoever reads the
database within the quarter hour.

`take` is where a code is used up: whoever comes second, at whatever distance, finds it used.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, delete, select

from agent.contract import Claim, Claimed, encode
from cloud.core.certificate import Certificate
from cloud.core.claim import Offer, digest, fingerprint, name_for
from cloud.core.fleet.deed import Deed
from cloud.core.member import Member
from cloud.store import certificates, deeds, members, schema, shops, statements
from cloud.store.store import Store

KEPT_S = 86_400  # for whoever still looks at the page of one that has ended
Made = Callable[[Offer, Member], tuple[Certificate, Claimed, Deed]]
_offer = msgspec.json.Decoder(Offer)


class Claims:
    """The codes in `store`. Each method is one transaction, and raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, tenant: str, code: str, offer: Offer, told: Deed) -> None:
        """Keep a new offer by the hash of its code; any other that is open for its board ends, old ones are forgotten.

        With it goes the deed that tells of it.
        """
        table = schema.claim
        is_replaced = (table.c.serial == offer.serial) & table.c.used_at.is_(None)
        is_old = table.c.expires_at < offer.opened_at - KEPT_S
        with self._store.writing() as db:
            db.execute(delete(table).where(table.c.tenant == tenant, is_replaced | is_old))
            _write(db, tenant, digest(code), offer)
            deeds.write(db, tenant, told)

    def of(self, tenant: str, shop: str) -> list[Offer]:
        """The offers of a shop that are not forgotten, the newest first."""
        table = schema.claim
        with self._store.reading() as db:
            rows = db.execute(select(table.c.body).where(table.c.tenant == tenant)).all()
        found = [_offer.decode(row.body) for row in rows]
        return sorted((one for one in found if one.shop == shop), key=lambda one: one.opened_at, reverse=True)

    def take(self, tenant: str, claim: Claim, now: int, made: Made) -> Claimed | None:
        """Use a code up at UTC second `now`: its board becomes a sensor and stands in its shop. None: it is not good.

        What `made` raises goes through, and the code is as good as before.
        """
        with self._store.reading() as db:  # whoever guesses without code and board shall not even make us write
            near = _near(db, tenant, claim, now)
        for one in near.values():
            if one.claim == fingerprint(claim):
                return one.answer
        if all(one.state(now) != "open" for one in near.values()):
            return None
        with self._store.writing() as db:
            shops.hold(db)
            near = _near(db, tenant, claim, now)
            offer = near.get(digest(claim.code))
            if offer is not None and offer.claim == fingerprint(claim):
                return offer.answer  # it came twice at once, and the other was first
            is_right = offer is not None and offer.serial == claim.serial and offer.state(now) == "open"
            member = _member(db, tenant, claim, offer, now) if offer is not None and is_right else None
            if offer is None or member is None:
                _note_wrong(db, tenant, near, now)
                return None
            return _used(db, tenant, claim, offer, member, made(offer, member))


def _near(db: Connection, tenant: str, claim: Claim, now: int) -> dict[str, Offer]:
    """The offers, by hash, whose code or board is that of a claim, and whose quarter hour is not over."""
    table = schema.claim.c
    is_near = (table.hash == digest(claim.code)) | (table.serial == claim.serial)
    query = select(table.hash, table.body).where(table.tenant == tenant, table.expires_at > now, is_near)
    return {row.hash: _offer.decode(row.body) for row in db.execute(query.order_by(table.hash))}


def _note_wrong(db: Connection, tenant: str, near: dict[str, Offer], now: int) -> None:
    for key, offer in near.items():
        if offer.state(now) == "open":
            wrong = replace(offer, wrong=offer.wrong + 1)
            _write(db, tenant, key, wrong if wrong.state(now) == "open" else replace(wrong, expires_at=now))


def _member(db: Connection, tenant: str, claim: Claim, offer: Offer, now: int) -> Member | None:
    """Who the board becomes; None where it is a sensor of somebody else's."""
    known = members.of_board(db, offer.serial)
    if any(one.is_active and not one.sensor.startswith(f"{tenant}:") for one in known):
        return None
    own = next((one for one in known if one.sensor.startswith(f"{tenant}:")), None)
    if own is not None:
        return replace(own, claimed_at=now, software=claim.software, retired_at=None)
    name = _name(db, tenant, offer, now)
    return Member(sensor=f"{tenant}:{name}", serial=offer.serial, claimed_at=now, software=claim.software)


def _name(db: Connection, tenant: str, offer: Offer, now: int) -> str:
    """The name that was asked for, if it is free or waits for its board in this shop; else one like it."""
    wanted = f"{tenant}:{offer.name}"
    waits = bool(offer.name) and shops.standing(db, wanted, now) == (offer.shop, offer.zone)
    if waits and members.read(db, wanted) is None:
        return offer.name
    taken: set[str] = set()
    for table in (schema.sensor, schema.placement, schema.sensor_state):
        taken.update(row.sensor for row in db.execute(select(table.c.sensor).where(table.c.tenant == tenant)))
    return name_for(offer.name or offer.zone, taken)


def _used(
    db: Connection, tenant: str, claim: Claim, offer: Offer, member: Member, made: tuple[Certificate, Claimed, Deed]
) -> Claimed:
    certificate, answer, told = made
    certificates.revoke(db, member.sensor, member.claimed_at)
    certificates.add(db, certificate)
    members.write(db, member)
    shops.stand(db, member.sensor, offer.shop, offer.zone, member.claimed_at)
    shops.changed(db)
    deeds.write(db, tenant, told)
    used = replace(offer, used_at=member.claimed_at, claim=fingerprint(claim), answer=answer)
    _write(db, tenant, digest(claim.code), used)
    return answer


def _write(db: Connection, tenant: str, key: str, offer: Offer) -> None:
    statements.put(db, schema.claim, [(key, tenant, offer.serial, offer.expires_at, offer.used_at, encode(offer))])
