"""Structure: every place in which the two programs keep or say something, and the name of everything in it.

Nothing of it is a list kept by hand. Columns are those of the schema and of the outbox, fields those of the contract's
messages, topics those its functions give, log events and files what the sources do (`sources`).
"""

import inspect
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from types import ModuleType
from typing import Any, NamedTuple, get_args

from sqlalchemy import MetaData

from agent.contract import schema as contract
from agent.contract import topics
from cloud.core import home, merged
from cloud.paperwork import sources
from cloud.paperwork.facts import PaperworkError
from cloud.store import schema

_ID = "{id}"


class Item(NamedTuple):
    """Something kept or said: the place, such as "message Report", and its name there."""

    place: str
    name: str


def everything() -> list[Item]:
    """All that this version keeps or says, by place."""
    texts = sources.shipped()
    outbox = files("agent").joinpath("outbox.sql").read_text(encoding="utf-8")
    return [
        *columns(schema.metadata),
        *outbox_columns(outbox),
        *topics_of(topics),
        *(Item("topics", merged.topic("{tenant}", "{shop}", leaf)) for leaf in get_args(merged.Leaf)),
        Item("topics", home.topic("{tenant}", "{shop}")),
        *fields(contract.schema()),
        *fields(merged.schema()),
        *program(texts),
    ]


def columns(metadata: MetaData) -> Iterator[Item]:
    """The columns of the cloud's tables."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            yield Item(f"cloud table {table.name}", str(column.name))
    yield Item("cloud table alembic_version", "version_num")  # Alembic's own: no declaration of ours makes it


def outbox_columns(sql: str) -> Iterator[Item]:
    """The columns of the sensor's outbox, as SQLite understands the statements that make it."""
    db = sqlite3.connect(":memory:")
    db.executescript(sql)
    for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").fetchall():
        for (column,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall():
            yield Item(f"sensor outbox {table}", column)
    db.close()


def topics_of(module: ModuleType) -> Iterator[Item]:
    """The topics: what each function gives that makes one. Raises PaperworkError for one it cannot call."""
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == module.__name__ and inspect.signature(function).return_annotation is str:
            yield from (Item("topics", topic) for topic in _made(name, function, (*module.LEAVES_UP, module.RENEW)))


def fields(document: Mapping[str, Any]) -> Iterator[Item]:
    """The fields of every message and of every part of one, in a JSON Schema of the contract."""
    for name, definition in document["$defs"].items():
        for field in definition["properties"]:
            yield Item(f"message {name}", field)


def program(texts: Mapping[str, str]) -> Iterator[Item]:
    """Files and log events, in the source of both programs."""
    for found in [*sources.paths(texts), *sources.writes(texts)]:
        yield Item(f"file {found.module}", found.name)
    for found in sources.log_events(texts):
        yield Item(f"log {found.module}", found.name)


def _made(name: str, function: Callable[..., str], leaves: tuple[str, ...]) -> list[str]:
    match list(inspect.signature(function).parameters):
        case ["sensor_id"]:
            return [function(_ID)]
        case ["sensor_id", "leaf"]:
            return [function(_ID, leaf) for leaf in leaves]
        case ["tenant", "shop"]:
            return [function("{tenant}", "{shop}")]
    raise PaperworkError(f"The inventory cannot tell which topics {name} of the contract makes: teach `structure` to.")
