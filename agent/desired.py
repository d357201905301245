"""Desired settings: the documents the fleet signs for this sensor, and what has to be right before one is taken.

1. Nothing in a document is read before its signature is found right, by the process that talks before it keeps the file
   and by those that listen and tune when they read it. Neither takes the other's word.
2. A document is taken once, within its time, if it names this sensor and its version is higher than any taken, whatever
   became of that one. One version is one document: the very same again is no news, others under it are refused.
3. What was taken stays in force until a newer one is. `expires` bars a document from being taken late and ends nothing:
   an opt-out does not lapse because the line is down, and nor does anything else that makes the sensor stricter.
4. Which keys may sign is said by a key list, under a root's signature and behind another line than settings, so that
   neither can pass for the other.
5. Not covered: whoever can write to this sensor's disk can put an older signed document back, or take it away.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import UNSET

from agent import disk
from agent.contract import ContractError, DeviceConfig, KeyList, Signed, decode
from agent.contract.desired import keys_to_sign, to_sign
from agent.contract.handover import MAX_PAYLOAD_BYTES


class RefusedError(Exception):
    """A document is not taken. The message says why, and what to do about it."""


class EarlyError(RefusedError):
    """A document that will be valid from UTC second `opens` on."""

    def __init__(self, desired: DeviceConfig) -> None:
        super().__init__(f"Version {desired.version} is not valid yet: it is tried again when it is.")
        self.opens = desired.not_before


class LooserError(RefusedError):
    """A document that would make the sensor looser than its own settings, or drop who opted out."""


class StrangerError(RefusedError):
    """A document signed by a key that may not sign here."""


def verify(payload: bytes, keys: Mapping[str, str], sensor: str, now: float, newest: int) -> DeviceConfig:
    """The document in `payload`, the JSON of a `Signed`, if it may be taken at UTC second `now`. Raises RefusedError.

    `keys`: Ed25519 public keys, base64, by name. `newest`: the highest version taken before (0: none).
    """
    desired = settings(message(payload), keys, sensor)
    check_taken(desired, now, newest)
    return desired


def check_taken(desired: DeviceConfig, now: float, newest: int) -> None:
    """Whether an authentic document may be taken now: newer than any, and within its time. Raises RefusedError."""
    _check_newer(desired.version, newest)
    _check_time(desired, now)


def message(payload: bytes) -> Signed:
    """What came, not looked into. Raises RefusedError."""
    _check_size(payload)
    try:
        return decode(Signed, payload)
    except ContractError:
        raise RefusedError("This is no signed document: sign it with 'footfall-cloud config sign'.") from None


def settings(signed: Signed, keys: Mapping[str, str], sensor: str) -> DeviceConfig:
    """The settings in a message signed by one of `keys` for `sensor`. Raises RefusedError."""
    body = _body(signed, keys, to_sign)
    try:
        desired = decode(DeviceConfig, body)
    except ContractError as error:
        raise RefusedError(f"The signature is right, the document is not understood: {error}.") from None
    _check_sensor(desired, sensor)
    return desired


def key_list(signed: Signed, roots: Mapping[str, str]) -> KeyList:
    """The key list in a message signed by one of `roots`. Raises RefusedError."""
    body = _body(signed, roots, keys_to_sign)
    try:
        return decode(KeyList, body)
    except ContractError as error:
        raise RefusedError(f"The signature is right, the key list is not understood: {error}.") from None


def newer_keys(signed: Signed, roots: Mapping[str, str], newest: int) -> KeyList:
    """The key list in a message, if it may be taken after version `newest` (0: none). Raises RefusedError."""
    listed = key_list(signed, roots)
    _check_newer(listed.version, newest)
    return listed


def keep(path: Path, payload: bytes) -> None:
    """Replace what is kept at `path`, on the disk before this returns. Raises RefusedError if the disk refuses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        disk.replace(path, payload)
    except OSError as error:
        raise RefusedError(f"{path} cannot be written ({error.strerror}): check the disk.") from None


def _body(signed: Signed, keys: Mapping[str, str], begins: Callable[[bytes], bytes]) -> bytes:
    """The bytes that were signed, by one of `keys`."""
    body, signature = bytes_of(signed.payload), bytes_of(signed.sig)
    if signed.kid not in keys:
        may = ", ".join(sorted(keys)) or "nobody"
        raise StrangerError(f"The key {signed.kid} may not sign this for this sensor; {may} may.")
    _check_signature(keys[signed.kid], signature, begins(body), signed.kid)
    return body


def bytes_of(text: str) -> bytes:
    """The bytes of base64 text in its one right form: no line breaks, no spare bits (RFC 4648 3.3, 3.5)."""
    try:
        found = base64.b64decode(text, validate=True)
    except binascii.Error:
        found = b""
    if not found or base64.b64encode(found).decode() != text:
        raise RefusedError("The document is not in proper base64: sign it with 'footfall-cloud config sign'.")
    return found


def _check_size(payload: bytes) -> None:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise RefusedError(f"The document has {len(payload)} bytes; at most {MAX_PAYLOAD_BYTES} are allowed.")


def _check_signature(public: str, signature: bytes, signed: bytes, kid: str) -> None:
    # A sensor nobody sends settings to need not have this library in memory.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public)).verify(signature, signed)
    except (InvalidSignature, ValueError):
        raise RefusedError(f"The signature is not by the key {kid} that this sensor knows.") from None


def _check_sensor(desired: DeviceConfig, sensor: str) -> None:
    if desired.sensor != sensor:
        raise RefusedError(f"The document is for {desired.sensor}; this is {sensor}.")


def _check_newer(version: int, newest: int) -> None:
    if version <= newest:
        raise RefusedError(f"Version {version} is not newer than {newest}, which was taken: sign a higher one.")


def _check_time(desired: DeviceConfig, now: float) -> None:
    if now >= desired.expires:
        raise RefusedError(f"Version {desired.version} has expired: sign it anew, or check this sensor's clock.")
    if now < desired.not_before:
        raise EarlyError(desired)


def check_list_stays(desired: DeviceConfig, listed_at: int | None) -> None:
    """An opt-out list is replaced by a newer one and never dropped; `listed_at`: when the one in force was made."""
    if listed_at is None:
        return
    if desired.opt_outs is UNSET:
        raise LooserError(f"Version {desired.version} would drop the opt-out list: sign it with one.")
    if desired.opt_outs.made_at < listed_at:
        raise LooserError(f"Version {desired.version} has an older opt-out list than the one in force.")
