"""Scan: a process of its own that keeps an adapter scanning, through BlueZ, for as long as somebody listens.

1. Its standard input is one end of a pair of sockets. When the other end is closed, whoever held it is gone, and this
   process ends; BlueZ ends the scan of a process that has ended.
2. It tells whole packets there: an advertisement (it begins with the HCI packet type 4), a beat every few seconds with
   what it could not tell, the sentence on how it scans, or the sentence on why it ends.
3. How it scans is chosen once, at the start. A scan that does not start is tried anew in a process without a past.
4. Where the adapter's reports are tapped (`tap`), BlueZ is asked for what no device sends. The adapter scans all the
   same, D-Bus stays silent, and BlueZ keeps no object, address or name of any device. Elsewhere BlueZ has to tell.
5. It writes no log, for bleak's could name a device.

A pattern never asks for a company's data: BlueZ 5.82, and some before it, falls over when a long advertisement meets
one (bluez issue 1169). Nor does one monitor have more than seven: BlueZ reckons their size in eight bits, and writes
beyond its memory from the eighth on (src/adv_monitor.c).

Sources: BlueZ doc/org.bluez.Adapter.rst (SetDiscoveryFilter), org.bluez.AdvertisementMonitor.rst; bleak's
documentation of its BlueZ backend; net/bluetooth/hci_sync.c for when reports are made only once.
"""

import asyncio
import logging
import os
import re
import socket
import struct
import sys
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from bleak import BleakScanner
from bleak.args.bluez import BlueZScannerArgs, OrPattern
from bleak.assigned_numbers import AdvertisementDataType
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError

from agent.lockdown import lock_down
from agent.radio import retold
from agent.radio.ble import BEAT, BEAT_S, ENDS, SCANS
from agent.radio.bluez import Bluez, Monitors, off, why

_PAUSES_S = (1.0, 2.0, 4.0)  # between one attempt and the next; so there is one more of those
_START_S, _ANSWER_S, _WATCH_S = 15.0, 10.0, 2.0
_AGAIN_S = 30.0
_PASSIVE_SINCE = (6, 10, 5)  # before, the kernel had a passive scan report each device once (its commit b5431dc2803a)
_KEPT = ("Paired", "Bonded", "Trusted", "Connected")
_NOBODY = "f00dfa11-0000-4000-8000-000000000000"  # a service that no device offers
_NOTHING = OrPattern(0, AdvertisementDataType.FLAGS, b"footfall")  # flags are one byte, or two
_ANY_FLAGS = [OrPattern(0, AdvertisementDataType.FLAGS, bytes((flags,))) for flags in range(32)]
_PATTERNS = 7

_TOLD = "BlueZ tells what it hears, because the right CAP_NET_RAW is missing here."
_ROUGH = "Signals are told in steps of 8 dB."
_ONCE = "This kernel is older than 6.10.5 and lets each be heard only once: update it, or set the mode to auto."
_RESTARTED = "The Bluetooth service was restarted: the scan begins anew by itself."
_NO_PASSIVE = (
    "A passive scan needs BlueZ's experimental interfaces: start bluetoothd with --experimental, or set "
    'radio.ble.mode to "auto".'
)


class Plan(NamedTuple):
    """One way to scan: what each scanner of bleak is given, and the sentence about it."""

    passive: bool
    scanners: list[BlueZScannerArgs]
    sentence: str


def plan(mode: str, *, tapped: bool, monitors: Monitors, kernel: tuple[int, ...]) -> Plan | None:
    """How to scan in the mode "auto", "passive" or "active"; None where the mode that is demanded cannot be had."""
    works = monitors.there and kernel >= _PASSIVE_SINCE and not monitors.by_hardware
    if mode == "active" or (mode == "auto" and not (works and tapped)):
        how = "Active scan: each device is heard about once in ten seconds, and asked for more."
        if tapped:
            return Plan(False, [{}], how)
        return Plan(False, [{"filters": {"RSSI": -127, "DuplicateData": True}}], f"{how} {_TOLD}")
    if not monitors.there:
        return None
    if tapped and not monitors.by_hardware:
        how = "Passive scan: nothing is sent to any device."
        return Plan(True, [{"or_patterns": [_NOTHING]}], how if works else f"{how} {_ONCE}")
    parts = [_ANY_FLAGS[first : first + _PATTERNS] for first in range(0, len(_ANY_FLAGS), _PATTERNS)]
    how = "Passive scan: nothing is sent to any device; those that do not say their flags are not heard."
    return Plan(True, [{"or_patterns": [*part]} for part in parts], how if tapped else f"{how} {_TOLD} {_ROUGH}")


