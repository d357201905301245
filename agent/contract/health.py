"""Health: how a sensor is, in numbers that say nothing about any device.

A count of nobody and a deaf radio must never look alike, so health tells what each radio has heard and when, and what
was done to bring one back that heard nothing. Ages are in seconds; an age is null when the thing has not happened yet.
What a machine cannot tell is absent, for every machine can tell something else.
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
Step = Annotated[str, Meta(pattern=r"^(0|-5|-[1-9][05]|-1[0-2][05])$")]  # of 5 dB, by its weakest signal
Strain = Literal["under-voltage", "capped", "throttled", "hot"]
Text = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[ -~]+$")]
Utc = Annotated[float, Meta(ge=0.0, le=2.0**40)]


class RadioHealth(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One radio: `frames` and `dropped` since the process started; `detail` is one sentence for a person.

    `state`: "deaf" is open and hears nothing, "missing" could not be opened. `channels`: the share of the last hour it
    was tuned to each; they add up to less than 1 where it was tuned to none. `rungs`: how often each step was taken to
    bring it back - its listening begun anew, a block lifted, power off and on, the USB device reset, the Bluetooth
    service restarted, the machine restarted - since the sensor started, reboots since it was set up.

    Of the last `span_s`, never shorter than a window: `rate` in frames a second, and `levels`, how many frames came how
    strongly, by steps of 5 dB ("-70": -70 to -66 dBm), of all radios of its kind; absent where fewer than ten came.
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
    span_s: Age | UnsetType = UNSET
    rate: Annotated[float, Meta(ge=0.0, le=1e6)] | UnsetType = UNSET
    levels: Annotated[dict[Step, Count], Meta(max_length=26)] | UnsetType = UNSET


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


class TimeHealth(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The time of day as the kernel has it: `off_s` still to be made up for, and at most `error_s` wrong (adjtimex(2)).

    `source`: "network" once a time server set it, "battery" where the machine keeps it without power, or "none".
    """

    source: Literal["network", "battery", "none"]
    off_s: Annotated[float, Meta(ge=-1e6, le=1e6)] | UnsetType = UNSET
    error_s: Age | UnsetType = UNSET


class Uplink(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The way to the broker: by which kind of network, how well, and how many bytes went there since UTC midnight."""

    kind: Literal["ethernet", "wifi", "mobile", "other"]
    signal_dbm: Level | UnsetType = UNSET
    round_trip_s: Age | UnsetType = UNSET
    sent_today: Count | UnsetType = UNSET


class Machine(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The computer a sensor runs on. `up_s` since it started, and by what it did: `boot`.

    `strained` now, and since it started (`was_strained`): by too weak a power supply ("under-voltage"), slowed down
    because of that or of heat ("capped", "throttled"), "hot". `disk_written`: bytes since it started; `disk_errors`: of
    the file system since it was last checked. `load`: programs that wanted to run in the last minute, by core.
    `certificate_until`: UTC seconds.
    """

    up_s: Age | UnsetType = UNSET
    boot: Literal["power", "restart", "watchdog"] | UnsetType = UNSET
    model: Text | UnsetType = UNSET
    kernel: Text | UnsetType = UNSET
    image: Text | UnsetType = UNSET
    cpu_c: Annotated[float, Meta(ge=-100.0, le=200.0)] | UnsetType = UNSET
    strained: Annotated[list[Strain], Meta(max_length=4)] | UnsetType = UNSET
    was_strained: Annotated[list[Strain], Meta(max_length=4)] | UnsetType = UNSET
    disk_free: Share | UnsetType = UNSET
    disk_written: Count | UnsetType = UNSET
    disk_errors: Count | UnsetType = UNSET
    memory_free: Share | UnsetType = UNSET
    load: Annotated[float, Meta(ge=0.0, le=1e6)] | UnsetType = UNSET
    uplink: Uplink | UnsetType = UNSET
    certificate_until: Utc | UnsetType = UNSET


class Health(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sensor at time `at` (UTC seconds), told every `interval_s`.

    `outbox`, `machine` and `interval_s` are filled in by the process that talks to the cloud.
    """

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
    time: TimeHealth | UnsetType = UNSET
    machine: Machine | UnsetType = UNSET
    interval_s: Age | UnsetType = UNSET
