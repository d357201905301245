"""Node-RED: our way from MQTT to a committed row beside the flow people draw for it, in one run.

1. Both arms hear the same bytes from one mosquitto and write a SQLite file. The clock runs from the first byte
   published until another connection reads the last row; arms take turns, medians of three.
2. The flow is the usual one: mqtt in (QoS 1) -> json -> function -> sqlite, an INSERT per report into a table
   without any key or index, and the durability that comes with the node (a rollback journal, synchronous FULL).
   Ours checks every report against the contract, keys it, indexes it, and marks its hour dirty.
3. Two kinds of traffic: a report of five minutes per message, and a backlog in batches of 50 reports.
4. Two controls: our subscriber with a commit for each message, and the flow on a file somebody has put into WAL
   by hand, still synchronous FULL. They say how much is due to committing together, and how much to the journal.

Node-RED comes from npm, versions pinned, sqlite3 compiled here, into --cache (default: a temporary folder; about
a minute and a half). Run: PYTHONPATH=. python benchmarks/nodered.py
"""

import argparse
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path

from agent.contract import topics
from benchmarks import parts
from cloud.store import Store, migrate
from cloud.subscriber import MAX_MESSAGES_PER_COMMIT, Broker, Subscriber
from tests import brokers, fleet

PINNED = {"node-red": "4.1.8", "node-red-node-sqlite": "1.1.1", "sqlite3": "5.1.7"}
RUNS, SENSORS, WINDOW_S = 3, 50, 300
SINGLE, BACKLOG = 1, 50  # reports per message
GOAL_RATIO, LATER_GOAL_RATIO = 15, 20
INSERT = (
    "INSERT INTO report (sensor, epoch, sequence, window_start, body) VALUES ($sensor, $epoch, $seq, $start, $body)"
)
SPLIT = """\
return [msg.payload.reports.map((report, i) => ({params: {$sensor: msg.payload.sensor, $epoch: msg.payload.epoch,
  $seq: msg.payload.first + i, $start: report.window_start, $body: JSON.stringify(report)}}))];"""
# A running arm: the file its rows are in.
Arm = Callable[[Path, int], AbstractContextManager[Path]]


