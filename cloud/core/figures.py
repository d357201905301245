"""Figures: the numbers a shop sees. The same types are the rollup's rows and the API's JSON.

1. A `Figure` is people unless its name says devices; `value`, `low` and `high` are null together.
2. `coverage` is the share (0 to 1) of the time due that was listened to: of the period, but for the time the radios
   rested by plan. Below `COMPLETE` a period is called incomplete and is compared with nothing.
3. `definition` names the entry of the glossary, with its version, that the number was computed by.
"""

from msgspec import Struct, field

from cloud.core.visits import PanelToday, SensorPrivacy, Share

COMPLETE = 0.9


class Figure(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A number of people with its 80 % interval, or null where it is undefined."""

    value: float | None
    low: float | None
    high: float | None
    coverage: Share
    definition: str


def undefined(coverage: float, definition: str) -> Figure:
    """A figure that is not there."""
    return Figure(value=None, low=None, high=None, coverage=coverage, definition=definition)


class Period(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A shop's figures over one window, hour or day: `start` and `end` are UTC seconds since 1970.

    `open` says whether the shop is open at any time of the period; `flooded` whether a radio in it was. `rested` is the
    share of the period in which its radios rested by plan: a rest is no gap, though both have no figures.
    """

    start: int
    end: int
    open: bool
    flooded: bool
    coverage: Share
    occupancy: Figure
    visitors: Figure
    passers_by: Figure
    capture_rate: Figure
    rested: Share = 0.0


class OpeningHours(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Open from `opens` to `closes` (local "HH:MM"; "24:00" ends a day) on the `days` (mon ... sun) named.

    They hold from the local date `valid_from` until before `valid_to` (ISO dates; null: no such end).
    """

    days: list[str]
    opens: str
    closes: str
    valid_from: str | None = field(default=None, name="from")
    valid_to: str | None = field(default=None, name="until")


class Holiday(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A local date (ISO) that goes by no weekday: closed, or open from `opens` to `closes`."""

    date: str
    name: str
    opens: str | None = None
    closes: str | None = None


class StaffHours(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """So many `people` of the shop's own on the floor from `begins` to `ends`, like `OpeningHours`."""

    days: list[str]
    begins: str
    ends: str
    people: float
    valid_from: str | None = field(default=None, name="from")
    valid_to: str | None = field(default=None, name="until")


class Shop(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A shop as the cloud knows it. `dwell_s` and `pass_s` are the mean times a visitor and a passer-by stay
    in reach; `people_per_device` is the phones-to-people factor with its 80 % interval, 1.0 until calibrated.

    `region` groups shops ("" for none), `currency` is that of its till (ISO 4217, "" where nobody said), `capacity` the
    most people it may hold, `engaged_min_s` the stay from which a visitor counts as engaged, `preset` the name of the
    definitions it compares itself by (`cloud.core.presets`).
    """

    tenant: str
    shop: str
    name: str
    time_zone: str
    hours: list[OpeningHours]
    dwell_s: float = 720.0
    pass_s: float = 60.0
    people_per_device: float = 1.0
    people_per_device_low: float = 1.0
    people_per_device_high: float = 1.0
    calibrated: bool = False
    region: str = ""
    currency: str = ""
    capacity: int | None = None
    engaged_min_s: float = 300.0
    preset: str = "default"
    holidays: list[Holiday] = []
    staff: list[StaffHours] = []


class SensorState(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the cloud knows of one sensor. Times are UTC seconds; `sentence` tells a person what is the matter.

    Since the first day, `missing_reports` were given up by the sensor and never came, `untrusted_windows` are in no
    figure because the sensor did not know the time, and `quarantined` messages and reports are of no use to anybody.
    `privacy` is null until the sensor has told what it keeps to. `status`: the word of six that a list of sensors has
    for it (`cloud.core.condition`), `radios` those that do not hear.
    """

    sensor: str
    zone: str
    online: bool
    last_report_at: int | None
    last_window_start: int | None
    missing_reports: int
    state: str
    sentence: str
    privacy: SensorPrivacy | None = None
    untrusted_windows: int = 0
    quarantined: int = 0
    status: str = ""
    radios: list[str] = []


class Today(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The first page's numbers: one shop, one shop-local day, up to `now` (UTC seconds).

    `resting_now`: the radios rest by plan, so nobody is heard inside. `panel` is null where no sensor counts visits.
    """

    shop: str
    name: str
    date: str
    time_zone: str
    now: int
    open_now: bool
    calibrated: bool
    day: Period
    inside_now: Figure
    inside_at: int | None
    busiest_hour: Period | None
    same_weekday: Period | None
    hours: list[Period]
    sensors: list[SensorState]
    resting_now: bool = False
    panel: PanelToday | None = None
