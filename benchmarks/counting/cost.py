"""What counting costs: time for a busy window, memory with many devices in view, and both under a flood.

    python benchmarks/counting/cost.py

Each part runs in a process of its own, so that its memory is its own. Time is CPU time of one core; the sensor is the
whole core, from bytes to report. Limits: 60 ms for 100 devices, 64 MB for 200, and a flood of 5,000 random addresses a
second for ten minutes that neither grows memory nor passes for people.
"""

import os
import resource
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from random import Random

from agent.core.count import Counter
from agent.core.dot11 import Decoder
from agent.core.frame import Frame, Link
from agent.core.pseudonym import Pseudonym, Trace
from agent.core.sensor import Sensor
from agent.radio import street

START = 1_763_942_400
PARTS = ("window of 100 devices", "200 devices in view", "flood, cold", "flood, warm")


def main() -> int:
    if len(sys.argv) > 1:
        print({"100": one_window, "200": in_view, "cold": flood, "warm": flood_warm}[sys.argv[1]]())
        return 0
    print("| what | figure |\n|---|---|")
    for name, key in zip(PARTS, ("100", "200", "cold", "warm"), strict=True):
        done = subprocess.run([sys.executable, __file__, key], check=True, capture_output=True, text=True)
        print(f"| {name} | {done.stdout.strip()} |")
    return 0


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def crowd(devices: int) -> list[Frame]:
    """Everything heard in five minutes of so many people who stay."""
    people = [
        street.Person(START - 600.0 * Random(n).random(), START + 900.0, -50.0 - n % 35, True, n)
        for n in range(devices)
    ]
    found: list[Frame] = []
    for person in people:
        spoken = street._phone(street.Profile(seed=5), street.date(2025, 11, 24), person)
        found += [frame for frame in spoken if START <= frame.at < START + 300]
    return sorted(found, key=lambda frame: frame.at)


def one_window() -> str:
    frames, spent = crowd(100), []
    for _ in range(9):
        sensor = made()
        began = time.process_time()
        for frame in frames:
            sensor.feed(frame)
        sensor.poll(START + 300)
        spent.append(1000 * (time.process_time() - began))
    closing = []
    for _ in range(9):
        counter = Counter(300)
        traces = [(frame.at, trace) for frame in frames if (trace := traced(frame))]
        began = time.process_time()
        for at, trace in traces:
            counter.hear(trace, at)
        counter.close(-70)
        closing.append(1000 * (time.process_time() - began))
    return (
        f"{statistics.median(closing):.0f} ms to count, {statistics.median(spent):.0f} ms with decoding and tagging, "
        f"for {len(frames)} frames"
    )


def traced(frame: Frame) -> Trace | None:
    sighting = Decoder().radiotap(frame.payload)
    return sighting and Pseudonym(bytes(32), -127).trace(sighting)


def in_view() -> str:
    before = peak_mb()
    sensor = made()
    for frame in crowd(200):
        sensor.feed(frame)
    report = sensor.poll(START + 300)[0]
    counted = report.wifi and report.wifi.present
    return f"{peak_mb():.0f} MB in all, {peak_mb() - before:.1f} MB for it; counted {counted and counted.devices:.0f}"


def flood() -> str:
    return flooded(made())


def flood_warm() -> str:
    sensor = made()
    for frame in street.frames(street.Profile(seed=9, time_zone="Etc/UTC"), START):
        if frame.at >= START + 14 * 3600:
            break
        sensor.feed(frame)
    sensor.poll(START + 14 * 3600)
    return flooded(sensor, START + 14 * 3600)


def flooded(sensor: Sensor, start: int = START) -> str:
    before, began = peak_mb(), time.process_time()
    for frame in islice(flood_frames(start), 5000 * 600):
        sensor.feed(frame)
    spent = time.process_time() - began
    reports = [report.wifi for report in sensor.poll(start + 600.1) if report.wifi]
    counted = [report.present.devices if report.present else None for report in reports]
    flags = [report.flooded for report in reports]
    return (
        f"3,000,000 addresses: counted {counted}, flagged {flags}, {peak_mb() - before:.1f} MB more, {spent:.0f} s CPU"
    )


def flood_frames(start: int) -> Iterator[Frame]:
    rng = Random(1)
    head = struct.pack("<BBHIBBHHb", 0, 0, 15, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5, 0, 2, 2437, 0xA0, -60)
    for number in range(5000 * 600):
        address = b"\x02" + rng.randbytes(5)
        frame = struct.pack("<HH6s6s6sH", 0x40, 0, b"\xff" * 6, address, b"\xff" * 6, 0) + b"\0\0\1\4\2\4\x0b\x16"
        yield Frame(start + number / 5000, Link.RADIOTAP, head + frame)


def made() -> Sensor:
    sensor = Sensor(("wifi",), lambda: os.urandom(32))
    sensor.listen("wifi", START)
    return sensor


if __name__ == "__main__":
    sys.exit(main())
