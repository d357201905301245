"""PT-13: the inventory is complete. Whatever is kept or said is in it, with what it says and for how long it is kept.

The product reads its own types, schema and source to know what there is. This looks for the same things another way:
columns in databases that were really made, fields in the classes themselves, topics, writes and log events in the text,
and, in full, the files and log lines of sensors, broker and cloud that really ran. What it finds must be in what
`footfall-cloud inventory` prints. Planted in copies are a column, a field, a topic, a write, a log event, a file and a
log line that no inventory knows; the same search has to miss each of them in it.
"""

import ast
import importlib
import json
import os
import pkgutil
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from agent import contract
from agent.outbox import Outbox
from cloud.store import migrate
from tests.brokers import free_port
from tests.conftest import ROOT
from tests.privacy.proof import Proof, check

ID = "{id}"
TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
TOPIC = re.compile(r'f"\{ROOT\}/d/\{sensor_id\}/([^"]+)"')
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
WRITE = re.compile(
    r"(?<![\w.])(?:[\w.]+|\([^()]*\))?\.(?:write_bytes|write_text|touch)(?=\()"
    r"|(?:os\.(?:replace|rename|memfd_create|write|mkfifo)|sqlite3\.connect|create_engine)(?=\()"
    r"|(?:[\w.]+|\([^()]*\))\.open(?=\(\"[wax])|(?<![\w.])open(?=\([^)]*\"[wax])"
)
LOGGED = re.compile(r"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) (?:\w+\.)*(\w+): (.*)")
# Records every file that is opened to be written, in every Python of the run (PEP 578).
RECORDER = """
import os, sys
_to = os.open(os.environ["FOOTFALL_OPENED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def _record(event, args):
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
        os.write(_to, f"{args[0]}\\n".encode())
    elif event == "sqlite3.connect":
        os.write(_to, f"{args[0]}\\n".encode())
sys.addaudithook(_record)
"""


class Thing(NamedTuple):
    """Something found: its kind, where, and its name there. A log line: its logger ("" for none), and all it says."""

    kind: str
    where: str
    name: str


class Seen(NamedTuple):
    """Where to look. `ran`: a folder in which the system ran, if it did."""

    sources: Path
    database: Path
    outbox: Path
    types: list[type[msgspec.Struct]]
    ran: Path | None


def prove(folder: Path, *, full: bool) -> Proof:
    entries = printed(folder)
    ran = run(folder / "run") if full else None
    outbox = folder / "outbox.db"
    Outbox(outbox).pending()
    seen = Seen(ROOT, folder / "cloud.db", outbox, contract_types(), ran)
    found = set(look(seen))
    lost = missing(found, entries)
    planted = plant(folder / "planted", seen)
    leaks = missing(set(look(planted)) - found, entries)
    kinds = Counter(one.kind for one in found)
    counted = ", ".join(f"{many} {kind}s" for kind, many in sorted(kinds.items()))
    caught = {one.kind for one in leaks}
    missed = sorted(kinds.keys() - caught)
    return Proof(
        "PT-13",
        "every column, topic, message field, file and log event is in the inventory",
        f"{len(entries)} entries; found another way: {counted}; without an entry: {sorted(lost)[:5] or 0}",
        not lost and bool(entries),
        f"planted, one of each kind: {', '.join(sorted(kinds))}; missed: {', '.join(missed) or 'none'}",
        not missed,
    )


def printed(folder: Path) -> list[tuple[str, str, str]]:
    """(where, name, says) of every entry that the command prints for a shop."""
    config = folder / "cloud.toml"
    config.write_text(
        f'database = "{folder}/cloud.db"\n[[shops]]\ntenant = "demo"\nshop = "one"\nname = "One"\n'
        'time_zone = "Etc/UTC"\nsensors = [{ sensor = "demo:door", zone = "door" }]\n'
    )
    migrate(f"{folder}/cloud.db")
    words = [sys.executable, "-m", "cloud", "inventory", "one", "--json", "-c", str(config)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return [(one["where"], one["name"], one["says"]) for one in json.loads(done.stdout)["entries"]]


def look(seen: Seen) -> Iterator[Thing]:
    """Everything there is, found without the product's own search."""
    yield from columns(seen.database, "cloud table")
    yield from columns(seen.outbox, "sensor outbox")
    for kind in seen.types:
        for field in msgspec.structs.fields(kind):
            yield Thing("field", f"message {kind.__name__}", field.encode_name)
    for path in sorted(one for top in ("agent", "cloud") for one in (seen.sources / top).rglob("*.py")):
        module = ".".join(path.relative_to(seen.sources).with_suffix("").parts).removesuffix(".__init__")
        yield from in_source(module, path.read_text())
    if seen.ran is not None:
        yield from of_run(seen.ran)


def columns(database: Path, place: str) -> Iterator[Thing]:
    db = sqlite3.connect(database)
    for (table,) in db.execute(TABLES).fetchall():
        for column in db.execute(f"PRAGMA table_info({table})").fetchall():
            yield Thing("column", f"{place} {table}", column[1])
    db.close()


def in_source(module: str, text: str) -> Iterator[Thing]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            first = node.args[0]
            template = first.value if isinstance(first, ast.Constant) else ast.unparse(first)
            yield Thing("log event", f"log {module}", str(template))
    for written in WRITE.findall(text):
        yield Thing("write", f"file {module}", written.replace('"', "'"))
    if module == "agent.contract.topics":
        (leaves,) = re.findall(r"LEAVES_UP = \((.*)\)", text)
        for made in TOPIC.findall(text):
            for leaf in re.findall(r'"(\w+)"', leaves) if "{leaf}" in made else [""]:
                yield Thing("topic", "topics", f"footfall/v1/d/{ID}/{made.replace('{leaf}', leaf)}")


def contract_types() -> list[type[msgspec.Struct]]:
    """Every type the contract's modules define, whether or not it is said to be a message."""
    modules = [importlib.import_module(f"agent.contract.{one.name}") for one in pkgutil.iter_modules(contract.__path__)]
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == module.__name__
    ]


