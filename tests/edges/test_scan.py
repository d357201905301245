"""The process that keeps a Bluetooth adapter scanning: how it chooses to scan, what it tells, and when it ends.

D-Bus is real where one is needed, and a bus of the test's own. The scan itself is in `test_ble.py`.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from agent.radio.ble import ENDS
from agent.radio.bluez import Monitors
from agent.radio.scan import Known, Line, plan
from tests.conftest import ROOT, need
from tests.radios.inside import until

WORKS, NEW = Monitors(there=True, by_hardware=False), (6, 12, 34)


def test_a_scan_is_passive_wherever_that_hears_everything() -> None:
    chosen = plan("auto", tapped=True, monitors=WORKS, kernel=NEW)
    assert chosen and chosen.passive and len(chosen.scanners) == 1


@pytest.mark.parametrize(
    "machine",
    [
        {"tapped": False, "monitors": WORKS, "kernel": NEW},
        {"tapped": True, "monitors": Monitors(there=False, by_hardware=False), "kernel": NEW},
        {"tapped": True, "monitors": Monitors(there=True, by_hardware=True), "kernel": NEW},
        {"tapped": True, "monitors": WORKS, "kernel": (6, 10, 4)},
        {"tapped": True, "monitors": WORKS, "kernel": (6, 1, 0)},
    ],
)
def test_it_is_active_where_a_passive_one_would_miss_devices(machine: dict[str, object]) -> None:
    chosen = plan("auto", **machine)  # type: ignore[arg-type]
    assert chosen and not chosen.passive and chosen.sentence.startswith("Active")


def test_a_demanded_passive_scan_is_never_active() -> None:
    for monitors in (WORKS, Monitors(there=True, by_hardware=True)):
        for tapped in (False, True):
            chosen = plan("passive", tapped=tapped, monitors=monitors, kernel=(6, 1, 0))
            assert chosen and chosen.passive and "Passive" in chosen.sentence
    assert plan("passive", tapped=True, monitors=Monitors(there=False, by_hardware=False), kernel=NEW) is None


def test_no_pattern_is_one_that_fells_bluez() -> None:
    for tapped in (False, True):
        chosen = plan("passive", tapped=tapped, monitors=WORKS, kernel=NEW)
        assert chosen
        for scanner in chosen.scanners:
            patterns = scanner["or_patterns"]
            assert 1 <= len(patterns) <= 7
            assert all(kind == 0x01 for _, kind, _ in patterns)


def test_a_device_is_told_again_only_while_it_is_there() -> None:
    known = Known()
    known.note("one", 0.0)
    known.note("other", 20.0)
    assert known.due(["one", "other"], 29.0) == []
    assert known.due(["one", "other"], 30.0) == ["one"]
    known.note("one", 30.0)
    assert known.due(["one"], 59.0) == []
    assert known.due(["other"], 60.0) == []  # it was away, and came back unheard
    assert known.due([], 99.0) == []


def test_what_the_other_side_is_too_slow_for_is_counted_and_no_packet_is_cut() -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line = Line(far)
    for _ in range(5000):
        line.tell(bytes(60))
    near.setblocking(False)
    received = []
    with suppress(BlockingIOError):
        while True:
            received.append(near.recv(100))
    assert {len(one) for one in received} == {60}
    assert len(received) + line._lost == 5000 and line._lost > 0
    near.close()
    far.close()


def start(far: socket.socket, bus: str, attempt: int = 3) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "agent.radio.scan", "hci0", "auto", "told", str(attempt)]
    own = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus}
    return subprocess.Popen(command, stdin=far.fileno(), cwd=ROOT, env=own)


def ended(bus: str) -> str:
    """What the scan says at its end, on that bus."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = start(far, bus)
    far.close()
    near.settimeout(60)
    packets = []
    while packet := near.recv(1024):
        packets.append(packet)
    process.wait(timeout=20)
    near.close()
    assert packets[-1].startswith(ENDS)
    return packets[-1][1:].decode()


def test_without_d_bus_it_says_so(tmp_path: Path) -> None:
    assert ended(f"unix:path={tmp_path}/none").startswith("There is no D-Bus")


@contextmanager
def private_bus(folder: Path) -> Iterator[str]:
    address = f"unix:path={folder}/bus"
    command = [need("dbus-daemon"), "--session", f"--address={address}", "--nofork", "--nopidfile"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until(Path(folder, "bus").exists, 10)
        yield address
        process.kill()


def test_without_a_bluetooth_service_it_says_so(tmp_path: Path) -> None:
    with private_bus(tmp_path) as bus:
        assert "start it with 'sudo systemctl start bluetooth.service'" in ended(bus)


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{tmp_path}/deaf")  # a bus that accepts and never answers
    listener.listen()
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = start(far, f"unix:path={tmp_path}/deaf")
    far.close()
    near.settimeout(60)
    assert near.recv(100)[:1] == b"b"  # it lives
    near.close()
    process.wait(timeout=10)
    assert process.returncode == 0
    listener.close()
