"""Report: what one sensor says about one window. The only thing about people that leaves it.

1. A window that was listened to and heard nobody says zero. A window not listened to has `listened_s` 0 and
   no estimates: null, never 0.
2. Counts of devices are estimates; each stands between its `low` and `high`, an 80 % interval.
3. Windows are aligned to UTC: `window_start` is a whole multiple of `window_s` since 1970.
4. Every loss is counted and named beside the figure it may have changed.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0, le=2**53)]
Seconds = Annotated[float, Meta(ge=0.0, le=3600.0)]
Devices = Annotated[float, Meta(ge=0.0, le=1e6)]
WindowStart = Annotated[int, Meta(ge=0, le=2**40)]
WindowLength = Annotated[int, Meta(ge=1, le=600)]
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9+/._-]*$")]


class Estimate(Struct, frozen=True, forbid_unknown_fields=True):
    """A number of devices (average over the window) and the 80 % interval around it."""

    devices: Devices
    low: Devices
    high: Devices


class Heard(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one radio heard in one window.

    `listened_s` is the time it was listening, in seconds; `frames` what it decoded; `ignored` those below the
    outside threshold, of which no tag was made; `damaged` what could not be decoded; `dropped` what the kernel
    lost before we saw it. `flooded` says that more transmitters appeared than people can explain.
    `estimator` names the method and version behind the estimates.
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


class Report(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One window of one sensor, per radio. `clock` says whether the sensor could trust its time of day."""

    window_start: WindowStart
    window_s: WindowLength
    clock: Literal["trusted", "untrusted"]
    wifi: Heard | None = None
    ble: Heard | None = None
