"""How the simulated street is counted: the sensor's core against the street's truth, window by window.

    python benchmarks/counting/street.py [--days 3]

The truth of a window is the number of devices inside, averaged over it. This says how the simulation is counted and is
printed beside the real captures' figures (accuracy.py) so that nobody takes one for the other.
"""

import argparse
import os
import statistics
import sys
import time

from agent.core.sensor import Sensor
from agent.radio import street

START = 1_763_942_400  # 2025-11-24 00:00 UTC, a Monday
WINDOW_S = 300
SHOPS = {
    "bakery": (11, 420, 2.5, 2, 3, 7, 19),
    "fashion": (12, 260, 6.0, 4, 6, 10, 20),
    "books": (13, 120, 4.0, 1, 4, 9, 18),
}


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--days", type=int, default=3)
    days = ask.parse_args().days
    print("| shop | windows with 5 or more inside | mean error | mean ratio | 80 % interval holds | frames/s counted |")
    print("|---|---|---|---|---|---|")
    for name, numbers in SHOPS.items():
        profile = street.Profile(*numbers, time_zone="Etc/UTC")
        began = time.process_time()
        rows, frames = count(profile, START + days * 86_400)
        speed = frames / (time.process_time() - began)
        busy = [(low, value, high, true) for low, value, high, true in rows if true >= 5]
        error = statistics.mean(abs(value - true) / true for _, value, _, true in busy)
        ratio = statistics.mean(value / true for _, value, _, true in busy)
        holds = statistics.mean(low <= true <= high for low, _, high, true in busy)
        print(f"| {name} | {len(busy)} | {error:.0%} | {ratio:.2f} | {holds:.0%} | {speed:.0f} |")
    return 0


def count(profile: street.Profile, end: float) -> tuple[list[tuple[float, float, float, float]], int]:
    """(low, devices, high, truth) of the inside zone per window, and the frames there were."""
    sensor = Sensor(("wifi",), lambda: os.urandom(32), WINDOW_S)
    sensor.listen("wifi", START)
    rows, frames = [], 0
    for frame in street.frames(profile, START):
        if frame.at >= end:
            break
        frames += 1
        sensor.feed(frame)
        for report in sensor.poll(frame.at):
            inside = report.wifi and report.wifi.inside
            if inside:
                rows.append((inside.low, inside.devices, inside.high, truth(profile, report.window_start)))
    return rows, frames


def truth(profile: street.Profile, start: int) -> float:
    return statistics.mean(street.truth(profile, start + second) for second in range(15, WINDOW_S, 30))


if __name__ == "__main__":
    sys.exit(main())
