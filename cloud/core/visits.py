"""Visits: the figures of the panel - devices whose address stays the same by itself - and what they cost in privacy.

1. Every number of devices here was noised on the sensor on purpose; its range is that of the noise and of nothing else.
2. Wi-Fi and Bluetooth are two panels and never added: one phone may be in both.
3. A number smaller than the noise can carry is null, and `fewer_than` says below what it was.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Radio = Literal["wifi", "ble"]


class PanelFigure(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A number of devices of the panel, or the minutes they stayed, with its 80 % range from the noise alone.

    `value`, `low` and `high` are null together: where nothing was listened to, and where `fewer_than` says that there
    were too few devices. `coverage` is the share of the time due that was listened to.
    """

    value: float | None
    low: float | None
    high: float | None
    coverage: Share
    definition: str
    fewer_than: int | None = None


class PanelHour(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One shop-local hour, `start` to `end` (UTC seconds); `rested`: the share of it the radios rested by plan."""

    start: int
    end: int
    rested: Share
    arrivals: PanelFigure
    visits: PanelFigure
    returns: PanelFigure


class Stays(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long first visits of a date's 04:00 to the next 04:00, `start` to `end` (UTC seconds), lasted.

    `devices[i]` stayed at least `edges_s[i - 1]` (0 for the first) and less than `edges_s[i]` seconds (the last: any
    longer). `median` is in minutes.
    """

    start: int
    end: int
    edges_s: list[int]
    devices: list[PanelFigure]
    median: PanelFigure


class Panel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one radio's panel told of a date: its hours added up, and each; `stays` once it has ended, at 04:00."""

    arrivals: PanelFigure
    visits: PanelFigure
    returns: PanelFigure
    stays: Stays | None
    hours: list[PanelHour]


class PanelDay(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A local date, `start` to `end` (UTC seconds), with the hours that have ended; `ble` is null if none was told."""

    date: str
    start: int
    end: int
    wifi: Panel
    ble: Panel | None


class SensorPrivacy(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a sensor last said it keeps to.

    `epsilon`: the most that one device can spend of its privacy there in a day; `longest_key_s`: the longest life of
    any key; `panel`: whether visits are counted now - "open", "sealed" until the next day, "waiting" for a clock that
    can be trusted, or "off".
    """

    profile: str
    epsilon: float
    longest_key_s: float
    panel: str


class SensorBudget(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one device can spend of its privacy at one sensor in a day: `epsilon`. Null is what nobody has said.

    `key_reset`: in the period the key was lost before its time, so who had come before counted as new.
    """

    sensor: str
    zone: str
    profile: str | None
    epsilon: float | None
    longest_key_s: float | None
    key_reset: bool


class Budget(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the figures of a period cost in privacy, at most.

    `epsilon`: of one device, at the sensor where it is largest, in a day; `epsilon_shop`: of a device that every sensor
    of the shop heard that day, the sum (null where one sensor has not said); `note` says so to a person.
    """

    epsilon: float | None
    epsilon_shop: float | None
    longest_key_s: float | None
    key_reset: bool
    sensors: list[SensorBudget]
    note: str


class PanelToday(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The panel on the first page: the date so far, up to the hour that ended at `until` (UTC seconds).

    `stays` are those of the newest date that has ended, `stays_date`.
    """

    until: int
    arrivals: PanelFigure
    visits: PanelFigure
    returns: PanelFigure
    stays_date: str
    stays: Stays | None
    budget: Budget
