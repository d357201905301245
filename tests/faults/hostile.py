"""Hostile: a million payloads that no honest sensor sends, to the cloud's intake and its store.

They begin as true messages (the contract's vectors) and are cut, flipped, swapped, nested, blown up and sent on other
topics. None may raise; what is stored must be what the published JSON Schema allows, from the sensor its topic names;
the rest is in the quarantine. Between them true reports go on arriving, and each must be kept.
"""

import json
import random
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import msgspec

from agent.contract import Report, ReportBatch, encode, topics
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import Shop
from cloud.store import Store, migrate
from cloud.store.delivery import Delivery, Quarantined, Reports, receive
from tests.conftest import ROOT
from tests.faults.table import Line

NOW = 1_795_600_000
SENSOR = "demo:door"
EPOCH = "0123456789abcdef"
COMMIT = 500
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 2**53, 2**63, 1e308, -1e308, 0.1, "", "x" * 70_000, "\0", "\ud83d", [], [[]], {},
    {"v": 1}, "NaN",
)  # fmt: skip
Mutation = Callable[[random.Random, bytes], bytes]


def cut(dice: random.Random, payload: bytes) -> bytes:
    return payload[: dice.randrange(len(payload))]


def flipped(dice: random.Random, payload: bytes) -> bytes:
    changed = bytearray(payload)
    for _ in range(dice.randrange(1, 6)):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def swapped(dice: random.Random, payload: bytes) -> bytes:
    """One value of the JSON is another, or one key is."""
    document = json.loads(payload)
    place = document
    while isinstance(place, (dict, list)) and place:
        key = dice.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if not isinstance(place[key], (dict, list)) or dice.random() < 0.4:
            if isinstance(place, dict) and dice.random() < 0.3:
                place[key + "_"] = place.pop(key)
            else:
                place[key] = dice.choice(ODD)
            break
        place = place[key]
    return json.dumps(document).encode("utf-8", "surrogatepass")


def numbered(dice: random.Random, payload: bytes) -> bytes:
    """One number is another, of the kinds that parsers differ on."""
    numbers = list(re.finditer(rb"-?\d+(\.\d+)?", payload))
    if not numbers:
        return payload + b"0"
    one = dice.choice(numbers)
    other = dice.choice((b"NaN", b"Infinity", b"-0", b"1e999", b"01", b"0x10", b"1_0", b"9" * 400, b"-1", b"1.5"))
    return payload[: one.start()] + other + payload[one.end() :]


def nested(dice: random.Random, payload: bytes) -> bytes:
    return dice.choice((b"[", b'{"a":')) * dice.choice((10, 1000, 60_000)) + payload


def doubled(dice: random.Random, payload: bytes) -> bytes:
    return payload + dice.choice((payload, b",", b"\xff\xfe", b"\0" * 9, b" " * 200_000))


MUTATIONS: tuple[Mutation, ...] = (cut, flipped, swapped, numbered, nested, doubled)
WEIGHTS = (3, 6, 8, 4, 0.02, 0.3)
TOPICS = (
    *(topics.up(SENSOR, leaf) for leaf in topics.LEAVES_UP),
    topics.till("demo", "corner"), topics.till("demo", "nowhere"), "footfall/v1/t/demo/corner/live",
    topics.up("demo:other", "report"), "footfall/v1/d/demo:door/down/ack", "footfall/v1/d//up/report", "a", "",
    "footfall/v1/d/Demo:door/up/report", "footfall/v1/d/demo:door:x/up/report", "footfall/v2/d/demo:door/up/report",
)  # fmt: skip


def torture(folder: Path, *, full: bool) -> list[Line]:
    """A million in full, 6,000 in short."""
    number, dice = 1_000_000 if full else 6000, random.Random(1)
    store = _made(folder / "cloud.db")
    true, wrong, crashes, slowest = 0, 0, 0, 0.0
    waiting: list[Delivery] = []
    seeds = _seeds()
    for count in range(1, number + 1):
        try:
            topic = TOPICS[0] if dice.random() < 0.5 else dice.choice(TOPICS)
            mutation = dice.choices(MUTATIONS, WEIGHTS)[0]
            waiting.append(receive(topic, mutation(dice, dice.choice(seeds)), NOW))
        except Exception:
            crashes += 1
        if count % COMMIT == 0:
            true += 1
            waiting.append(receive(topics.up(SENSOR, "report"), _batch(true), NOW))
            wrong += sum(not _allowed(one) for one in waiting)
            began = time.monotonic()
            store.commit(waiting, NOW)
            slowest = max(slowest, time.monotonic() - began)
            waiting.clear()
    kept, quarantined = _count(folder / "cloud.db")
    return [
        Line(
            fault="hostile payloads to the cloud",
            count=number,
            lost=true - kept,
            doubled=0,
            longest_recovery_s=slowest,
            note=f"{wrong} stored that the schema forbids, {crashes} raised, {quarantined:,} kept in quarantine",
            held=not wrong and not crashes and kept == true,
        )
    ]


def _made(path: Path) -> Store:
    migrate(str(path))
    store = Store(str(path))
    shop = Shop(tenant="demo", shop="corner", name="Corner", time_zone="UTC", hours=[])
    store.apply_shops([PlacedShop(shop=shop, placements=[Placement(sensor=SENSOR, zone="door")])])
    return store


def _batch(sequence: int) -> bytes:
    """A true report under a number of its own, in an epoch that the hostile ones do not know."""
    report = Report(window_start=NOW - 300 * (sequence % 200_000) - 400, window_s=100, clock="trusted")
    raw = [msgspec.Raw(encode(report))]
    return encode(ReportBatch(sensor=SENSOR, epoch="fedcba9876543210", first=sequence, reports=raw))


def _seeds() -> list[bytes]:
    found = {path.name: path.read_bytes().strip() for path in sorted((ROOT / "tests/vectors").glob("*.json"))}
    reports = [msgspec.Raw(payload) for name, payload in found.items() if name.startswith("Report-")]
    batch = encode(ReportBatch(sensor=SENSOR, epoch=EPOCH, first=1, reports=reports))
    return [*found.values(), *[batch] * len(found)]


def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "docs/contract.schema.json").read_text())
    return jsonschema.Draft202012Validator({"$ref": "#/$defs/Report", "$defs": schema["$defs"]})


VALIDATOR = _validator()


def _allowed(one: Delivery) -> bool:
    """Whether what would be stored is what the published schema allows, of the sensor that spoke."""
    if not isinstance(one, Reports):
        return isinstance(one, Quarantined) or one.tenant == "demo"
    if (one.tenant, one.sensor) not in (("demo", "door"), ("demo", "other")):
        return False
    for row in one.rows:
        body = json.loads(row[-1])
        if not VALIDATOR.is_valid(body) or body["window_start"] % body["window_s"]:
            return False
    return True


def _count(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as database:
        (kept,) = database.execute("SELECT count(*) FROM report WHERE epoch = 'fedcba9876543210'").fetchone()
        (quarantined,) = database.execute("SELECT count(*) FROM quarantine").fetchone()
    return kept, quarantined
