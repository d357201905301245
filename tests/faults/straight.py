"""Straight: a sensor without an outbox, the control of the kills.

It closes the same windows and hands each to an MQTT client at QoS 1 at once; the broker's PUBACK is its receipt. What
is under way lives in its memory. Before it hands a window over it notes it in a file, which the test reads and not it.
"""

import os
import secrets
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from agent import line
from agent.config import load
from agent.contract import ReportBatch, encode, topics
from agent.core.sensor import Sensor
from agent.ear import Ear
from agent.line import Line
from agent.sense import draw_key, make_clock, open_wifi

LOOK_S, FAREWELL_S = 0.5, 20.0
NOTES = "closed"


def main(settings: Path) -> None:
    """Sense and publish until SIGTERM, then wait for the receipts."""
    ending, receipts, sequence = threading.Event(), [], 0
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    config = load(settings)
    clock = make_clock(config)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=config.sensor, clean_session=False)
    client.on_publish = lambda _client, _data, number, *_: receipts.append(number)
    client.reconnect_delay_set(1, 4)
    client.connect_async(config.mqtt.host, config.mqtt.port, config.mqtt.keepalive_s)
    client.loop_start()
    sensor = Sensor(("wifi",), draw_key, config.window_s)
    ear = Ear("wifi", partial(open_wifi, config, clock), sensor, clock)
    epoch = f"{time.monotonic_ns() // 1_000_000:08x}{secrets.token_hex(4)}"
    notes = os.open(settings.with_name(NOTES), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    while not ending.is_set():
        for report in sensor.poll(clock.now()):
            sequence += 1
            body = encode(report)
            os.write(notes, line.write(Line(epoch, sequence, body)))
            batch = ReportBatch(sensor=config.sensor, epoch=epoch, first=sequence, reports=[msgspec.Raw(body)])
            client.publish(topics.up(config.sensor, "report"), encode(batch), qos=1)
        ear.listen(LOOK_S)
    until = time.monotonic() + FAREWELL_S
    while len(receipts) < sequence and time.monotonic() < until:
        time.sleep(0.1)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
