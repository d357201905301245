"""Live: 2,000 probe requests a second through a kernel interface; what is lost, and what hearing them costs.

1. A radiotap tap interface in a network namespace of its own. The frames are real ones, from the shared captures.
2. Two arms, one after the other in one run, each a process of its own: our radio and core (filter in the kernel,
   decode, tag, count), and scapy's AsyncSniffer with the same filter, `store=False`, and a callback that does
   nothing but read the sender's address.
3. Lost is what the kernel says it dropped for that socket (PACKET_STATISTICS). CPU seconds are user and system time
   of the process from the moment it listens. scapy loses most frames, so the costs are compared per frame received.

As root, run: PYTHONPATH=. python benchmarks/live.py [--seconds 60] [--rate 2000]
"""

import argparse
import json
import os
import signal
import struct
import subprocess
import sys
import time
from types import ModuleType
from typing import Any

from agent.core.sensor import Sensor
from agent.radio.wifi import Wifi
from benchmarks import parts

INTERFACE = "mon0"
FILTER = "type mgt subtype probe-req"
SETTLE_S = 1.0
LEAST_RATIO = 25
STOPPING: list[int] = []


def ours() -> dict[str, float]:
    sensor, radio = Sensor(("wifi",), lambda: os.urandom(32)), Wifi(INTERFACE, time.time)
    sensor.listen("wifi", time.time())
    received = dropped = 0
    begun = time.process_time()
    while not STOPPING:
        received += sum(map(sensor.feed, radio.frames(0.5)))
        dropped += radio.dropped()
        sensor.poll(time.time())
    return {"received": received, "dropped": dropped, "cpu_s": time.process_time() - begun}


def scapy() -> dict[str, float]:
    from scapy.arch.linux import L2ListenSocket  # noqa: PLC0415 - the other arm shall not carry it
    from scapy.layers.dot11 import RadioTap  # noqa: F401, PLC0415 - registers the layer
    from scapy.sendrecv import AsyncSniffer  # noqa: PLC0415

    received = [0]

    def note(packet: Any) -> None:
        received[0] += packet.addr2 is not None

    heard = L2ListenSocket(iface=INTERFACE, filter=FILTER)
    sniffer = AsyncSniffer(opened_socket=heard, store=False, prn=note)
    begun = time.process_time()
    sniffer.start()
    while not STOPPING:
        time.sleep(0.1)
    used_s = time.process_time() - begun
    dropped = struct.unpack("II", heard.ins.getsockopt(263, 6, 8))[1]
    sniffer.stop(join=False)
    return {"received": received[0], "dropped": dropped, "cpu_s": used_s}


def measure(tool: ModuleType, tap: Any, arm: str, packets: list[Any], rate: float) -> dict[str, float]:
    command = [sys.executable, __file__, "--arm", arm]
    listener = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while not tool.sniffers_on(INTERFACE):
        if listener.poll() is not None:
            raise RuntimeError(f"the arm {arm} ended with {listener.returncode}")
        time.sleep(0.05)
    time.sleep(SETTLE_S)
    sent = tool.replay(tap, packets, rate)
    time.sleep(SETTLE_S)
    listener.terminate()
    told = json.loads(listener.communicate(timeout=60)[0])
    return {"sent": sent.written, "rate": sent.rate, **told}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=2000.0)
    parser.add_argument("--arm", choices=("ours", "scapy"), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.arm:
        signal.signal(signal.SIGTERM, lambda number, _: STOPPING.append(number))
        print(json.dumps(ours() if wanted.arm == "ours" else scapy()))
        return 0
    from tests import oracle  # noqa: PLC0415 - brings scapy, which our arm shall not carry

    tool = parts.tap_tool()
    frames = oracle.captured(parts.shared("data/pintor_train"))
    count = int(wanted.seconds * wanted.rate)
    packets = [tool.Packet(0.0, frames[number % len(frames)]) for number in range(count)]
    parts.own_network()
    with tool.RadiotapTap(INTERFACE) as tap:
        found = {arm: measure(tool, tap, arm, packets, wanted.rate) for arm in ("ours", "scapy")}
    print(f"{wanted.rate:.0f} probe requests a second for {wanted.seconds:.0f} s, from {len(frames)} real frames")
    names = ("sent", "received", "dropped", "cpu_s")
    rows = [
        (arm, *(told[name] for name in names), told["cpu_s"] / told["received"] * 1e6) for arm, told in found.items()
    ]
    parts.table([("arm", *names, "us CPU/frame"), *rows], (8, 10, 10, 10, 10, 14))
    ratio = rows[1][-1] / rows[0][-1]
    print(f"per frame received scapy needs {ratio:.0f}x our CPU; wanted: {LEAST_RATIO}x, and nothing dropped")
    return 0 if ratio >= LEAST_RATIO and not found["ours"]["dropped"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
