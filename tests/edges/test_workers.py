"""Several workers take one fleet's reports, each a real process: every report once, whoever takes it, whoever dies."""

import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from agent.contract import Watermark, decode, topics
from cloud.store import Store, migrate
from tests import brokers, fleet
from tests.brokers import free_port, until
from tests.processes import fetch

SENSORS = [f"demo:s{number}" for number in range(40)]
BATCHES, BATCH = 3, 4
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
SHOPS = f"""
[[shops]]
tenant = "demo"
shop = "high-street"
name = "High Street"
time_zone = "Europe/Berlin"
sensors = [{", ".join(f'{{ sensor = "{one}", zone = "door" }}' for one in SENSORS)}]
"""


class Fleet:
    """All sensors on one connection; each sends again what its watermark does not cover."""

    def __init__(self, port: int) -> None:
        self.watermarks = dict.fromkeys(SENSORS, 0)
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="fleet", protocol=MQTTv311)
        self._client.max_inflight_messages_set(2000)
        self._client.on_message = self._told
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(topics.watermark("+"), 1)
        self._client.loop_start()

    def _told(self, _client: Client, _data: Any, message: Any) -> None:
        sensor = message.topic.split("/")[3]
        self.watermarks[sensor] = max(self.watermarks[sensor], decode(Watermark, message.payload).sequence)

    def send(self, batches: list[tuple[str, int]]) -> None:
        sent = [self._client.publish(topics.up(one, "report"), payload(one, first), 1) for one, first in batches]
        for one in sent:
            one.wait_for_publish(20)

    def waiting(self) -> list[tuple[str, int]]:
        return [(one, first) for one, first in all_batches() if self.watermarks[one] < first + BATCH - 1]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def all_batches() -> list[tuple[str, int]]:
    return [(one, 1 + BATCH * number) for one in SENSORS for number in range(BATCHES)]


def payload(sensor: str, first: int) -> bytes:
    number = SENSORS.index(sensor)
    return fleet.payload(
        first,
        [
            fleet.report(fleet.NOON + 300 * n, 300, fleet.heard(0.1 * number + n / 7))
            for n in range(first, first + BATCH)
        ],
        sensor,
    )


class Worker:
    """A process of the cloud."""

    def __init__(self, folder: Path, command: str) -> None:
        self._words, self._log = [sys.executable, "-m", "cloud", command, "-c", f"{folder}/cloud.toml"], folder / "log"
        self.begin()

    def begin(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._words, stdout=log, stderr=log)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def end(self) -> None:
        """Ask it to end, as a service manager does."""
        self.process.terminate()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()


@contextmanager
def workers(folder: Path, broker: int) -> Iterator[list[Worker]]:
    """`serve` and two `ingest`, connected, ended with the block."""
    port = free_port()
    (folder / "cloud.toml").write_text(
        f'database = "{folder}/cloud.db"\n[http]\nport = {port}\n[mqtt]\nport = {broker}\nshare = "ingest"\n{SHOPS}'
    )
    migrate(f"{folder}/cloud.db")
    with ExitStack() as stack:
        serve = Worker(folder, "serve")
        stack.callback(serve.end)
        until(lambda: fetch(f"http://127.0.0.1:{port}/api/v1/healthz"), "the cloud to serve", 30)
        found = [serve]
        for _ in range(2):
            found.append(Worker(folder, "ingest"))
            stack.callback(found[-1].end)
        # `serve` has two connections: one for reports, one for settings.
        until(lambda: (folder / "log").read_text().count("Connected") == 4, "the workers to connect", 30)
        yield found


def tables(database: str) -> dict[str, list[tuple[object, ...]]]:
    queries = {
        "reports": "SELECT tenant, sensor, epoch, sequence, body FROM report",
        "epochs": "SELECT tenant, sensor, epoch, sequence, highest, missing, gaps FROM watermark",
        "periods": "SELECT tenant, shop, grain, start, body FROM period",
    }
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return {name: db.execute(f"{query} ORDER BY 1, 2, 3, 4").fetchall() for name, query in queries.items()}


