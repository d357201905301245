"""Connection: one connection of a sensor to the broker, from CONNECT to its end.

1. Every connection is a fresh paho client used from one thread, so nothing is queued or sent again behind our back, and
   renewed certificates are read.
2. Whatever goes wrong while the client reads or writes ends that connection and nothing else, in a sentence.
3. Settings from the fleet, and lists of who signs them, are listened to only where the sensor's own settings name a key
   for one of them.
"""

import logging
import re
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from msgspec import UNSET
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from agent.config import Mqtt
from agent.contract import ContractError, Status, Watermark, decode, encode, topics
from agent.uplink import Tcp, tcp

log = logging.getLogger("footfall.connection")

_LOOP_S = 0.2
_LAST_LOOPS = 5
# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_HOSTNAME_MISMATCH and for an address
_NOT_YET, _EXPIRED, _OTHER_NAME, _OTHER_ADDRESS = 9, 10, 62, 64
_ALERT = re.compile(r"ALERT_(\w+)")  # as OpenSSL names what a peer said of our certificate (RFC 8446, 6.2)
_ALERT_TIMEOUT_S = 3.0
_CONNECT_TIMEOUT_S = 10.0  # of an address that does not answer; nothing else is done meanwhile


class BrokerError(Exception):
    """The broker cannot be used. The message says why, and what to do about it."""


def _todo(code: int) -> str:
    """What to do about a broker's certificate that OpenSSL refuses with this code."""
    clock = (
        f"this machine's clock says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: if that is wrong, "
        "check it with 'timedatectl'"
    )
    todo = {
        _EXPIRED: f"renew it at the broker; {clock}",
        _NOT_YET: clock,
        _OTHER_NAME: "check mqtt.host, which must be a name in that certificate",
        _OTHER_ADDRESS: "check mqtt.host, which must be an address in that certificate",
    }
    return todo.get(code, "check mqtt.ca_file and mqtt.host")


def _alert(settings: Mqtt) -> str:
    """What the broker's TLS says of our certificate to somebody who then says nothing; "" if it says nothing either.

    It ends a connection that has said CONNECT by a reset, and that may overtake what it had to say.
    """
    context = ssl.create_default_context(cafile=settings.ca_file)
    try:
        context.load_cert_chain(settings.certificate_file or "", settings.key_file)
        with (
            socket.create_connection((settings.host, settings.port), _ALERT_TIMEOUT_S) as line,
            context.wrap_socket(line, server_hostname=settings.host) as talk,
        ):
            talk.recv(1)
    except ssl.SSLError as error:
        found = _ALERT.search(error.reason or "")
        return found[1] if found else ""
    except OSError:
        return ""
    return ""


def _refusal(alert: str, certificate: str) -> str:
    """What a broker that hung up has against our certificate, by its TLS alert, and what to do about it."""
    clock = "check this machine's clock with 'timedatectl', or claim the sensor anew"
    said = {
        "": "it does not say why; check there which authority it believes",
        "CERTIFICATE_REVOKED": "it was revoked; claim the sensor anew",
        "CERTIFICATE_EXPIRED": f"it has expired; {clock}",
        "UNKNOWN_CA": "it is by another authority than the broker believes; check there which one",
    }
    reason = said.get(alert, f"{alert.lower().replace('_', ' ')}; claim the sensor anew")
    return f"The broker hung up: it does not accept this sensor's certificate {certificate}: {reason}."


class Connection:
    """One connection to the broker, from CONNECT to its end. `heard` holds the watermarks that came in, `desired` the
    settings from the fleet and `keys` the lists of who signs them, as bytes nobody has looked at; those two come only
    where `takes_settings`. So do `renewed`, the answers to a request for the next certificate, where it `renews`.

    Under another `client_id` than the sensor's own name it only looks whether the broker answers.
    """

    def __init__(
        self,
        settings: Mqtt,
        sensor: str,
        client_id: str | None = None,
        *,
        takes_settings: bool = False,
        renews: bool = False,
    ) -> None:
        self.heard: list[Watermark] = []
        self.desired: list[bytes] = []
        self.keys: list[bytes] = []
        self.renewed: list[bytes] = []
        self.up = False
        self.refused: str | None = None
        self._sensor = sensor
        self._speaks = client_id is None
        self._listens = [topics.keys(sensor), topics.config(sensor)] if takes_settings else []
        if renews:
            self._listens.append(topics.certificate(sensor))
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

    @property
    def line(self) -> Tcp | None:
        """How the connection is by the kernel's count; None once it is gone."""
        sock = self._client.socket()
        return tcp(sock) if isinstance(sock, socket.socket) else None

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

    def unanswered(self) -> str:
        """Why the cloud may say nothing though the broker let us in: it drops what a certificate gives no right to."""
        return self._own_fault() or "The cloud acknowledges nothing: connecting anew."

    def close(self, *, in_order: bool = True) -> None:
        """Say that we are gone, and not have the will say it; with a goodbye if we are stopped `in_order`."""
        with suppress(Exception):  # it may be long gone
            if self.up and self._speaks:
                gone = Status(state="offline", goodbye=True if in_order else UNSET)
                said = self._client.publish(topics.up(self._sensor, "status"), encode(gone), 1, retain=True)
                # The library leaves as soon as it has said DISCONNECT. With something unread then, the connection would
                # be reset, and the broker might never read that goodbye.
                for _ in range(_LAST_LOOPS):
                    if said.is_published() or self._client.loop(_LOOP_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                        break
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
        return self._own_fault() or _refusal(_alert(self._settings), self._settings.certificate_file)

    def _own_fault(self) -> str | None:
        """What is wrong with our own TLS files; looked at only where a connection failed."""
        mine = self._settings
        if mine.ca_file is None:
            return None
        from agent import papers  # noqa: PLC0415 - it brings 13 MB, which a sensor without faults need not carry

        return papers.fault(mine.ca_file, mine.certificate_file, mine.key_file, self._sensor, datetime.now(UTC))

    def _on_connect(self, client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.refused = f"The broker refused us ({reason}): check this sensor's certificate or name."
            return
        client.subscribe(topics.watermark(self._sensor), qos=1)
        for topic in self._listens:
            client.subscribe(topic, qos=1)
        self.up = True

    def _unread(self, topic: str) -> list[bytes]:
        if topic == topics.certificate(self._sensor):
            return self.renewed
        return self.keys if topic == topics.keys(self._sensor) else self.desired

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic in self._listens:
            self._unread(message.topic).append(bytes(message.payload))
            return
        if message.topic != topics.watermark(self._sensor):
            return  # some brokers hand out retained messages of topics nobody asked for
        try:
            self.heard.append(decode(Watermark, message.payload))
        except ContractError as error:
            log.warning("a watermark was not understood: %s", error)
