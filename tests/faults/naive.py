"""Naive: a sensor without an outbox, the control of the faults on a line.

It gives each report to an MQTT client and takes the broker's PUBACK (QoS 1) or nothing at all (QoS 0) for a receipt.
What the client still holds lives in its memory. Told to end, it waits for what is under way and says how many it gave.
"""

import signal
import sys
import threading
import time

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from agent.contract import Report, ReportBatch, encode, topics
from tests.faults.parts import START, WINDOW_S

PAUSE_S, FAREWELL_S = 0.2, 20.0
EPOCH = "0" * 16


def main(sensor: str, host: str, port: int, qos: int, *tls: str) -> int:
    """Publish until SIGTERM; how many reports were given away. `tls`: files of the authority, certificate and key."""
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=sensor, clean_session=False)
    receipts: list[int] = []
    client.on_publish = lambda _client, _data, number, *_: receipts.append(number)
    client.reconnect_delay_set(0.1, 2)  # sooner than a careful one: the broker may not know its cloud again yet
    if tls:
        client.tls_set(*tls)
    client.connect_async(host, port, keepalive=5)
    client.loop_start()
    given = 0
    while not ending.wait(PAUSE_S):
        given += 1
        client.publish(topics.up(sensor, "report"), _batch(sensor, given), qos=qos)
    until = time.monotonic() + FAREWELL_S
    while qos and len(receipts) < given and time.monotonic() < until:
        time.sleep(0.1)
    client.disconnect()
    client.loop_stop()
    return given


def _batch(sensor: str, sequence: int) -> bytes:
    report = Report(window_start=START + sequence * WINDOW_S, window_s=WINDOW_S, clock="trusted")
    return encode(ReportBatch(sensor=sensor, epoch=EPOCH, first=sequence, reports=[msgspec.Raw(encode(report))]))


if __name__ == "__main__":
    name, where, at, quality, *more = sys.argv[1:]
    print(main(name, where, int(at), int(quality), *more))
