"""Desired settings: what the fleet wants of one sensor, signed, and what the sensor says it made of that.

1. There is a field only for what may make a sensor stricter. That nothing here can loosen it is not left to the sender:
   the sensor compares each with its own settings, and refuses the document if any is looser.
2. A document is whole, never a difference, and bound to one sensor. `version` only grows; outside `not_before` to
   `expires` it is not taken. It is in force from when it is taken until a newer one is.
3. What is signed are the bytes of `payload` as they were before base64, behind a line that no other signature of ours
   begins with (`to_sign`). Nothing is parsed before the signature is found right.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.contract.handover import SensorId
from agent.contract.health import Level
from agent.contract.optout import OptOuts

KeyName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Second = Annotated[int, Meta(ge=0, le=2**40)]
# Base64 (RFC 4648) of at most 128 KiB less what stands around it; of 64 bytes, whose last character carries 4 bits.
Payload = Annotated[str, Meta(min_length=4, max_length=130_560, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
Signature = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{85}[AQgw]==$")]


class DeviceConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the sensor shall keep to besides its own settings; what is absent stays. Times in UTC seconds."""

    v: Literal[1] = 1
    sensor: SensorId
    version: Annotated[int, Meta(ge=1, le=2**53)]
    not_before: Second
    expires: Second
    profile: Literal["F5", "D24"] | UnsetType = UNSET
    inside_dbm: Level | UnsetType = UNSET
    outside_dbm: Level | UnsetType = UNSET
    opt_outs: OptOuts | UnsetType = UNSET


class Signed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A `DeviceConfig` (`payload`, base64) and its Ed25519 signature (RFC 8032; `sig`, base64) by the key `kid`."""

    v: Literal[1] = 1
    payload: Payload
    kid: KeyName
    sig: Signature


class ReportedConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The version in force (0: none). `rejected`: something else was sent and not taken; `reason` says why."""

    v: Literal[1] = 1
    sensor: SensorId
    version: Annotated[int, Meta(ge=0, le=2**53)]
    state: Literal["applied", "rejected"]
    reason: Annotated[str, Meta(max_length=200)] = ""


def to_sign(payload: bytes) -> bytes:
    """The bytes the signature is over."""
    return b"footfall config v1\0" + payload
