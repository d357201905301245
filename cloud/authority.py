"""Authority: makes the certificates by which broker, sensors and cloud know each other. Bytes and times in and out.

1. A root signs two things: the authority that is always at hand, for clients only (RFC 5280, 4.2.1.12, kept by OpenSSL
   for the whole chain), and the broker's own certificate. Whoever takes the authority's key can make clients, and no
   broker. The root's key belongs on no machine that serves.
2. Of a request for a certificate its key is taken, once its own signature was found right, and nothing else: the name
   is ours to give, and so is everything it may be used for.
3. Keys are EC P-256: every broker and every TLS library takes them, which is not so of Ed25519.
4. A certificate is good from an hour before it was made (the broker's clock may be behind), at most as long as the one
   it was signed with.
5. The list of those that were revoked does not expire before its authority: a broker shuts out everybody when it does,
   and no sensor counts the less because somebody forgot to write it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud.core.certificate import Certificate
from cloud.core.claim import Terms

LARGEST_REQUEST = 4096  # bytes of PEM
ROOT_DAYS, BROKER_DAYS = 3650, 825
_EARLY = timedelta(hours=1)
_PEM = serialization.Encoding.PEM
_CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
_SERVER = ExtendedKeyUsageOID.SERVER_AUTH


class AuthorityError(Exception):
    """No certificate was made; the message says in one sentence why, and what to do."""


class Pair(NamedTuple):
    """A certificate and its private key (PKCS 8, not encrypted), PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True)
class Authority:
    """An authority with its key. `chain`: itself, and whatever is between it and the root."""

    chain: list[x509.Certificate]
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def issue(self, request: bytes, sensor: str, now: int, days: int) -> Certificate:
        """A certificate for the key in a request (PKCS 10, PEM): for `sensor`, for so many days. Raises AuthorityError.

        `now` is in UTC seconds.
        """
        key = requested_key(request)
        made = self._client(key, sensor, now, days)
        return Certificate(
            number=f"{made.serial_number:x}",
            sensor=sensor,
            key=key_digest(key),
            issued_at=now,
            expires_at=int(made.not_valid_after_utc.timestamp()),
            pem="".join(one.public_bytes(_PEM).decode() for one in (made, *self.chain)),
        )

    def client(self, name: str, now: int, days: int) -> Pair:
        """A pair for a client of ours that is no sensor, such as the cloud itself. Raises AuthorityError."""
        key = _new_key()
        made = self._client(key.public_key(), name, now, days)
        return Pair(b"".join(one.public_bytes(_PEM) for one in (made, *self.chain)), _private(key))

    def for_sensors(self, name: str, now: int) -> Pair:
        """A new authority under this root, for clients only, with its key; for as long as the root."""
        key = _new_key()
        built = _built(f"{name} sensors", self._own.subject, key.public_key(), now, self._until(now, ROOT_DAYS))
        built = _for_signing(built, path_length=0).add_extension(x509.ExtendedKeyUsage([_CLIENT]), critical=False)
        return Pair(self._signed(built).public_bytes(_PEM), _private(key))

    def broker(self, hosts: list[str], now: int) -> Pair:
        """A pair for the broker, which sensors reach by the names or addresses `hosts`; for a root to make."""
        key = _new_key()
        names = x509.SubjectAlternativeName([_host(one) for one in hosts])
        built = _built(hosts[0][:64], self._own.subject, key.public_key(), now, self._until(now, BROKER_DAYS))
        made = _for_use(built, _SERVER).add_extension(names, critical=False)
        return Pair(self._signed(made).public_bytes(_PEM), _private(key))

    def revocation_list(self, revoked: Iterable[tuple[str, int]], now: int) -> bytes:
        """The list (CRL, PEM) of the certificates (number, UTC second it was revoked at) that a broker must refuse."""
        begins = datetime.fromtimestamp(now, UTC) - _EARLY
        made = x509.CertificateRevocationListBuilder(
            issuer_name=self._own.subject, last_update=begins, next_update=self._own.not_valid_after_utc
        )
        for number, at in sorted(revoked):
            one = x509.RevokedCertificateBuilder(int(number, 16), datetime.fromtimestamp(at, UTC))
            made = made.add_revoked_certificate(one.build())
        made = made.add_extension(x509.CRLNumber(now), critical=False)
        made = made.add_extension(_known_by(self.key.public_key()), critical=False)
        return made.sign(self.key, hashes.SHA256()).public_bytes(_PEM)

    @property
    def _own(self) -> x509.Certificate:
        return self.chain[0]

    def _client(self, key: ec.EllipticCurvePublicKey, name: str, now: int, days: int) -> x509.Certificate:
        if not 1 <= len(name) <= 64:  # RFC 5280, A.1: ub-common-name
            raise AuthorityError(f'A certificate cannot carry the name "{name[:80]}": it has more than 64 letters.')
        built = _built(name, self._own.subject, key, now, self._until(now, days))
        return self._signed(_for_use(built, _CLIENT))

    def _until(self, now: int, days: int) -> datetime:
        end = self._own.not_valid_after_utc
        if now >= end.timestamp():
            raise AuthorityError(
                f"The authority itself expired on {end:%Y-%m-%d}: make a new one with 'footfall-cloud fleet init'."
            )
        return min(end, datetime.fromtimestamp(now, UTC) + timedelta(days=days))

    def _signed(self, made: x509.CertificateBuilder) -> x509.Certificate:
        return made.add_extension(_known_by(self.key.public_key()), critical=False).sign(self.key, hashes.SHA256())


