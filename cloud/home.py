"""Home: keeps the documents by which Home Assistant knows the shops at the broker, in a thread of its own.

1. What is at the broker is compared with what should be there, at every connection and every minute: shops that are
   new or renamed are told, and what is of our tenant and should not be there is taken away.
2. Where it is not wanted nothing should be there. So whoever switches it off leaves it on for one more start of the
   cloud, with `republish`.
"""

import logging
import time
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode

from cloud.connection import Broker, Speaker
from cloud.core import home
from cloud.desk import Reader
from cloud.store import StoreError

log = logging.getLogger(__name__)

IDLE_S = 0.2
RETRY_S = 1.0
LULL_S = 1.0  # after the last document the broker handed out it has handed out all it keeps
EVERY_S = 60.0


class Home(Speaker):
    """From `start()` to `stop()`: `broker` keeps documents of all shops of `reader` where that is `wanted`, or none."""

    def __init__(self, reader: Reader, broker: Broker, *, wanted: bool, every_s: float = EVERY_S) -> None:
        self._reader, self._wanted, self._every_s = reader, wanted, every_s
        super().__init__(broker, "home")
        self._there: dict[str, bytes] = {}
        self._due = 0.0

    def new_client(self) -> Client:
        """A client that keeps nothing from one connection to the next."""
        client = super().new_client()
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def welcome(self, client: Client) -> None:
        """Ask for what the broker keeps."""
        self._there, self._due = {}, time.monotonic() + LULL_S
        client.subscribe(home.EVERY_TOPIC, qos=1)

    def turn(self, client: Client) -> bool:
        """Put right what is not as it should be, if it is time; False once the connection is gone."""
        try:
            if time.monotonic() >= self._due:
                self._due = time.monotonic() + self._every_s
                self._put_right(client)
        except StoreError as error:
            log.error("%s", error)
            self._connection.stopping.wait(RETRY_S)
        return client.loop(IDLE_S) == MQTTErrorCode.MQTT_ERR_SUCCESS

    def gone(self, *, failed: bool) -> None:
        """Nothing to do."""

    def _put_right(self, client: Client) -> None:
        shops = self._reader.shops() if self._wanted else []
        should = {home.topic(one.tenant, one.shop): home.document(one) for one in shops}
        for topic in [one for one in self._there if one not in should]:
            client.publish(topic, b"", qos=1, retain=True)
        for topic, document in should.items():
            if self._there.get(topic) != document:
                client.publish(topic, document, qos=1, retain=True)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        """What the broker keeps, and what we ourselves have changed."""
        if not home.is_ours(message.topic, self._reader.tenant):
            return
        self._there.pop(message.topic, None)
        if message.payload:
            self._there[message.topic] = bytes(message.payload)
        self._due = max(self._due, time.monotonic() + LULL_S) if message.retain else self._due

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error(
                "The broker %s does not let us see what Home Assistant is told: check its ACL.", self._broker.host
            )
