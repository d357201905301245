"""The agent's own settings: frozen, strict, every default here, units in the names.

1. A file that says anything we do not know, or a value out of range, is refused as a whole; the message names the
   file, the key and what is allowed.
2. Config objects are seen by the command line and the two composition roots only. Everything else gets plain values.
3. What was settled on the spot (`agent.site`) stands above the file: who the sensor is, where it stands, its zones. A
   sensor that has not been claimed has the tenant `unclaimed`; it counts, and hands over to nobody.
4. No setting can lengthen a key's life past its profile's, raise what a device may spend of its privacy, or turn on
   the storing of anything about a device. A site that is sensitive has profile F5, whatever else is written.
"""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from agent import site
from agent.contract.desired import PublicKey
from agent.contract.handover import SensorId
from agent.core.channels import frequency
from agent.site import Site, SiteError

Dbm = Annotated[int, Meta(ge=-127, le=0)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
KeyName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Interface = Annotated[str, Meta(min_length=1, max_length=15, pattern=r"^[A-Za-z0-9_.-]+$")]
Channels = Annotated[tuple[Annotated[int, Meta(ge=1, le=177)], ...], Meta(min_length=1, max_length=32)]
UNCLAIMED = "unclaimed:sensor"
HERE = ("127.0.0.1", "localhost", "::1")


class ConfigError(Exception):
    """The configuration cannot be used. The message names the file, the key and what is allowed."""


class Monitor(Struct, frozen=True, forbid_unknown_fields=True, tag_field="source", tag="monitor"):
    """A Wi-Fi stick in monitor mode: the interface of that name, or "auto" for the best one that is free.

    It stays on each of `channels` for `stay_s` seconds, a fifth more or less, and on a single one for good. A second
    stick, where one is plugged in, adds what it hears on `second_channels`; "none" leaves it alone.
    `country`: where the sensor stands (ISO 3166-1), which decides the channels it may use.
    """

    interface: Interface = "auto"
    channels: Channels = (1, 6, 11)
    stay_s: Annotated[float, Meta(ge=0.1, le=3600)] = 5.0
    second_interface: Interface = "auto"
    second_channels: Channels = (36,)
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None


class Capture(Struct, frozen=True, forbid_unknown_fields=True, tag_field="source", tag="capture"):
    """A capture file played in its own rhythm as if it were heard now, or at its own time under a simulated clock."""

    path: str
    loop: bool = False


class Street(Struct, frozen=True, forbid_unknown_fields=True, tag_field="source", tag="street"):
    """The simulated street: a shop of a size, in a time zone, with opening hours; the seed decides who comes."""

    seed: int = 1
    visitors_per_day: Annotated[int, Meta(ge=0, le=5000)] = 300
    passers_per_visitor: Annotated[float, Meta(ge=0.0, le=50.0)] = 4.0
    staff: Annotated[int, Meta(ge=0, le=50)] = 3
    neighbours: Annotated[int, Meta(ge=0, le=50)] = 4
    opens_hour: Annotated[int, Meta(ge=0, le=23)] = 9
    closes_hour: Annotated[int, Meta(ge=1, le=24)] = 20
    time_zone: str = "Europe/Berlin"


class Bluetooth(Struct, frozen=True, forbid_unknown_fields=True, tag_field="source", tag="bluetooth"):
    """A Bluetooth adapter: "auto" or a name such as hci0. An active scan asks devices for more, a passive one does not.

    `mode` "auto" is passive wherever the machine can do it.
    """

    adapter: Annotated[str, Meta(pattern=r"^(auto|hci[0-9]{1,2})$")] = "auto"
    mode: Literal["auto", "passive", "active"] = "auto"


class Radio(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the sensor listens: Wi-Fi, and Bluetooth beside it where that is given."""

    wifi: Monitor | Capture | Street = Monitor()
    ble: Bluetooth | Capture | None = None

    @property
    def is_real(self) -> bool:
        """Whether any of it is a radio of this machine, and neither a capture nor a simulation."""
        return isinstance(self.wifi, Monitor) or isinstance(self.ble, Bluetooth)


class Zones(Struct, frozen=True, forbid_unknown_fields=True):
    """Signal thresholds, from the walk test: inside from `inside_dbm` up, outside from `outside_dbm`, else ignored."""

    inside_dbm: Dbm = -70
    outside_dbm: Dbm = -90


class Hours(Struct, frozen=True, forbid_unknown_fields=True):
    """Open from `opens` to `closes` (local "HH:MM"; "24:00" ends a day) on the `days` (mon ... sun) named."""

    days: Annotated[list[Day], Meta(min_length=1, max_length=7)]
    opens: TimeOfDay
    closes: TimeOfDay


class Privacy(Struct, frozen=True, forbid_unknown_fields=True):
    """The class of the place, and the profile. F5 counts only; D24 also counts visits under a key of at most a day."""

    site: Literal["ordinary", "sensitive"] = "ordinary"
    profile: Literal["F5", "D24"] | None = None


class Fleet(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may send settings: Ed25519 public keys by their name, base64. Without any, nobody may.

    `root_keys` sign which keys may besides `config_keys`. `claim_url`: where a new sensor gets its name and its
    certificate; `claim_ca_file`: whose certificates it believes there, if not those of the system.
    """

    config_keys: Annotated[dict[KeyName, PublicKey], Meta(max_length=8)] = {}
    root_keys: Annotated[dict[KeyName, PublicKey], Meta(max_length=8)] = {}
    claim_url: Annotated[str, Meta(max_length=200, pattern=r"^(https?://[^\s]+)?$")] = ""
    claim_ca_file: str | None = None


class Mqtt(Struct, frozen=True, forbid_unknown_fields=True):
    """The broker. Without `ca_file` the connection is plain, which is allowed to this machine only.

    `patience_s`: a connection on which the cloud acknowledges nothing for so long, though reports wait, is given up.
    """

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Port = 1883
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    keepalive_s: Annotated[int, Meta(ge=5, le=600)] = 30
    patience_s: Annotated[int, Meta(ge=5, le=600)] = 60


class Metrics(Struct, frozen=True, forbid_unknown_fields=True):
    """The port of this machine on which a Prometheus may ask how the sensor is; 0: none is opened."""

    port: Annotated[int, Meta(ge=0, le=65535)] = 0


class Time(Struct, frozen=True, forbid_unknown_fields=True):
    """For simulations only: start the clock at `start` (UTC seconds) when the real one shows `real_start`."""

    start: Annotated[float, Meta(ge=0)]
    real_start: Annotated[float, Meta(ge=0)]
    speed: Annotated[float, Meta(gt=0, le=2000)] = 1.0


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings. `sensor` is `tenant:name`, as the fleet knows this sensor; without it, it has to be claimed.

    `battery_clock`: the machine keeps the time of day without power, so it is trusted before the network confirms it.
    """

    sensor: SensorId = UNCLAIMED
    state_dir: str = "/var/lib/footfall"
    run_dir: str = "/run/footfall"
    window_s: Annotated[int, Meta(ge=60, le=600)] = 300
    battery_clock: bool = False
    health_interval_s: Annotated[float, Meta(ge=0.5, le=3600)] = 60.0
    outbox_max_reports: Annotated[int, Meta(ge=100, le=1_000_000)] = 105_120
    time_zone: str = "UTC"
    hours: Annotated[list[Hours], Meta(max_length=14)] = []
    privacy: Privacy = Privacy()
    fleet: Fleet = Fleet()
    radio: Radio = Radio()
    zones: Zones = Zones()
    mqtt: Mqtt = Mqtt()
    metrics: Metrics = Metrics()
    time: Time | None = None

    @property
    def profile(self) -> Literal["F5", "D24"]:
        """The profile in force: D24 unless the site is sensitive or the settings say F5."""
        default: Literal["F5", "D24"] = "F5" if self.privacy.site == "sensitive" else "D24"
        return self.privacy.profile or default

    @property
    def is_claimed(self) -> bool:
        """Whether it has a name."""
        return self.sensor != UNCLAIMED

    @property
    def site_path(self) -> Path:
        """What was settled on the spot, on disk."""
        return Path(self.state_dir) / "site.json"

    @property
    def identity_dir(self) -> Path:
        """Key and certificate, on disk, for the talking process alone."""
        return Path(self.state_dir) / "identity"

    @property
    def outbox_path(self) -> Path:
        """The outbox, on disk."""
        return Path(self.state_dir) / "outbox.db"

    @property
    def learnt_path(self) -> Path:
        """What was learnt of classes of devices, on disk."""
        return Path(self.state_dir) / "classes.json"

    @property
    def desired_path(self) -> Path:
        """The last settings that came signed from the fleet, on disk."""
        return Path(self.state_dir) / "desired.json"

    @property
    def keys_path(self) -> Path:
        """Which keys sign settings, as a root key signed it, on disk."""
        return Path(self.state_dir) / "keys.json"

    @property
    def forget_path(self) -> Path:
        """A word to the sensing process: let go of what was counted and learnt; on disk, for as long as it is due."""
        return Path(self.state_dir) / "forget"

    @property
    def leave_path(self) -> Path:
        """The socket at which `footfall-agent opt-out` asks to leave somebody out."""
        return Path(self.run_dir) / "opt-out.sock"

    @property
    def dial_path(self) -> Path:
        """The socket at which the setup page sees what is heard just now."""
        return Path(self.run_dir) / "dial.sock"

    @property
    def setup_word_path(self) -> Path:
        """The word that lets somebody change what is settled on the spot, on disk."""
        return Path(self.state_dir) / "setup-word"

    @property
    def setup_until_path(self) -> Path:
        """Until when the setup page is open (seconds of CLOCK_BOOTTIME), in memory."""
        return Path(self.run_dir) / "setup-page"

    @property
    def status_path(self) -> Path:
        """How the sensing process is, in memory."""
        return Path(self.run_dir) / "status.json"

    @property
    def radios_path(self) -> Path:
        """What the keeping process says of the radios, in memory."""
        return Path(self.run_dir) / "radios.json"

    @property
    def reboots_path(self) -> Path:
        """How often the machine was restarted for a radio's sake, on disk."""
        return Path(self.state_dir) / "reboots.json"

    @property
    def line_path(self) -> Path:
        """How the line to the cloud is, in memory."""
        return Path(self.run_dir) / "line.json"


def load(path: Path) -> Config:
    """The settings in the TOML file `path`, and what was settled on the spot. Raises ConfigError."""
    config = written(path)
    try:
        config = _settled(config, site.read(config.site_path))
    except SiteError as error:
        raise ConfigError(str(error)) from None
    _check(path, config)
    return config


def written(path: Path) -> Config:
    """The settings in the TOML file alone, not yet looked at as a whole. Raises ConfigError."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Config)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}.") from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_explain(str(error), Config)}") from None


def _settled(config: Config, found: Site) -> Config:
    """The settings with what was settled on the spot."""
    told = {key: value for key, value in msgspec.structs.asdict(found).items() if value is not msgspec.UNSET}
    zones = {key: told[key] for key in ("inside_dbm", "outside_dbm") if key in told}
    changes: dict[str, Any] = {key: told[key] for key in ("sensor", "time_zone") if key in told}
    changes["zones"] = msgspec.structs.replace(config.zones, **zones)
    if "root_keys" in told:
        changes["fleet"] = msgspec.structs.replace(
            config.fleet, root_keys={**config.fleet.root_keys, **told["root_keys"]}
        )
    if "country" in told and isinstance(config.radio.wifi, Monitor):
        wifi = msgspec.structs.replace(config.radio.wifi, country=told["country"])
        changes["radio"] = msgspec.structs.replace(config.radio, wifi=wifi)
    if "host" in told:
        folder = config.identity_dir
        changes["mqtt"] = msgspec.structs.replace(
            config.mqtt,
            host=told["host"],
            port=told["port"],
            ca_file=str(folder / site.AUTHORITY),
            certificate_file=str(folder / site.PAIR),
            key_file=str(folder / site.PAIR),
        )
    return msgspec.structs.replace(config, **changes)


def _check(path: Path, config: Config) -> None:
    if config.time is not None and config.radio.is_real:
        raise ConfigError(f"{path}: time: a clock of its own is for simulations; a real radio goes by the machine's.")
    if isinstance(config.radio.wifi, Monitor):
        _check_channels(path, config.radio.wifi)
    if config.zones.outside_dbm > config.zones.inside_dbm:
        raise ConfigError(f"{path}: zones.outside_dbm must not be above zones.inside_dbm ({config.zones.inside_dbm}).")
    if config.privacy.site == "sensitive" and config.profile != "F5":
        raise ConfigError(f"{path}: privacy.profile: a sensitive site may have F5 only; leave the line out.")
    try:
        ZoneInfo(config.time_zone)
    except (KeyError, ValueError, OSError):
        raise ConfigError(
            f"{path}: time_zone: {config.time_zone!r} is not a time zone; write one like Europe/Berlin."
        ) from None
    for number, hours in enumerate(config.hours):
        if hours.opens >= hours.closes:
            raise ConfigError(f"{path}: hours[{number}]: opens must be before closes; hours past midnight are two.")
    _check_lines(path, config)


def _check_lines(path: Path, config: Config) -> None:
    if config.mqtt.ca_file is None and config.mqtt.host not in HERE:
        raise ConfigError(
            f"{path}: mqtt.ca_file: a connection to another machine must be encrypted; "
            f"name the file with the broker's certificate authority."
        )
    if config.fleet.claim_url.startswith("http://") and urlsplit(config.fleet.claim_url).hostname not in HERE:
        raise ConfigError(f"{path}: fleet.claim_url: a code goes there, so it must be encrypted: write https://.")
    if (config.mqtt.certificate_file is None) != (config.mqtt.key_file is None):
        raise ConfigError(f"{path}: mqtt.certificate_file and mqtt.key_file go together: give both or none.")


def _check_channels(path: Path, wifi: Monitor) -> None:
    for key, channels in (("channels", wifi.channels), ("second_channels", wifi.second_channels)):
        for number in channels:
            try:
                frequency(number)
            except ValueError as error:
                raise ConfigError(f"{path}: radio.wifi.{key}: {error}") from None


def _explain(error: str, kind: Any) -> str:
    """msgspec's sentence with the key in front, and the nearest known name for one we do not know."""
    text, _, place = error.partition(" - at `$")
    key = place.rstrip("`").lstrip(".") or "the file"
    unknown = re.search(r"unknown field `(.+)`", text)
    if not unknown:
        return f"{key}: {text[0].lower()}{text[1:]}."
    known = _fields(kind, place.rstrip("`").strip(".").split(".") if place else [])
    near = difflib.get_close_matches(unknown[1], known, 1)
    hint = f" Did you mean {near[0]}?" if near else f" Known here: {', '.join(sorted(known))}."
    where = f"{key}.{unknown[1]}" if place else unknown[1]
    return f"{where}: there is no such setting.{hint}"


def _fields(kind: Any, places: list[str]) -> list[str]:
    for place in places:
        kind = next((f.type for f in msgspec.structs.fields(kind) if f.name == place), kind)
    kinds = [k for k in getattr(kind, "__args__", (kind,)) if isinstance(k, type) and issubclass(k, Struct)]
    return [field.name for each in kinds for field in msgspec.structs.fields(each)]
