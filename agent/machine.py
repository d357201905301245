"""Machine: how the computer is that the sensor runs on, as far as the process that talks may see it.

1. It reads files below `root` that say something about the machine alone, and asks the kernel; it changes nothing. Its
   sandbox hides most of /proc, so it goes by /sys, by system calls, and by what /proc shows a process of itself.
2. What cannot be read, or makes no sense, is absent.

Sources: raspberrypi/documentation, vcgencmd (bits of get_throttled) and config.txt (chosen/bootloader/rsts); BCM2835
PM_RSTS; sysinfo(2), os-release(5); Linux Documentation/admin-guide/iostats, watchdog/watchdog-api and ABI/testing.
"""

import ctypes
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from agent.contract.health import Machine, Strain

T = TypeVar("T")
ROOT = Path("/")
_STRAINS: tuple[Strain, ...] = ("under-voltage", "capped", "throttled", "hot")  # bits 0 to 3, and 16 to 19
_POWER_ON, _WATCHDOG = 0x1000, 0x20  # PM_RSTS_HADPOR of a Raspberry Pi; WDIOF_CARDRESET of any watchdog
_SECTOR = 512  # bytes, whatever the device's own are
_LOAD_UNIT = 65536.0


class _Sysinfo(ctypes.Structure):
    """struct sysinfo, as far as it is read."""

    _fields_ = (("uptime", ctypes.c_long), ("loads", ctypes.c_ulong * 3), ("rest", ctypes.c_char * 256))


def look(state_dir: Path, root: Path = ROOT) -> Machine:
    """How it is now. `state_dir`: a folder on the disk that is meant."""
    strained = _maybe(lambda: _throttled(root))
    disk = _maybe(lambda: _disk(state_dir, root))
    told: dict[str, Any] = {
        "up_s": round(time.clock_gettime(time.CLOCK_BOOTTIME), 1),
        "boot": _maybe(lambda: _boot(root)),
        "model": _maybe(lambda: _model(root)),
        "kernel": _text(os.uname().release),
        "image": _maybe(lambda: _image(root)),
        "cpu_c": _maybe(lambda: round(int(_read(root, "sys/class/thermal/thermal_zone0/temp")) / 1000, 1)),
        "strained": UNSET if strained is UNSET else _strains(strained),
        "was_strained": UNSET if strained is UNSET else _strains(strained >> 16),
        "disk_free": _maybe(lambda: _free(state_dir)),
        "disk_written": UNSET if disk is UNSET else _maybe(lambda: _written(disk)),
        "disk_errors": UNSET if disk is UNSET else _maybe(lambda: _errors(disk, root)),
        "memory_free": _maybe(lambda: _memory(root)),
        "load": _maybe(_load),
    }
    return _sound(told)


def _sound(told: dict[str, Any]) -> Machine:
    """What fits the contract; a file of some other machine may say anything."""
    found: dict[str, Any] = {}
    for name, value in told.items():
        if value is not UNSET:
            try:
                msgspec.convert({name: value}, Machine)
            except msgspec.ValidationError:
                continue
            found[name] = value
    return Machine(**found)


def _maybe(reader: Callable[[], T]) -> T | UnsetType:
    try:
        return reader()
    except (OSError, ValueError, IndexError):
        return UNSET


def _read(root: Path, name: str) -> str:
    return (root / name).read_text(encoding="ascii", errors="replace").strip("\0 \n")


def _text(said: str) -> str | UnsetType:
    """Words of the maker of a machine or an image, as far as the contract takes them."""
    return re.sub(r"[^ -~]", "", said).strip()[:64] or UNSET


def _boot(root: Path) -> Literal["power", "restart", "watchdog"] | UnsetType:
    """What made it start. A Raspberry Pi restarts by its watchdog, so there the two are not told apart."""
    told = _maybe((root / "sys/firmware/devicetree/base/chosen/bootloader/rsts").read_bytes)
    if told is not UNSET and len(told) == 4:
        return "power" if int.from_bytes(told, "big") & _POWER_ON else "restart"
    status = _maybe(lambda: int(_read(root, "sys/class/watchdog/watchdog0/bootstatus"), 0))
    return "watchdog" if status is not UNSET and status & _WATCHDOG else UNSET


def _model(root: Path) -> str | UnsetType:
    for name in ("sys/firmware/devicetree/base/model", "sys/class/dmi/id/product_name"):
        said = _maybe(lambda name=name: _read(root, name))  # type: ignore[misc]
        if said is not UNSET:
            return _text(said)
    return UNSET


def _image(root: Path) -> str | UnsetType:
    """The name of the image, or else of the system."""
    lines = _read(root, "etc/os-release").splitlines()
    told = {key: value.strip("\"'") for key, mark, value in (line.partition("=") for line in lines) if mark}
    image = f"{told.get('IMAGE_ID', '')} {told.get('IMAGE_VERSION', '')}".strip()
    return _text(image or told.get("PRETTY_NAME", ""))


def _throttled(root: Path) -> int:
    """Of a Raspberry Pi. Where its firmware stands among the devices depends on the model."""
    found = sorted((root / "sys/devices/platform").glob("*/*firmware*/get_throttled"))
    return int(found[0].read_text().strip(), 16)


def _strains(bits: int) -> list[Strain]:
    return [name for place, name in enumerate(_STRAINS) if bits >> place & 1]


def _free(folder: Path) -> float:
    disk = os.statvfs(folder)
    return round(disk.f_bavail / disk.f_blocks, 4) if disk.f_blocks else 0.0


def _disk(folder: Path, root: Path) -> Path:
    device = folder.stat().st_dev
    return (root / f"sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve(strict=True)


def _written(disk: Path) -> int:
    return int((disk / "stat").read_text().split()[6]) * _SECTOR


def _errors(disk: Path, root: Path) -> int:
    return int(_read(root, f"sys/fs/ext4/{disk.name}/errors_count"))


def _memory(root: Path) -> float:
    """What could be had at once: free, or holding what lies on a disk anyhow."""
    told = _maybe(lambda: _meminfo(_read(root, "proc/meminfo")))
    if told is not UNSET and "MemAvailable" in told:
        return round(told["MemAvailable"] / told["MemTotal"], 4)
    node = _meminfo(_read(root, "sys/devices/system/node/node0/meminfo"))
    free = sum(node.get(name, 0) for name in ("MemFree", "Active(file)", "Inactive(file)", "SReclaimable"))
    if not node.get("MemTotal"):
        raise ValueError("no total")
    return round(min(1.0, free / node["MemTotal"]), 4)


def _meminfo(text: str) -> dict[str, int]:
    return {name: int(size) for name, size in re.findall(r"([A-Za-z()_]+):\s+(\d+)", text)}


def _load() -> float | UnsetType:
    answer = _Sysinfo()
    if ctypes.CDLL(None).sysinfo(ctypes.byref(answer)) != 0:
        return UNSET
    return round(int(answer.loads[0]) / _LOAD_UNIT / (os.cpu_count() or 1), 3)
