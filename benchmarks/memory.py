"""Memory: what the two processes of a sensor take while they work, beside the stack one would reach for first.

1. `footfall-agent sense` hears 500 probe requests a second from 500 addresses over a kernel interface (as root; on
   other machines the simulated street, whose people are then in the same memory).
2. `footfall-agent sync` hands 1,000 reports to a real mosquitto, each acknowledged as the cloud does it, and stays
   connected.
3. A process that imports scapy.all, bleak, paho-mqtt and sqlite-utils and does nothing.

Resident memory is all pages of the process (Rss), proportional has those shared with others shared out (Pss); both
from /proc/PID/smaps_rollup, at the end. Run: PYTHONPATH=. python benchmarks/memory.py [--seconds 60]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from agent.contract import Estimate, Heard, Hello, Report, ReportBatch, Watermark, decode, encode, topics
from agent.core.frame import Link
from agent.outbox import Outbox
from benchmarks import parts
from tests import air, brokers

LIMIT_MB, RATE, ADDRESSES, REPORTS = 40, 500, 500, 1000
SENSOR = "bench:one"
OBVIOUS = "import scapy.all, bleak, paho.mqtt.client, sqlite_utils, time; print(flush=True); time.sleep(600)"


def config(folder: Path, rest: str) -> Path:
    path = folder / "config.toml"
    path.write_text(f'sensor = "{SENSOR}"\nstate_dir = "{folder}/state"\nrun_dir = "{folder}/run"\n{rest}')
    return path


def start(part: str, settings: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "agent", part, "--config", str(settings)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def sense(folder: Path, seconds: float) -> tuple[float, float]:
    if os.geteuid() != 0 or not (parts.SHARED / "tools").exists():
        print("without root: the simulated street in place of a kernel interface")
        settings = config(folder, 'radio.wifi = { source = "street", visitors_per_day = 2000 }\n')
        return _after(start("sense", settings), seconds)
    tool = parts.tap_tool()
    heard = [air.heard(0.0, f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}") for number in range(ADDRESSES)]
    assert heard[0].link == Link.RADIOTAP
    packets = [tool.Packet(0.0, bytes(frame.payload)) for frame in heard]
    parts.own_network()
    with tool.RadiotapTap("mon0") as tap:
        process = start("sense", config(folder, 'radio.wifi = { source = "monitor", interface = "mon0" }\n'))
        try:
            while not tool.sniffers_on("mon0"):
                time.sleep(0.05)
            sent = tool.replay(tap, packets, RATE, loop=int(seconds * RATE / len(packets)))
            print(f"sense heard {sent.written} frames in {sent.seconds:.0f} s")
            return parts.memory_mb(process.pid)
        finally:
            process.terminate()
            process.wait(10)


def sync(folder: Path, seconds: float) -> tuple[float, float]:
    with brokers.mosquitto(folder) as port:
        settings = config(folder, f"mqtt.port = {port}\n")
        fill(Outbox(folder / "state/outbox.db"))
        cloud = acknowledging(port)
        measured = _after(start("sync", settings), seconds)
        cloud.loop_stop()
        cloud.disconnect()
    left = Outbox(folder / "state/outbox.db").pending().waiting
    print(f"sync handed over {REPORTS - left} of {REPORTS} reports")
    return measured


def fill(outbox: Outbox) -> None:
    some = Estimate(devices=12.5, low=9.0, high=17.0)
    heard = Heard(
        listened_s=300.0, frames=1834, ignored=212, damaged=3, dropped=0, estimator="bench/1", flooded=False,
        present=some, inside=some, outside=some,
    )  # fmt: skip
    for number in range(REPORTS):
        outbox.append(Report(window_start=300 * number, window_s=300, clock="trusted", wifi=heard))
    outbox.close()


def acknowledging(port: int) -> Client:
    """A cloud that only says it has everything it was sent."""
    client = Client(CallbackAPIVersion.VERSION2)

    def answer(_client: Client, _userdata: object, message: object) -> None:
        if message.topic.endswith("hello"):
            told, upto = decode(Hello, message.payload), 0
        else:
            told = decode(ReportBatch, message.payload)
            upto = told.first + len(told.reports) - 1
        client.publish(topics.watermark(SENSOR), encode(Watermark(epoch=told.epoch, sequence=upto)), qos=1)

    client.on_message = answer
    client.connect("127.0.0.1", port)
    client.subscribe([(topics.up(SENSOR, leaf), 1) for leaf in ("hello", "report")])
    client.loop_start()
    return client


def obvious() -> tuple[float, float]:
    process = subprocess.Popen([sys.executable, "-c", OBVIOUS], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    measured = parts.memory_mb(process.pid)
    process.kill()
    process.wait()
    return measured


def _after(process: subprocess.Popen[bytes], seconds: float) -> tuple[float, float]:
    try:
        time.sleep(seconds)
        return parts.memory_mb(process.pid)
    finally:
        process.terminate()
        process.wait(10)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    wanted = parser.parse_args()
    rows: list[tuple[object, ...]] = []
    with tempfile.TemporaryDirectory() as talking, tempfile.TemporaryDirectory() as sensing:
        if brokers.MOSQUITTO:
            rows.append(("sync", *sync(Path(talking), min(20.0, wanted.seconds))))
        else:
            print(f"sync not measured: {brokers.MISSING}")
        rows.append(("scapy.all, bleak, paho, sqlite-utils", *obvious()))
        rows.append(("sense", *sense(Path(sensing), wanted.seconds)))
    parts.table([("process", "resident MB", "proportional MB"), *rows], (38, 14, 18))
    print(f"wanted: sense and sync at most {LIMIT_MB} MB each")
    return 0 if all(row[1] <= LIMIT_MB for row in rows if row[0] in ("sense", "sync")) else 1


if __name__ == "__main__":
    raise SystemExit(main())