def in_order(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """What a single worker makes of it that is fed in order."""
    database = str(folder / "alone.db")
    migrate(database)
    with closing(Store(database)) as store:
        store.apply_shops([fleet.placed(*SENSORS)])
        for sensor, first in all_batches():
            deliveries = [fleet.receive(topics.up(sensor, "report"), payload(sensor, first), fleet.NOON + 10**6)]
            store.commit(deliveries, fleet.NOON + 10**6)
        while store.recompute():
            pass
    return tables(database)


@pytest.mark.mosquitto
def test_three_workers_one_of_them_killed_keep_every_report_once(tmp_path: Path) -> None:
    """Takes some seconds: three processes of the cloud start, and one again."""
    database, dice = str(tmp_path / "cloud.db"), random.Random(1)
    with brokers.mosquitto(tmp_path) as broker, workers(tmp_path, broker) as (_, one, other):
        sensors = Fleet(broker)
        # One hangs, is sent its part and dies with it: the broker gives that to nobody else.
        one.process.send_signal(signal.SIGSTOP)
        sensors.send(all_batches())
        until(lambda: quiet(sensors), "the two others")
        one.kill()
        time.sleep(0.2)
        with_the_dead = sensors.waiting()
        one.begin()
        # All again ten times over in any order, and another is killed with its hands full.
        again = all_batches() * 10
        dice.shuffle(again)
        sensors.send(again[: len(again) // 2])
        other.kill()
        sensors.send(again[len(again) // 2 :])
        other.begin()
        deadline = time.monotonic() + 30
        while waiting := sensors.waiting():
            assert time.monotonic() < deadline, f"{len(waiting)} batches have no watermark"
            sensors.send(waiting)
            quiet(sensors)
        wanted = in_order(tmp_path)
        until(lambda: tables(database) == wanted, "the same rows as of a single worker", 15)
        sensors.close()
    assert with_the_dead, "the control: nothing was on its way to the worker that was killed"
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    print(
        f"{len(with_the_dead)} batches died with the worker; {log.count('cannot be used now')} commits were tried again"
    )


def quiet(sensors: Fleet) -> bool:
    """Whether no watermark comes for a while."""
    before = dict(sensors.watermarks)
    time.sleep(0.4)
    return before == sensors.watermarks and any(before.values())


@pytest.mark.mosquitto
def test_the_others_take_the_part_of_one_that_is_away(tmp_path: Path) -> None:
    """A group that shares keeps no session, so nothing is put aside for a worker that is gone."""
    from cloud.subscriber import Broker, Subscriber

    migrate(f"{tmp_path}/cloud.db")
    with brokers.mosquitto(tmp_path) as port, closing(Store(f"{tmp_path}/cloud.db")) as store:
        two = [
            Subscriber(store, Broker(host="127.0.0.1", port=port, client_id=name, share="ingest"), lambda shops: None)
            for name in ("one", "other")
        ]
        for one in two:
            one.start()
            until(lambda one=one: one.counters.connected, "the connection")
        time.sleep(0.1)
        sensors = Fleet(port)
        sensors.send(all_batches()[:20])
        until(lambda: sum(one.counters.messages for one in two) == 20, "all of them")
        shared = [one.counters.messages for one in two]
        two[1].stop()
        sensors.send(all_batches()[20:40])
        until(lambda: two[0].counters.messages == shared[0] + 20, "the part of the other too")
        two[0].stop()
        sensors.close()
    assert min(shared) > 0, "the control: both had a part"


@pytest.mark.mosquitto
def test_a_full_disk_is_waited_for_and_loses_nothing(tmp_path: Path) -> None:
    """The worker may write no byte more to its database; then it may; then it is asked to end while it may not."""
    config = tmp_path / "cloud.toml"
    with brokers.mosquitto(tmp_path) as port, ExitStack() as stack:
        config.write_text(f'database = "{tmp_path}/cloud.db"\n[mqtt]\nport = {port}\nshare = "ingest"\n')
        migrate(f"{tmp_path}/cloud.db")
        worker, log = Worker(tmp_path, "ingest"), tmp_path / "log"
        stack.callback(worker.end)
        until(lambda: "Connected" in log.read_text(), "the worker to connect", 30)
        time.sleep(0.2)
        sensors = Fleet(port)
        stack.callback(sensors.close)
        full(worker, tmp_path)
        sensors.send(all_batches())
        until(lambda: "cannot be used now" in log.read_text(), "the worker to meet the full disk")
        assert len(sensors.waiting()) == len(all_batches()), "nothing is acknowledged that is not stored"
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, UNLIMITED)
        until(lambda: not sensors.waiting(), "everything to be taken once there is room")
        full(worker, tmp_path)
        sensors.send([(one, 1 + BATCH * BATCHES) for one in SENSORS])
        failures = log.read_text().count("cannot be used now")
        until(lambda: log.read_text().count("cannot be used now") > failures, "the full disk again")
        begun = time.monotonic()
        worker.end()
        assert time.monotonic() - begun < 5
        worker.begin()
        until(lambda: log.read_text().count("Connected") == 2, "the worker to connect again", 30)
        time.sleep(0.2)
        sensors.send([(one, 1 + BATCH * BATCHES) for one in SENSORS])  # for want of a watermark
        until(lambda: set(sensors.watermarks.values()) == {BATCH * (BATCHES + 1)}, "what was under way")
    with closing(sqlite3.connect(tmp_path / "cloud.db")) as db:
        assert db.execute("SELECT count(*) FROM report").fetchone() == (len(SENSORS) * BATCH * (BATCHES + 1),)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def full(worker: Worker, folder: Path) -> None:
    """Make every file end, for the worker, where its shortest file ends: the database, or what is yet to go into it."""
    shortest = min(path.stat().st_size for path in (folder / "cloud.db", folder / "cloud.db-wal"))
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (max(shortest, 16_384), resource.RLIM_INFINITY))


def test_a_worker_without_a_group_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "cloud.toml").write_text(f'database = "{tmp_path}/cloud.db"\n')
    words = [sys.executable, "-m", "cloud", "ingest", "-c", f"{tmp_path}/cloud.toml"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 78
    assert "mqtt.share: it is not set" in done.stderr and len(done.stderr.splitlines()) == 1
