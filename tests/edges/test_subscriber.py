"""The subscriber against real brokers: committed before acknowledged, and nothing stops it."""

import gc
import socket
import threading
import time

import pytest
from msgspec import structs
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from agent.contract import Hello, Watermark, decode, encode, topics
from cloud.store import Store, StoreError, migrate
from cloud.subscriber import Broker, Subscriber
from tests import brokers, fleet
from tests.brokers import until
from tests.certificates import Authority
from tests.faults.wire import wire

SENSOR = "demo:door"


class Sensor:
    """A sensor's side of the broker, as small as it can be."""

    def __init__(self, port, sensor=SENSOR):
        self.watermarks = []
        self.sensor = sensor
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=f"sensor-{sensor}", protocol=MQTTv311)
        self.client.on_message = lambda _c, _d, message: self.watermarks.append(decode(Watermark, message.payload))
        self.client.connect("127.0.0.1", port)
        self.client.subscribe(topics.watermark(sensor), 1)
        self.client.loop_start()

    def publish(self, leaf, payload, qos=1):
        self.client.publish(topics.up(self.sensor, leaf), payload, qos).wait_for_publish(10)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


class Stubborn:
    """A store that refuses its first commits, as a full or locked database does."""

    def __init__(self, store, refusals):
        self.store, self.refusals, self.asked = store, refusals, threading.Event()

    def commit(self, deliveries, now):
        self.asked.set()
        if self.refusals > 0:
            self.refusals -= 1
            raise StoreError("The database is full. Free some disk space.")
        return self.store.commit(deliveries, now)


class Poisoned(Stubborn):
    """A store that a certain report breaks in a way nobody foresaw."""

    def commit(self, deliveries, now):
        if any(getattr(one, "first", None) == 2 for one in deliveries):
            raise OverflowError("nobody thought of this")
        return self.store.commit(deliveries, now)


@pytest.fixture
def store(tmp_path):
    database = str(tmp_path / "cloud.db")
    migrate(database)
    store = Store(database)
    store.apply_shops([fleet.placed(SENSOR)])
    yield store
    store.close()


@pytest.fixture(params=brokers.BOTH)
def port(request, tmp_path):
    with brokers.running(request.param, tmp_path) as port:
        yield port


def subscriber(store, port, committed=lambda shops: None, **more):
    broker = Broker(host="127.0.0.1", port=port, client_id="cloud", **more)
    one = Subscriber(store, broker, committed, lambda: fleet.NOON)
    one.start()
    until(lambda: one.counters.connected, "the connection")
    return one


def test_reports_are_committed_and_answered_with_the_watermark(store, port):
    touched = []
    cloud, sensor = subscriber(store, port, touched.append), Sensor(port)
    try:
        sensor.publish(
            "hello", encode(Hello(sensor=SENSOR, epoch=fleet.EPOCH, first=1, last=3, evicted=0, software="x"))
        )
        until(lambda: sensor.watermarks == [Watermark(epoch=fleet.EPOCH, sequence=0)], "the answer to hello")
        sensor.publish("report", fleet.payload(1, [fleet.report(), fleet.report(fleet.NOON + 60)]))
        sensor.publish("report", b"not a batch")
        sensor.publish("report", fleet.payload(3, [fleet.report(fleet.NOON + 120)]))
        sensor.publish("status", b'{"v":1,"state":"online"}')
        until(lambda: sensor.watermarks[-1].sequence == 3, "watermark 3")
        until(lambda: cloud.counters.messages == 5, "all messages")
    finally:
        sensor.close()
        cloud.stop()
    assert touched and set().union(*touched) == {("demo", "high-street")}
    assert (cloud.counters.reports, cloud.counters.quarantined, cloud.counters.errors) == (3, 1, 0)
    assert len(store.windows("demo", "high-street", 0, 2**40)) == 3
    assert store.sensors("demo", "high-street", fleet.NOON)[0].online


def test_what_cannot_be_stored_is_not_acknowledged_and_tried_again(store, port):
    stubborn = Stubborn(store, refusals=2)
    cloud, sensor = subscriber(stubborn, port), Sensor(port)
    try:
        sensor.publish("report", fleet.payload(1, [fleet.report()]))
        until(lambda: sensor.watermarks and sensor.watermarks[-1].sequence == 1, "watermark 1")
    finally:
        sensor.close()
        cloud.stop()
    assert cloud.counters.failures == 2
    assert len(store.windows("demo", "high-street", 0, 2**40)) == 1


@pytest.mark.parametrize("kind", brokers.BOTH)
def test_what_was_not_acknowledged_comes_again_to_the_next_subscriber(store, tmp_path, kind):
    with brokers.running(kind, tmp_path) as port:
        never = Stubborn(store, refusals=10**9)
        dying, sensor = subscriber(never, port), Sensor(port)
        report = fleet.payload(1, [fleet.report()])
        sensor.publish("report", report)
        until(never.asked.is_set, "the first attempt")
        dying.stop()
        assert store.windows("demo", "high-street", 0, 2**40) == []
        cloud = subscriber(store, port)
        if kind == "amqtt":  # does not send again what was under way; the sensor does, for want of a watermark
            sensor.publish("report", report)
        until(lambda: sensor.watermarks and sensor.watermarks[-1].sequence == 1, "watermark 1")
        sensor.close()
        cloud.stop()


