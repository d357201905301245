"""Bundle: what support needs to know of a sensor, in one file that says nothing of anyone, and nothing secret.

1. What is not known to be harmless is left out. Of settings and statuses numbers, switches and choices stay, and of
   texts what `phrasebook` knows; of the journal and of what other programs say likewise. Names, addresses, keys and
   codes are none of these, so they need not be recognised.
2. Of the outbox, the identity and the opt-out list there are counts and dates.
3. Nobody sends it: it is written where the person who asks for it says, once they have seen what is in it.
"""

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol
from zoneinfo import available_timezones

import msgspec

from agent import machine, status, taken, uplink, validity
from agent.config import Config, ConfigError, load
from agent.contract import DeviceConfig
from agent.contract.health import Machine
from agent.outbox import Outbox, OutboxError
from agent.phrasebook import KERNEL, TOOLS, Own, Phrasebook

MOST_BYTES = 5_000_000
MASKED = "(masked)"
UNITS = ("footfall-sense", "footfall-sync", "footfall-keep", "footfall.target")
_MOST_LINES, _LINE_MOST = 20_000, 4_000  # of a journal, and of one line
_PATIENCE_S = 30.0
_PART_BYTES = 1_000_000
_NAMES = re.compile(r"auto|none|UTC|street|(mon|wlan|hci|eth)\d|\d{1,3}(\.\d{1,3}){1,2}|-?\d{1,3}|\d\d:\d\d|[A-Z]{2}")
_LOADED = frozenset(("loaded", "not-found", "masked", "enabled", "disabled", "static"))
_ACTIVE = frozenset(("active", "inactive", "failed", "activating", "deactivating"))
_RUNS = frozenset(("running", "dead", "exited", "auto-restart", "start", "stop", "stop-sigterm"))
_ENDED = frozenset(
    ("success", "exit-code", "signal", "core-dump", "watchdog", "timeout", "oom-kill", "start-limit-hit")
)
_STATES = _LOADED | _ACTIVE | _RUNS | _ENDED
_ASKED = "LoadState,UnitFileState,ActiveState,SubState,Result,NRestarts,ExecMainStatus,MemoryCurrent,CPUUsageNSec"


class Book(Protocol):
    """Says of a text what of it may be told; None: nothing."""

    def told(self, text: str) -> str | None:
        """As `agent.phrasebook` does."""


class Books(NamedTuple):
    """What may be told of texts: our own, the kernel's, and those of other programs."""

    own: Book
    kernel: Book
    tools: Book


class Part(NamedTuple):
    """One file of the bundle: its name, what it holds in a few words, and its text."""

    name: str
    says: str
    text: str


def books() -> Books:
    """Those of this program."""
    return Books(Own(), Phrasebook(KERNEL, short=True), Phrasebook(TOOLS, short=True))


def command(words: Sequence[str], path: str | None = None) -> str:
    """What a program prints that is found on `path` ("$PATH" if None); "" where it is missing, or takes too long."""
    program = shutil.which(words[0], path=path)
    if program is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours
            [program, *words[1:]],
            capture_output=True,
            timeout=_PATIENCE_S,
            env={"PATH": path or os.defpath, "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")


def parts(
    path: Path, use: Books, run: Callable[[Sequence[str]], str] = command, root: Path = machine.ROOT
) -> list[Part]:
    """All files of the bundle of the sensor with the settings at `path`."""
    try:
        config, settings = load(path), None
    except ConfigError as error:
        config, settings = Config(), use.own.told(str(error)) or MASKED
    told = settings or _json(masked(config, Config, use))
    found = [
        Part("about.json", "versions, and when it was made", _json(_about(use, root))),
        Part("settings.json", "the settings in force, without names and secrets", told),
        Part("fleet.json", "the version and the dates of the fleet's settings", _json(_fleet(config, use))),
        Part("status.json", "how the processes say they are", _json(_status(config, use))),
        Part("outbox.json", "how many reports wait, and none of them", _json(_outbox(config))),
        Part("identity.json", "whether there is a key, and until when its certificate holds", _json(_identity(config))),
        Part(
            "machine.json",
            "temperature, power, disk, memory and network of the machine",
            _json(_here(config, use, root)),
        ),
        Part("units.json", "how the services are", _json(_units(run))),
        Part("journal.txt", "what the services said in the last 24 hours", _journal(run, use)),
        Part("kernel.txt", "what the kernel said of USB, radios and disks", _lines(run(["dmesg"]), use.kernel)),
        Part("radios.txt", "which adapters there are", _lines(run(["iw", "dev"]) + run(["lsusb"]), use.tools)),
    ]
    return [one._replace(text=_cut(one.text)) for one in found]


