"""Home Assistant's documents at a real broker: there where they are wanted, right after a change, gone after that."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from cloud.connection import Broker
from cloud.core import home
from cloud.core.coverage import PlacedShop
from cloud.desk import Reader
from cloud.home import Home
from cloud.store import Store, migrate
from tests import brokers, fleet
from tests.brokers import until

pytestmark = pytest.mark.mosquitto
TOPIC = home.topic("demo", "high-street")
GONE, OTHERS = home.topic("demo", "gone"), home.topic("another", "gone")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    migrate(str(tmp_path / "cloud.db"))
    one = Store(str(tmp_path / "cloud.db"))
    one.apply_shops([PlacedShop(shop=fleet.shop(), placements=[])])
    yield one
    one.close()


@contextmanager
def told(store: Store, port: int, *, wanted: bool) -> Iterator[None]:
    one = Home(
        Reader(store, "demo", time.time),
        Broker(host="127.0.0.1", port=port, client_id="cloud"),
        wanted=wanted,
        every_s=0.3,
    )
    one.start()
    try:
        yield
    finally:
        one.stop()


def kept(port: int) -> dict[str, bytes]:
    """What whoever comes now is handed out."""
    found: dict[str, bytes] = {}
    listens = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
    client.on_message = lambda _c, _d, one: found.update({one.topic: bytes(one.payload)})
    client.on_publish = lambda *_: listens.set()
    client.connect("127.0.0.1", port)
    client.subscribe("homeassistant/#", 1)
    client.loop_start()
    client.publish("mark", b"", 1)  # what is retained was sent before this is acknowledged
    assert listens.wait(10)
    client.disconnect()
    client.loop_stop()
    return found


def put(port: int, *those: str) -> None:
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for topic in those:
        client.publish(topic, b"{}", 1, retain=True).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def test_shops_are_there_as_long_as_they_are_wanted(store: Store, tmp_path: Path) -> None:
    with brokers.mosquitto(tmp_path) as port:
        put(port, GONE, OTHERS)
        with told(store, port, wanted=True):
            until(lambda: TOPIC in kept(port) and GONE not in kept(port), "the shop")
            assert kept(port)[TOPIC] == home.document(fleet.shop())
            renamed = replace(fleet.shop(), name="Market Square")
            store.apply_shops([PlacedShop(shop=renamed, placements=[])])
            until(lambda: json.loads(kept(port)[TOPIC])["device"]["name"] == "Market Square", "the new name")
        assert kept(port).keys() == {TOPIC, OTHERS}
        with told(store, port, wanted=False):
            until(lambda: kept(port).keys() == {OTHERS}, "the end of it")


def test_nothing_is_said_where_it_was_never_wanted(store: Store, tmp_path: Path) -> None:
    with brokers.mosquitto(tmp_path) as port, told(store, port, wanted=False):
        time.sleep(1.5)
        assert kept(port) == {}
