"""Ingest: how fast reports become committed rows, and what committing them together is worth.

1. Decode to commit, no broker: batches of 100 reports, twenty batches a transaction; reports a second.
2. MQTT to committed row over mosquitto: the subscriber as it is, against the same with one commit per message.
   Both drain the same messages of one report each from a persistent session, filled before the clock starts.

Medians of three runs, every run on a new database. Run: PYTHONPATH=. python benchmarks/ingest.py
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from agent.contract import topics
from cloud.store import Store, migrate, receive
from cloud.subscriber import MAX_MESSAGES_PER_COMMIT, Broker, Subscriber, subscriptions
from tests import brokers, fleet

RUNS = 3
SENSORS, BATCHES, PER_BATCH, BATCHES_PER_COMMIT = 50, 20, 100, 20
TOGETHER, ONE_BY_ONE = 60_000, 2_000  # messages per run; both arms are rates
GOAL_PER_S, GOAL_RATIO = 50_000, 15.0  # a later goal: 100,000 a second


def messages(sensors: int, batches: int, per_batch: int) -> list[tuple[str, bytes]]:
    """Batch by batch over all sensors, as they would come in; each report about 600 bytes, both radios heard."""
    heard, found = fleet.heard(listened_s=59.7), []
    for batch in range(batches):
        first = batch * per_batch
        reports = [fleet.report(fleet.NOON + 60 * n, wifi=heard, ble=heard) for n in range(first, first + per_batch)]
        for number in range(sensors):
            sensor = f"demo:s{number}"
            found.append((topics.up(sensor, "report"), fleet.payload(first + 1, reports, sensor)))
    return found


def new_store(folder: Path) -> Store:
    database = str(folder / "cloud.db")
    migrate(database)
    store = Store(database)
    store.apply_shops([fleet.placed(*(f"demo:s{number}" for number in range(SENSORS)))])
    return store


def decode_to_commit(folder: Path) -> float:
    store, all_messages = new_store(folder), messages(SENSORS, BATCHES, PER_BATCH)
    begun = time.perf_counter()
    for at in range(0, len(all_messages), BATCHES_PER_COMMIT):
        some = all_messages[at : at + BATCHES_PER_COMMIT]
        store.commit([receive(topic, payload, fleet.NOON) for topic, payload in some], fleet.NOON)
    took_s = time.perf_counter() - begun
    store.close()
    return SENSORS * BATCHES * PER_BATCH / took_s


def mqtt_to_row(folder: Path, count: int, most_per_commit: int) -> float:
    with brokers.mosquitto(folder) as port:
        store = new_store(folder)
        open_session(port)
        fill(port, messages(SENSORS, count // SENSORS, 1))
        cloud = Subscriber(
            store,
            Broker(host="127.0.0.1", port=port, client_id="cloud"),
            lambda _shops: None,
            most_per_commit=most_per_commit,
        )
        begun = time.perf_counter()
        cloud.start()
        brokers.until(lambda: cloud.counters.reports >= count, "all reports", within_s=120)
        took_s = time.perf_counter() - begun
        cloud.stop()
        store.close()
    return count / took_s


def open_session(port: int) -> None:
    """A persistent session in the subscriber's name, so that the broker keeps what comes."""
    client = Client(CallbackAPIVersion.VERSION2, "cloud", clean_session=False, protocol=MQTTv311)
    done: list[int] = []
    client.on_subscribe = lambda *_: done.append(1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe(subscriptions(""))
    brokers.until(lambda: done, "the session")
    client.disconnect()
    client.loop_stop()


def fill(port: int, all_messages: list[tuple[str, bytes]]) -> None:
    client = Client(CallbackAPIVersion.VERSION2, "sensors", protocol=MQTTv311)
    client.max_inflight_messages_set(1000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for sent in [client.publish(topic, payload, 1) for topic, payload in all_messages]:
        sent.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


def medians(*arms: Callable[[Path], float]) -> list[float]:
    """The median rate of each arm; the arms take turns, so that a busy machine is busy for both."""
    rates: list[list[float]] = [[] for _ in arms]
    for _ in range(RUNS):
        for arm, own in zip(arms, rates, strict=True):
            with tempfile.TemporaryDirectory() as folder:
                own.append(arm(Path(folder)))
    return [statistics.median(own) for own in rates]


def main() -> None:
    print(f"load {os.getloadavg()[0]:.2f} at the start")
    (decoded,) = medians(decode_to_commit)
    print(f"decode -> commit, {PER_BATCH * BATCHES_PER_COMMIT} reports a commit: {decoded:10,.0f} reports/s", end="")
    print(f"   (goal {GOAL_PER_S:,})")
    if brokers.MOSQUITTO is None:
        print(brokers.MISSING)
        return
    together, one_by_one = medians(
        lambda folder: mqtt_to_row(folder, TOGETHER, MAX_MESSAGES_PER_COMMIT),
        lambda folder: mqtt_to_row(folder, ONE_BY_ONE, 1),
    )
    print(f"MQTT -> row, committed together:        {together:10,.0f} messages/s")
    print(f"MQTT -> row, a commit per message:      {one_by_one:10,.0f} messages/s")
    print(f"ratio:                                  {together / one_by_one:10.1f}   (goal {GOAL_RATIO})")


if __name__ == "__main__":
    main()
