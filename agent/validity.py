"""Validity: when a certificate holds, read from its bytes without a library of 13 MB that a process would keep.

It believes nothing: whoever connects has the certificate checked by OpenSSL. What is no certificate has no validity.

Sources: RFC 5280, 4.1 (where it stands) and 4.1.2.5 (how a time is written); ITU-T X.690, 8.1 (tag, length, value).
"""

import binascii
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

_SEQUENCE, _VERSION, _UTC_TIME, _GENERALISED = 0x30, 0xA0, 0x17, 0x18
_VALIDITY = 3  # after serial number, signature and issuer


def until(path: Path) -> float | None:
    """UTC second at which the first certificate of the file at `path` (PEM) ends; None where there is none."""
    found = life(path)
    return None if found is None else found[1]


def life(path: Path) -> tuple[float, float] | None:
    """UTC seconds at which the first certificate of the file at `path` (PEM) begins and ends; None without one."""
    try:
        text = path.read_text(encoding="ascii")
        head, tail = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        first = text[text.index(head) : text.index(tail) + len(tail)]
        return _validity(ssl.PEM_cert_to_DER_cert(first))
    except (OSError, ValueError, IndexError, StopIteration, binascii.Error):
        return None


def _validity(der: bytes) -> tuple[float, float]:
    _, certificate = next(_values(der))
    _, signed = next(_values(certificate))
    parts = [(tag, value) for tag, value in _values(signed) if tag != _VERSION]
    tag, validity = parts[_VALIDITY]
    if tag != _SEQUENCE:
        raise ValueError("no validity")
    begins, ends = _values(validity)
    return _moment(*begins), _moment(*ends)


def _moment(kind: int, told: bytes) -> float:
    written = told.decode("ascii")
    if kind == _UTC_TIME:
        written = ("20" if int(written[:2]) < 50 else "19") + written
    elif kind != _GENERALISED:
        raise ValueError("no time")
    return datetime.strptime(written, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _values(der: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, value) of one after the other. Raises IndexError where they break off."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            octets = length & 0x7F
            length, at = int.from_bytes(der[at : at + octets], "big"), at + octets
        if at + length > len(der):
            raise IndexError("it breaks off")
        yield tag, der[at : at + length]
        at += length
