"""Effective settings: what a sensor keeps to, once what the fleet signed is laid over its own settings.

1. What protects people becomes stricter or the document is refused as a whole: `profile`, the signal floors, `hours`,
   `bluetooth`, and that reports go to another machine encrypted only. Stricter is measured against the sensor's own
   settings; where those have changed since a document was taken, the stricter of each holds.
2. The rest says how the sensor does its work: channels, stay, country, broker and how often it says how it is. A value
   this product cannot use refuses the document too.
3. `REACH` names every setting a document reaches. No other is ever changed by one.
4. `digest` is the same for two sensors that keep to the same: who the sensor is, its paths and its opt-out list are no
   part of it, and nothing that is secret could be.
"""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import msgspec
from msgspec import UNSET, Struct, structs

from agent.config import HERE, Bluetooth, Config, Hours, Monitor, Mqtt, Radio
from agent.contract import DeviceConfig
from agent.core import hours
from agent.core.channels import frequency
from agent.desired import LooserError, RefusedError

_STRICTER, _TRIED, _FREE = "the fleet, stricter only", "the fleet, on trial", "the fleet"
REACH: Mapping[str, str] = {
    "privacy.profile": _STRICTER,
    "zones.inside_dbm": _STRICTER,
    "zones.outside_dbm": _STRICTER,
    "hours": _STRICTER,
    "radio.ble": "the fleet, off only and on trial",
    "radio.ble.mode": "the fleet, passive only and on trial",
    "radio.wifi.channels": _TRIED,
    "radio.wifi.second_channels": _TRIED,
    "radio.wifi.stay_s": _TRIED,
    "radio.wifi.country": _TRIED,
    "mqtt.host": _TRIED,
    "mqtt.port": _TRIED,
    "mqtt.keepalive_s": _TRIED,
    "health_interval_s": _FREE,
}
LEFT_OUT = frozenset({
    "sensor", "state_dir", "run_dir", "time", "hours", "privacy.profile", "radio.wifi.path", "radio.ble.path",
    "mqtt.ca_file", "mqtt.certificate_file", "mqtt.key_file", "fleet.claim_ca_file",
})  # fmt: skip
_NEVER = Hours(days=["mon"], opens="00:00", closes="00:00")  # no hours at all would be open always


def tightened(own: Config, desired: DeviceConfig) -> Config:
    """The sensor's settings under a document, if it makes nothing looser and can be used. Raises RefusedError."""
    _check_stricter(own, desired)
    _check_encrypted(own, desired)
    _check_usable(own, desired)
    return strictest(own, desired)


def strictest(own: Config, desired: DeviceConfig) -> Config:
    """The sensor's settings under a document that was taken, the stricter of each whatever the document says."""
    privacy, inside, outside = own.privacy, own.zones.inside_dbm, own.zones.outside_dbm
    if desired.profile == "F5":
        privacy = structs.replace(privacy, profile="F5")
    if desired.outside_dbm is not UNSET:
        outside = max(outside, desired.outside_dbm)
    if desired.inside_dbm is not UNSET:
        inside = max(inside, desired.inside_dbm)
    return structs.replace(
        own,
        privacy=privacy,
        zones=structs.replace(own.zones, inside_dbm=max(inside, outside), outside_dbm=outside),
        hours=_common(own.hours, desired),
        radio=_radio(own.radio, desired),
        mqtt=_broker(own.mqtt, desired),
        health_interval_s=_or(desired.health_interval_s, own.health_interval_s),
    )


def digest(config: Config) -> str:
    """SHA-256 (hex) of the canonical JSON of what may be compared: keys in order, no spaces, UTF-8."""
    told: dict[str, Any] = {
        name: value for name, value in flat(config) if not {name, name.partition(".")[0]} & LEFT_OUT
    }
    told |= {"profile": config.profile, "open": f"{hours.minutes(_week(config.hours)):x}"}
    return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()


