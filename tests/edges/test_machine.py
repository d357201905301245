"""The machine and its uplink, read from files as the kernel writes them, and from a real connection."""

import socket
import time
from pathlib import Path

import pytest
from msgspec import UNSET

from agent import machine, uplink
from agent.contract import Health, decode, encode
from agent.uplink import Sent

PI = {
    "sys/firmware/devicetree/base/model": "Raspberry Pi 4 Model B Rev 1.5\0",
    "sys/class/thermal/thermal_zone0/temp": "61348\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    "sys/devices/system/node/node0/meminfo": "Node 0 MemTotal: 1000 kB\nNode 0 MemFree: 300 kB\n"
    "Node 0 Active(file): 200 kB\nNode 0 Inactive(file): 50 kB\nNode 0 SReclaimable: 50 kB\n",
    "etc/os-release": 'ID=debian\nIMAGE_ID="footfall-pi4"\nIMAGE_VERSION="2026.11"\n',
}
ROUTES = (
    "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
    "eth0 00000000 0100A8C0 0003 0 0 600 00000000 0 0 0\n"
    "wlan0 00000000 0100A8C0 0003 0 0 100 00000000 0 0 0\n"
    "wlan0 0000A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n"
)
WIRELESS = (
    "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"
    " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"
    " wlan0: 0000   54.  -67.  -256        0      0      0      0      0        0\n"
)


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_raspberry_pi_is_told_as_its_files_have_it(tmp_path: Path) -> None:
    told = machine.look(tmp_path, tree(tmp_path, PI))
    assert (told.model, told.image, told.cpu_c) == ("Raspberry Pi 4 Model B Rev 1.5", "footfall-pi4 2026.11", 61.3)
    assert told.strained == ["under-voltage", "throttled"] == told.was_strained
    assert told.memory_free == 0.6
    assert told.disk_free is not UNSET and 0 <= told.disk_free <= 1
    assert told.load is not UNSET and told.up_s is not UNSET and told.up_s > 0


@pytest.mark.parametrize(("register", "boot"), [(0x1000, "power"), (0x20, "restart"), (0x0, "restart")])
def test_what_made_a_raspberry_pi_start(tmp_path: Path, register: int, boot: str) -> None:
    path = tmp_path / "sys/firmware/devicetree/base/chosen/bootloader/rsts"
    path.parent.mkdir(parents=True)
    path.write_bytes(register.to_bytes(4, "big"))
    assert machine.look(tmp_path, tmp_path).boot == boot


def test_another_machine_says_that_its_watchdog_did(tmp_path: Path) -> None:
    tree(tmp_path, {"sys/class/watchdog/watchdog0/bootstatus": "0x20\n"})
    assert machine.look(tmp_path, tmp_path).boot == "watchdog"


@pytest.mark.parametrize("text", ["", "\n", "nonsense", "-", "99999999999999999999999", "\x00\x01\x02"])
def test_files_that_make_no_sense_are_absent(tmp_path: Path, text: str) -> None:
    told = machine.look(tmp_path, tree(tmp_path, dict.fromkeys(PI, text)))
    assert told.cpu_c is UNSET and told.memory_free is UNSET
    said = Health(sensor="a:b", at=1, uptime_s=1, software="1", clock="trusted", profile="F5", radios=[], machine=told)
    assert decode(Health, encode(said)) == said, "whatever it is, it fits the contract"


def test_nothing_there_is_nothing_said(tmp_path: Path) -> None:
    told = machine.look(tmp_path / "gone", tmp_path)
    assert told.disk_free is UNSET and told.model is UNSET and told.boot is UNSET


def test_the_uplink_is_that_of_the_best_default_route_and_names_no_network(tmp_path: Path) -> None:
    tree(tmp_path, {"proc/self/net/route": ROUTES, "proc/self/net/wireless": WIRELESS})
    (tmp_path / "sys/class/net/wlan0/phy80211").mkdir(parents=True)
    told = uplink.look(None, 5, tmp_path)
    assert (told.kind, told.signal_dbm, told.round_trip_s, told.sent_today) == ("wifi", -67, UNSET, 5)


@pytest.mark.parametrize(
    ("kind", "uevent", "device", "expected"),
    [("1", "", True, "ethernet"), ("1", "DEVTYPE=wwan", True, "mobile"), ("512", "", False, "mobile"),
     ("1", "", False, "other"), ("65534", "", False, "other")],
)  # fmt: skip
def test_what_carries_it(tmp_path: Path, kind: str, uevent: str, device: bool, expected: str) -> None:
    here = "sys/class/net/eth0"
    tree(
        tmp_path, {"proc/self/net/route": ROUTES.replace("wlan0", "x"), f"{here}/type": kind, f"{here}/uevent": uevent}
    )
    (tmp_path / "proc/self/net/route").write_text(ROUTES.replace("600", "1"))
    if device:
        (tmp_path / here / "device").mkdir()
    assert uplink.look(None, None, tmp_path).kind == expected


def test_the_kernel_counts_what_a_connection_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as mine:
        theirs, _ = server.accept()
        with theirs:
            mine.sendall(bytes(50_000))
            got = 0
            while got < 50_000:
                got += len(theirs.recv(65_536))
            time.sleep(0.05)
            told = uplink.tcp(mine)
    assert told is not None and 50_000 <= told.sent <= 50_010 and 0 < told.round_trip_s < 1
    assert uplink.tcp(mine) is None, "it is closed"


def test_bytes_of_a_day_add_up_over_connections_and_begin_anew_at_midnight() -> None:
    sent, noon = Sent(), 43_200.0
    assert [sent.count(100, noon), sent.count(250, noon + 1)] == [100, 250]
    sent.connected()
    assert [sent.count(30, noon + 2), sent.count(50, 86_401.0), sent.count(55, 86_402.0)] == [280, 20, 25]
