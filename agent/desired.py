"""Desired settings: what the fleet signed for this sensor. It can make the sensor stricter, never looser.

1. Nothing in a document is read before its signature is found right, by the process that talks before it keeps the file
   and by the one that senses when it reads it. Neither takes the other's word.
2. A document is taken once, within its time, if it names this sensor and its version is higher than any kept. One
   version is one document: the very same bytes again are no news, others under the same version are refused.
3. What was taken stays in force until a newer one is. `expires` bars a document from being taken late and ends nothing:
   an opt-out does not lapse because the line is down, and nor does anything else that makes the sensor stricter.
4. Stricter is measured against this sensor's own settings, and a document is taken whole or not at all. An opt-out list
   that was taken may be replaced by a newer one and is never dropped. Where the sensor's own settings have changed
   since, the stricter of each holds.
5. Not covered: whoever can write to this sensor's disk can put an older signed document back, or take it away.
"""

import base64
import binascii
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import UNSET, structs

from agent.config import Config
from agent.contract import ContractError, DeviceConfig, ReportedConfig, Signed, decode
from agent.contract.desired import to_sign
from agent.contract.handover import MAX_PAYLOAD_BYTES

log = logging.getLogger("footfall.desired")


class RefusedError(Exception):
    """A document is not taken. The message says why, and what to do about it."""


class EarlyError(RefusedError):
    """A document that will be valid from UTC second `opens` on."""

    def __init__(self, desired: DeviceConfig) -> None:
        super().__init__(f"Version {desired.version} is not valid yet: it is tried again when it is.")
        self.opens = desired.not_before


class LooserError(RefusedError):
    """A document that would make the sensor looser than its own settings, or drop who opted out."""


def verify(payload: bytes, keys: Mapping[str, str], sensor: str, now: float, newest: int) -> DeviceConfig:
    """The document in `payload`, the JSON of a `Signed`, if it may be taken at UTC second `now`. Raises RefusedError.

    `keys`: Ed25519 public keys, base64, by name. `newest`: the highest version taken before (0: none).
    """
    desired = _authentic(payload, keys, sensor)
    _check_newer(desired, newest)
    _check_time(desired, now)
    return desired


def tightened(config: Config, desired: DeviceConfig) -> Config:
    """The settings with what the document makes stricter, if all of it does. Raises LooserError, RefusedError.

    It reaches the profile and the two signal floors. Opt-outs are no part of the settings.
    """
    found = strictest(config, desired)
    _check_stricter(config, desired)
    inside = config.zones.inside_dbm if desired.inside_dbm is UNSET else desired.inside_dbm
    if found.zones.outside_dbm > inside:
        raise RefusedError(
            f"Version {desired.version} would raise outside_dbm above inside_dbm, which is {inside}: raise both."
        )
    return found


def strictest(config: Config, desired: DeviceConfig) -> Config:
    """The settings with the stricter of each, whatever the document says.

    For a document that was taken and is in force: the sensor's own settings may have become stricter since then.
    """
    privacy, inside, outside = config.privacy, config.zones.inside_dbm, config.zones.outside_dbm
    if desired.profile == "F5":
        privacy = structs.replace(privacy, profile="F5")
    if desired.outside_dbm is not UNSET:
        outside = max(outside, desired.outside_dbm)
    if desired.inside_dbm is not UNSET:
        inside = max(inside, desired.inside_dbm)
    zones = structs.replace(config.zones, inside_dbm=max(inside, outside), outside_dbm=outside)
    return structs.replace(config, privacy=privacy, zones=zones)


def read(path: Path, keys: Mapping[str, str], sensor: str) -> DeviceConfig | None:
    """The document kept at `path`, its signature checked again; None where there is none, or none to be trusted.

    Its time is not looked at: it was when the document was taken, and a clock that is wrong must end no opt-out.
    """
    kept = _kept(path)
    try:
        return None if kept is None else _authentic(kept, keys, sensor)
    except RefusedError as error:
        log.warning("%s is not used: %s", path, error)
        return None


def keep(path: Path, payload: bytes) -> None:
    """Replace what is kept at `path`, on the disk before this returns. Raises RefusedError if the disk refuses."""
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)  # noqa: PTH105 - the atomic one
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # fsync(2): without it the new name may be gone after a power cut
        finally:
            os.close(folder)
    except OSError as error:
        raise RefusedError(f"{path} cannot be written ({error.strerror}): check the disk.") from None


