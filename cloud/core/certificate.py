"""Certificate: what a sensor shows to the broker, as the cloud keeps it.

1. A renewal is for a new key. Asked again for a key that has a certificate, that same one is given.
2. A sensor has at most `MOST_A_DAY` new ones a day: one that asks without end fills no table.
"""

from collections.abc import Iterable

from msgspec import Struct

MOST_A_DAY = 10  # of one sensor
_DAY_S = 86_400


class Certificate(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A certificate of `sensor`; times in UTC seconds.

    `number`: its serial number, hex. `key`: SHA-256 of the public key (SubjectPublicKeyInfo), hex. `pem`: itself, then
    those between it and the root.
    """

    number: str
    sensor: str
    key: str
    issued_at: int
    expires_at: int
    revoked_at: int | None = None
    pem: str

    def holds(self, at: int) -> bool:
        """Whether it is good at UTC second `at`."""
        return self.revoked_at is None and at < self.expires_at


class CertificateLine(Struct, frozen=True, kw_only=True):
    """A certificate in a list."""

    number: str
    sensor: str
    issued_at: int
    expires_at: int
    revoked_at: int | None


def line(one: Certificate) -> CertificateLine:
    """A certificate as a list shows it."""
    return CertificateLine(
        number=one.number,
        sensor=one.sensor,
        issued_at=one.issued_at,
        expires_at=one.expires_at,
        revoked_at=one.revoked_at,
    )


def are_too_many(some: Iterable[Certificate], at: int) -> bool:
    """Whether a sensor has had as many as it gets in a day."""
    return sum(at - one.issued_at < _DAY_S for one in some) >= MOST_A_DAY