def test_a_report_that_breaks_the_store_is_quarantined_and_holds_up_nobody(store, port):
    cloud, sensor = subscriber(Poisoned(store, 0), port), Sensor(port)
    try:
        for sequence in (1, 2, 3):
            sensor.publish("report", fleet.payload(sequence, [fleet.report(fleet.NOON + 60 * sequence)]))
        until(lambda: cloud.counters.messages == 3, "all messages")
    finally:
        sensor.close()
        cloud.stop()
    assert len(store.windows("demo", "high-street", 0, 2**40)) == 2
    assert [one.reason for one in store.quarantined()] == ["could not be stored: nobody thought of this"]


def test_a_failing_callback_stops_nothing(store, port):
    def broken(shops):
        raise RuntimeError("the page is on fire")

    cloud, sensor = subscriber(store, port, broken), Sensor(port)
    try:
        for sequence in (1, 2):
            sensor.publish("report", fleet.payload(sequence, [fleet.report(fleet.NOON + 60 * sequence)]))
            until(lambda s=sequence: sensor.watermarks and sensor.watermarks[-1].sequence == s, "the watermark")
        until(lambda: cloud.counters.errors >= 1, "the error to be counted")
    finally:
        sensor.close()
        cloud.stop()


@pytest.mark.mosquitto
def test_it_comes_back_to_a_broker_that_was_restarted(store, tmp_path):
    with brokers.mosquitto(tmp_path) as port:
        cloud = subscriber(store, port)
    until(lambda: not cloud.counters.connected, "the loss to be noticed")
    with brokers.mosquitto(tmp_path, port):
        until(lambda: cloud.counters.connected, "the return")
        sensor = Sensor(port)
        sensor.publish("report", fleet.payload(1, [fleet.report()]))
        until(lambda: sensor.watermarks, "watermark 1")
        sensor.close()
        cloud.stop()


@pytest.mark.mosquitto
def test_a_broker_that_falls_silent_is_noticed_and_left(store, tmp_path):
    """Takes three seconds: a keepalive, its answer's time, and the pause before the next connection."""
    with brokers.mosquitto(tmp_path) as port, wire(port) as line:
        cloud, sensor = subscriber(store, line.port, keepalive_s=1), Sensor(port)
        line.forget()
        sensor.publish("report", fleet.payload(1, [fleet.report()]))
        until(lambda: not cloud.counters.connected, "the silence to be noticed")
        until(lambda: sensor.watermarks, "what was sent meanwhile")
        assert cloud.counters.errors == 0
        sensor.close()
        cloud.stop()


def test_it_stops_at_once_while_it_waits_for_a_broker_that_never_answers(store):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        broker = Broker(host="127.0.0.1", port=mute.getsockname()[1], client_id="cloud")
        cloud = Subscriber(store, broker, lambda shops: None)
        cloud.start()
        connection, _ = mute.accept()
        begun = time.monotonic()
        cloud.stop()
        assert time.monotonic() - begun < 2
        connection.close()


@pytest.mark.mosquitto
def test_of_a_group_each_takes_a_part_of_the_reports_and_every_state(store, tmp_path):
    with brokers.mosquitto(tmp_path) as port:
        brokers_of_two = [
            Broker(host="127.0.0.1", port=port, client_id=name, share="ingest") for name in ("one", "other")
        ]
        two = [Subscriber(store, one, lambda shops: None, lambda: fleet.NOON) for one in brokers_of_two]
        for one in two:
            one.start()
            until(lambda one=one: one.counters.connected, "the connection")
        sensor = Sensor(port)
        until(lambda: _told_state(sensor, two), "a state that reaches both")
        for sequence in range(1, 11):
            sensor.publish("report", fleet.payload(sequence, [fleet.report(fleet.NOON + 60 * sequence)]))
        # What two have committed one after the other they may say in the other order: the highest word holds.
        until(lambda: max((one.sequence for one in sensor.watermarks), default=0) == 10, "watermark 10")
        parts = [one.counters.reports for one in two]
        sensor.close()
        for one in two:
            one.stop()
    assert sum(parts) == 10 and min(parts) > 0


def _told_state(sensor, clouds):
    sensor.publish("status", b'{"v":1,"state":"online"}')
    return all(one.counters.messages for one in clouds)


@pytest.mark.mosquitto
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
def test_over_tls_to_the_broker_we_trust_and_to_no_other(store, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("broker")
    with brokers.mosquitto(tmp_path, more=f"certfile {certificate}\nkeyfile {key}\n") as port:
        broker = Broker(host="127.0.0.1", port=port, client_id="cloud", tls=True, ca=str(authority.certificate))
        trusting = Subscriber(store, broker, lambda shops: None)
        trusting.start()
        until(lambda: trusting.counters.connected, "the connection")
        trusting.stop()
        wary = Subscriber(store, structs.replace(broker, ca=None), lambda shops: None)
        wary.start()
        time.sleep(0.3)
        assert not wary.counters.connected
        wary.stop()
    gc.collect()  # paho leaves the socket of a failed handshake to the collector


def test_a_missing_certificate_is_said_at_the_start(store):
    broker = Broker(host="127.0.0.1", port=1, client_id="cloud", tls=True, ca="nowhere.pem")
    with pytest.raises(OSError, match="No such file"):
        Subscriber(store, broker, lambda shops: None).start()


def test_a_broker_that_is_not_there_yet_is_tried_again(store, tmp_path):
    port = brokers.free_port()
    cloud = Subscriber(store, Broker(host="127.0.0.1", port=port, client_id="cloud"), lambda shops: None)
    cloud.start()
    time.sleep(0.1)
    assert not cloud.counters.connected
    cloud.stop()
