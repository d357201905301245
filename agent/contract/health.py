"""Health: how a sensor is, in numbers that say nothing about any device.

A count of nobody and a deaf radio must never look alike, so health tells what each radio has heard and when, and what
was done to bring one back that heard nothing. Ages are in seconds; an age is null when the thing has not happened yet.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.contract.handover import SensorId
from agent.contract.report import Count, Name

Age = Annotated[float, Meta(ge=0.0)]
Level = Annotated[int, Meta(ge=-127, le=0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Channel = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,2}$")]
Rung = Literal["restart", "unblock", "power", "usb", "service", "reboot"]


class RadioHealth(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One radio: `frames` and `dropped` since the process started; `detail` is one sentence for a person.

    `state`: "deaf" is open and hears nothing, "missing" could not be opened. `channels`: the share of the last hour it
    was tuned to each; they add up to less than 1 where it was tuned to none. `rungs`: how often each step was taken to
    bring it back - its listening begun anew, a block lifted, power off and on, the USB device reset, the Bluetooth
    service restarted, the machine restarted - since the sensor started, reboots since it was set up.
    """

    radio: Literal["wifi", "ble"]
    state: Literal["listening", "deaf", "missing"]
    source: Name
    frames: Count
    dropped: Count
    last_frame_age_s: Age | None
    detail: Annotated[str, Meta(max_length=200)] = ""
    channels: Annotated[dict[Channel, Share], Meta(max_length=64)] | UnsetType = UNSET
    rungs: dict[Rung, Count] | UnsetType = UNSET


class OutboxHealth(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What waits for the cloud: `pending` reports, the oldest of a window `oldest_age_s` ago; `evicted` lost."""

    pending: Count
    oldest_age_s: Age | None
    evicted: Count


class Privacy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the sensor keeps to. `epsilon`: the most that one device can spend of its privacy at this sensor in a day.

    `site`: the class of the place, which bounds the profile. `longest_key_s`: the longest life of any key.
    `panel`: whether visits are counted now - "open", "sealed" until the next day because today's budget was opened
    before, "waiting" for a clock that can be trusted, or "off" under profile F5. `epoch_age_s`: age of the epoch's
    key. `opt_outs`: entries of the opt-out list in force, `opt_outs_age_s` since it was made.
    """

    site: Literal["ordinary", "sensitive"]
    inside_dbm: Level
    outside_dbm: Level
    longest_key_s: Age
    epsilon: Annotated[float, Meta(ge=0.0, le=10.0)]
    panel: Literal["open", "sealed", "waiting", "off"]
    epoch_age_s: Age | None
    opt_outs: Count
    opt_outs_age_s: Age | None


class Health(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sensor at time `at` (UTC seconds). `outbox` is filled in by the process that talks to the cloud."""

    v: Literal[1] = 1
    sensor: SensorId
    at: Annotated[float, Meta(ge=0.0)]
    uptime_s: Age
    software: Name
    clock: Literal["trusted", "untrusted"]
    profile: Literal["F5", "D24"]
    radios: Annotated[list[RadioHealth], Meta(max_length=8)]
    outbox: OutboxHealth | None = None
    privacy: Privacy | UnsetType = UNSET
