"""Identity: how a sensor comes to a certificate of its own, by a code that works once, and to the next one in time.

1. The key is made on the sensor and never leaves it. What leaves is a request (PKCS 10), signed with it.
2. A code is good for fifteen minutes, once, and for the board it was made for. Who sends another learns only that.
3. The certificate's common name is the sensor's name, and that is all a broker goes by. What a request says of a name
   is not looked at.
4. A renewal comes over the sensor's own topic, so the broker has looked at the certificate that is to be replaced.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from agent.contract.desired import KeyName, PublicKey
from agent.contract.handover import SensorId
from agent.contract.report import Name

# Crockford's base 32 without check symbols: no I, L, O or U, so that nobody misreads it; 40 bits.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LETTERS = 8
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": ""})
Code = Annotated[str, Meta(pattern=r"^[0-9A-HJKMNP-TV-Z]{8}$")]
Serial = Annotated[str, Meta(pattern=r"^[0-9a-z]{4,32}$")]
# PEM (RFC 7468): of one request; of certificates, one after the other.
Request = Annotated[
    str,
    Meta(max_length=4096, pattern=r"^-----BEGIN CERTIFICATE REQUEST-----[A-Za-z0-9+/=\n]+-----END [A-Z ]+-----\n?$"),
]
_CERTIFICATE = r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?"
Certificates = Annotated[str, Meta(max_length=16_384, pattern=f"^({_CERTIFICATE})+$")]
Host = Annotated[str, Meta(max_length=253, pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Keys = Annotated[dict[KeyName, PublicKey], Meta(max_length=8)]


class Claim(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a sensor without a name sends over HTTPS (POST `/api/v1/claim`): its board, a code, a request."""

    v: Literal[1] = 1
    serial: Serial
    code: Code
    request: Request
    software: Name


class Claimed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The answer: who the sensor is from now on, its certificate, and where it stands.

    `certificate`: its own first, then those between it and the root. `authority`: whose certificates it believes of the
    broker at `host`:`port`. `root_keys`: Ed25519, base64; they sign which keys sign settings. `country`: ISO 3166-1.
    """

    v: Literal[1] = 1
    sensor: SensorId
    certificate: Certificates
    authority: Certificates
    host: Host
    port: Port
    shop_name: Annotated[str, Meta(max_length=255)]
    time_zone: Annotated[str, Meta(max_length=64)]
    country: Annotated[str, Meta(pattern=r"^([A-Z]{2})?$")] = ""
    root_keys: Keys = {}


class Renewal(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request for the next certificate, with a new key, on the topic that only this sensor may write."""

    v: Literal[1] = 1
    sensor: SensorId
    request: Request


class Renewed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The next certificate, as in `Claimed`; "" where there is none, and `reason` says why."""

    v: Literal[1] = 1
    certificate: Annotated[str, Meta(max_length=16_384, pattern=f"^({_CERTIFICATE})*$")]
    reason: Annotated[str, Meta(max_length=200)] = ""


def as_meant(typed: str) -> str:
    """A code as somebody typed it, without case, spaces and dashes, O as 0, I and L as 1; it need not be one."""
    return "".join(typed.split()).upper().translate(_MISREAD)