def write(found: Sequence[Part], to: Path) -> int:
    """Make the file; how many bytes it has. Raises OSError, also where there is one already."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for one in found:
            body = one.text.encode()
            entry = tarfile.TarInfo(f"footfall-bundle/{one.name}")
            entry.size, entry.mtime = len(body), int(time.time())
            archive.addfile(entry, io.BytesIO(body))
    packed = held.getvalue()
    if len(packed) > MOST_BYTES:
        raise OSError(f"the bundle would have {len(packed)} bytes, and {MOST_BYTES} are the most")
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(packed)
    return len(packed)


def masked(value: Any, hint: Any, use: Books) -> Any:
    """A value of a type as far as it may be told: numbers and choices as they are, texts as the books know them."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _text(value, hint, use)
    if isinstance(value, msgspec.Struct):
        hints = typing.get_type_hints(type(value), include_extras=True)
        told = {name: getattr(value, name) for name in value.__struct_fields__}
        return {name: masked(one, hints[name], use) for name, one in told.items() if one is not msgspec.UNSET}
    if isinstance(value, Mapping):
        return [[_text(str(key), hint, use), masked(one, hint, use)] for key, one in value.items()]
    if isinstance(value, list | tuple):
        return [masked(one, hint, use) for one in value]
    return MASKED


def _text(value: str, hint: Any, use: Books) -> str:
    if value in _choices(hint) or value == "" or _NAMES.fullmatch(value) or value in available_timezones():
        return value
    return use.own.told(value) or use.tools.told(value) or MASKED


def _choices(hint: Any) -> set[Any]:
    """All values that a type names one by one."""
    if typing.get_origin(hint) is Literal:
        return set(typing.get_args(hint))
    return {choice for part in typing.get_args(hint) for choice in _choices(part)}


def _about(use: Books, root: Path) -> dict[str, Any]:
    libraries = ("msgspec", "paho-mqtt", "bleak", "pyroute2", "cryptography")
    found: dict[str, Any] = {name: _text(_version(name), str, use) for name in ("footfall", *libraries)}
    told = machine.look(root, root)
    for name in ("model", "image"):
        value = getattr(told, name)
        found[name] = None if value is msgspec.UNSET else _text(value, str, use)
    if release := re.match(r"\d{1,2}\.\d{1,3}\.\d{1,3}", os.uname().release):
        found["kernel"] = release[0]
    return {**found, "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}"}


def _version(name: str) -> str:
    try:
        return version(name)
    except ImportError:  # PackageNotFoundError is one
        return ""


def _fleet(config: Config, use: Books) -> Any:
    held = taken.read(config)
    if held is None:
        return None
    wanted = held.in_force
    listed = 0 if wanted.opt_outs is msgspec.UNSET else len(wanted.opt_outs.entries)
    told = msgspec.structs.replace(wanted, opt_outs=msgspec.UNSET)
    return {**masked(told, DeviceConfig, use), "opt_outs": listed}


def _status(config: Config, use: Books) -> dict[str, Any]:
    found = {
        "sensing": status.read(config.status_path),
        "talking": status.read_line(config.line_path),
        "keeping": status.read_radios(config.radios_path),
    }
    return {name: masked(one, type(one), use) for name, one in found.items()}