@dataclass(frozen=True)
class Issuing:
    """An authority, for how many days it makes certificates, and what else a sensor is told when it is claimed."""

    authority: Authority
    days: int
    terms: Terms


def opened(certificates: bytes, key: bytes) -> Authority:
    """The authority in two PEM files; the certificates are its own first. Raises AuthorityError."""
    try:
        chain = x509.load_pem_x509_certificates(certificates)
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise AuthorityError("These files hold no certificate and no key (PEM) of an authority.") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != chain[0].public_key():
        raise AuthorityError("The key and the certificate of the authority do not belong together.")
    try:
        is_authority = chain[0].extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        is_authority = False
    if not is_authority:
        raise AuthorityError("This certificate may sign no others: name the one of the authority.")
    return Authority([one for one in chain if one.subject != one.issuer] or chain[:1], private)


def make_root(name: str, now: int) -> Pair:
    """A new root with its key, for ten years from the UTC second `now`."""
    key = _new_key()
    until = datetime.fromtimestamp(now, UTC) + timedelta(days=ROOT_DAYS)
    built = _built(f"{name} root", _named(f"{name} root"), key.public_key(), now, until)
    made = _for_signing(built, path_length=1).sign(key, hashes.SHA256())
    return Pair(made.public_bytes(_PEM), _private(key))


def requested_key(request: bytes) -> ec.EllipticCurvePublicKey:
    """The key in a request (PKCS 10, PEM), which its own signature was made with. Raises AuthorityError."""
    if len(request) > LARGEST_REQUEST:
        raise AuthorityError(f"The request has {len(request)} bytes; at most {LARGEST_REQUEST} are read.")
    try:
        found = x509.load_pem_x509_csr(request)
        key, is_right = found.public_key(), found.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise AuthorityError("This is no request for a certificate (PKCS 10, PEM).") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise AuthorityError("The key in the request is no EC key on the curve P-256: make such a one.")
    if not is_right:
        raise AuthorityError("The request was not signed with its own key: make it anew.")
    return key


def key_digest(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of a public key, hex, by which certificates for it are found."""
    told = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(told).hexdigest()


def terms(host: str, port: int, believed: bytes, root_keys: Mapping[str, str]) -> Terms:
    """What sensors are told; `believed`: the certificates (PEM) that the broker's leads to. Raises AuthorityError."""
    try:
        found = x509.load_pem_x509_certificates(believed)
    except ValueError:
        raise AuthorityError("The file with the certificates that sensors shall believe holds none (PEM).") from None
    plain = "".join(one.public_bytes(_PEM).decode() for one in found)
    return Terms(host=host, port=port, authority=plain, root_keys=dict(root_keys))


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _known_by(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _built(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: int, until: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=_named(name),
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=datetime.fromtimestamp(now, UTC) - _EARLY,
        not_valid_after=until,
    ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _for_use(built: x509.CertificateBuilder, use: x509.ObjectIdentifier) -> x509.CertificateBuilder:
    built = built.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    built = built.add_extension(_usage(signs_certificates=False), critical=True)
    return built.add_extension(x509.ExtendedKeyUsage([use]), critical=False)


def _for_signing(built: x509.CertificateBuilder, path_length: int) -> x509.CertificateBuilder:
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return built.add_extension(_usage(signs_certificates=True), critical=True)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
