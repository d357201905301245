"""Desired settings: what the fleet wants of one sensor, signed, and what the sensor says it made of that.

1. What protects people (profile, zones, hours, Bluetooth, opt-outs) can only make a sensor stricter. That is not left
   to the sender: the sensor compares each with its own settings, and refuses the document if any is looser. The rest
   says how it does its work, and protects nobody.
2. A document is whole, never a difference, and bound to one sensor. `version` only grows; outside `not_before` to
   `expires` it is not taken. It is in force from when it is taken until a newer one is.
3. A document that changes how the sensor works is on trial for ten minutes (`PROBATION_S`): only if the radios hear and
   the cloud acknowledges is it confirmed; else the last good one is in force again, and the sensor says why.
4. What is signed are the bytes of `payload` as they were before base64, behind a line that no other signature of ours
   begins with (`to_sign`). Nothing is parsed before the signature is found right.
5. Which keys sign is said by a `KeyList`, signed by a root key that is kept off every network. A newer list replaces an
   older one; what its keys signed before stays in force.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.contract.handover import SensorId
from agent.contract.health import Level
from agent.contract.optout import OptOuts

PROBATION_S = 600
KeyName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
PublicKey = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{43}=$")]
Second = Annotated[int, Meta(ge=0, le=2**40)]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]  # SHA-256, hex
Version = Annotated[int, Meta(ge=0, le=2**53)]
Channels = Annotated[list[Annotated[int, Meta(ge=1, le=177)]], Meta(min_length=1, max_length=32)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
# Base64 (RFC 4648) of at most 128 KiB less what stands around it; of 64 bytes, whose last character carries 4 bits.
Payload = Annotated[str, Meta(min_length=4, max_length=130_560, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
Signature = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{85}[AQgw]==$")]


class Opening(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Open from `opens` to `closes` (local "HH:MM"; "24:00" ends a day) on the `days` named."""

    days: Annotated[list[Day], Meta(min_length=1, max_length=7)]
    opens: TimeOfDay
    closes: TimeOfDay


class Broker(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the sensor hands its reports over from now on; certificates stay as they are."""

    host: Annotated[str, Meta(max_length=253, pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$")]
    port: Annotated[int, Meta(ge=1, le=65535)]
    keepalive_s: Annotated[int, Meta(ge=5, le=600)] | UnsetType = UNSET


class Tuning(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """On which Wi-Fi channels the sticks listen, and for how long on each; where the sensor stands (ISO 3166-1)."""

    channels: Channels | UnsetType = UNSET
    second_channels: Channels | UnsetType = UNSET
    stay_s: Annotated[float, Meta(ge=0.1, le=3600)] | UnsetType = UNSET
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | UnsetType = UNSET


class DeviceConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the sensor shall keep to besides its own settings; what is absent stays. Times in UTC seconds.

    Stricter only: `profile`, `inside_dbm`, `outside_dbm`, `opt_outs`; `hours`, of which none may lie outside the
    sensor's own; `bluetooth`, turned off or made to send nothing. On trial: `tuning`, `bluetooth`, `broker`.
    """

    v: Literal[1] = 1
    sensor: SensorId
    version: Annotated[int, Meta(ge=1, le=2**53)]
    not_before: Second
    expires: Second
    profile: Literal["F5", "D24"] | UnsetType = UNSET
    inside_dbm: Level | UnsetType = UNSET
    outside_dbm: Level | UnsetType = UNSET
    opt_outs: OptOuts | UnsetType = UNSET
    hours: Annotated[list[Opening], Meta(min_length=1, max_length=14)] | UnsetType = UNSET
    bluetooth: Literal["off", "passive"] | UnsetType = UNSET
    tuning: Tuning | UnsetType = UNSET
    broker: Broker | UnsetType = UNSET
    health_interval_s: Annotated[float, Meta(ge=10, le=3600)] | UnsetType = UNSET


class KeyList(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys that sign settings from now on (Ed25519, base64, by name). `version` only grows."""

    v: Literal[1] = 1
    version: Annotated[int, Meta(ge=1, le=2**53)]
    keys: Annotated[dict[KeyName, PublicKey], Meta(min_length=1, max_length=8)]


class Signed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A `DeviceConfig` or a `KeyList` (`payload`, base64), and its Ed25519 signature (RFC 8032; `sig`, base64).

    `kid` names the key: for settings one of the key list, for a key list a root key.
    """

    v: Literal[1] = 1
    payload: Payload
    kid: KeyName
    sig: Signature


class ReportedConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The version in force (0: none). `rejected`: something else was sent and not taken; `reason` says why.

    `pending`: `version` is on trial until it is confirmed. `rolled_back`: `wanted` was on trial and failed, and
    `version` is in force again. `wanted` is what was sent, where that is another than `version`. `hash`: SHA-256
    of the document in force, as it was signed; `effective` of the settings that follow from it; `keys`: the version of
    the key list (0: none but the sensor's own).
    """

    v: Literal[1] = 1
    sensor: SensorId
    version: Version
    state: Literal["applied", "rejected", "pending", "rolled_back"]
    reason: Annotated[str, Meta(max_length=200)] = ""
    wanted: Version | UnsetType = UNSET
    hash: Digest | UnsetType = UNSET
    effective: Digest | UnsetType = UNSET
    keys: Version | UnsetType = UNSET


def to_sign(payload: bytes) -> bytes:
    """The bytes the signature of settings is over."""
    return b"footfall config v1\0" + payload


def keys_to_sign(payload: bytes) -> bytes:
    """The bytes a root's signature of a key list is over."""
    return b"footfall keys v1\0" + payload
