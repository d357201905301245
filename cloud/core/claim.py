"""Claim: an offer that one board may become a sensor of one shop, by a code that works once.

1. A code is good for fifteen minutes, for the board it was made for, once. `expires_at` is the first second at which it
   is good no more.
2. A wrong attempt is one that knows the code or the board of an offer, and not both. Ten of them end the offer. Who
   guesses without either touches nothing.
3. The same claim sent again, because its answer got lost, has the same answer while the code would still be good: it
   holds the same request, so nobody but the holder of the key can use what is in it. Any other is refused.
4. Why a claim was refused is not said: whoever tries codes learns nothing. Staff see it on the page of the offer.
"""

import hashlib
import re
import unicodedata
from collections.abc import Container
from typing import Literal

from msgspec import Struct

from agent.contract import Claim, Claimed, encode
from agent.contract.identity import ALPHABET, CODE_LETTERS, Keys, Serial
from cloud.core.figures import SensorState
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying

GOOD_FOR_S = 900
MOST_WRONG = 10
_LONGEST_NAME = 31  # with the tenant's at most 64, the most a certificate's common name may have (RFC 5280, A.1)
_NAME = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{_LONGEST_NAME - 1}}}")
_SERIAL = re.compile(r"[0-9a-z]{4,32}")

State = Literal["open", "claimed", "expired", "ended"]
NOT_VALID = Saying("This code is not valid for this sensor: ask for a new one on the claim page.")

NO_AUTHORITY = Saying(
    "Sensors cannot be claimed here yet: whoever operates this cloud has to run 'footfall-cloud fleet init' and name "
    "its files under [fleet]."
)


class Offer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a code is good for; times in UTC seconds.

    `name`: of the sensor, as somebody wants it; "" for one made from the zone. `wrong`: wrong attempts. Once used:
    `claim` is the SHA-256 of what was sent, `answer` what it was answered.
    """

    id: str
    shop: str
    zone: str
    serial: Serial
    name: str = ""
    opened_at: int
    expires_at: int
    wrong: int = 0
    used_at: int | None = None
    claim: str = ""
    answer: Claimed | None = None

    def state(self, at: int) -> State:
        """How it stands at UTC second `at`."""
        if self.used_at is not None:
            return "claimed"
        if self.wrong >= MOST_WRONG:
            return "ended"
        return "open" if at < self.expires_at else "expired"


class Terms(Struct, frozen=True, kw_only=True):
    """What every sensor is told when it is claimed, as in `Claimed`."""

    host: str
    port: int
    authority: str
    root_keys: Keys = {}


class NewClaim(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A code to be made: where the sensor will stand, and the serial number of its board.

    `name`: of the sensor; without it, one is made from the zone.
    """

    zone: str
    serial: str
    name: str = ""


class ClaimView(Struct, frozen=True, kw_only=True):
    """How an offer stands. Once claimed: `sensor` is who it is, and `live` how it is, null until it was heard."""

    id: str
    shop: str
    zone: str
    serial: str
    opened_at: int
    expires_at: int
    state: State
    sentence: str
    sensor: str | None = None
    live: SensorState | None = None


class MadeClaim(Struct, frozen=True, kw_only=True):
    """A code that was made, shown this once, and its offer."""

    code: str
    claim: ClaimView


def code(number: int) -> str:
    """The code that a number of 40 bits is."""
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(CODE_LETTERS)))


def shown(one: str) -> str:
    """A code as people read it."""
    return f"{one[:4]}-{one[4:]}"


def digest(one: str) -> str:
    """What is kept of a code."""
    return hashlib.sha256(one.encode()).hexdigest()


def fingerprint(claim: Claim) -> str:
    """What tells a claim from any other."""
    return hashlib.sha256(encode(claim)).hexdigest()


def serial_of(typed: str) -> Serial:
    """The serial number in what somebody typed. Raises Refusal."""
    plain = re.sub(r"[\s:-]", "", typed).lower()
    if not _SERIAL.fullmatch(plain):
        raise Refusal(
            Saying(
                '"{serial}" is no serial number: type the 4 to 32 letters and digits on the sensor\'s label.',
                serial=typed[:40],
            )
        )
    return plain


def check_name(name: str) -> None:
    """Raises Refusal where a sensor cannot be called so."""
    if not _NAME.fullmatch(name):
        raise Refusal(
            Saying(
                '"{name}" is no name of a sensor: use up to {n} small letters, digits and "-".',
                name=name[:40],
                n=_LONGEST_NAME,
            )
        )


def name_for(wanted: str, taken: Container[str]) -> str:
    """The name nearest to `wanted`, a zone or a name, that nobody has: `door`, else `door-2`."""
    plain = unicodedata.normalize("NFKD", wanted).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "sensor"
    number, name = 1, base[:_LONGEST_NAME].strip("-")
    while name in taken:
        number += 1
        name = f"{base[: _LONGEST_NAME - 7].strip('-')}-{number}"
    return name


def sentence(of: Offer, at: int, live: SensorState | None) -> Saying:
    """How an offer stands, and what to do."""
    state = of.state(at)
    if state == "open":
        return Saying("Waiting for the sensor with the serial number {serial}.", serial=of.serial)
    if state == "expired":
        return Saying("The code has expired: make a new one.")
    if state == "ended":
        return Saying("Somebody tried wrong codes, so this one was ended: make a new one.")
    if live is None:
        return Saying("Claimed; now the sensor connects, which takes about a minute.")
    return live.sentence if isinstance(live.sentence, Saying) else Saying("{text}", text=live.sentence)
