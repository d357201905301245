"""Connection: paho's client, with a short way for what comes by the thousand.

1. A PUBLISH of QoS 1 is cut out of what was read and put into `arrived`; every other packet goes to paho, whole,
   and so does one that is not well formed: paho then says what is wrong with it.
2. Acknowledgements of one commit leave in one write. For every segment that holds one the broker wakes up.
3. Nothing is acknowledged here: who takes from `arrived` does that.

paho alone asks the kernel three times or more for a packet, makes a locked object of it, and sends each
acknowledgement by itself: two thirds of the time a small message took, measured. Clauses are of MQTT 3.1.1.
"""

from collections.abc import Iterable
from io import BytesIO
from typing import Any, NamedTuple

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MessageType, MQTTErrorCode

READ_BYTES = 256 * 1024
NOT_TEXT = "(not UTF-8)"  # as a topic: goes to the quarantine, like any topic that names no sensor
# 3.3.1: type and QoS of a PUBLISH, without DUP and RETAIN, which change nothing for us.
_PUBLISH_QOS_1, _TYPE_AND_QOS = 0x32, 0xF6


class Message(NamedTuple):
    """What came, and what its acknowledgement needs. paho's own message holds a lock: a burden by the thousand."""

    mid: int
    qos: int
    topic: str
    payload: bytes


class Connection(Client):
    """A persistent session, driven by `loop()`; what came is in `arrived` until someone takes it away."""

    def __init__(self, client_id: str) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            protocol=MQTTv311,
            manual_ack=True,
        )
        self.arrived: list[Message] = []
        self.on_message = self._take_other
        self._forget()

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Tell the broker that it may forget messages."""
        packets = b"".join([b"\x40\x02" + one.mid.to_bytes(2, "big") for one in messages if one.qos])  # 3.4
        if packets:
            self._packet_queue(MessageType.PUBACK, packets, 0, 1)

    def reconnect(self) -> MQTTErrorCode:
        """Connect anew; half a packet of the connection before is forgotten."""
        self._forget()
        return super().reconnect()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Deal with every whole packet that has come."""
        try:
            came = super()._sock_recv(READ_BYTES)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            came = b""  # the connection is gone
        self._unread += came
        outcome, at = MQTTErrorCode.MQTT_ERR_SUCCESS, 0
        while outcome == MQTTErrorCode.MQTT_ERR_SUCCESS and (span := _body(self._unread, at)):
            if not self._take(at, *span):
                self._for_paho = BytesIO(self._unread[at : span[1]])
                outcome = super().loop_read(max_packets)
            at = span[1]
        del self._unread[:at]
        if not came:
            self._ended = True
            return super().loop_read(max_packets)
        return outcome

    def _take(self, at: int, begin: int, end: int) -> bool:
        """Put a PUBLISH of QoS 1 into `arrived`; False for any other packet."""
        unread = self._unread
        topic_end = begin + 2 + int.from_bytes(unread[begin : begin + 2], "big")
        payload_at = topic_end + 2
        if unread[at] & _TYPE_AND_QOS != _PUBLISH_QOS_1 or payload_at > end:
            return False
        mid = int.from_bytes(unread[topic_end:payload_at], "big")
        self.arrived.append(Message(mid, 1, _text(unread[begin + 2 : topic_end]), bytes(unread[payload_at:end])))
        return True

    def _take_other(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = NOT_TEXT
        self.arrived.append(Message(message.mid, message.qos, topic, bytes(message.payload)))

    def _forget(self) -> None:
        self._unread, self._for_paho, self._ended = bytearray(), BytesIO(), False

    def _sock_recv(self, bufsize: int) -> bytes:
        """What paho reads from: one packet at a time, and the end."""
        if found := self._for_paho.read(bufsize):
            return found
        if self._ended:
            return b""
        raise BlockingIOError


def _text(topic: bytes | bytearray) -> str:
    try:
        return topic.decode()
    except UnicodeDecodeError:
        return NOT_TEXT


def _body(unread: bytearray, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at `at` begins and ends (2.2.3); None if not all of it is here."""
    length, held = 0, len(unread)
    for number in range(5):
        place = at + 1 + number
        if place >= held:
            return None
        length |= (unread[place] & 127) << 7 * number
        if unread[place] < 128:
            return (place + 1, place + 1 + length) if place + 1 + length <= held else None
    return place + 1, place + 1  # a length of five bytes is a mistake