def flat(settings: Struct, place: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every setting; a table that may be left out is told as a whole where it is."""
    tag = settings.__struct_config__.tag
    if tag:
        yield f"{place}source", tag
    for field in structs.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, Struct):
            yield from flat(value, f"{place}{field.name}.")
        else:
            yield f"{place}{field.name}", value


def _common(own: list[Hours], desired: DeviceConfig) -> list[Hours]:
    """The hours that are both the sensor's own and the document's."""
    if desired.hours is UNSET:
        return own
    told = [Hours(days=list(one.days), opens=one.opens, closes=one.closes) for one in desired.hours]
    if not own:
        return told
    both = [
        Hours(
            days=[day for day in one.days if day in other.days],
            opens=max(one.opens, other.opens),
            closes=min(one.closes, other.closes),
        )
        for one, other in product(told, own)
        if set(one.days) & set(other.days)
    ]
    return [one for one in both if one.opens < one.closes] or [_NEVER]


def _radio(own: Radio, desired: DeviceConfig) -> Radio:
    wifi, ble = own.wifi, own.ble
    if desired.tuning is not UNSET and isinstance(wifi, Monitor):
        told = {key: value for key, value in structs.asdict(desired.tuning).items() if value is not UNSET}
        wifi = structs.replace(wifi, **{k: tuple(v) if isinstance(v, list) else v for k, v in told.items()})
    if desired.bluetooth == "off":
        ble = None
    elif desired.bluetooth == "passive" and isinstance(ble, Bluetooth):
        ble = structs.replace(ble, mode="passive")
    return Radio(wifi=wifi, ble=ble)


def _broker(own: Mqtt, desired: DeviceConfig) -> Mqtt:
    told = desired.broker
    if told is UNSET or not _is_encrypted(own, told.host):
        return own
    keepalive_s = _or(told.keepalive_s, own.keepalive_s)
    return structs.replace(own, host=told.host, port=told.port, keepalive_s=keepalive_s)


def _check_usable(own: Config, desired: DeviceConfig) -> None:
    inside = _or(desired.inside_dbm, own.zones.inside_dbm)
    outside = max(own.zones.outside_dbm, _or(desired.outside_dbm, own.zones.outside_dbm))
    version = f"Version {desired.version}"
    if outside > inside:
        raise RefusedError(f"{version} would raise outside_dbm above inside_dbm, which is {inside}: raise both.")
    for one in [] if desired.hours is UNSET else desired.hours:
        if one.opens >= one.closes:
            raise RefusedError(f"{version}: hours: opens must be before closes; hours past midnight are two.")
    tuning = desired.tuning
    for channels in () if tuning is UNSET else (tuning.channels, tuning.second_channels):
        for number in [] if channels is UNSET else channels:
            try:
                frequency(number)
            except ValueError as error:
                raise RefusedError(f"{version}: tuning: {error}") from None


def _check_stricter(own: Config, desired: DeviceConfig) -> None:
    version, zones = desired.version, own.zones
    if desired.profile == "D24" and own.profile == "F5":
        raise LooserError(f"Version {version} asks for profile D24; this sensor's settings allow F5 only.")
    if desired.inside_dbm is not UNSET and desired.inside_dbm < zones.inside_dbm:
        raise LooserError(f"Version {version} lowers inside_dbm; this sensor's settings say {zones.inside_dbm}.")
    if desired.outside_dbm is not UNSET and desired.outside_dbm < zones.outside_dbm:
        raise LooserError(f"Version {version} lowers outside_dbm; this sensor's settings say {zones.outside_dbm}.")
    if desired.hours is not UNSET and hours.minutes(_week(desired.hours)) & ~hours.minutes(_week(own.hours)):
        raise LooserError(f"Version {version} has hours in which this sensor's settings say that it rests.")


def _check_encrypted(own: Config, desired: DeviceConfig) -> None:
    if desired.broker is not UNSET and not _is_encrypted(own.mqtt, desired.broker.host):
        raise LooserError(
            f"Version {desired.version} names a broker on another machine, and this sensor's settings name no "
            "mqtt.ca_file: reports would go there unencrypted."
        )


def _is_encrypted(own: Mqtt, host: str) -> bool:
    """Whether reports to this host are, or do not leave the machine."""
    return own.ca_file is not None or host in HERE


def _week(listed: Any) -> list[hours.Opening]:
    return [hours.opening(one.days, one.opens, one.closes) for one in listed]


def _or(told: Any, own: Any) -> Any:
    return own if told is UNSET else told
