"""Subscriber: messages from the broker become rows, and only then are they acknowledged.

1. Commit, then acknowledge to the broker, then publish watermarks. A crash between any two of these brings the
   messages again, and they change nothing.
2. What cannot be stored now is not acknowledged: it is tried again, with growing pauses, until it is or we stop.
   What can never be stored goes to the quarantine and holds up nobody.
3. Many messages share one commit: all that came while the last one ran, and those that follow closely.
4. Nothing a peer sends, and no failing callback, ends the thread. Each failure is logged and counted.
5. One thread reads, commits and acknowledges. While it commits nobody reads, and the broker waits: that is the
   back pressure. (With a thread for each, the interpreter's lock made every read ten times as long.)

MQTT 3.1.1, QoS 1, a persistent session under a fixed client id: while we are away the broker keeps what comes.

Of a group that shares (`Broker.share`) each takes a part, and keeps no session: a broker would put the part of one that
is away aside for it (mosquitto does), though the others could take it. What was on its way to one that dies is sent
again by its sensor, which has no watermark for it; a till has to send its newest hours again with the next. Of status
and settings only the newest counts, and two could write them in the wrong order: everyone takes all of those, and
whoever writes last has the newest.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from agent.contract import encode, topics
from cloud.connection import Broker, Connection
from cloud.store import Committed, Delivery, Quarantined, Store, StoreError, receive

log = logging.getLogger(__name__)

MAX_MESSAGES_PER_COMMIT = 2_000
# A commit waits for company only while messages keep coming: a broker that sends 20 at a time and then waits
# for the acknowledgement must not be made to wait longer.
LULL_S = 0.002
LONGEST_GATHERING_S = 0.05
IDLE_S = 0.2
RETRY_FIRST_S, RETRY_LONGEST_S = 0.1, 10.0
SHARED = ("report", "hello", "health")


@dataclass
class Counters:
    """Since the start. `sales`: hours of tills, new or changed; `failures`: commits to be tried again; `errors`:
    exceptions nobody expected. `dated`, `late`, `lag_seconds`: as in `Committed`."""

    messages: int = 0
    reports: int = 0
    sales: int = 0
    duplicates: int = 0
    dated: int = 0
    late: int = 0
    lag_seconds: int = 0
    quarantined: int = 0
    commits: int = 0
    commit_seconds: float = 0.0
    failures: int = 0
    errors: int = 0
    connected: bool = False


class Message(NamedTuple):
    """What came, and what its acknowledgement needs. paho's own message holds a lock: a burden by the thousand."""

    mid: int
    qos: int
    topic: str
    payload: bytes


def subscriptions(share: str) -> list[tuple[str, int]]:
    """(topic filter, QoS) of all that sensors and tills say, for one of the group `share`."""
    group = f"$share/{share}/" if share else ""
    said = [
        ((group if leaf in SHARED else "") + topics.ALL_UP[leaf], 0 if leaf == "health" else 1)
        for leaf in topics.LEAVES_UP
    ]
    return [*said, (group + topics.ALL_TILLS, 1)]


