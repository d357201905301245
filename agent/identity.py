"""Identity: the sensor's key, made here, and the certificate that belongs to it.

1. The key never leaves this machine. Folder and files are for the user of the talking process alone (0700, 0600).
2. Key and certificate lie in one file (`site.PAIR`), replaced as a whole: at every moment there is the old pair or the
   new one, and never a key without its certificate. A power cut changes nothing of that.
3. The next key waits beside it, with its request, until a certificate for it is in place. Who asks again, because an
   answer was lost, asks with the very same request. One that was made on another board is not used.
4. A certificate is taken if it is for this key and this sensor, good now, and leads to the authority that the sensor
   believes. What the broker makes of it is the broker's to decide.

Sources: RFC 2986 (request), RFC 5208 (key), RFC 5280, 4.1.2.5 and 4.2.1.9 (validity, who may sign), RFC 7468 (PEM).
"""

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent import disk
from agent.papers import shown
from agent.site import AUTHORITY, PAIR

NEXT = "next.pem"
_PEM = serialization.Encoding.PEM
_REQUEST = re.compile(r"-----BEGIN CERTIFICATE REQUEST-----.+?-----END CERTIFICATE REQUEST-----\n?", re.DOTALL)


class IdentityError(Exception):
    """The identity cannot be kept, or a certificate not be taken. The message says why, and what to do."""


def become_owner(folder: Path) -> None:
    """As root, go on as the user whose folder this is, so that the talking process may read what is written there."""
    if os.geteuid() != 0 or not folder.is_dir() or (owner := folder.stat()).st_uid == 0:
        return
    os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)


def may_write(folder: Path) -> bool:
    """Whether this process may keep an identity there."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return os.access(there, os.W_OK | os.X_OK)


def request(folder: Path, board: str) -> str:
    """The request (PKCS 10, PEM) of the key that waits; a new key is made where none does. Raises IdentityError.

    `board`: a mark of this machine. It stands in the request as the name, at which nobody looks.
    """
    waiting = _read(folder / NEXT)
    found = None if waiting is None else _request_in(waiting, board)
    if found is not None:
        return found
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, board)])
    made = x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA256()).public_bytes(_PEM).decode()
    _write(folder / NEXT, _private(key) + made)
    return made


def take(folder: Path, certificate: str, sensor: str, now: float, authority: str | None = None) -> None:
    """Put the certificate (PEM, its own first) of the key that waits in place. Raises IdentityError.

    `authority`: whom the sensor believes from now on (PEM); as before if left out. `now` is in UTC seconds.
    """
    waiting = _read(folder / NEXT)
    if waiting is None:
        raise IdentityError("The certificate is for no key of this sensor.")
    key = _key_in(waiting)
    believed = (_read(folder / AUTHORITY) or "") if authority is None else authority
    if sentence := _fault(certificate, key, sensor, believed, datetime.fromtimestamp(now, UTC)):
        raise IdentityError(sentence)
    if authority is not None:
        _write(folder / AUTHORITY, authority)
    _write(folder / PAIR, _private(key) + certificate)


def tidy(folder: Path) -> None:
    """Let go of the key that waited, if its certificate is in place. Raises IdentityError."""
    waiting, pair = _read(folder / NEXT), _read(folder / PAIR)
    if waiting is None or pair is None or _key_in(waiting).public_key() != _key_in(pair).public_key():
        return
    (folder / NEXT).unlink(missing_ok=True)


def drop(folder: Path) -> None:
    """Delete everything that is kept there, the keys first. Raises IdentityError."""
    try:
        for name in (PAIR, NEXT, AUTHORITY):
            for one in (folder / name, _fresh(folder / name)):
                one.unlink(missing_ok=True)
        if folder.is_dir():
            disk.settle(folder)
    except OSError as error:
        raise IdentityError(f"{folder} cannot be emptied ({error.strerror}): run this as root.") from None


def _fault(
    certificate: str, key: ec.EllipticCurvePrivateKey, sensor: str, authority: str, moment: datetime
) -> str | None:
    """What is wrong with a certificate, in a sentence."""
    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
        believed = x509.load_pem_x509_certificates(authority.encode())
        name = chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if chain[0].public_key() != key.public_key():
            return "The certificate that came is for another key: ask whoever runs the cloud."
    except (ValueError, UnsupportedAlgorithm):
        return "The certificate that came is damaged: try again, and if it stays so ask whoever runs the cloud."
    if [one.value for one in name] != [sensor]:
        return f"The certificate that came is not made out to {sensor}: ask whoever runs the cloud."
    if not chain[0].not_valid_before_utc <= moment < chain[0].not_valid_after_utc:
        return (
            f"The certificate that came is good from {shown(chain[0].not_valid_before_utc)} to "
            f"{shown(chain[0].not_valid_after_utc)}, and this sensor's clock says {shown(moment)}: if that is wrong, "
            "check it with 'timedatectl'."
        )
    if not _leads(chain, believed, moment):
        return "The certificate that came is not by the authority this sensor believes: ask whoever runs the cloud."
    return None


def _leads(chain: Sequence[x509.Certificate], believed: Sequence[x509.Certificate], moment: datetime) -> bool:
    """Whether each is signed by the next, and the last one is believed, or signed by one that is."""
    hangs_together = all(_signed(one, by, moment) for one, by in pairwise(chain))
    return hangs_together and any(chain[-1] == one or _signed(chain[-1], one, moment) for one in believed)


def _signed(one: x509.Certificate, by: x509.Certificate, moment: datetime) -> bool:
    try:
        one.verify_directly_issued_by(by)
        may_sign = by.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    return may_sign and by.not_valid_before_utc <= moment < by.not_valid_after_utc


def _request_in(waiting: str, board: str) -> str | None:
    """The request in what waits, if it is this board's and its own key's."""
    text = _REQUEST.search(waiting)
    if text is None:
        return None
    try:
        found, key = x509.load_pem_x509_csr(text[0].encode()), _key_in(waiting)
    except (ValueError, IdentityError):
        return None
    names = [one.value for one in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return text[0] if names == [board] and found.public_key() == key.public_key() else None


def _key_in(text: str) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise IdentityError("The sensor's key is damaged: run 'footfall-agent reset' and claim it anew.")
    return key


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IdentityError(f"{path} cannot be read ({error.strerror}): run this as root.") from None


def _fresh(path: Path) -> Path:
    return path.with_suffix(".new")


def _write(path: Path, text: str) -> None:
    """Replace the file, for this user alone, on the disk before this returns."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.replace(path, text.encode("ascii"), 0o600)
    except OSError as error:
        raise IdentityError(
            f"{path} cannot be written ({error.strerror}): run this as root, and check the disk."
        ) from None
