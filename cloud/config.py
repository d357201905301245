"""Config: what the operator writes in `cloud.toml`. Frozen, and seen by the composition root only.

1. Every default stands here, and every unit in its name.
2. A file is taken whole or refused, with the file, the key and what is allowed there. A key nobody knows is a
   mistake, not a comment.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct, field, structs

from agent.contract.handover import MAX_PAYLOAD_BYTES, SensorId
from cloud import fleet_settings, outside
from cloud.authority import Issuing
from cloud.core import calendar
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import Holiday, OpeningHours, Shop, StaffHours
from cloud.core.presets import PRESETS
from cloud.fleet_settings import FleetTable
from cloud.outside import Mail, Webhook

Port = Annotated[int, Meta(ge=1, le=65535)]
Id = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Text = Annotated[str, Meta(min_length=1, max_length=255)]
WebAddress = Annotated[str, Meta(pattern=r"^https?://[^\s]{1,200}$")]
Positive = Annotated[float, Meta(gt=0.0)]
AtLeastOne = Annotated[int, Meta(ge=1, le=2**40)]
AtLeastOneMessage = Annotated[int, Meta(ge=MAX_PAYLOAD_BYTES, le=2**40)]
MOST_STAFF = 10_000  # on the floor at once: more is a number meant for another key


class ConfigError(Exception):
    """The configuration cannot be used; the message names the file, the key and what is allowed."""


class Http(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the page and the API are served. Only this machine can reach the default.

    `public_url` is where others reach them, through a proxy; links in mails begin with it ("": no links).
    """

    host: Text = "127.0.0.1"
    port: Port = 8080
    public_url: Annotated[str, Meta(max_length=200)] = ""


