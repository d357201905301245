"""Connection: one connection of a sensor to the broker, from CONNECT to its end.

1. Every connection is a fresh paho client used from one thread, so nothing is queued or sent again behind our back, and
   renewed certificates are read.
2. Whatever goes wrong while the client reads or writes ends that connection and nothing else, in a sentence.
3. Settings from the fleet are listened to only where the sensor's own settings name a key for them (`desired`).
"""

import logging
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from agent.config import Mqtt
from agent.contract import ContractError, Status, Watermark, decode, encode, topics

log = logging.getLogger("footfall.connection")

_LOOP_S = 0.2
_NOT_YET, _EXPIRED = 9, 10  # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED
_CONNECT_TIMEOUT_S = 10.0  # of an address that does not answer; nothing else is done meanwhile


class BrokerError(Exception):
    """The broker cannot be used. The message says why, and what to do about it."""


def _todo(code: int) -> str:
    """What to do about a broker's certificate that OpenSSL refuses with this code."""
    clock = (
        f"this machine's clock says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: if that is wrong, "
        "check it with 'timedatectl'"
    )
    todo = {_EXPIRED: f"renew it at the broker; {clock}", _NOT_YET: clock}
    return todo.get(code, "check mqtt.ca_file and mqtt.host")


class Connection:
    """One connection to the broker, from CONNECT to its end. `heard` holds the watermarks that came in, `desired` the
    settings from the fleet, as bytes nobody has looked at; they come only where `takes_settings`.

    Under another `client_id` than the sensor's own name it only looks whether the broker answers.
    """

    def __init__(
        self, settings: Mqtt, sensor: str, client_id: str | None = None, *, takes_settings: bool = False
    ) -> None:
        self.heard: list[Watermark] = []
        self.desired: list[bytes] = []
        self.up = False
        self.refused: str | None = None
        self._sensor = sensor
        self._speaks, self._takes_settings = client_id is None, takes_settings
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id or sensor, clean_session=True)
        self._client.max_inflight_messages_set(0)  # we keep count ourselves; paho shall queue nothing
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        if self._speaks:
            self._client.will_set(topics.up(sensor, "status"), encode(Status(state="offline")), qos=1, retain=True)
        self._settings = settings
        self._connect(settings)

    def publish(self, leaf: str, record: msgspec.Struct, *, qos: int = 1, retain: bool = False) -> None:
        """Send one record on the sensor's topic `leaf`. Raises BrokerError if the connection is gone."""
        sent = self._client.publish(topics.up(self._sensor, leaf), encode(record), qos=qos, retain=retain)
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerError(f"The connection to the broker was lost ({mqtt.error_string(sent.rc)}).")

    def turn(self) -> None:
        """Read and write what there is, for at most 0.2 s. Raises BrokerError when the connection has ended."""
        try:
            result = self._client.loop(_LOOP_S)
        except Exception as error:  # out of a callback or the library: what a broker may send has no bounds
            raise BrokerError(f"The broker sent what cannot be dealt with ({error!r}): connecting anew.") from error
        if self.refused:
            raise BrokerError(self.refused)
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerError(self._hung_up(mqtt.error_string(result)))

    def close(self) -> None:
        """Say goodbye: the broker is told `offline` by us and not by the will."""
        with suppress(Exception):  # it may be long gone
            if self.up and self._speaks:
                self._client.publish(topics.up(self._sensor, "status"), encode(Status(state="offline")), 1, retain=True)
                self._client.loop(_LOOP_S)
            self._client.disconnect()
        self._client.on_connect = self._client.on_message = None  # the two know each other: let both go at once

    def _connect(self, settings: Mqtt) -> None:
        where = f"{settings.host}:{settings.port}"
        try:
            if settings.ca_file:
                self._client.tls_set(settings.ca_file, settings.certificate_file, settings.key_file)
            self._client.connect_timeout = _CONNECT_TIMEOUT_S
            self._client.connect(settings.host, settings.port, settings.keepalive_s)
        except ssl.SSLCertVerificationError as error:
            raise BrokerError(
                f"The broker at {where} shows a certificate we do not accept ({error.verify_message}): "
                f"{_todo(error.verify_code)}."
            ) from None
        except (ssl.SSLError, ConnectionResetError) as error:
            reason = getattr(error, "reason", None) or "it hung up"
            raise BrokerError(
                self._own_fault()
                or f"The broker at {where} does not speak TLS as expected ({reason}): check mqtt.port."
            ) from None
        except (FileNotFoundError, PermissionError) as error:
            raise BrokerError(self._own_fault() or f"The broker at {where} cannot be reached ({error}).") from None
        except (OSError, ValueError) as error:
            raise BrokerError(f"The broker at {where} cannot be reached ({error}).") from None

    def _hung_up(self, reason: str) -> str:
        """Why a connection ended. Under TLS 1.3 a broker that refuses our certificate lets the handshake succeed."""
        if self.up or self._settings.certificate_file is None:
            return f"The connection to the broker ended ({reason})."
        return self._own_fault() or (
            f"The broker hung up before it answered: it may not accept this sensor's certificate "
            f"({self._settings.certificate_file}): check at the broker which authority it believes."
        )

    def _own_fault(self) -> str | None:
        """What is wrong with our own TLS files; looked at only where a connection failed."""
        mine = self._settings
        if mine.ca_file is None:
            return None
        from agent import papers  # noqa: PLC0415 - it brings 13 MB, which a sensor without faults need not carry

        return papers.fault(mine.ca_file, mine.certificate_file, mine.key_file, datetime.now(UTC))

    def _on_connect(self, client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.refused = f"The broker refused us ({reason}): check this sensor's certificate or name."
            return
        client.subscribe(topics.watermark(self._sensor), qos=1)
        if self._takes_settings:
            client.subscribe(topics.config(self._sensor), qos=1)
        self.up = True

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        if self._takes_settings and message.topic == topics.config(self._sensor):
            self.desired.append(bytes(message.payload))
            return
        if message.topic != topics.watermark(self._sensor):
            return  # some brokers hand out retained messages of topics nobody asked for
        try:
            self.heard.append(decode(Watermark, message.payload))
        except ContractError as error:
            log.warning("a watermark was not understood: %s", error)
