"""Layers: for every setting what holds, which layer said it, what is allowed, and who may change it.

1. The layers, each above the one before: the defaults, the settings file, what was settled on the spot (`site`), and
   what the fleet signed (`in_force`). The highest that changed a setting is the one that said it.
2. Read from the same files as the processes read, by the same code; nothing is kept.
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import inspect
from msgspec.inspect import FloatType, IntType, ListType, LiteralType, Metadata, StrType, Type, UnionType, VarTupleType

from agent.config import Config, load
from agent.effective import REACH, flat
from agent.in_force import InForce

Layer = Literal["default", "file", "on the spot", "fleet"]
_ON_THE_SPOT = frozenset({
    "sensor", "time_zone", "zones.inside_dbm", "zones.outside_dbm", "radio.wifi.country", "mqtt.host", "mqtt.port",
    "mqtt.ca_file", "mqtt.certificate_file", "mqtt.key_file", "fleet.root_keys",
})  # fmt: skip


class Setting(NamedTuple):
    """One setting by its dotted key. `value` as in JSON; None: not set."""

    key: str
    value: Any
    layer: Layer
    allowed: str
    changed_by: str


class UnknownError(Exception):
    """There is no such setting. The message names the nearest there is."""


def settings(path: Path) -> list[Setting]:
    """Every setting of a sensor whose settings file is `path`. Raises ConfigError."""
    own = load(path)
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    in_force = InForce(own).config
    file, spot = dict(flat(msgspec.convert(document, Config))), dict(flat(own))
    return [
        Setting(
            key,
            list(value) if isinstance(value, tuple) else value,
            _layer(key, value, spot, file, document),
            *_bounds(key, in_force),
        )
        for key, value in flat(in_force)
    ]


def setting(path: Path, key: str) -> Setting:
    """The setting `key`. Raises UnknownError, ConfigError."""
    known = {one.key: one for one in settings(path)}
    if key not in known:
        near = difflib.get_close_matches(key, known, 1)
        raise UnknownError(f"There is no setting {key} here.{f' Did you mean {near[0]}?' if near else ''}")
    return known[key]


def text(one: Setting) -> str:
    """The setting as a few lines for a person."""
    value = "not set" if one.value is None else msgspec.json.encode(one.value).decode()
    said = {"default": "nobody: it is the default", "file": "the settings file", "fleet": "the fleet"}
    lines = [f"{one.key} = {value}", f"  said by     {said.get(one.layer, 'who set the sensor up')}"]
    return "\n".join([*lines, f"  allowed     {one.allowed}", f"  changed by  {one.changed_by}"])


def _layer(
    key: str, value: object, spot: Mapping[str, Any], file: Mapping[str, Any], document: Mapping[str, Any]
) -> Layer:
    if key not in spot or value != spot[key]:
        return "fleet"
    if key not in file or value != file[key]:
        return "on the spot"
    found: Any = document
    for name in key.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return "default" if found is None else "file"


def _bounds(key: str, config: Config) -> tuple[str, str]:
    """What is allowed, and who may change it."""
    *places, name = key.split(".")
    parent: Any = config
    for place in places:
        parent = getattr(parent, place)
    if name == "source":
        return "the kind of radio", "the settings file"
    found = inspect.type_info(type(parent))
    kind = next(one.type for one in getattr(found, "fields", ()) if one.name == name)
    who = ["the settings file"]
    if key in _ON_THE_SPOT:
        who.append("who sets the sensor up")
    if key in REACH:
        who.append(REACH[key])
    return _allowed(kind), "; ".join(who)


def _allowed(kind: Type) -> str:
    plain = {inspect.NoneType: "not set", inspect.BoolType: "true or false"}
    match kind:
        case Metadata():
            found = _allowed(kind.type)
        case IntType() | FloatType():
            found = f"{'a whole number' if isinstance(kind, IntType) else 'a number'}{_range(kind)}"
        case StrType():
            found = f"a text like {kind.pattern}" if kind.pattern else "a text"
        case LiteralType():
            found = "one of " + ", ".join(map(str, kind.values))
        case ListType() | VarTupleType():
            most = "" if kind.max_length is None else f", at most {kind.max_length}"
            found = f"a list{most}; each {_allowed(kind.item_type)}"
        case UnionType():
            found = " or ".join(_allowed(one) for one in kind.types)
        case _:
            found = plain.get(type(kind), "a table")
    return found


def _range(kind: IntType | FloatType) -> str:
    least = kind.gt if kind.ge is None else kind.ge
    if least is None or kind.le is None:
        return "" if least is None else f" from {least:g} on"
    return f" from {least:g} to {kind.le:g}"
