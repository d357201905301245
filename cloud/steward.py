"""Steward: sees to it that every sensor is told which settings it shall have, in a thread of its own.

1. What is wanted stands in the store; the steward owns nothing. It takes the rollouts that run a step further every few
   seconds, and gives the broker what is wanted and not yet there: retained, so that a sensor that is away has it when
   it is back.
2. A document is marked as sent when the broker has acknowledged it (QoS 1). Whoever is killed in between sends it
   again, byte for byte, and a sensor that has it takes no notice.
3. A broker may lose what it kept. At every connection, and every hour, each document is sent again that its sensor has
   not answered.
4. The newest key list goes to every sensor, at every connection anew.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

from agent.contract import topics
from cloud.connection import Broker, Speaker
from cloud.desk import Fleet
from cloud.store import StoreError
from cloud.store.wanted import Document

log = logging.getLogger(__name__)

EVERY_S = 5.0
AGAIN_S = 3600
MOST_IN_FLIGHT = 100
IDLE_S = 0.2
RETRY_S = 1.0


class Steward(Speaker):
    """From `start()` to `stop()`: looks after the sensors of `fleet` at `broker`. `clock` gives UTC seconds."""

    def __init__(self, fleet: Fleet, broker: Broker, clock: Callable[[], float], every_s: float = EVERY_S) -> None:
        self._fleet, self._clock, self._every_s = fleet, clock, every_s
        super().__init__(broker, "fleet")
        self._in_flight: dict[int, Document] = {}
        self._taken: list[Document] = []
        self._connected_at = 0
        self._keyed: dict[str, int] = {}  # by sensor, the version of the key list given to the broker
        self._next = 0.0

    def new_client(self) -> Client:
        """A client that keeps nothing from one connection to the next."""
        client = super().new_client()
        client.max_inflight_messages_set(0)  # we keep count ourselves; paho shall queue nothing
        client.on_publish = self._on_publish
        return client

    def welcome(self, _client: Client) -> None:
        """What nobody has answered is due again, and the key list."""
        self._connected_at, self._keyed, self._next = int(self._clock()), {}, 0.0

    def turn(self, client: Client) -> bool:
        """Take the rollouts further if it is time, and send some of what is due; False once the connection is gone."""
        try:
            self._settle()
            if time.monotonic() >= self._next:
                self._next = time.monotonic() + self._every_s
                self._fleet.step(int(self._clock()))
                self._send_keys(client)
                self._send(client)
        except StoreError as error:
            log.error("%s", error)
            self._connection.stopping.wait(RETRY_S)
        return client.loop(IDLE_S) == MQTTErrorCode.MQTT_ERR_SUCCESS

    def gone(self, *, failed: bool) -> None:  # noqa: ARG002 - what is not acknowledged is due, whatever the reason
        """What is not acknowledged is due still."""
        self._in_flight = {}

    def _settle(self) -> None:
        """Mark what the broker has acknowledged; more may be due behind it."""
        if self._taken:
            self._fleet.sent(self._taken, int(self._clock()))
            self._taken = []
            self._next = min(self._next, time.monotonic()) if not self._in_flight else self._next

    def _send(self, client: Client) -> None:
        """Give the broker what is due. What it took before this connection and nobody has answered is among it."""
        again = max(self._connected_at, int(self._clock()) - AGAIN_S)
        flying = {(one.sensor, one.version) for one in self._in_flight.values()}
        for one in self._fleet.due(again, MOST_IN_FLIGHT):
            if (one.sensor, one.version) not in flying:
                sent = client.publish(topics.config(one.sensor), one.payload, qos=1, retain=True)
                self._in_flight[sent.mid] = one

    def _send_keys(self, client: Client) -> None:
        newest = self._fleet.key_list()
        if newest is None:
            return
        for sensor in self._fleet.names():
            if self._keyed.get(sensor) != newest.version:
                client.publish(topics.keys(sensor), newest.payload, qos=1, retain=True)
                self._keyed[sensor] = newest.version

    def _on_publish(self, _client: Client, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        if (one := self._in_flight.pop(mid, None)) is not None:
            self._taken.append(one)
