"""Signing: settings for a sensor, and who opted out, put under the fleet's key. Texts and bytes in and out, no files.

1. Whoever has the private key can make every sensor stricter, up to hearing nothing, and none looser: the sensors see
   to that. It belongs on the machine of whoever signs, not on the one that serves.
2. Every list signed with one key has one filter key and the same filling, drawn from that key: two lists of the same
   people under different filter keys would together give them away (`agent/contract/optout.py`).
3. A mistake in a list of addresses is named by its line; an address is never repeated.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from hashlib import blake2s
from itertools import count

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.contract import ContractError, DeviceConfig, KeyList, OptOuts, Signed, decode, encode
from agent.contract.desired import KeyName, keys_to_sign, to_sign
from agent.contract.optout import KINDS, MOST_ENTRIES, make_list
from cloud.core.fleet import standing

_LINE = re.compile(r"(?P<address>(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})(?:\s+(?P<kind>\S+))?")


class SigningError(Exception):
    """Something cannot be signed or read. The message says what to do, and repeats no address."""


def new_key() -> bytes:
    """A new private key, PEM (PKCS 8, not encrypted)."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_key(pem: bytes) -> Ed25519PrivateKey:
    """The private key in a PEM file. Raises SigningError."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError("This is no Ed25519 private key: make one with 'footfall-cloud config keygen'.")
    return key


def public_line(key: Ed25519PrivateKey, kid: str, setting: str = "config_keys") -> str:
    """The line for [fleet] in a sensor's settings that trusts this key under the name `kid`. Raises SigningError."""
    try:
        msgspec.convert(kid, KeyName)
    except msgspec.ValidationError:
        raise SigningError("A key's name is small letters, digits and '-', 32 at most, like ops-2026.") from None
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    return f'{setting} = {{ {kid} = "{public}" }}'


def sign(config: DeviceConfig, key: Ed25519PrivateKey, kid: str) -> Signed:
    """The document, signed. Raises SigningError for what no sensor would understand."""
    return _signed(config, to_sign, key, kid)


def sign_keys(keys: KeyList, root: Ed25519PrivateKey, kid: str) -> Signed:
    """The list of the keys that sign from now on, signed by the root key `kid`. Raises SigningError."""
    return _signed(keys, keys_to_sign, root, kid)


def _signed(
    told: DeviceConfig | KeyList, to_be_signed: Callable[[bytes], bytes], key: Ed25519PrivateKey, kid: str
) -> Signed:
    payload = encode(told)
    try:
        decode(type(told), payload)  # msgspec looks at bounds when it decodes
        text, signature = base64.b64encode(payload), base64.b64encode(key.sign(to_be_signed(payload)))
        return decode(Signed, encode(Signed(payload=text.decode(), kid=kid, sig=signature.decode())))
    except ContractError as error:
        raise SigningError(f"No sensor would take this: {error}.") from None


def opened(text: bytes) -> DeviceConfig:
    """The document in a signed one; nobody checks the signature here. Raises SigningError."""
    found = standing.opened(text)
    if found is None:
        raise SigningError("This is no signed document: make one with 'footfall-cloud config sign'.")
    return found


def opened_keys(text: bytes) -> KeyList:
    """The key list in a signed one; nobody checks the signature here. Raises SigningError."""
    try:
        return decode(KeyList, base64.b64decode(decode(Signed, text).payload, validate=True))
    except (ContractError, binascii.Error):
        raise SigningError("This is no signed key list: make one with 'footfall-cloud config keys sign'.") from None


def opt_outs(text: str, key: Ed25519PrivateKey, made_at: int) -> OptOuts:
    """The list of `text` (one address a line, its kind behind it, # for comments) at UTC second `made_at`.

    Raises SigningError.
    """
    secret = key.private_bytes_raw()
    filter_key = blake2s(key=secret, person=b"opt-key").digest()
    try:
        return make_list(_addresses(text), filter_key, made_at, _filling(secret))
    except ValueError:
        raise SigningError(f"An opt-out list holds at most {MOST_ENTRIES} addresses.") from None


def _addresses(text: str) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(text.splitlines(), 1):
        said = line.partition("#")[0].strip()
        if said:
            yield _address(said, f"Line {number} of the opt-out list")


def _address(said: str, place: str) -> tuple[int, bytes]:
    """(kind, the 6 bytes as on the air)."""
    found = _LINE.fullmatch(said)
    if not found:
        raise SigningError(f"{place} is not understood: write aa:bb:cc:dd:ee:ff, and the kind behind it.")
    kind = found["kind"] or "wifi"
    if kind not in KINDS:
        raise SigningError(f"{place} names no kind we know: it is one of {', '.join(KINDS)}.")
    address = bytes.fromhex(re.sub("[:-]", "", found["address"]))
    if kind == "wifi" and address[0] & 3:  # IEEE 802-2014 8.2.2: bit 0 is a group's, bit 1 an address of one's own
        raise SigningError(f"{place} is no address a maker gave: a random one changes, and no list can hold it.")
    if kind == "ble-static" and address[0] >> 6 != 3:  # Bluetooth Core 6.B 1.3.2.1: the two highest bits are 1
        raise SigningError(f"{place} is no static random address: such a one begins with c, d, e or f.")
    # Bluetooth sends the lowest byte first (Core 6.B 1.2) and writes it last.
    return KINDS[kind], address if kind == "wifi" else address[::-1]


def _filling(secret: bytes) -> Callable[[int], int]:
    numbers = count()

    def draw(below: int) -> int:
        drawn = blake2s(next(numbers).to_bytes(8, "little"), digest_size=8, key=secret, person=b"opt-fill")
        return int.from_bytes(drawn.digest(), "little") % below

    return draw
