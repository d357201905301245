"""Health: how a sensor is, in numbers that say nothing about any device.

A count of nobody and a deaf radio must never look alike, so health tells what each radio has heard and when.
Ages are in seconds; an age is null when the thing has not happened yet.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from agent.contract.handover import SensorId
from agent.contract.report import Count, Name

Age = Annotated[float, Meta(ge=0.0)]


class RadioHealth(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One radio: `frames` and `dropped` since the process started; `detail` is one sentence for a person."""

    radio: Literal["wifi", "ble"]
    state: Literal["listening", "missing"]
    source: Name
    frames: Count
    dropped: Count
    last_frame_age_s: Age | None
    detail: Annotated[str, Meta(max_length=200)] = ""


class OutboxHealth(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What waits for the cloud: `pending` reports, the oldest of a window `oldest_age_s` ago; `evicted` lost."""

    pending: Count
    oldest_age_s: Age | None
    evicted: Count


class Health(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sensor at time `at` (UTC seconds). `outbox` is filled in by the process that talks to the cloud."""

    v: Literal[1] = 1
    sensor: SensorId
    at: Annotated[float, Meta(ge=0.0)]
    uptime_s: Age
    software: Name
    clock: Literal["trusted", "untrusted"]
    profile: Literal["F5"]
    radios: Annotated[list[RadioHealth], Meta(max_length=8)]
    outbox: OutboxHealth | None = None