class Subscriber:
    """Carries messages from a broker into a store, from `start()` to `stop()`, in a thread of its own.

    `committed` is called from that thread after every commit, with the (tenant, shop) keys that have new
    reports; it must not take long. `clock` gives UTC seconds. `most_per_commit` is a number of messages.
    """

    def __init__(
        self,
        store: Store,
        broker: Broker,
        committed: Callable[[set[tuple[str, str]]], None],
        clock: Callable[[], float] = time.time,
        most_per_commit: int = MAX_MESSAGES_PER_COMMIT,
    ) -> None:
        self.counters = Counters()
        self._store, self._broker, self._committed, self._clock = store, broker, committed, clock
        self._most_per_commit = most_per_commit
        self._arrived: list[Message] = []
        self._connection = Connection(broker, self, "footfall-subscriber")

    def start(self) -> None:
        """Connect, and keep connected. Raises OSError or ssl.SSLError where a certificate file is unusable."""
        self._connection.start()

    def stop(self) -> None:
        """Finish the commit that runs, and leave; the broker keeps what was not acknowledged."""
        self._connection.stop()

    def new_client(self) -> Client:
        """A client that acknowledges only what we tell it to."""
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.client_id,
            clean_session=bool(self._broker.share),
            protocol=MQTTv311,
            manual_ack=True,
        )
        client.max_inflight_messages_set(1000)
        client.max_queued_messages_set(10_000)  # a watermark that is dropped comes again with the next report
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def welcome(self, client: Client) -> None:
        """Ask for all that sensors and tills say."""
        client.subscribe(subscriptions(self._broker.share))
        self.counters.connected = True

    def gone(self, *, failed: bool) -> None:
        """Forget what came and was not acknowledged: it comes again."""
        self.counters.connected = False
        self.counters.errors += failed
        self._arrived = []

    def turn(self, client: Client) -> bool:
        """Take what comes and settle it; False once the connection is gone."""
        connected = self._gather(client)
        arrived, self._arrived = self._arrived, []
        for at in range(0, len(arrived), self._most_per_commit):
            self._settle(client, arrived[at : at + self._most_per_commit])
        return connected

    def _gather(self, client: Client) -> bool:
        """Let messages come until enough are here or they pause; False if the connection broke."""
        until = time.monotonic() + LONGEST_GATHERING_S
        wait_s = IDLE_S
        while len(self._arrived) < self._most_per_commit:
            begun = time.monotonic()
            if begun > until and self._arrived:
                break
            if client.loop(wait_s) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return False
            if time.monotonic() - begun >= wait_s:
                break
            wait_s = LULL_S if self._arrived else IDLE_S
        return True

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(not UTF-8)"  # goes to the quarantine, as any topic that names no sensor
        self._arrived.append(Message(message.mid, message.qos, topic, bytes(message.payload)))

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("The broker %s does not let us listen to sensors and tills: check its ACL.", self._broker.host)

    def _settle(self, client: Client, messages: list[Message]) -> None:
        try:
            self._keep(client, messages)
        except Exception:
            self.counters.errors += 1
            log.exception("Something from the broker could not be dealt with; going on.")

    def _keep(self, client: Client, messages: list[Message]) -> None:
        now = int(self._clock())
        deliveries = [receive(message.topic, message.payload, now) for message in messages]
        committed = self._commit(deliveries, messages, now)
        if committed is None:
            return  # stopping: nothing is acknowledged, so all of it comes again
        for message in messages:
            client.ack(message.mid, message.qos)
        self.counters.messages += len(messages)
        for done in committed:
            self._announce(client, done)

    def _announce(self, client: Client, done: Committed) -> None:
        self.counters.reports += done.accepted
        self.counters.sales += done.sales
        self.counters.duplicates += done.duplicates
        self.counters.quarantined += done.quarantined
        self.counters.dated += done.dated
        self.counters.late += done.late
        self.counters.lag_seconds += done.lag_s
        for sensor, watermark in done.watermarks:
            client.publish(topics.watermark(sensor), encode(watermark), qos=1)
        if done.shops:
            self._committed(done.shops)

    def _commit(self, deliveries: list[Delivery], messages: list[Message], now: int) -> list[Committed] | None:
        """What was committed, or None if we stopped before the database took it."""
        try:
            return self._insist(deliveries, now)
        except Exception:
            log.exception("Messages could not be stored together; storing them one by one.")
        done: list[Committed] = []
        for delivery, message in zip(deliveries, messages, strict=True):
            try:
                one = self._insist([delivery], now)
            except Exception as error:
                self.counters.errors += 1
                reason = f"could not be stored: {error}"[:500]
                one = self._insist([Quarantined(message.topic[:200], reason, message.payload)], now)
            if one is None:
                return None
            done += one
        return done

    def _insist(self, deliveries: list[Delivery], now: int) -> list[Committed] | None:
        pause_s = RETRY_FIRST_S
        while not self._connection.stopping.is_set():
            begun = time.perf_counter()
            try:
                committed = self._store.commit(deliveries, now)
            except StoreError as error:
                self.counters.failures += 1
                log.error("%s (%d messages wait)", error, len(deliveries))
                self._connection.stopping.wait(pause_s)
                pause_s = min(2 * pause_s, RETRY_LONGEST_S)
                continue
            self.counters.commits += 1
            self.counters.commit_seconds += time.perf_counter() - begun
            return [committed]
        return None
