"""Fleet file: what the fleet shall have and how it gets there, as an operator writes it in `fleet.toml`.

A file is taken whole or refused, with the file, the key and what is allowed there, as `cloud.toml` is.
"""

import itertools
import tomllib
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.contract.desired import Broker, Opening, Tuning
from cloud.config import ConfigError, explained, written
from cloud.core.fleet.plan import FIELDS, FleetFile, Rule, StageTable
from cloud.core.fleet.query import Query
from cloud.core.fleet.rollout import Limits

_TABLES: dict[str, type[Struct]] = {
    "$": FleetFile,
    "$.stages[...]": StageTable,
    "$.limits": Limits,
    "$.settings[...]": Rule,
    "$.settings[...].where": Query,
    "$.settings[...].tuning": Tuning,
    "$.settings[...].broker": Broker,
    "$.settings[...].hours[...]": Opening,
}


def load(path: Path) -> FleetFile:
    """The fleet file at `path`. Raises ConfigError."""
    return parse(written(path), str(path))


def parse(text: str, name: str) -> FleetFile:
    """The fleet file in TOML text; `name` is what errors call it. Raises ConfigError."""
    try:
        found = msgspec.convert(tomllib.loads(text), FleetFile)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: not TOML: {error}.") from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {explained(str(error), _TABLES)}.") from None
    shares = [one.share for one in found.stages]
    if any(one >= other for one, other in itertools.pairwise(shares)) or shares[-1] != 1:
        raise ConfigError(f"{name}: stages: each `share` must be more than the one before, and the last must be 1.")
    for number, rule in enumerate(found.settings):
        if all(getattr(rule, field) is msgspec.UNSET for field in FIELDS) and rule.where == Query():
            raise ConfigError(
                f"{name}: settings[{number}]: it says nothing: write what is wanted ({', '.join(FIELDS)}), or name in "
                "`where` the sensors that shall go by their own settings."
            )
    return found
