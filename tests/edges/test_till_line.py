"""What tills publish, through real brokers: committed before acknowledged, once, or kept with the reason."""

import re
import shlex

import pytest
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from agent.contract import TillHour, TillHours, encode, topics
from agent.contract.handover import MAX_PAYLOAD_BYTES
from cloud.core.till import Sale
from cloud.store import Store, StoreError, Till, migrate, receive
from cloud.subscriber import Broker, Subscriber
from tests import brokers, fleet
from tests.brokers import until
from tests.conftest import ROOT
from tests.fleet import NOON
from tests.shops import at

SHOP = ("demo", "high-street")
TOPIC = topics.till(*SHOP)


def told(*transactions, source="till-1", first=NOON - 6 * 3600):
    rows = [TillHour(hour=first + 3600 * n, transactions=one) for n, one in enumerate(transactions)]
    return encode(TillHours(source=source, rows=rows))


@pytest.fixture
def store(tmp_path):
    database = str(tmp_path / "cloud.db")
    migrate(database)
    store = Store(database)
    store.apply_shops([fleet.placed("demo:door")])
    yield store
    store.close()


def commit(store, *messages):
    return store.commit([receive(topic, payload, NOON) for topic, payload in messages], NOON)


def sold(store):
    return [one.transactions for one in Till(store).sales(*SHOP)]


def test_what_a_till_published_is_kept_once_and_the_last_word_holds(store):
    assert commit(store, (TOPIC, told(3, 4))).sales == 2
    assert commit(store, (TOPIC, told(3, 4))).sales == 0
    assert commit(store, (TOPIC, told(3, 9)), (TOPIC, told(3, 5))).sales == 1
    assert sold(store) == [3, 5]


def test_a_local_time_is_that_of_the_shop(store):
    commit(store, (TOPIC, b'{"source":"a","rows":[{"hour":"2026-06-30T12:00","transactions":1}]}'))
    assert Till(store).sales(*SHOP) == [Sale(hour=NOON, source="a", transactions=1)]


def test_the_example_of_the_document_is_taken(store):
    words = shlex.split(re.search(r"mosquitto_pub .*?'$", (ROOT / "docs/contract.md").read_text(), re.S | re.M)[0])
    topic, payload, now = words[words.index("-t") + 1], words[words.index("-m") + 1], at("2026-11-24 17:00")
    assert store.commit([receive(topic, payload.encode(), now)], now).sales == 2
    assert sold(store) == [31, 28]


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        (TOPIC, b"[]", "not a TillHours: Expected `object`, got `array`"),
        (TOPIC, told(1, source="till 1"), "not a TillHours: Expected `str` matching regex"),
        (TOPIC, told(1).replace(b'"v":1', b'"v":2'), "not a TillHours: Invalid"),
        (TOPIC, told(1, 2, first=NOON + 30), "2026-06-30T12:00:30+02:00 lies within an hour"),
        (TOPIC, told(1, 2, 3, first=NOON), "2026-06-30T14:00+02:00 has not begun yet"),
        (
            TOPIC,
            b'{"source":"a","rows":[{"hour":"2026-10-25T02:00","transactions":1}]}',
            "2026-10-25T02:00 comes twice",
        ),
        (TOPIC, b'{"source":"a","rows":[{"hour":0,"transactions":1}]}', "0 s after 1970 is not in this century"),
        (TOPIC, b" " * (MAX_PAYLOAD_BYTES + 1), "131073 bytes; at most 131072"),
        (topics.till("demo", "nowhere"), told(1), "there is no such shop"),
        (topics.till("rival", "high-street"), told(1), "there is no such shop"),
        (topics.till("demo", "high-street") + "s", told(1), "the topic names no sensor and no till"),
    ],
)
def test_what_nobody_can_use_is_quarantined_whole_with_the_reason(store, topic, payload, reason):
    report = fleet.delivery(1, [fleet.report()])
    done = store.commit([receive(topic, payload, NOON), report, receive(TOPIC, told(7), NOON)], NOON)
    assert (done.accepted, done.sales, done.quarantined) == (1, 1, 1)
    (kept,) = store.quarantined()
    assert (kept.topic, kept.payload) == (topic, payload[:MAX_PAYLOAD_BYTES])
    assert kept.reason.startswith(reason)
    assert sold(store) == [7]


class Refusing:
    """A store that refuses its first commits, as a full or locked database does."""

    def __init__(self, store, refusals):
        self.store, self.refusals = store, refusals

    def commit(self, deliveries, now):
        if self.refusals:
            self.refusals -= 1
            raise StoreError("The database is full. Free some disk space.")
        return self.store.commit(deliveries, now)


def subscriber(store, port, client_id="cloud", **more):
    one = Subscriber(
        store, Broker(host="127.0.0.1", port=port, client_id=client_id, **more), lambda _: None, lambda: NOON
    )
    one.start()
    until(lambda: one.counters.connected, "the connection")
    return one


def a_till(port):
    client = Client(CallbackAPIVersion.VERSION2, client_id="till-1", protocol=MQTTv311)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def leave(client):
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize("kind", brokers.BOTH)
def test_through_a_broker_it_is_tried_again_until_it_is_committed(store, tmp_path, kind):
    with brokers.running(kind, tmp_path) as port:
        cloud, till = subscriber(Refusing(store, 2), port), a_till(port)
        for payload in (told(3, 4), b"rubbish", told(3, 5)):
            till.publish(TOPIC, payload, qos=1).wait_for_publish(10)
        until(lambda: cloud.counters.messages == 3, "all messages")
        leave(till)
        cloud.stop()
    assert sold(store) == [3, 5]
    assert cloud.counters.failures == 2
    assert (cloud.counters.quarantined, cloud.counters.errors) == (1, 0)


@pytest.mark.mosquitto
def test_what_came_while_the_cloud_was_away_is_kept_for_it(store, tmp_path):
    with brokers.mosquitto(tmp_path) as port:
        subscriber(store, port).stop()
        till = a_till(port)
        till.publish(TOPIC, told(3), qos=1).wait_for_publish(10)
        assert sold(store) == []
        cloud = subscriber(store, port)
        until(lambda: cloud.counters.sales == 1, "what was published meanwhile")
        leave(till)
        cloud.stop()
    assert sold(store) == [3]


@pytest.mark.mosquitto
def test_of_a_group_each_takes_a_part_and_nothing_is_taken_twice(store, tmp_path):
    with brokers.mosquitto(tmp_path) as port:
        two = [subscriber(store, port, name, share="ingest") for name in ("one", "other")]
        till = a_till(port)
        until(lambda: _reaches_both(till, two), "both subscriptions")
        for n in range(12):
            till.publish(TOPIC, told(n, first=NOON - 3600 * n), qos=1).wait_for_publish(10)
        until(lambda: len(sold(store)) == 13, "all hours")
        leave(till)
        for one in two:
            one.stop()
    assert sold(store) == [*range(11, 6, -1), 99, *range(6, -1, -1)]
    assert sum(one.counters.sales for one in two) == 13


def _reaches_both(till, clouds):
    till.publish(TOPIC, told(99, source="another"), qos=1).wait_for_publish(10)
    return all(one.counters.messages for one in clouds)
