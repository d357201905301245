"""Report: what one sensor says about one window. The only thing about people that leaves it.

1. A window that was listened to and heard nobody says zero. A window not listened to has `listened_s` 0 and
   no estimates: null, never 0.
2. Counts of devices are estimates; each stands between its `low` and `high`, an 80 % interval.
3. Windows are aligned to UTC: `window_start` is a whole multiple of `window_s` since 1970.
4. Every loss is counted and named beside the figure it may have changed.
5. What comes from recognising a device again within a day (`VisitsHour`, `DwellDay`) is noised on the sensor, once,
   and never sent in any other form: each device changes any of it by a bounded amount that the noise covers.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Count = Annotated[int, Meta(ge=0, le=2**53)]
Seconds = Annotated[float, Meta(ge=0.0, le=3600.0)]
Devices = Annotated[float, Meta(ge=0.0, le=1e6)]
WindowStart = Annotated[int, Meta(ge=0, le=2**40)]
WindowLength = Annotated[int, Meta(ge=1, le=600)]
Noised = Annotated[int, Meta(ge=-(2**31), le=2**31)]
Scale = Annotated[int, Meta(ge=1, le=1000)]
Other = Literal["wearable", "computer", "tag", "beacon", "furniture"]
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9+/._-]*$")]


class Estimate(Struct, frozen=True, forbid_unknown_fields=True):
    """A number of devices (average over the window) and the 80 % interval around it."""

    devices: Devices
    low: Devices
    high: Devices


class VisitsHour(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One shop-local hour of the panel, the devices whose address stays the same by itself: noised counts.

    `arrivals`: devices whose first visit of the epoch was recognised between `start` and `end` (UTC seconds);
    `visits`: all visits recognised then, at most three of a device and epoch. Discrete Laplace noise of the scale
    beside it is in each: P(k) is proportional to exp(-|k| / scale), so a number may be negative.
    """

    start: WindowStart
    end: WindowStart
    listened_s: Seconds
    arrivals: Noised
    arrivals_scale: Scale
    visits: Noised
    visits_scale: Scale


class DwellDay(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long the panel's first visits of an epoch lasted: noised counts of devices by length of stay.

    `devices[i]` stayed at least `edges_s[i - 1]` (0 for the first) and less than `edges_s[i]` seconds (the last: any
    longer); each device is in one of them at most. The noise is as in `VisitsHour`.
    """

    start: WindowStart
    end: WindowStart
    edges_s: Annotated[list[Annotated[int, Meta(ge=1, le=86400)]], Meta(min_length=1, max_length=16)]
    devices: Annotated[list[Noised], Meta(min_length=2, max_length=17)]
    scale: Scale


class Heard(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one radio heard in one window.

    `listened_s` is the time it was listening, in seconds; `frames` what it decoded; `ignored` those below the
    outside threshold, of which no tag was made; `damaged` what could not be decoded; `dropped` what the kernel
    lost before we saw it. `flooded` says that more transmitters appeared than people can explain.
    `estimator` names the method and version behind the estimates. `rested_s` is the time the radio rested by plan,
    outside opening hours; `visits` and `dwell` stand in the window that ends their hour and their epoch.
    `others` is how many addresses said that they are no phone, by what they said they are: counted, not estimated, and
    in none of the other figures; those heard only, and absent where none was or the radio did not listen.
    """

    listened_s: Seconds
    frames: Count
    ignored: Count
    damaged: Count
    dropped: Count
    estimator: Name
    flooded: bool
    present: Estimate | None
    inside: Estimate | None
    outside: Estimate | None
    rested_s: Seconds | UnsetType = UNSET
    visits: VisitsHour | UnsetType = UNSET
    dwell: DwellDay | UnsetType = UNSET
    others: dict[Other, Count] | UnsetType = UNSET


class Report(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One window of one sensor, per radio. `clock` says whether the sensor could trust its time of day.

    `untrusted`: it could not, so the date means nothing; `boot_s`: how long the machine had run as the window began.
    `redated`: it learnt the time later, and found the date by `boot_s`: right to within a window.
    `key_reset`: the epoch key was lost before its time (a restart), so who came before counts as new from here on.
    """

    window_start: WindowStart
    window_s: WindowLength
    clock: Literal["trusted", "redated", "untrusted"]
    wifi: Heard | None = None
    ble: Heard | None = None
    boot_s: Annotated[float, Meta(ge=0.0, le=1e9)] | UnsetType = UNSET
    key_reset: Literal[True] | UnsetType = UNSET
