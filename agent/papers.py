"""Papers: the sensor's own TLS files, looked at where a connection failed.

A broker that does not accept a sensor's certificate hangs up after a handshake that went well (TLS 1.3: the client's
certificate is in its last flight, RFC 8446 section 2), so the side that has the certificate must say why.
One that is made out to another name it accepts, and drops what comes without a word.
"""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID


def fault(authority: str, certificate: str | None, key: str | None, sensor: str, now: datetime) -> str | None:
    """What is wrong with these files of `sensor` at `now`, and what to do, in one sentence; None if nothing is.

    Certificate and key in one file are those of a claim: nobody puts others there by hand.
    """
    for name, file in (("ca_file", authority), ("certificate_file", certificate), ("key_file", key)):
        if file is not None and (sentence := _unreadable(f"mqtt.{name}", Path(file))):
            return sentence
    if certificate is None or key is None:
        return None
    was_claimed = certificate == key
    try:
        ours = x509.load_pem_x509_certificate(Path(certificate).read_bytes())
        private = load_pem_private_key(Path(key).read_bytes(), None)
    except (ValueError, TypeError):  # TypeError: it asks for a password
        return f"{certificate} or {key} is no certificate with its key in PEM: put a new pair there."
    if _public(private.public_key()) != _public(ours.public_key()):
        return f"The key {key} is not that of the certificate {certificate}: put a pair there that belongs together."
    if now > ours.not_valid_after_utc:
        ended = shown(ours.not_valid_after_utc)
        anew = "run 'footfall-agent reset' and claim it anew" if was_claimed else "put a new one there"
        return f"This sensor's certificate {certificate} expired on {ended}: {anew}."
    if now < ours.not_valid_before_utc:
        begins = shown(ours.not_valid_before_utc)
        return (
            f"This sensor's certificate {certificate} is not valid before {begins}, and this machine's clock says "
            f"{shown(now)}: if that is wrong, check it with 'timedatectl'."
        )
    if (name := _name(ours)) != sensor:
        anew = "run 'footfall-agent reset' and claim it anew" if was_claimed else "put right whichever is wrong"
        return f"This sensor's certificate {certificate} is for {name}, its settings say {sensor}: {anew}."
    return None


def _name(certificate: x509.Certificate) -> str:
    """The common name, by which a broker goes."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else "nobody"


def shown(moment: datetime) -> str:
    """A moment for a person."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _unreadable(setting: str, file: Path) -> str | None:
    try:
        file.read_bytes()
    except OSError as error:
        return f"{file} cannot be read ({error.strerror}): check {setting} and who may read that file."
    return None


def _public(key: object) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return encoded