def payloads(count: int, per_message: int) -> list[tuple[str, bytes]]:
    """`count` reports as (topic, payload), message by message over all sensors, as they would come in."""
    heard, found = fleet.heard(listened_s=299.2), []
    for batch in range(count // per_message // SENSORS):
        first = 1 + batch * per_message
        windows = range(first, first + per_message)
        reports = [fleet.report(fleet.NOON + WINDOW_S * n, WINDOW_S, wifi=heard, ble=heard) for n in windows]
        for sensor in (f"demo:s{number}" for number in range(SENSORS)):
            found.append((topics.up(sensor, "report"), fleet.payload(first, reports, sensor)))
    return found


@contextmanager
def ours(folder: Path, port: int, most_per_commit: int = MAX_MESSAGES_PER_COMMIT) -> Iterator[Path]:
    database = folder / "cloud.db"
    migrate(str(database))
    store = Store(str(database))
    store.apply_shops([fleet.placed(*(f"demo:s{number}" for number in range(SENSORS)))])
    broker = Broker(host="127.0.0.1", port=port, client_id="cloud")
    cloud = Subscriber(store, broker, lambda _shops: None, most_per_commit=most_per_commit)
    cloud.start()
    try:
        yield database
    finally:
        cloud.stop()
        store.close()


@contextmanager
def node_red(cache: Path, folder: Path, port: int, journal: str = "DELETE") -> Iterator[Path]:
    database, http = folder / "flow.db", brokers.free_port()
    with closing(sqlite3.connect(database)) as db:
        db.execute(f"PRAGMA journal_mode = {journal}")  # WAL stays with the file; DELETE is what is there anyway
        db.execute("CREATE TABLE report (sensor TEXT, epoch TEXT, sequence INTEGER, window_start INTEGER, body TEXT)")
    (folder / "flows.json").write_text(json.dumps(flow(port, database)))
    (folder / "settings.js").write_text(
        f"module.exports = {{uiHost: '127.0.0.1', uiPort: {http}, flowFile: 'flows.json', disableEditor: true, "
        "telemetry: {enabled: false, updateNotification: false}};"
    )
    program = cache / "node_modules/node-red/red.js"
    command = ["node", str(program), "--userDir", str(folder), "--settings", str(folder / "settings.js")]
    with (folder / "node-red.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        yield database
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def flow(port: int, database: Path) -> list[dict[str, object]]:
    """The flow, as the editor would save it."""

    def node(kind: str, name: str, then: str | None = None, **more: object) -> dict[str, object]:
        return {"id": name, "type": kind, "z": "tab", "name": "", "wires": [[then]] if then else [[]], **more}

    return [
        {"id": "tab", "type": "tab", "label": "footfall"},
        {"id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(port), "clientid": "flow",
         "autoConnect": True, "usetls": False, "protocolVersion": "4", "keepalive": "60", "cleansession": True},
        {"id": "db", "type": "sqlitedb", "db": str(database), "mode": "RWC"},
        node("mqtt in", "heard", "parsed", topic=topics.ALL_UP["report"], qos="1", datatype="utf8", broker="broker"),
        node("json", "parsed", "each", property="payload", action="", pretty=False),
        node("function", "each", "insert", func=SPLIT, outputs=1, timeout=0, noerr=0, libs=[]),
        node("sqlite", "insert", mydb="db", sqlquery="prepared", sql=INSERT),
    ]  # fmt: skip


def publish(port: int, messages: list[tuple[str, bytes]]) -> None:
    """Send messages at QoS 1 as fast as the broker takes them. A client of our own: paho would use up a core."""
    packets = [_packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x07sensors")]
    for number, (topic, payload) in enumerate(messages):
        mid = number % 65535 + 1
        packets.append(_packet(0x32, _text(topic) + mid.to_bytes(2, "big") + payload))
    with socket.create_connection(("127.0.0.1", port)) as broker:
        sender = threading.Thread(target=broker.sendall, args=(b"".join(packets),))
        sender.start()
        awaited = 4 + 4 * len(messages)  # a CONNACK and the PUBACKs, each of four bytes
        while awaited > 0:
            awaited -= len(broker.recv(65536)) or awaited
        sender.join()


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _packet(kind: int, body: bytes) -> bytes:
    length, left = bytearray(), len(body)
    while True:
        left, digit = divmod(left, 128)
        length.append(digit | 128 if left else digit)
        if not left:
            return bytes([kind]) + bytes(length) + body


def rate(arm: Arm, messages: list[tuple[str, bytes]], count: int) -> float:
    """Rows a second of a new arm on a new broker, from the first byte published to the last row read."""
    with (
        tempfile.TemporaryDirectory() as name,
        brokers.mosquitto(Path(name)) as port,
        arm(Path(name), port) as file,
        closing(sqlite3.connect(file, timeout=0)) as db,
    ):
        before = warm_up(port, db)
        begun = time.perf_counter()
        publish(port, messages)
        while rows(db) < before + count:
            assert time.perf_counter() - begun < 120, f"{rows(db) - before} of {count} rows after two minutes"
            time.sleep(0.02)
        return count / (time.perf_counter() - begun)


def warm_up(port: int, db: sqlite3.Connection) -> int:
    """Rows there are once the arm listens and has written all it was sent."""
    topic, sent = topics.up("demo:warm", "report"), 0
    while rows(db) < 1:
        sent += 1
        publish(port, [(topic, fleet.payload(sent, [fleet.report()], "demo:warm"))])
        time.sleep(0.2)
        assert sent < 200, "the arm does not listen"
    time.sleep(1)
    while (found := rows(db)) < 0:
        time.sleep(0.01)
    return found


def rows(db: sqlite3.Connection) -> int:
    """How many the file has; -1 while the arm keeps it locked."""
    try:
        return int(db.execute("SELECT max(rowid) FROM report").fetchone()[0] or 0)
    except sqlite3.OperationalError:
        return -1


def install(cache: Path) -> None:
    """Node-RED and its SQLite node in `cache`, once; ends the script where npm cannot do it."""
    wanted = {"private": True, "dependencies": PINNED, "allowScripts": {f"sqlite3@{PINNED['sqlite3']}": True}}
    manifest = cache / "package.json"
    if manifest.exists() and json.loads(manifest.read_text()) == wanted:
        return
    cache.mkdir(parents=True, exist_ok=True)
    new = cache / "new.json"
    new.write_text(json.dumps(wanted))
    shutil.copy(new, manifest)
    env = {**os.environ, "npm_config_build_from_source": "true"}
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    if subprocess.run(command, check=False, cwd=cache, env=env, stdout=subprocess.DEVNULL).returncode != 0:
        manifest.unlink()
        parts.skip("npm could not install Node-RED (it needs the registry, a compiler and make)")


def compare(per_message: int, arms: list[tuple[str, Arm, int]]) -> None:
    """Measure arms given as (name, arm, how many reports), in turns; the last is what the others are held against."""
    made = {count: payloads(count, per_message) for _, _, count in arms}
    found: dict[str, list[float]] = {name: [] for name, _, _ in arms}
    for _ in range(RUNS):
        for name, arm, count in arms:
            found[name].append(rate(arm, made[count], count))
    size = len(made[arms[0][2]][0][1])
    print(f"\n{per_message} report(s) a message, {size:,} bytes each; median of {RUNS} (lowest to highest)")
    base = parts.median(found[arms[-1][0]])
    for name, own in found.items():
        spread = f"({min(own):,.0f} to {max(own):,.0f})"
        print(f"  {name:38}{parts.median(own):10,.0f} rows/s  {spread:22}{parts.median(own) / base:8.1f} times")


def main() -> None:
    wanted = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wanted.add_argument("--cache", type=Path, help="where Node-RED is installed and kept (default: nowhere)")
    cache = wanted.parse_args().cache
    if brokers.MOSQUITTO is None:
        parts.skip(brokers.MISSING)
    if shutil.which("npm") is None or shutil.which("node") is None:
        parts.skip("npm is not here; install it with: sudo apt-get install npm")
    with tempfile.TemporaryDirectory() as folder:
        cache = cache.absolute() if cache else Path(folder)
        install(cache)
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        print(f"node {node}, {', '.join(f'{name} {version}' for name, version in PINNED.items())}; ", end="")
        print(f"SQLite {sqlite3.sqlite_version} here; load {os.getloadavg()[0]:.2f} at the start")
        flow_arm, alone = partial(node_red, cache), partial(ours, most_per_commit=1)
        in_wal = partial(node_red, cache, journal="WAL")
        single = [
            ("ours", ours, 120_000),
            ("ours, a commit per message", alone, 4_000),
            ("Node-RED, its file put into WAL", in_wal, 12_000),
            ("Node-RED", flow_arm, 7_500),
        ]
        compare(SINGLE, single)
        compare(BACKLOG, [("ours", ours, 250_000), ("Node-RED", flow_arm, 7_500)])
    print(f"\nwanted: {GOAL_RATIO} times Node-RED, later {LATER_GOAL_RATIO}; load {os.getloadavg()[0]:.2f} at the end")


if __name__ == "__main__":
    main()
