"""Issuer: gives sensors their next certificate over the broker, in a thread of its own.

1. Who may write on a sensor's topic is the broker's to see to: it has looked at the certificate that is to be replaced.
2. The answer is the same however often the same key asks, so that one that got lost is asked for again. What we miss
   while we are away is asked again too: a sensor begins long before its certificate ends.
3. The list of revoked certificates is written whenever it has changed, whoever changed it: as a whole, beside the old
   one, and then in its place. The broker has to be told to read it (`systemctl reload`, SIGHUP).
"""

import logging
import os
import time
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode

from agent.contract import ContractError, Renewal, Renewed, decode, encode, topics
from cloud.connection import Broker, Speaker
from cloud.desk import Members
from cloud.store import StoreError

log = logging.getLogger(__name__)

LARGEST_RENEWAL = 16_384  # bytes
MOST_WAITING = 1_000
IDLE_S = 0.2
RETRY_S = 1.0
EVERY_S = 5.0


class Issuer(Speaker):
    """From `start()` to `stop()`: renews the certificates of `members` at `broker`.

    `revoked` is the file of the list of those that are revoked (None: it is not written), looked at every `every_s`
    seconds.
    """

    def __init__(self, members: Members, broker: Broker, revoked: Path | None = None, every_s: float = EVERY_S) -> None:
        self.renewed = self.refused = 0
        self._members, self._revoked, self._every_s = members, revoked, every_s
        super().__init__(broker, "issuer")
        self._asked: list[tuple[str, bytes]] = []
        self._listed: list[tuple[str, int]] | None = None
        self._list_at = 0.0

    def new_client(self) -> Client:
        """A client that keeps nothing from one connection to the next."""
        client = super().new_client()
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def welcome(self, client: Client) -> None:
        """Ask for the requests of all sensors."""
        client.subscribe(topics.ALL_RENEWALS, qos=1)

    def turn(self, client: Client) -> bool:
        """Answer who has asked, and write the list if it has changed; False once the connection is gone."""
        try:
            while self._asked:
                self._answer(client, *self._asked[0])
                del self._asked[0]
            if time.monotonic() >= self._list_at:
                self._list_at = time.monotonic() + self._every_s
                self._write_list()
        except StoreError as error:
            log.error("%s", error)
            self._connection.stopping.wait(RETRY_S)
        return client.loop(IDLE_S) == MQTTErrorCode.MQTT_ERR_SUCCESS

    def gone(self, *, failed: bool) -> None:  # noqa: ARG002 - who was not answered asks again, whatever the reason
        """Forget who has asked."""
        self._asked = []

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        found = topics.parse_up(message.topic, (topics.RENEW,))
        if found is not None and len(message.payload) <= LARGEST_RENEWAL and len(self._asked) < MOST_WAITING:
            self._asked.append((found[0], bytes(message.payload)))

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("The broker %s does not let us hear requests for certificates: check its ACL.", self._broker.host)

    def _answer(self, client: Client, sensor_id: str, payload: bytes) -> None:
        try:
            answer = self._members.renew(sensor_id, decode(Renewal, payload))
        except ContractError as error:
            answer = Renewed(certificate="", reason=str(error)[:200])
        if answer.certificate:
            self.renewed += 1
        else:
            self.refused += 1
            log.warning("No certificate for %r: %s", sensor_id[:65], answer.reason)
        client.publish(topics.certificate(sensor_id), encode(answer), qos=1)

    def _write_list(self) -> None:
        if self._revoked is None or (revoked := self._members.revoked()) == self._listed:
            return
        try:
            write(self._revoked, self._members.revocation_list())
        except OSError as error:
            log.error("The list of revoked certificates cannot be written to %s: %s.", self._revoked, error.strerror)
            return
        self._listed = revoked


def write(file: Path, content: bytes) -> None:
    """Put a file in place as a whole, readable by everybody. Raises OSError."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_bytes(content)
    fresh.chmod(0o644)
    os.replace(fresh, file)  # noqa: PTH105 - the atomic one