def _outbox(config: Config) -> dict[str, Any]:
    path = config.outbox_path
    files = {end or "file": _size(path.with_name(path.name + end)) for end in ("", "-wal", ".damaged")}
    if not path.exists():
        return {"bytes": files}
    try:
        outbox = Outbox(path, config.outbox_max_reports)
        held = outbox.pending()
        outbox.close()
    except OutboxError:
        return {"bytes": files, "usable": False}
    oldest = held.oldest_window_start
    age = None if oldest is None else round(time.time() - oldest)
    return {"bytes": files, "waiting": held.waiting, "evicted": held.evicted, "oldest_age_s": age}


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _identity(config: Config) -> dict[str, Any]:
    mine = config.mqtt.certificate_file
    until = None if mine is None else validity.until(Path(mine))
    ends = None if until is None else f"{datetime.fromtimestamp(until, UTC):%Y-%m-%dT%H:%MZ}"
    key = config.mqtt.key_file
    return {"claimed": config.is_claimed, "key": bool(key and Path(key).exists()), "certificate_until": ends}


def _here(config: Config, use: Books, root: Path) -> dict[str, Any]:
    told = machine.look(Path(config.state_dir), root)
    way = uplink.look(None, None, root)
    found = {**masked(told, Machine, use), "uplink": masked(way, type(way), use)}
    return {**found, "interfaces": list(_interfaces(root))}


def _interfaces(root: Path) -> Iterator[dict[str, Any]]:
    """What passed each network interface, without its name."""
    for one in sorted((root / "sys/class/net").glob("*")):
        counts = {}
        for name in ("rx_packets", "rx_errors", "rx_dropped", "tx_packets", "tx_errors", "tx_dropped"):
            try:
                counts[name] = int((one / "statistics" / name).read_text())
            except (OSError, ValueError):
                continue
        wireless = (one / "phy80211").exists()
        yield {"wireless": wireless, **counts}


def _units(run: Callable[[Sequence[str]], str]) -> dict[str, dict[str, str]]:
    found = {}
    for unit in UNITS:
        said = run(["systemctl", "show", unit, f"--property={_ASKED}"])
        pairs = [line.partition("=") for line in said.splitlines()]
        found[unit] = {
            name: value if value in _STATES or re.fullmatch(r"\d{1,18}", value) else MASKED
            for name, _, value in pairs
            if name in _ASKED.split(",")
        }
    return found


def _journal(run: Callable[[Sequence[str]], str], use: Books) -> str:
    units = [word for unit in UNITS for word in ("-u", unit)]
    said = run(["journalctl", *units, "-o", "json", "--since=-24h", f"--lines={_MOST_LINES}", "--no-pager"])
    lines, left_out = [], 0
    for record in _records(said):
        told = use.own.told(_message(record)[:_LINE_MOST])
        if told is None:
            left_out += 1
            continue
        lines.append(f"{_moment(record)} {_unit(record)} {told}")
    return "\n".join([*lines, f"{left_out} lines that are not this program's own are left out."])


def _records(said: str) -> Iterator[dict[str, Any]]:
    for line in said.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def _message(record: dict[str, Any]) -> str:
    """A message that is no text stands there as a list of its bytes."""
    said = record.get("MESSAGE")
    if isinstance(said, list) and all(isinstance(one, int) and 0 <= one < 256 for one in said):
        return bytes(said).decode("utf-8", "replace")
    return said if isinstance(said, str) else ""


def _moment(record: dict[str, Any]) -> str:
    try:
        second = int(record["__REALTIME_TIMESTAMP"]) // 1_000_000
        return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (KeyError, ValueError, TypeError, OverflowError):
        return "-"


def _unit(record: dict[str, Any]) -> str:
    name = str(record.get("_SYSTEMD_UNIT") or record.get("UNIT")).removesuffix(".service")
    return name if name in UNITS else "systemd"


def _lines(said: str, book: Book) -> str:
    """The lines that may be told, with the time since the start where the kernel gives it."""
    found, left_out = [], 0
    for line in said.splitlines():
        at, _, rest = line.partition("] ") if line.startswith("[") else ("", "", line)
        told = book.told(rest.strip())
        stamp = re.fullmatch(r"\[ *(\d{1,9})\.\d+", at)
        if told is None:
            left_out += 1
        else:
            found.append(f"{stamp[1]} s {told}" if stamp else told)
    return "\n".join([*found, f"{left_out} lines of others are left out."])


def _cut(text: str) -> str:
    """The end of a text, which is the newest, where it is too long."""
    return text if len(text) <= _PART_BYTES else f"(the beginning is left out)\n{text[-_PART_BYTES:]}"


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, default=str)
