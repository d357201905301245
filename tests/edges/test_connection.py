"""The short way of `Connection`: the same messages however the bytes arrive, and paho for everything else."""

import socket
from contextlib import contextmanager

import pytest
from paho.mqtt.enums import MQTTErrorCode

from cloud.connection import NOT_TEXT, Connection, Message

CONNACK, PINGRESP = b"\x20\x02\x00\x00", b"\xd0\x00"


def packet(kind, body):
    length, left = bytearray(), len(body)
    while left > 127:
        length.append(left % 128 | 128)
        left //= 128
    return bytes([kind, *length, left]) + body


def publish(mid, payload, topic=b"a/b", kind=0x32):
    middle = mid.to_bytes(2, "big") if kind & 0x06 else b""
    return packet(kind, len(topic).to_bytes(2, "big") + topic + middle + payload)


class Peer:
    """The broker's end of a connection: sends what it is told to, and hands over what it was sent."""

    def __init__(self, client, end):
        self.client, self.end = client, end

    def say(self, *pieces):
        outcome = MQTTErrorCode.MQTT_ERR_SUCCESS
        for piece in pieces:
            self.end.sendall(piece)
            outcome = self.client.loop(0.2)
        return outcome


@contextmanager
def connected():
    client = Connection("cloud")
    with socket.create_server(("127.0.0.1", 0)) as server:
        client.connect("127.0.0.1", server.getsockname()[1])
        end, _ = server.accept()
        with end:
            end.settimeout(2)
            end.recv(1000)  # CONNECT
            peer = Peer(client, end)
            peer.say(CONNACK)
            assert client.is_connected()
            yield peer
            client.disconnect()


def test_messages_are_the_same_however_the_bytes_are_cut() -> None:
    payloads = [b"", b"x", b"y" * 127, b"z" * 20_000]
    stream = b"".join(publish(n, one) for n, one in enumerate(payloads, 1)) + PINGRESP + publish(9, b"last")
    expected = [Message(n, 1, "a/b", one) for n, one in enumerate(payloads, 1)] + [Message(9, 1, "a/b", b"last")]
    for size in (1, 7, 1000, len(stream)):
        if size == 1:
            cut = [stream[at : at + 1] for at in range(300)] + [stream[300:]]
        else:
            cut = [stream[at : at + size] for at in range(0, len(stream), size)]
        with connected() as peer:
            assert peer.say(*cut) == MQTTErrorCode.MQTT_ERR_SUCCESS
            assert peer.client.arrived == expected, f"in pieces of {size}"


@pytest.mark.parametrize("kind", [0x32, 0x33, 0x3A, 0x3B])
def test_sent_again_or_retained_is_a_message_as_any(kind: int) -> None:
    with connected() as peer:
        peer.say(publish(5, b"p", kind=kind))
        assert peer.client.arrived == [Message(5, 1, "a/b", b"p")]


@pytest.mark.parametrize(("kind", "mid", "qos"), [(0x30, 0, 0), (0x32, 3, 1)])
def test_a_topic_that_is_no_text_is_named_so(kind: int, mid: int, qos: int) -> None:
    with connected() as peer:
        peer.say(publish(mid, b"p", topic=b"\xff\xfe", kind=kind))
        assert peer.client.arrived == [Message(mid, qos, NOT_TEXT, b"p")]


def test_acknowledgements_leave_together_and_only_where_they_are_due() -> None:
    with connected() as peer:
        peer.say(publish(1, b"a") + publish(0, b"b", kind=0x30) + publish(65535, b"c"))
        peer.client.acknowledge(peer.client.arrived)
        assert peer.end.recv(100) == b"\x40\x02\x00\x01\x40\x02\xff\xff"
        peer.client.acknowledge([])
        peer.client.acknowledge([Message(2, 1, "a/b", b"")])
        assert peer.end.recv(100) == b"\x40\x02\x00\x02"


@pytest.mark.parametrize("bad", [b"\x32\xff\xff\xff\xff\xff\x01", packet(0x32, b"\x00\x09a"), packet(0x32, b"")])
def test_a_packet_that_is_not_well_formed_ends_the_connection(bad: bytes) -> None:
    with connected() as peer:
        assert peer.say(publish(1, b"good") + bad) != MQTTErrorCode.MQTT_ERR_SUCCESS
        assert peer.client.arrived == [Message(1, 1, "a/b", b"good")]


def test_the_end_of_a_connection_is_seen_and_half_a_packet_forgotten() -> None:
    with connected() as peer:
        peer.say(publish(1, b"whole") + publish(2, b"half")[:-2])
        peer.end.shutdown(socket.SHUT_RDWR)
        assert peer.client.loop(0.2) == MQTTErrorCode.MQTT_ERR_CONN_LOST
        assert [one.payload for one in peer.client.arrived] == [b"whole"]
        with socket.create_server(("127.0.0.1", 0)) as server:
            peer.client.connect("127.0.0.1", server.getsockname()[1])
            again, _ = server.accept()
            with again:
                again.sendall(CONNACK + publish(2, b"half"))
                peer.client.loop(0.2)
                assert [one.payload for one in peer.client.arrived] == [b"whole", b"half"]
