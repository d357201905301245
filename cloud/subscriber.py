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
again by its sensor, which has no watermark for it. Of status and settings only the newest counts, and two could write
them in the wrong order: everyone takes all of those, and whoever writes last has the newest.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec

from msgspec import Struct
from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from agent.contract import encode, topics
from cloud.store import Committed, Delivery, Quarantined, Store, StoreError, receive

log = logging.getLogger(__name__)
P = ParamSpec("P")

MAX_MESSAGES_PER_COMMIT = 2_000
# A commit waits for company only while messages keep coming: a broker that sends 20 at a time and then waits
# for the acknowledgement must not be made to wait longer.
LULL_S = 0.002
LONGEST_GATHERING_S = 0.05
IDLE_S = 0.2
RETRY_FIRST_S, RETRY_LONGEST_S = 0.1, 10.0
RECONNECT_FIRST_S, RECONNECT_LONGEST_S = 1.0, 60.0
CONNECT_TIMEOUT_S = 10.0
SHARED = ("report", "hello", "health")


class Broker(Struct, frozen=True, kw_only=True):
    """Where the broker is. With `tls`, `ca` is a file of trusted certificates (None: the system's); `cert` and
    `key` are the files we identify ourselves with. `share` names the group we share with ("": none): the broker must
    have shared subscriptions (MQTT 5.0, 4.8.2), as mosquitto has for clients of MQTT 3.1.1 too; amqtt has not."""

    host: str
    port: int
    client_id: str
    share: str = ""
    keepalive_s: int = 30
    tls: bool = False
    ca: str | None = None
    cert: str | None = None
    key: str | None = None


@dataclass
class Counters:
    """Since the start. `failures` are commits to be tried again; `errors` exceptions nobody expected."""

    messages: int = 0
    reports: int = 0
    duplicates: int = 0
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
    """(topic filter, QoS) of all that sensors say, for one of the group `share`."""
    group = f"$share/{share}/" if share else ""
    return [
        ((group if leaf in SHARED else "") + topics.ALL_UP[leaf], 0 if leaf == "health" else 1)
        for leaf in topics.LEAVES_UP
    ]


def _guarded(
    callback: Callable[Concatenate["Subscriber", P], None],
) -> Callable[Concatenate["Subscriber", P], None]:
    """Keeps an exception from ending the thread."""

    @wraps(callback)
    def guarded(self: "Subscriber", /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(self, *args, **kwargs)
        except Exception:
            self.counters.errors += 1
            log.exception("Something from the broker could not be dealt with; going on.")

    return guarded


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
        self._stopping = threading.Event()
        self._client: Client
        self._thread = threading.Thread(target=self._run, name="footfall-subscriber", daemon=True)

    def start(self) -> None:
        """Connect, and keep connected. Raises OSError or ssl.SSLError where a certificate file is unusable."""
        self._client = self._new_client()
        self._thread.start()

    def stop(self) -> None:
        """Finish the commit that runs, and leave; the broker keeps what was not acknowledged."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _new_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.client_id,
            clean_session=bool(self._broker.share),
            protocol=MQTTv311,
            manual_ack=True,
        )
        client.max_inflight_messages_set(1000)
        client.max_queued_messages_set(10_000)  # a watermark that is dropped comes again with the next report
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        if self._broker.tls:
            client.tls_set(self._broker.ca, self._broker.cert, self._broker.key)
        return client

    def _run(self) -> None:
        pause_s = RECONNECT_FIRST_S
        while not self._stopping.is_set():
            if self._connect():
                pause_s = RECONNECT_FIRST_S
                self._serve()
            # The cloud's processes must not all return to a broker at the same moment.
            jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret
            self._stopping.wait(pause_s * jitter)
            pause_s = min(2 * pause_s, RECONNECT_LONGEST_S)
        self._client.disconnect()

    def _connect(self) -> bool:
        """A new connection, accepted by the broker; False if there is none. It reads the certificates anew."""
        try:
            self._client = self._new_client()
            self._client.connect(self._broker.host, self._broker.port, keepalive=self._broker.keepalive_s)
            until = time.monotonic() + CONNECT_TIMEOUT_S
            while not self.counters.connected and not self._stopping.is_set() and time.monotonic() < until:
                if self._client.loop(0.2) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    log.warning(
                        "The broker %s:%d hung up before it answered; if it asks for a certificate, see whether it "
                        "accepts ours: %s.",
                        self._broker.host,
                        self._broker.port,
                        self._broker.cert or "we have none",
                    )
                    break
        except Exception as error:  # whatever a broker answers, we try again
            log.warning("The broker %s:%d cannot be reached: %s.", self._broker.host, self._broker.port, error)
        return self.counters.connected

    @_guarded
    def _serve(self) -> None:
        """Take messages until the connection is gone or we stop."""
        try:
            while not self._stopping.is_set() and self._turn():
                pass
        finally:
            self.counters.connected = False
            self._arrived = []  # not acknowledged, so it comes again

    def _turn(self) -> bool:
        """Take what comes and settle it; False once the connection is gone."""
        connected = self._gather()
        arrived, self._arrived = self._arrived, []
        for at in range(0, len(arrived), self._most_per_commit):
            self._settle(arrived[at : at + self._most_per_commit])
        if not connected:
            log.warning("The broker is gone; connecting again.")
        return connected

    def _gather(self) -> bool:
        """Let messages come until enough are here or they pause; False if the connection broke."""
        until = time.monotonic() + LONGEST_GATHERING_S
        wait_s = IDLE_S
        while len(self._arrived) < self._most_per_commit:
            begun = time.monotonic()
            if begun > until and self._arrived:
                break
            if self._client.loop(wait_s) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return False
            if time.monotonic() - begun >= wait_s:
                break
            wait_s = LULL_S if self._arrived else IDLE_S
        return True

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.error("The broker %s refused us: %s.", self._broker.host, reason)
            return
        self.counters.connected = True
        client.subscribe(subscriptions(self._broker.share))
        log.info("Connected to the broker %s:%d.", self._broker.host, self._broker.port)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(not UTF-8)"  # goes to the quarantine, as any topic that names no sensor
        self._arrived.append(Message(message.mid, message.qos, topic, bytes(message.payload)))

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("The broker %s does not let us listen to the sensors: check its ACL.", self._broker.host)

    @_guarded
    def _settle(self, messages: list[Message]) -> None:
        now = int(self._clock())
        deliveries = [receive(message.topic, message.payload, now) for message in messages]
        committed = self._commit(deliveries, messages, now)
        if committed is None:
            return  # stopping: nothing is acknowledged, so all of it comes again
        for message in messages:
            self._client.ack(message.mid, message.qos)
        self.counters.messages += len(messages)
        for done in committed:
            self._announce(done)

    def _announce(self, done: Committed) -> None:
        self.counters.reports += done.accepted
        self.counters.duplicates += done.duplicates
        self.counters.quarantined += done.quarantined
        for sensor, watermark in done.watermarks:
            self._client.publish(topics.watermark(sensor), encode(watermark), qos=1)
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
        while not self._stopping.is_set():
            begun = time.perf_counter()
            try:
                committed = self._store.commit(deliveries, now)
            except StoreError as error:
                self.counters.failures += 1
                log.error("%s (%d messages wait)", error, len(deliveries))
                self._stopping.wait(pause_s)
                pause_s = min(2 * pause_s, RETRY_LONGEST_S)
                continue
            self.counters.commits += 1
            self.counters.commit_seconds += time.perf_counter() - begun
            return [committed]
        return None