class Mqtt(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The broker the sensors publish to. `ca`, `cert` and `key` are files, used with `tls`.

    `share` names a group: every worker of it takes a part of the reports. `republish` tells whoever may listen at the
    broker what the figures are, as the API does (`cloud.core.merged`); with `home_assistant` too, Home Assistant finds
    the shops by itself (`cloud.core.home`).
    """

    host: Text = "127.0.0.1"
    port: Port = 1883
    client_id: Text = "footfall-cloud"
    share: Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_-]*$")] = ""
    republish: bool = False
    home_assistant: bool = False
    keepalive_s: Annotated[int, Meta(ge=1, le=3600)] = 30
    tls: bool = False
    ca: str | None = None
    cert: str | None = None
    key: str | None = None


class Quarantine(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many messages nobody can use are kept, and how many bytes of them: of one sensor, and in all.

    Beyond that the oldest are given up, and counted.
    """

    per_sensor: AtLeastOne = 1_000
    per_sensor_bytes: AtLeastOneMessage = 4_000_000
    in_all: AtLeastOne = 100_000
    in_all_bytes: AtLeastOneMessage = 256_000_000


class SensorTable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a sensor stands, `from` until before `until`; a time without a zone is the shop's local time."""

    sensor: SensorId
    zone: Text
    valid_from: datetime | None = field(default=None, name="from")
    until: datetime | None = None


class Controller(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who answers for the counting, as the shop's papers name them; needed by nothing else.

    `url`: the full information, the second layer of the notice. `authority`: where to complain. `register`: where a
    device is put on the opt-out list. `opt_out_point`: where in the shop one asks to be left out.
    """

    name: Text | None = None
    address: Text | None = None
    contact: Text | None = None
    url: WebAddress | None = None
    authority: Text | None = None
    register: WebAddress | None = None
    opt_out_point: Text | None = None


class ShopTable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A shop. The phones-to-people factor comes with its 80 % interval, or not at all.

    Shops of one `region` are compared with each other. `currency` is that of the till, as ISO 4217 has it. What its
    `controller` does not say, the document's says.
    """

    tenant: Id
    shop: Id
    name: Text
    time_zone: str
    region: Annotated[str, Meta(max_length=64)] = ""
    currency: Annotated[str, Meta(pattern=r"^([A-Z]{3})?$")] = ""
    capacity: Annotated[int, Meta(ge=1)] | None = None
    preset: str = "default"
    hours: list[OpeningHours] = []
    holidays: list[Holiday] = []
    staff: list[StaffHours] = []
    dwell_s: Positive = 720.0
    pass_s: Positive = 60.0
    engaged_min_s: Positive = 300.0
    people_per_device: Positive | None = None
    people_per_device_low: Positive | None = None
    people_per_device_high: Positive | None = None
    sensors: list[SensorTable] = []
    controller: Controller = Controller()


class Document(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file as written."""

    database: Annotated[str, Meta(min_length=1)] = "footfall.db"
    http: Http = Http()
    mqtt: Mqtt = Mqtt()
    quarantine: Quarantine = Quarantine()
    controller: Controller = Controller()
    fleet: FleetTable = FleetTable()
    mail: Mail | None = None
    webhooks: list[Webhook] = []
    shops: list[ShopTable] = []


class Config(Struct, frozen=True, kw_only=True):
    """The file as meant. `database` is a SQLAlchemy URL or the path of a SQLite file.

    `controllers`: who answers for each shop, by (tenant, shop).
    """

    database: str
    http: Http
    mqtt: Mqtt
    shops: list[PlacedShop]
    quarantine: Quarantine = Quarantine()
    controllers: dict[tuple[str, str], Controller] = {}
    fleet: FleetTable = FleetTable()
    mail: Mail | None = None
    webhooks: list[Webhook] = []


# Which table a place in the file is, to name the keys that are allowed there.
_TABLES: dict[str, type[Struct]] = {
    "$": Document,
    "$.http": Http,
    "$.mqtt": Mqtt,
    "$.quarantine": Quarantine,
    "$.controller": Controller,
    "$.fleet": FleetTable,
    "$.mail": Mail,
    "$.webhooks[...]": Webhook,
    "$.shops[...]": ShopTable,
    "$.shops[...].controller": Controller,
    "$.shops[...].hours[...]": OpeningHours,
    "$.shops[...].holidays[...]": Holiday,
    "$.shops[...].staff[...]": StaffHours,
    "$.shops[...].sensors[...]": SensorTable,
}


def load(path: Path) -> Config:
    """The configuration in a TOML file. Raises ConfigError."""
    return parse(written(path), str(path))


def written(path: Path) -> str:
    """What stands in a file that an operator wrote. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def parse(text: str, name: str) -> Config:
    """The configuration in TOML text; `name` is what errors call the file. Raises ConfigError."""
    try:
        document = msgspec.convert(_with_dates_as_text(tomllib.loads(text)), Document)
        shops = [_shop(table, f"shops[{number}]") for number, table in enumerate(document.shops)]
        _check_apart(document.shops)
        fleet_settings.check(document.fleet)
        outside.check(document.mail, document.webhooks, document.http.public_url)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: not TOML: {error}.") from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {explained(str(error), _TABLES)}.") from None
    except ValueError as error:
        raise ConfigError(f"{name}: {error}.") from None
    if document.mqtt.tls and (document.mqtt.cert is None) != (document.mqtt.key is None):
        raise ConfigError(f"{name}: mqtt: `cert` and `key` go together: give both or neither.")
    if document.mqtt.home_assistant and not document.mqtt.republish:
        raise ConfigError(f"{name}: mqtt: `home_assistant` shows what is republished: set `republish = true` too.")
    return Config(
        database=document.database,
        http=document.http,
        mqtt=document.mqtt,
        shops=shops,
        quarantine=document.quarantine,
        controllers={(one.tenant, one.shop): _controller(document, one) for one in document.shops},
        fleet=document.fleet,
        mail=document.mail,
        webhooks=document.webhooks,
    )


def issuing(config: Config) -> Issuing | None:
    """What makes the certificates of sensors, with its files read; None where there is none. Raises ConfigError."""
    try:
        return fleet_settings.opened(config.fleet)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _with_dates_as_text(value: Any) -> Any:
    """A local date may stand with or without quotation marks."""
    if isinstance(value, dict):
        return {key: _with_dates_as_text(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_dates_as_text(one) for one in value]
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else value


def _shop(table: ShopTable, place: str) -> PlacedShop:
    try:
        ZoneInfo(table.time_zone)
    except (OSError, ValueError, KeyError):
        raise ValueError(f'{place}.time_zone: "{table.time_zone}" is no time zone, write "Europe/Berlin"') from None
    _check_calendar(table, place)
    if table.preset not in PRESETS:
        raise ValueError(f'{place}.preset: there is no "{table.preset}", write one of {", ".join(sorted(PRESETS))}')
    placements = [_placement(one, table.time_zone, f"{place}.sensors[{n}]") for n, one in enumerate(table.sensors)]
    if wrong := [one.sensor for one in table.sensors if not one.sensor.startswith(f"{table.tenant}:")]:
        raise ValueError(f'{place}.sensors: "{wrong[0]}" must begin with the tenant, "{table.tenant}:"')
    factor, low, high = _factor(table, place)
    shop = Shop(
        tenant=table.tenant,
        shop=table.shop,
        name=table.name,
        time_zone=table.time_zone,
        region=table.region,
        currency=table.currency,
        capacity=table.capacity,
        preset=table.preset,
        hours=table.hours,
        holidays=table.holidays,
        staff=table.staff,
        engaged_min_s=table.engaged_min_s,
        dwell_s=table.dwell_s,
        pass_s=table.pass_s,
        people_per_device=factor,
        people_per_device_low=low,
        people_per_device_high=high,
        calibrated=table.people_per_device is not None,
    )
    return PlacedShop(shop=shop, placements=placements)


def _controller(document: Document, table: ShopTable) -> Controller:
    said = {key: value for key, value in structs.asdict(table.controller).items() if value is not None}
    return structs.replace(document.controller, **said)


def _factor(table: ShopTable, place: str) -> tuple[float, float, float]:
    factor, low, high = table.people_per_device, table.people_per_device_low, table.people_per_device_high
    if factor is None and low is None and high is None:
        return 1.0, 1.0, 1.0
    if factor is None or low is None or high is None or not low <= factor <= high:
        raise ValueError(
            f"{place}.people_per_device: give it with `people_per_device_low` and `people_per_device_high` "
            "around it, or none of the three"
        )
    return factor, low, high


def _check_calendar(table: ShopTable, place: str) -> None:
    for number, hours in enumerate(table.hours):
        _check_rule(hours, f"{place}.hours[{number}]", opens=hours.opens, closes=hours.closes)
    for number, staff in enumerate(table.staff):
        _check_rule(staff, f"{place}.staff[{number}]", begins=staff.begins, ends=staff.ends)
        if not 0 < staff.people <= MOST_STAFF:
            raise ValueError(f"{place}.staff[{number}].people: must be more than 0, at most {MOST_STAFF}")
    dates: set[str] = set()
    for number, holiday in enumerate(table.holidays):
        _check_holiday(holiday, f"{place}.holidays[{number}]", dates)
        dates.add(holiday.date)
    if table.holidays and not table.hours:
        raise ValueError(f"{place}.holidays: a shop without `hours` never closes: write its `hours` too")


def _check_rule(rule: OpeningHours | StaffHours, place: str, **times: str) -> None:
    if unknown := [day for day in rule.days if day not in calendar.WEEKDAYS]:
        raise ValueError(f'{place}.days: "{unknown[0]}" is no day, write {", ".join(calendar.WEEKDAYS)}')
    _check_times(place, **times)
    for key, text in (("from", rule.valid_from), ("until", rule.valid_to)):
        if text is not None:
            _check_date(text, f"{place}.{key}")
    if rule.valid_from is not None and rule.valid_to is not None and rule.valid_to <= rule.valid_from:
        raise ValueError(f"{place}.until: must be later than `from`")


def _check_holiday(holiday: Holiday, place: str, others: set[str]) -> None:
    _check_date(holiday.date, f"{place}.date")
    if holiday.date in others:
        raise ValueError(f"{place}.date: {holiday.date} is there twice")
    if holiday.opens is not None and holiday.closes is not None:
        _check_times(place, opens=holiday.opens, closes=holiday.closes)
    elif holiday.opens != holiday.closes:
        raise ValueError(f"{place}: `opens` and `closes` go together: give both, or neither where it is closed")


def _check_times(place: str, **times: str) -> None:
    """Raises ValueError where a time is none; the first of them begins something."""
    begins = next(iter(times))
    for key, text in times.items():
        try:
            minute = calendar.minutes(text)
        except ValueError as error:
            raise ValueError(f"{place}.{key}: {error}") from None
        if key == begins and minute == 24 * 60:
            raise ValueError(f'{place}.{key}: "24:00" only ends a day, write "00:00"')


def _check_date(text: str, place: str) -> None:
    try:
        known = len(text) == len("2026-12-25") and 1971 <= date.fromisoformat(text).year <= 9998
    except ValueError:
        known = False
    if not known:
        raise ValueError(f'{place}: "{text}" is no date from 1971 to 9998, write it as 2026-12-25')


def _placement(table: SensorTable, zone: str, place: str) -> Placement:
    start = 0 if table.valid_from is None else max(0, calendar.second_of(zone, table.valid_from))
    end = None if table.until is None else max(0, calendar.second_of(zone, table.until))
    if end is not None and end <= start:
        raise ValueError(f"{place}.until: must be later than `from`")
    return Placement(sensor=table.sensor, zone=table.zone, valid_from=start, valid_to=end)


def _check_apart(tables: list[ShopTable]) -> None:
    seen: set[tuple[str, str]] = set()
    for number, table in enumerate(tables):
        if (table.tenant, table.shop) in seen:
            raise ValueError(f'shops[{number}].shop: "{table.shop}" is there twice')
        seen.add((table.tenant, table.shop))


def explained(problem: str, tables: Mapping[str, type[Struct]]) -> str:
    """msgspec's message, the place first; for an unknown key the nearest known one. `tables`: by place in the file."""
    found = re.fullmatch(r"(?P<what>.*?)(?: - at `(?P<where>[^`]*)`)?", problem)
    what, where = (found["what"], found["where"] or "$") if found else (problem, "$")
    place = where.removeprefix("$").removeprefix(".") or "the top of the file"
    if unknown := re.search(r"unknown field `(.*)`", what):
        table = tables.get(re.sub(r"\[\d+\]", "[...]", where))
        return f"{place}: {_unknown(unknown[1], table)}"
    return f"{place}: {what[:1].lower()}{what[1:]}"


def _unknown(key: str, table: Any) -> str:
    allowed = [one.encode_name for one in structs.fields(table)] if table else []
    near = difflib.get_close_matches(key, allowed, n=1)
    hint = f", did you mean `{near[0]}`" if near else ""
    return f"there is no key `{key}`{hint}; allowed are {', '.join(allowed)}"
