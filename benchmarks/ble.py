"""Ble: 300 Bluetooth advertisements a second in real time; what hearing them costs in CPU, and whether memory grows.

1. In place of an adapter there is a pair of sockets that carries what the kernel's monitor channel shows, made after
   the standards. The filter in the kernel, the reading, and the core (decode, tag, count, windows of five minutes) are
   the sensor's own. One packet in four is another adapter's and is left out by the filter.
2. The advertisements are those of real kinds of things, from 200 devices at any moment, each of which gets a new
   address every 15 minutes, as phones do.
3. The sensing side is a process of its own. CPU is its user and system time over the time that passed. Memory is what
   is resident, once a second; its growth is a line through the second half (least squares), and means little before
   an hour.

Run: PYTHONPATH=. python benchmarks/ble.py [--seconds 60] [--rate 300]
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from agent.core.sensor import Sensor
from agent.radio import tap
from agent.radio.tap import Tap
from benchmarks import parts

ADAPTER, LIMIT_PERCENT = "hci0", 10.0
DEVICES, ADDRESS_LASTS_S = 200, 900.0
STOPPING: list[int] = []


def sense(opened: socket.socket) -> dict[str, object]:
    """The sensing side, until it is told to stop."""
    tap.prepare(opened, ADAPTER)
    print(flush=True)
    sensor, radio = Sensor(("ble",), lambda: os.urandom(32)), Tap(opened, ADAPTER, time.time)
    sensor.listen("ble", time.time())
    counted, resident, begun, used = 0, [], time.monotonic(), time.process_time()
    while not STOPPING:
        counted += sum(map(sensor.feed, radio.frames(0.5)))
        sensor.drop("ble", radio.dropped())
        sensor.poll(time.time())
        if time.monotonic() - begun >= len(resident):
            resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    share = (time.process_time() - used) / (time.monotonic() - begun)
    return {"counted": counted, "received": radio.reports, "share": share, "resident": resident}


def send(far: socket.socket, rate: float, seconds: float) -> int:
    """The adapter and all that it hears; how many of its reports were sent."""
    from tests import advertisers, reports  # noqa: PLC0415 - the sensing side shall not carry them

    drawn = random.Random(1)
    kinds = [one.data for one in advertisers.KNOWN if len(one.data) <= 31]
    devices = [
        (drawn.choice(kinds), drawn.uniform(0, ADDRESS_LASTS_S), drawn.randint(-95, -45)) for _ in range(DEVICES)
    ]
    begun, sent = time.monotonic(), 0
    for number in range(int(seconds * rate)):
        due = begun + number / rate
        time.sleep(max(0.0, due - time.monotonic()))
        which = drawn.randrange(DEVICES)
        data, already, signal_dbm = devices[which]
        turn = int((due - begun + already) / ADDRESS_LASTS_S)
        sender = f"5{which % 16:x}:{which // 16:02x}:00:00:{turn >> 8 & 255:02x}:{turn & 255:02x}"
        report = reports.legacy(sender, data, signal_dbm + drawn.randint(-4, 4))
        far.send(reports.shown(reports.EVENT, report))
        sent += 1
        if number % 3 == 0:
            far.send(reports.shown(reports.EVENT, report, adapter=1))
    return sent


def measure(rate: float, seconds: float) -> dict[str, object]:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    command = [sys.executable, __file__, "--on", str(near.fileno())]
    with near, far, subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[near.fileno()]) as listener:
        assert listener.stdout
        listener.stdout.readline()
        sent = send(far, rate, seconds)
        time.sleep(1.0)
        listener.terminate()
        return {"sent": sent, **json.loads(listener.communicate(timeout=60)[0])}


def growth(values: list[int]) -> float:
    """Bytes an hour, of values once a second."""
    later = values[len(values) // 2 :]
    at = [one - (len(later) - 1) / 2 for one in range(len(later))]
    mean = sum(later) / len(later)
    return 3600 * sum(x * (y - mean) for x, y in zip(at, later, strict=True)) / max(1.0, sum(x * x for x in at))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=300.0)
    parser.add_argument("--on", type=int, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.on is not None:
        signal.signal(signal.SIGTERM, lambda number, _: STOPPING.append(number))
        print(json.dumps(sense(socket.socket(fileno=wanted.on))))
        return 0
    found = measure(wanted.rate, wanted.seconds)
    percent, resident = 100 * found["share"], found["resident"]
    print(f"{wanted.rate:.0f} advertisements a second for {wanted.seconds:.0f} s, load {os.getloadavg()[0]:.1f}")
    columns = ("sent", "received", "counted", "CPU % of a core", "resident MB", "growth kB/h")
    row = (found["sent"], found["received"], found["counted"], percent, resident[-1] / 1e6, growth(resident) / 1e3)
    parts.table([("", *columns), ("sensing", *row)], (10, 10, 10, 10, 17, 13, 13))
    print(f"wanted: all received, and under {LIMIT_PERCENT:.0f} % of a core")
    return 0 if percent < LIMIT_PERCENT and found["received"] == found["sent"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