def run(folder: Path) -> Path:
    """Three sensors, a broker and a cloud for some seconds, as `make demo` runs them, with every write recorded."""
    folder.mkdir()
    (folder / "site").mkdir()
    (folder / "site/sitecustomize.py").write_text(RECORDER)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(folder / "site"), str(ROOT))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FOOTFALL_OPENED": str(folder / "opened"),
    }
    options = ["--folder", str(folder / "demo"), "--port", str(free_port()), "--speed", "600", "--for", "12"]
    words = [sys.executable, "-m", "cloud", "demo", *options]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return folder


def of_run(folder: Path) -> Iterator[Thing]:
    opened = {Path(line).name for line in (folder / "opened").read_text().splitlines()}
    left = {path.name for path in (folder / "demo").rglob("*") if not path.is_dir()}
    for name in sorted((opened | left) - {"null", "opened"}):
        yield Thing("file", "file", name)
    for path in (folder / "demo").rglob("log"):
        for line in path.read_text().splitlines():
            logged = LOGGED.fullmatch(line)
            yield Thing("log line", *(logged.groups() if logged else ("", line)))


def missing(found: Iterable[Thing], entries: list[tuple[str, str, str]]) -> set[Thing]:
    """What has no entry that tells of it."""
    names = {(where, name) for where, name, _ in entries}
    files = "\n".join(f"{name} {says}" for where, name, says in entries if where.startswith("file "))
    lines = [_line(where, name) for where, name, _ in entries if where.startswith("log ")]

    def told(one: Thing) -> bool:
        match one.kind:
            case "log event":
                return any(one.where == where and (name + " (").startswith(one.name + " (") for where, name in names)
            case "write":
                return any(one.where == where and name.endswith(f": {one.name}") for where, name in names)
            case "file":
                return re.search(rf"(?<![\w.-]){re.escape(one.name)}(?![\w.-])", files) is not None
            case "log line":
                return any(logger == one.where and line.fullmatch(one.name) for logger, line in lines)
        return (one.where, one.name) in names

    return {one for one in found if not told(one)}


def _line(where: str, name: str) -> tuple[str, re.Pattern[str]]:
    """The logger of an event, named after its module, and the lines it makes; "" where it is printed as it is."""
    printed = re.fullmatch(r"f'(.*?)(?:\\n)?'", name)
    words = re.split(r"\{.*?\}", printed[1]) if printed else re.split(r"%[\d.]*[sdf]", re.sub(r" \([^%]*\)$", "", name))
    return "" if printed else where.rpartition(".")[2], re.compile(".+".join(map(re.escape, words)))


def plant(folder: Path, seen: Seen) -> Seen:
    """Copies of all of it with one thing of each kind that no inventory knows."""
    folder.mkdir()
    database = folder / "cloud.db"
    with sqlite3.connect(seen.database) as whole, sqlite3.connect(database) as copy:
        whole.backup(copy)
        copy.execute("ALTER TABLE report ADD COLUMN loudest_address BLOB")
    for top in ("agent", "cloud"):
        shutil.copytree(seen.sources / top, folder / top, ignore=shutil.ignore_patterns("__pycache__"))
    for file, line in (
        ("core/sensor.py", 'log.debug("heard %s", sighting.address)'),
        ("learnt.py", 'Path("seen.txt").write_bytes(address)'),
        ("contract/topics.py", 'raw = lambda sensor_id: f"{ROOT}/d/{sensor_id}/up/raw"'),
    ):
        with (folder / "agent" / file).open("a") as source:
            source.write(f"\n{line}\n")
    heard = msgspec.defstruct("Heard", [("addresses", list[str])])
    ran = folder / "run" if seen.ran else None
    if ran is not None:
        shutil.copytree(seen.ran, ran, ignore=shutil.ignore_patterns("*.sock"))
        (ran / "demo/seen.txt").touch()
        (ran / "demo/log").write_text("INFO footfall.sense: heard 02:00:00:00:00:01\n")
    return seen._replace(sources=folder, database=database, types=[*seen.types, heard], ran=ran)


def test_the_inventory_is_complete(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))
