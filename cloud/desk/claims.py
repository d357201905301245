"""Claims: codes by which boards become sensors of a shop, what becomes of them, and the claims themselves.

1. Who opens a claim stands in the shop or looks after it; who sends one has nothing but the code and the board.
2. A board that is somebody else's sensor cannot be claimed before they have released it: a serial number is no secret.
3. A board that is a sensor of ours keeps its name. The certificates it had end when it is claimed anew.
"""

import secrets
from collections.abc import Callable

from agent.contract import Claim, Claimed
from agent.contract.identity import CODE_LETTERS
from cloud.authority import AuthorityError, Issuing, requested_key
from cloud.core import claim as core
from cloud.core.certificate import Certificate
from cloud.core.claim import GOOD_FOR_S, NOT_VALID, ClaimView, MadeClaim, Offer
from cloud.core.figures import SensorState
from cloud.core.fleet.deed import NOBODY_NAMED, Deed, deed
from cloud.core.member import Member
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.country import country_of
from cloud.desk.members import ready
from cloud.desk.reader import Reader
from cloud.store import Store
from cloud.store.claims import Claims as Kept
from cloud.store.members import Members

LONGEST_ZONE = 64


class UnknownClaimError(LookupError):
    """There is no such claim, or it is forgotten."""


class Claims:
    """The claims of `tenant`'s shops in `store`; `clock` gives UTC seconds, `issuing` what makes certificates.

    Methods that name a shop raise UnknownShopError.
    """

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float], issuing: Issuing | None = None) -> None:
        self._store, self._tenant, self._clock, self._issuing = store, tenant, clock, issuing
        self._kept, self._members = Kept(store), Members(store)
        self._reader = Reader(store, tenant, clock)

    def open(self, shop_id: str, zone: str, serial: str, name: str = "", who: str = NOBODY_NAMED) -> MadeClaim:
        """Make a code for the board with this serial number, which will stand in `zone`; nobody can show it again.

        `name` is wanted for the sensor; "": one is made from the zone, or the board keeps the one it has. A code made
        before for this board ends. Raises Refusal.
        """
        shop, now, zone = self._reader.shop(shop_id).shop, int(self._clock()), " ".join(zone.split())
        ready(self._issuing)
        if not 1 <= len(zone) <= LONGEST_ZONE:
            raise Refusal(Saying("zone: say in 1 to {most} letters where the sensor stands.", most=LONGEST_ZONE))
        serial, name = core.serial_of(serial), name.strip()
        if not self._knows(serial, name) and name:
            zone = self._zone_of(shop, name, now) or zone
        code = core.code(secrets.randbits(5 * CODE_LETTERS))
        offer = Offer(
            id=secrets.token_hex(8),
            shop=shop,
            zone=zone,
            serial=serial,
            name=name,
            opened_at=now,
            expires_at=now + GOOD_FOR_S,
        )
        said = Saying("Made a code for the board {serial} in {zone} of {shop}.", serial=serial, zone=zone, shop=shop)
        self._kept.open(self._tenant, code, offer, deed(who, said, now, "claim", (offer.id,)))
        return MadeClaim(code=code, claim=self._view(offer))

    def state(self, shop_id: str, which: str) -> ClaimView:
        """How a claim of a shop stands, by its id, or the newest of a board by its serial number.

        Raises UnknownClaimError.
        """
        shop = self._reader.shop(shop_id).shop
        for offer in self._kept.of(self._tenant, shop):
            if which in (offer.id, offer.serial):
                return self._view(offer)
        raise UnknownClaimError(Saying('there is no claim "{claim}": make a new code.', claim=which[:80]))

    def take(self, claim: Claim) -> Claimed:
        """Make the board that sends this a sensor. Raises Refusal, which does not say why a code is not good."""
        issuing, now = ready(self._issuing), int(self._clock())

        def made(offer: Offer, member: Member) -> tuple[Certificate, Claimed, Deed]:
            one = issuing.authority.issue(claim.request.encode(), member.sensor, now, issuing.days)
            where = {"sensor": member.sensor, "zone": offer.zone, "shop": offer.shop}
            told = Saying("Became the sensor {sensor}, in {zone} of {shop}.", **where)
            about = (member.sensor, offer.id)
            return one, self._answer(issuing, offer, one), deed(f"board {offer.serial}", told, now, "claim", about)

        try:
            requested_key(claim.request.encode())  # first: what is wrong with it says nothing of the code
            answer = self._kept.take(self._tenant, claim, now, made)
        except AuthorityError as error:
            raise Refusal(Saying("{text}", text=str(error))) from None
        if answer is None:
            raise Refusal(NOT_VALID)
        return answer

    def _answer(self, issuing: Issuing, offer: Offer, one: Certificate) -> Claimed:
        shop, terms = self._reader.shop(offer.shop), issuing.terms
        return Claimed(
            sensor=one.sensor,
            certificate=one.pem,
            authority=terms.authority,
            host=terms.host,
            port=terms.port,
            shop_name=shop.name,
            time_zone=shop.time_zone,
            country=country_of(shop.time_zone),
            root_keys=terms.root_keys,
        )

    def _knows(self, serial: str, name: str) -> bool:
        """Whether the board is a sensor of ours, or was. Raises Refusal where it is another's, or has another name."""
        for one in self._members.by_serial(serial):
            if one.sensor.startswith(f"{self._tenant}:"):
                if name and one.sensor != f"{self._tenant}:{name}":
                    raise Refusal(
                        Saying(
                            "The board {serial} is the sensor {sensor} already: leave the name out, and it stays so.",
                            serial=serial,
                            sensor=one.sensor,
                        )
                    )
                return True
            if one.is_active:
                raise Refusal(
                    Saying(
                        "The board {serial} is somebody else's sensor: they have to release it first.", serial=serial
                    )
                )
        return False

    def _zone_of(self, shop: str, name: str, now: int) -> str:
        """Where the settings have the sensor of this name in the shop, its zone; "" for a name that is new.

        Raises Refusal for a name that somebody has.
        """
        core.check_name(name)
        sensor = f"{self._tenant}:{name}"
        placed = {
            (one.shop.shop, each.zone)
            for one in self._store.placed(self._tenant)
            for each in one.placements
            if each.sensor == sensor and each.holds(now)
        }
        if self._members.one(sensor) is not None or any(stands != shop for stands, _ in placed):
            raise Refusal(Saying("There is a sensor {sensor} already: choose another name.", sensor=sensor))
        return next((zone for _, zone in placed), "")

    def _view(self, offer: Offer) -> ClaimView:
        now, sensor = int(self._clock()), offer.answer.sensor if offer.answer is not None else None
        live = self._live(offer, sensor, now) if sensor is not None else None
        return ClaimView(
            id=offer.id,
            shop=offer.shop,
            zone=offer.zone,
            serial=offer.serial,
            opened_at=offer.opened_at,
            expires_at=offer.expires_at,
            state=offer.state(now),
            sentence=core.sentence(offer, now, live),
            sensor=sensor,
            live=live,
        )

    def _live(self, offer: Offer, sensor: str, now: int) -> SensorState | None:
        """How a claimed sensor is; None until it was heard under what it was claimed for."""
        for one in self._store.sensors(self._tenant, offer.shop, now):
            if one.sensor == sensor and (one.online or (one.last_report_at or 0) >= (offer.used_at or 0)):
                return one
        return None
