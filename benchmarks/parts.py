"""What the radio benchmarks share: the shared material, an interface of their own, CPU time, and a table."""

import ctypes
import importlib.util
import os
import resource
import statistics
import struct
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
CLONE_NEWNET = 0x40000000


def shared(part: str) -> Path:
    """A folder of the shared material beside the checkout; ends the script with a sentence where it is absent."""
    found = SHARED / part
    if not found.exists():
        skip(f"the shared material ({part}) is not beside this checkout")
    return found


def skip(reason: str) -> None:
    """End the script in good order: this machine cannot measure it."""
    print(f"not measured: {reason}")
    sys.exit(0)


def tap_tool() -> ModuleType:
    """The shared tool that makes radiotap interfaces; ends the script where it, or what it needs, is absent."""
    path = shared("tools") / "radiotap_tap.py"
    if os.geteuid() != 0 or not Path("/dev/net/tun").exists():
        skip("it needs root and /dev/net/tun, for a kernel interface of its own")
    spec = importlib.util.spec_from_file_location("radiotap_tap", path)
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = tool
    spec.loader.exec_module(tool)
    return tool


def own_network() -> None:
    """Move this process, and those it starts from now on, into a new network namespace. It goes with them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace")


def write_capture(path: Path, packets: Iterable[bytes], link: int = 127) -> None:
    """A pcap of the packets, a millisecond apart."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link))
        for number, packet in enumerate(packets):
            seconds, millis = divmod(number, 1000)
            file.write(struct.pack("<IIII", seconds, millis * 1000, len(packet), len(packet)) + packet)


def children_cpu_s() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def memory_mb(pid: int) -> tuple[float, float]:
    """(resident, proportional) memory of a process in MB: all its pages, and shared ones shared out."""
    found = dict(line.split()[:2] for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return int(found["Rss:"]) * 1024 / 1e6, int(found["Pss:"]) * 1024 / 1e6


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def table(rows: Iterable[Sequence[object]], widths: Sequence[int]) -> None:
    """Print rows, the first column to the left and the others to the right."""
    for row in rows:
        cells = [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row]
        first = cells[0].ljust(widths[0])
        print(first + "".join(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)))
