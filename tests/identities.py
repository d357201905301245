"""An authority, requests for certificates, and claims, made as sensors and operators make them."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID

from agent.contract import Claim
from cloud.authority import Authority, Issuing, Pair, make_root, opened, terms

SERIAL = "10000000abcdef12"
DAYS = 90


class World:
    """A root, the authority for sensors under it, and what sensors are told; all made at UTC second `now`."""

    def __init__(self, now: int) -> None:
        self.root = make_root("Test", now)
        self.above: Authority = opened(*self.root)
        self.pair: Pair = self.above.for_sensors("Test", now)
        self.authority = opened(*self.pair)
        told = terms("mqtt.example.com", 8883, self.root.certificate, {})
        self.issuing = Issuing(authority=self.authority, days=DAYS, terms=told)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def request(key: CertificateIssuerPrivateKeyTypes | None = None, name: str = "whoever") -> str:
    """A request for a certificate, PEM, signed with its own key."""
    made = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    )
    signed = made.sign(key or new_key(), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def a_claim(code: str, serial: str = SERIAL, wanted: str = "") -> Claim:
    return Claim(serial=serial, code=code, request=wanted or request(), software="footfall-0.8.0")


def leaf(pem: str) -> x509.Certificate:
    """The first of the certificates in a text."""
    return x509.load_pem_x509_certificates(pem.encode())[0]


def common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
