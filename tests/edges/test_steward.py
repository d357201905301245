"""The steward at a real broker: what is wanted gets there and stays there, whoever is killed or forgets."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from agent.contract import ReportedConfig, encode, topics
from cloud.connection import Broker
from cloud.desk import Fleet
from cloud.steward import Steward
from cloud.store import Store, migrate, receive
from cloud.store import wanted as wanted_table
from tests import brokers, fleet
from tests.brokers import until
from tests.shops import Clock

SENSORS = [f"demo:s{one}" for one in range(150)]
NOW = fleet.NOON


class Sensors:
    """All sensors at once: the newest document of each, and how often one came."""

    def __init__(self, port: int) -> None:
        self.has: dict[str, bytes] = {}
        self.came = 0
        self.client = Client(CallbackAPIVersion.VERSION2, client_id="sensors", protocol=MQTTv311)
        self.client.on_message = self._take
        self.client.connect("127.0.0.1", port)
        self.client.subscribe([("footfall/v1/d/+/down/config", 1), ("footfall/v1/d/+/down/keys", 1)])
        self.client.loop_start()

    def _take(self, _client: object, _data: object, message: object) -> None:
        self.came += 1
        self.has[message.topic] = message.payload  # type: ignore[attr-defined]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def listening(port: int) -> Iterator[Sensors]:
    one = Sensors(port)
    try:
        yield one
    finally:
        one.close()


@contextmanager
def stewarding(store: Store, port: int, clock: Clock) -> Iterator[Steward]:
    desk = Fleet(store, "demo", clock)
    one = Steward(desk, Broker(host="127.0.0.1", port=port, client_id="cloud"), clock, every_s=0.1)
    one.start()
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    migrate(str(tmp_path / "cloud.db"))
    one = Store(str(tmp_path / "cloud.db"))
    one.apply_shops([fleet.placed(*SENSORS)])
    yield one
    one.close()


def want(store: Store, version: int, sensors: list[str]) -> dict[str, bytes]:
    """As a step of a rollout does; returns what the sensors' topics shall hold."""
    rows = [(one.partition(":")[2], version, f"{one} {version}".encode()) for one in sensors]
    with store.writing() as db:
        wanted_table.put(db, "demo", rows, NOW)
    return {topics.config(f"demo:{name}"): payload for name, _, payload in rows}


def answer(store: Store, sensors: list[str], version: int) -> None:
    told = [ReportedConfig(sensor=one, version=version, state="applied") for one in sensors]
    store.commit([receive(topics.up(one.sensor, "config"), encode(one), NOW) for one in told], NOW)


@pytest.mark.parametrize("kind", brokers.BOTH)
def test_what_is_wanted_is_kept_by_the_broker_and_only_the_newest(kind: str, store: Store, tmp_path: Path) -> None:
    clock = Clock(NOW)
    with brokers.running(kind, tmp_path) as port, stewarding(store, port, clock):
        want(store, 1, SENSORS)
        held = want(store, 2, SENSORS)
        desk = Fleet(store, "demo", clock)
        until(lambda: not desk.due(0, 1000), "every document to be sent")
        with listening(port) as sensors:  # those that were away
            until(lambda: sensors.has == held, "what the broker keeps")


@pytest.mark.mosquitto
def test_a_broker_that_forgot_is_told_again_what_nobody_has_answered(store: Store, tmp_path: Path) -> None:
    clock, port = Clock(NOW), brokers.free_port()
    held = want(store, 1, SENSORS)
    more = "persistence false\n"
    with stewarding(store, port, clock):
        with brokers.mosquitto(tmp_path, port, more), listening(port) as sensors:
            until(lambda: sensors.has == held, "the first time")
        answer(store, SENSORS[:100], 1)
        clock.now += 10
        with brokers.mosquitto(tmp_path, port, more), listening(port) as sensors:
            rest = {topics.config(one): f"{one} 1".encode() for one in SENSORS[100:]}
            until(lambda: sensors.has == rest, "what was not answered, and nothing else")


def test_what_was_not_marked_as_sent_is_sent_again_and_what_is_not_answered_for_an_hour(
    store: Store, tmp_path: Path
) -> None:
    clock = Clock(NOW)
    desk = Fleet(store, "demo", clock)
    with brokers.amqtt() as port, listening(port) as sensors:
        held = want(store, 1, SENSORS[:3])
        with stewarding(store, port, clock):
            until(lambda: sensors.has == held and not desk.due(0, 9), "the documents, and their marks")
        with store.writing() as db:
            db.exec_driver_sql("UPDATE wanted SET sent_at = NULL WHERE sensor = 's0'")  # killed before it was marked
        came = sensors.came
        with stewarding(store, port, clock):
            until(lambda: sensors.came == came + 1, "the one that was not marked")
            until(lambda: not desk.due(0, 9), "its mark")
            clock.now += 3601
            until(lambda: sensors.came == came + 4, "all of them")


def test_the_newest_key_list_goes_to_every_sensor(store: Store, tmp_path: Path) -> None:
    clock = Clock(NOW)
    desk = Fleet(store, "demo", clock)
    with brokers.amqtt() as port, listening(port) as sensors, stewarding(store, port, clock):
        desk.add_keys(1, b"list 1", ["ops"], "ann")
        until(lambda: set(sensors.has.values()) == {b"list 1"} and len(sensors.has) == len(SENSORS), "list 1")
        desk.add_keys(2, b"list 2", ["ops"], "ann")
        until(lambda: set(sensors.has.values()) == {b"list 2"}, "list 2")