class Standing:
    """What is in force, as the talking process knows it, and what the next document does to it.

    `report` is the last word on it, for the cloud.
    """

    def __init__(self, config: Config) -> None:
        self._config, self._keys = config, config.fleet.config_keys
        kept = read(config.desired_path, self._keys, config.sensor)
        self._payload = None if kept is None else _kept(config.desired_path)
        self._newest = 0 if kept is None else kept.version
        self._listed_at = None if kept is None else _listed_at(kept)
        self._early: tuple[int, bytes] | None = None
        self.report = self._applied()

    def take(self, payload: bytes, now: float) -> ReportedConfig | None:
        """Take the document in `payload` at UTC second `now`, or do not, and say so.

        None for an empty payload: a broker sends it when a retained message is withdrawn, and that ends nothing here.
        """
        if not payload:
            return None
        if payload != self._payload:
            self.report = self._judge(payload, now)
        elif self.report.state == "rejected":
            self.report = self._applied()
        return self.report

    def due(self, now: float) -> ReportedConfig | None:
        """Take the document that came too early, if its time has come; None if there is nothing to tell."""
        if self._early is None or now < self._early[0]:
            return None
        (_, payload), self._early = self._early, None
        return self.take(payload, now)

    def _judge(self, payload: bytes, now: float) -> ReportedConfig:
        try:
            desired = verify(payload, self._keys, self._config.sensor, now, self._newest)
            _check_list_stays(desired, self._listed_at)
            tightened(self._config, desired)
            keep(self._config.desired_path, payload)
        except RefusedError as error:
            if isinstance(error, EarlyError):
                self._early = (error.opens, payload)
            return self._rejected(str(error))
        self._payload, self._newest, self._listed_at = payload, desired.version, _listed_at(desired)
        log.info("settings of version %d are in force", desired.version)
        return self._applied()

    def _applied(self) -> ReportedConfig:
        return ReportedConfig(sensor=self._config.sensor, version=self._newest, state="applied")

    def _rejected(self, why: str) -> ReportedConfig:
        found = ReportedConfig(sensor=self._config.sensor, version=self._newest, state="rejected", reason=why[:200])
        if found != self.report:  # a retained document comes again with every connection
            log.warning("settings from the fleet are not taken: %s", why)
        return found


def _kept(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s cannot be read (%s): settings from the fleet are not in force", path, error.strerror)
        return None


def _authentic(payload: bytes, keys: Mapping[str, str], sensor: str) -> DeviceConfig:
    """The document in `payload`, signed by one of `keys` for `sensor`. Raises RefusedError."""
    _check_size(payload)
    try:
        signed = decode(Signed, payload)
    except ContractError:
        raise RefusedError("This is no signed document: sign it with 'footfall-cloud config sign'.") from None
    body, signature = _bytes(signed.payload), _bytes(signed.sig)
    if signed.kid not in keys:
        raise RefusedError(f"The key {signed.kid} is not among fleet.config_keys: add it there, or sign with another.")
    _check_signature(keys[signed.kid], signature, body, signed.kid)
    try:
        desired = decode(DeviceConfig, body)
    except ContractError as error:
        raise RefusedError(f"The signature is right, the document is not understood: {error}.") from None
    _check_sensor(desired, sensor)
    return desired


def _bytes(text: str) -> bytes:
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


def _check_signature(public: str, signature: bytes, body: bytes, kid: str) -> None:
    # A sensor nobody sends settings to need not have this library in memory.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public)).verify(signature, to_sign(body))
    except (InvalidSignature, ValueError):
        raise RefusedError(f"The signature is not by the key {kid} that is in fleet.config_keys.") from None


def _check_sensor(desired: DeviceConfig, sensor: str) -> None:
    if desired.sensor != sensor:
        raise RefusedError(f"The document is for {desired.sensor}; this is {sensor}.")


def _check_newer(desired: DeviceConfig, newest: int) -> None:
    if desired.version <= newest:
        raise RefusedError(
            f"Version {desired.version} is not newer than {newest}, which is in force: sign a higher one."
        )


def _check_time(desired: DeviceConfig, now: float) -> None:
    if now >= desired.expires:
        raise RefusedError(f"Version {desired.version} has expired: sign it anew, or check this sensor's clock.")
    if now < desired.not_before:
        raise EarlyError(desired)


def _check_stricter(config: Config, desired: DeviceConfig) -> None:
    version, zones = desired.version, config.zones
    if desired.profile == "D24" and config.profile == "F5":
        raise LooserError(f"Version {version} asks for profile D24; this sensor's settings allow F5 only.")
    if desired.inside_dbm is not UNSET and desired.inside_dbm < zones.inside_dbm:
        raise LooserError(f"Version {version} lowers inside_dbm; this sensor's settings say {zones.inside_dbm}.")
    if desired.outside_dbm is not UNSET and desired.outside_dbm < zones.outside_dbm:
        raise LooserError(f"Version {version} lowers outside_dbm; this sensor's settings say {zones.outside_dbm}.")


def _check_list_stays(desired: DeviceConfig, listed_at: int | None) -> None:
    """`listed_at`: when the opt-out list in force was made, None if there is none."""
    if listed_at is None:
        return
    fresh = _listed_at(desired)
    if fresh is None:
        raise LooserError(f"Version {desired.version} would drop the opt-out list: sign it with one.")
    if fresh < listed_at:
        raise LooserError(f"Version {desired.version} has an older opt-out list than the one in force.")


def _listed_at(desired: DeviceConfig) -> int | None:
    return None if desired.opt_outs is UNSET else desired.opt_outs.made_at