class Line:
    """The way to the process that listens."""

    def __init__(self, end: socket.socket) -> None:
        self._end, self._lost = end, 0
        end.setblocking(False)

    def tell(self, packet: bytes) -> None:
        """Hand over a packet, or count it as lost where the other side is too slow. Ends with the other side."""
        try:
            self._end.send(packet)
        except BlockingIOError:
            self._lost += 1
        except OSError:
            os._exit(0)

    async def beat(self) -> None:
        """Say again and again that this process is alive."""
        while True:
            self.tell(BEAT + struct.pack("<I", self._lost & 0xFFFFFFFF))
            await asyncio.sleep(BEAT_S)

    def end_with_it(self) -> None:
        """End this process once the other end is closed: nothing else ever comes from there."""
        asyncio.get_running_loop().add_reader(self._end, os._exit, 0)


class Known:
    """When which device was last told of. BlueZ tells of one again only if something about it changes."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def note(self, device: str, at: float) -> None:
        """It was told of now."""
        self._told[device] = at

    def due(self, present: Iterable[str], at: float) -> list[str]:
        """Those of the present ones that were last told of half a minute ago; the absent are forgotten."""
        self._told = {one: self._told.get(one, at) for one in present}
        return [one for one, told_at in self._told.items() if at - told_at >= _AGAIN_S]


class Scan:
    """A scan of adapter `name`, told over `line` unless it is tapped."""

    def __init__(self, name: str, mode: str, line: Line, *, tapped: bool) -> None:
        self._name, self._mode, self._line, self._tapped = name, mode, line, tapped
        self._bluez, self._known = Bluez(name), Known()
        self._scanners: list[BleakScanner] = []
        self._service, self.started = "", False

    async def start(self) -> str | None:
        """Begin; the sentence on why that is in vain, or None. Raises what `why` puts into words."""
        await self._bluez.connect()
        if not (await self._bluez.adapter()).powered:
            await self._bluez.switch_on()
        self._service = (await self._bluez.adapter()).service
        chosen = plan(self._mode, tapped=self._tapped, monitors=await self._bluez.monitors(), kernel=_kernel())
        if chosen is None:
            return _NO_PASSIVE
        for number, asked in enumerate(chosen.scanners):
            scanner = BleakScanner(
                None if self._tapped or number else self._found,
                service_uuids=[_NOBODY] if self._tapped and not chosen.passive else None,
                scanning_mode="passive" if chosen.passive else "active",
                bluez={**asked, "adapter": self._name},
            )
            await scanner.start()
            self._scanners.append(scanner)
        self._line.tell(SCANS + chosen.sentence.encode())
        return None

    async def watch(self) -> str:
        """Wait for what ends the scan; the sentence about it."""
        while True:
            await asyncio.sleep(_WATCH_S)
            try:
                async with asyncio.timeout(_ANSWER_S):
                    adapter = await self._bluez.adapter()
            except BleakDBusError:
                return _RESTARTED
            if adapter.service != self._service:
                return _RESTARTED
            if not adapter.powered:
                return off(self._name)
            if not self._tapped:
                self._tell_again()

    def _found(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        self._known.note(device.address, time.monotonic())
        self._line.tell(retold.report(_properties(advertisement)))

    def _tell_again(self) -> None:
        """Those that BlueZ still has, which it drops half a minute after they were last heard."""
        there = self._scanners[0].discovered_devices_and_advertisement_data
        for address in self._known.due(there, time.monotonic()):
            told = _properties(there[address][1])
            if not any(told.get(one) for one in _KEPT):  # one that is paired is kept although it left
                self._found(*there[address])


def _properties(advertisement: AdvertisementData) -> dict[str, Any]:
    properties: dict[str, Any] = advertisement.platform_data[1]
    return properties


def _kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:3])


async def _keep(scan: Scan, line: Line) -> str:
    """Scan until something ends it; the sentence about that. Raises what `why` puts into words."""
    line.end_with_it()
    beating = asyncio.create_task(line.beat())
    async with asyncio.timeout(_START_S):
        in_vain = await scan.start()
    scan.started = True
    ended = in_vain or await scan.watch()
    beating.cancel()
    return ended


def main(arguments: list[str]) -> None:
    """Scan, and say on standard input why that ended. `arguments`: adapter, mode, "tapped" or "told", attempt."""
    name, mode, way, attempt = arguments
    logging.disable()
    lock_down()
    line = Line(socket.socket(fileno=0))
    scan = Scan(name, mode, line, tapped=way == "tapped")
    try:
        ended = asyncio.run(_keep(scan, line))
    except Exception as error:  # whatever it is, the one who can help gets a sentence and no traceback
        ended = why(error, name)
        if not scan.started and int(attempt) < len(_PAUSES_S):
            time.sleep(_PAUSES_S[int(attempt)])
            anew = [sys.executable, "-m", "agent.radio.scan", name, mode, way, str(int(attempt) + 1)]
            os.execv(sys.executable, anew)  # noqa: S606
    line.tell(ENDS + ended.encode())


if __name__ == "__main__":
    main(sys.argv[1:])
