"""Disk: bytes that reach the device per report, for the outbox and for a plain file with fdatasync.

1. Each arm has an ext4 of its own in an image on a loop device. What is counted are the sectors written to that
   device (/sys/block/loopN/stat): data, journal and file tables, after the page cache. /proc/PID/io would count
   what a process dirties, not what is written.
2. Steady state: the outbox appends a report and acknowledges the one before, in two connections as the two
   processes do, after enough reports that its write-ahead log has been round once. The plain file gets the same
   bytes, one line a report, fdatasync after each, and is never shortened.
3. Twice: reports back to back, and with everything dirty written out between two (syncfs), as the five minutes
   between two windows leave the kernel time to do, and a tick of its clock later, so that every change has a time of
   its own as it has there. The second is what a card sees; most of it is the file system's own bookkeeping of changed
   times.

As root, run: PYTHONPATH=. python benchmarks/disk.py [--reports 1000]
"""

import argparse
import ctypes
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.contract import Estimate, Heard, Report, encode
from agent.outbox import Outbox
from benchmarks import parts

IMAGE_MB, SECTOR, TICK_S = 128, 512, 0.011
WARM_UP = 1000
PER_DAY, LIMIT_MB_PER_DAY, WANTED = 288, 200, 0.4
LIBC = ctypes.CDLL(None, use_errno=True)
Step = Callable[[int], None]


def report(number: int) -> Report:
    some = Estimate(devices=12.31, low=9.0, high=17.0)
    heard = Heard(
        listened_s=300.0, frames=1834, ignored=212, damaged=3, dropped=0, estimator="classes-and-tags/1",
        flooded=False, present=some, inside=some, outside=some,
    )  # fmt: skip
    return Report(window_start=1_700_000_100 + 300 * number, window_s=300, clock="trusted", wifi=heard)


@contextmanager
def device() -> Iterator[tuple[Path, Path]]:
    """(mounted folder, the device's counters) of a new ext4 with the 4 KB blocks of an SD card."""
    with tempfile.TemporaryDirectory() as scratch:
        image, folder = Path(scratch, "image"), Path(scratch, "mounted")
        folder.mkdir()
        with image.open("wb") as file:
            file.truncate(IMAGE_MB << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "4096", str(image)], check=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
        try:
            number = folder.stat().st_dev
            yield folder, Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
        finally:
            subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def outbox(folder: Path) -> Iterator[Step]:
    sensing, talking = Outbox(folder / "outbox.db"), Outbox(folder / "outbox.db")

    def hand_over(number: int) -> None:
        one = sensing.append(report(number))
        talking.acknowledge(one.epoch, one.sequence)

    yield hand_over
    sensing.close()
    talking.close()


@contextmanager
def plain_file(folder: Path) -> Iterator[Step]:
    file = os.open(folder / "reports.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def append(number: int) -> None:
        os.write(file, encode(report(number)) + b"\n")
        os.fdatasync(file)

    yield append
    os.close(file)


def bytes_per_report(arm: Callable[[Path], object], count: int, *, write_out: bool) -> float:
    with device() as (folder, counters):
        handle = os.open(folder, os.O_RDONLY)
        with arm(folder) as step:  # type: ignore[attr-defined]
            for number in range(WARM_UP):
                step(number)
            LIBC.syncfs(handle)
            before = _sectors(counters)
            for number in range(count):
                step(WARM_UP + number)
                if write_out:
                    LIBC.syncfs(handle)
                    time.sleep(TICK_S)
            LIBC.syncfs(handle)
            written = _sectors(counters) - before
        os.close(handle)
    return written * SECTOR / count


def _sectors(counters: Path) -> int:
    return int(counters.read_text().split()[6])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=1000)
    count = parser.parse_args().reports
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        parts.skip("it needs root and loop devices, to count what reaches a device of its own")
    print(f"{count} reports of {len(encode(report(0)))} bytes each; bytes written to the device per report")
    rows, ratios = [], []
    for name, write_out in (("back to back", False), ("written out between two", True)):
        ours = bytes_per_report(outbox, count, write_out=write_out)
        plain = bytes_per_report(plain_file, count, write_out=write_out)
        ratios.append(ours / plain)
        rows.append((name, round(ours), round(plain), ours / plain, ours * PER_DAY / 1e6))
    parts.table([("reports come", "outbox", "plain file", "ratio", "outbox MB/day"), *rows], (26, 10, 12, 8, 16))
    print(f"wanted: back to back at most {WANTED}x, and at most {LIMIT_MB_PER_DAY} MB a day of {PER_DAY} reports")
    return 0 if ratios[0] <= WANTED and rows[1][-1] <= LIMIT_MB_PER_DAY else 1


if __name__ == "__main__":
    raise SystemExit(main())
