"""Connection: keeps somebody of the cloud connected to the broker, in a thread of its own, from `start()` to `stop()`.

1. Every connection is a new client of paho, used from one thread: nothing is queued or sent again behind anybody's
   back, and renewed certificates are read.
2. Nothing a broker answers, and no failure of whoever talks to it, ends the thread. It connects again, after a pause
   that grows from a second to a minute.
"""

import logging
import random
import threading
import time
from abc import ABC, abstractmethod
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

log = logging.getLogger(__name__)

RECONNECT_FIRST_S, RECONNECT_LONGEST_S = 1.0, 60.0
CONNECT_TIMEOUT_S = 10.0


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


class Talk(Protocol):
    """What is said on a connection. All of it is called from the connection's thread."""

    def new_client(self) -> Client:
        """A client that is not connected yet."""

    def welcome(self, client: Client) -> None:
        """The broker has accepted us."""

    def turn(self, client: Client) -> bool:
        """Read and write what there is, for a fraction of a second; False once the connection is gone."""

    def gone(self, *, failed: bool) -> None:
        """The connection is gone, or was left for good; `failed`: because `turn` raised."""


class Speaker(ABC):
    """Somebody of the cloud who talks on a connection of its own, and keeps nothing from one to the next.

    A broker throws out the older of two clients of one name, so it has its own: `name` behind the cloud's.
    """

    def __init__(self, broker: Broker, name: str) -> None:
        self._broker = replace(broker, client_id=f"{broker.client_id}/{name}")
        self._connection = Connection(self._broker, self, f"footfall-{name}")

    def start(self) -> None:
        """Connect, and keep connected. Raises OSError or ssl.SSLError where a certificate file is unusable."""
        self._connection.start()

    def stop(self) -> None:
        """Finish the turn that runs, and leave."""
        self._connection.stop()

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._connection.up

    def new_client(self) -> Client:
        """A client that is not connected yet."""
        return Client(
            CallbackAPIVersion.VERSION2, client_id=self._broker.client_id, clean_session=True, protocol=MQTTv311
        )

    @abstractmethod
    def welcome(self, client: Client) -> None:
        """See `Talk`."""

    @abstractmethod
    def turn(self, client: Client) -> bool:
        """See `Talk`."""

    @abstractmethod
    def gone(self, *, failed: bool) -> None:
        """See `Talk`."""


class Connection:
    """One connection after the other to `broker`. `up`: it has one; `stopping`: it shall have no more."""

    def __init__(self, broker: Broker, talk: Talk, name: str) -> None:
        self.client: Client
        self.up = False
        self.stopping = threading.Event()
        self._broker, self._talk = broker, talk
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Connect, and keep connected. Raises OSError or ssl.SSLError where a certificate file is unusable."""
        self.client = self._new_client()
        self._thread.start()

    def stop(self) -> None:
        """Finish the turn that runs, and leave."""
        self.stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _new_client(self) -> Client:
        client = self._talk.new_client()
        client.on_connect = self._on_connect
        if self._broker.tls:
            client.tls_set(self._broker.ca, self._broker.cert, self._broker.key)
        return client

    def _run(self) -> None:
        pause_s = RECONNECT_FIRST_S
        while not self.stopping.is_set():
            if self._connect():
                pause_s = RECONNECT_FIRST_S
                self._serve()
            # The cloud's processes must not all return to a broker at the same moment.
            jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret
            self.stopping.wait(pause_s * jitter)
            pause_s = min(2 * pause_s, RECONNECT_LONGEST_S)
        self.client.disconnect()

    def _connect(self) -> bool:
        """A new connection, accepted by the broker; False if there is none."""
        try:
            self.client = self._new_client()
            self.client.connect(self._broker.host, self._broker.port, keepalive=self._broker.keepalive_s)
            until = time.monotonic() + CONNECT_TIMEOUT_S
            while not self.up and not self.stopping.is_set() and time.monotonic() < until:
                if self.client.loop(0.2) != MQTTErrorCode.MQTT_ERR_SUCCESS:
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
        return self.up

    def _serve(self) -> None:
        """Turn after turn until the connection is gone or we stop."""
        failed = True
        try:
            while not self.stopping.is_set():
                if not self._talk.turn(self.client):
                    log.warning("The broker is gone; connecting again.")
                    break
            failed = False
        except Exception:
            log.exception("Something from the broker could not be dealt with; going on.")
        finally:
            self.up = False
            self._talk.gone(failed=failed)

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.error("The broker %s refused us: %s.", self._broker.host, reason)
            return
        self.up = True
        self._talk.welcome(client)
        log.info("Connected to the broker %s:%d.", self._broker.host, self._broker.port)
