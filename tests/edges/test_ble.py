"""The Bluetooth radio: its parts by themselves, everywhere; the whole of it on a simulated adapter with a real BlueZ.

The adapter is one behind /dev/vhci with a crowd around it; kernel, bluetoothd and D-Bus are real. Those tests stop and
kill bluetoothd, so they run only where FOOTFALL_RADIOS says that the machine's radios are there for that.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from agent.core.advertisement import Decoder, advertised
from agent.core.frame import Link
from agent.core.nature import nature_of
from agent.core.sighting import AddressKind
from agent.radio import RadioError, retold
from agent.radio.ble import ENDS, Ble
from agent.radio.bluez import Monitors
from agent.radio.scan import Known, Line, plan
from tests.advertisers import KNOWN
from tests.conftest import ROOT, SHARED, need
from tests.radios.inside import Crowd, until

CROWD = next((one for one in (SHARED / "tools/vhci_ble.py", Path("/root/vhci_ble.py")) if one.exists()), None)
radios = pytest.mark.skipif(
    "FOOTFALL_RADIOS" not in os.environ or not Path("/dev/vhci").exists() or CROWD is None,
    reason="changes the machine's Bluetooth: run 'make vm-test', which has simulated adapters",
)
PLAIN = Path("/run/systemd/system/bluetooth.service.d/plain.conf")  # a bluetoothd without experimental interfaces
WORKS, NEW = Monitors(there=True, by_hardware=False), (6, 12, 34)


# What BlueZ tells, put back.


def told(**more: object) -> dict[str, object]:
    return {"Address": "52:00:00:00:00:01", "AddressType": "random", "RSSI": -60, **more}


def test_what_bluez_tells_becomes_a_report_that_decodes() -> None:
    packet = retold.report(told())
    decoder = Decoder()
    (sighting,) = decoder.sightings(Link.HCI, packet)
    assert bytes(sighting.address) == bytes.fromhex("010000000052")
    assert (sighting.kind, sighting.signal) == (AddressKind.BLE_RESOLVABLE, -60)
    assert (decoder.foreign, decoder.damaged) == (0, 0)


def test_without_a_signal_there_is_none_and_a_public_address_is_public() -> None:
    (sighting,) = Decoder().sightings(
        Link.HCI, retold.report({"Address": "3C:5A:B4:00:00:01", "AddressType": "public"})
    )
    assert (sighting.kind, sighting.signal) == (AddressKind.BLE_PUBLIC, None)


def parsed(data: bytes) -> dict[str, object]:
    """Advertising data as BlueZ gives it over D-Bus."""
    found: dict[str, object] = {}
    services: list[str] = []
    while data:
        size, kind, content, data = data[0], data[1], data[2 : data[0] + 1], data[data[0] + 1 :]
        number = int.from_bytes(content[:2], "little")
        uuid = f"0000{number:04x}-0000-1000-8000-00805f9b34fb"
        if kind == 0x01:
            found["AdvertisingFlags"] = content
        elif kind in (0x02, 0x03):
            pairs = [int.from_bytes(content[at : at + 2], "little") for at in range(0, size - 1, 2)]
            services += [f"0000{one:04x}-0000-1000-8000-00805f9b34fb" for one in pairs]
        elif kind == 0x0A:
            found["TxPower"] = int.from_bytes(content, "little", signed=True)
        elif kind == 0x19:
            found["Appearance"] = number
        elif kind == 0x16:
            found.setdefault("ServiceData", {})[uuid] = content[2:]  # type: ignore[attr-defined]
        elif kind == 0xFF:
            found.setdefault("ManufacturerData", {})[number] = content[2:]  # type: ignore[attr-defined]
        elif kind == 0x09:
            found["Name"] = content.decode()
    return {**found, "UUIDs": services}


@pytest.mark.parametrize("thing", KNOWN, ids=lambda one: one.name)
def test_a_thing_is_taken_for_the_same_whether_it_is_heard_or_told(thing: object) -> None:
    data = thing.data  # type: ignore[attr-defined]
    packet = retold.report(told(**parsed(data)))
    assert nature_of(advertised(packet, 14, len(packet) - 1)) == nature_of(advertised(data, 0, len(data)))


def test_a_name_is_left_out() -> None:
    assert b"a name" not in retold.report(told(Name="a name", Alias="a name", AdvertisingFlags=b"\x06"))


def test_a_report_has_at_most_the_length_an_event_can_have() -> None:
    many = {number: bytes(60) for number in range(20)}
    packet = retold.report(told(ManufacturerData=many, ServiceData={}, UUIDs=["f00d" * 8] * 20))
    assert len(packet) <= 258 and packet[2] == len(packet) - 3
    assert Decoder().sightings(Link.HCI, packet)


def test_a_service_is_told_by_its_short_number_where_it_has_one() -> None:
    short, long = "0000fe2c-0000-1000-8000-00805f9b34fb", "f00dfa11-0000-4000-8000-000000000000"
    packet = retold.report(told(UUIDs=[short, long], ServiceData={short: b"\x01", long: b"\x02"}))
    assert bytes.fromhex("03032cfe") in packet and bytes.fromhex("04162cfe01") in packet
    assert b"\x11\x07" + bytes.fromhex(long.replace("-", ""))[::-1] in packet


# How it scans.


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


# The process beside.


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


# On a simulated adapter.


def systemctl(*words: str) -> None:
    subprocess.run(["systemctl", *words], check=True, timeout=60)


@pytest.fixture
def bluetooth() -> Iterator[None]:
    """A running bluetoothd with its experimental interfaces, whatever a test did to it."""
    PLAIN.unlink(missing_ok=True)
    systemctl("unmask", "--runtime", "bluetooth")
    systemctl("daemon-reload")
    systemctl("reset-failed", "bluetooth")
    systemctl("restart", "bluetooth")
    yield
    PLAIN.unlink(missing_ok=True)


@contextmanager
def crowd(size: int = 10, *words: str) -> Iterator[Crowd]:
    around = Crowd(str(CROWD), "--crowd", str(size), *words)
    try:
        time.sleep(1)
        shown(
            "rfkill", "unblock", "bluetooth"
        )  # systemd blocks an adapter again that was blocked when it was pulled out
        assert until(lambda: "Powered: yes" in shown("bluetoothctl", "show"), 30)
        yield around
    finally:
        if around._process.poll() is None:
            around.pull_out()


def shown(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, timeout=60).stdout


@contextmanager
def opened(mode: str = "auto") -> Iterator[Ble]:
    radio = Ble("auto", mode, time.time)
    try:
        yield radio
    finally:
        radio.close()


def hear(radio: Ble, seconds: float) -> Counter[bytes]:
    """How often each device was heard."""
    decoder, heard, end = Decoder(), Counter[bytes](), time.monotonic() + seconds
    while time.monotonic() < end:
        for frame in radio.frames(0.2):
            heard.update(bytes(one.address) for one in decoder.sightings(frame.link, frame.payload))
    return heard


def begin(radio: Ble) -> None:
    """Wait until it scans."""
    end = time.monotonic() + 60
    while not radio.detail and time.monotonic() < end:
        hear(radio, 0.3)
    assert radio.detail


def told_why(radio: Ble, within_s: float) -> str:
    begun = time.monotonic()
    with pytest.raises(RadioError) as raised:
        hear(radio, within_s)
    sentence = str(raised.value)
    print(f"{time.monotonic() - begun:.1f} s: {sentence}")
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


@radios
@pytest.mark.usefixtures("bluetooth")
class TestAdapter:
    def test_a_passive_scan_hears_all_that_is_sent_and_bluez_learns_of_nobody(self) -> None:
        with crowd(10) as around, opened() as radio:
            begin(radio)
            heard = hear(radio, 10)
            assert "dev_" not in shown("busctl", "tree", "org.bluez")
            around.tell(silence=True)
            heard += hear(radio, 2)
            assert radio.detail.startswith("Passive") and around.scans()[-1] == "passive"
            assert len(heard) == 10
            assert radio.dropped() == 0
            assert radio.signs() == around.pull_out() > 200

    def test_an_active_scan_hears_everybody_and_bluez_learns_of_nobody(self) -> None:
        with crowd(10) as around, opened("active") as radio:
            begin(radio)
            heard = hear(radio, 25)
            assert around.scans()[-1] == "active" and radio.detail.startswith("Active")
            assert len(heard) == 10 and min(heard.values()) >= 4  # itself and its answer, three times
            assert "dev_" not in shown("busctl", "tree", "org.bluez")

    def test_what_a_slow_reader_loses_is_counted(self) -> None:
        with crowd(20, "--interval", "0.05") as around, opened() as radio:
            assert radio._tap
            radio._tap._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            begin(radio)
            time.sleep(4)
            around.tell(silence=True)
            time.sleep(1)
            hear(radio, 1)
            lost = radio.dropped()
            assert lost > 0 and radio.dropped() == 0
            assert radio.signs() + lost == around.pull_out()

    def test_silence_is_no_error_and_no_sign(self) -> None:
        with crowd(3) as around, opened() as radio:
            begin(radio)
            hear(radio, 1)
            around.tell(silence=True)
            hear(radio, 1)
            before = radio.signs()
            assert not hear(radio, 12) and radio.signs() == before
            around.tell(silence=False)
            assert hear(radio, 3)

    def test_an_adapter_that_is_pulled_out_is_told_and_its_return_is_heard(self) -> None:
        with crowd(3) as around, opened() as radio:
            begin(radio)
            around.pull_out()
            assert "went away: plug it in again" in told_why(radio, 5)
        with pytest.raises(RadioError, match="There is no Bluetooth adapter"):
            Ble("auto", "auto", time.time)
        with crowd(3), opened() as radio:
            begin(radio)
            assert len(hear(radio, 5)) == 3

    def test_an_adapter_that_is_switched_off_is_told_and_switched_on_again(self) -> None:
        with crowd(3):
            with opened() as radio:
                begin(radio)
                shown("bluetoothctl", "power", "off")
                assert "switched off" in told_why(radio, 5)
            with opened() as radio:
                begin(radio)
                assert len(hear(radio, 5)) == 3

    def test_a_block_is_told(self) -> None:
        with crowd(3):
            shown("rfkill", "block", "bluetooth")
            with opened() as radio:
                assert "rfkill unblock bluetooth" in told_why(radio, 60)

    def test_a_service_that_is_killed_is_told_within_seconds(self) -> None:
        with crowd(3), opened() as radio:
            begin(radio)
            systemctl("kill", "--signal=KILL", "bluetooth")
            assert told_why(radio, 10).startswith("The Bluetooth service was restarted")
        with crowd(3), opened() as radio:
            begin(radio)
            assert len(hear(radio, 5)) == 3

    def test_a_service_that_hangs_is_told(self) -> None:
        with crowd(3), opened() as radio:
            begin(radio)
            systemctl("kill", "--signal=STOP", "bluetooth")
            try:
                assert "does not answer" in told_why(radio, 20)
            finally:
                systemctl("kill", "--signal=CONT", "bluetooth")

    def test_a_service_that_does_not_run_is_told(self) -> None:
        with crowd(3):
            systemctl("mask", "--runtime", "--now", "bluetooth")
            with opened() as radio:
                assert "start it with 'sudo systemctl start bluetooth.service'" in told_why(radio, 90)

    def test_a_scan_that_hangs_or_dies_is_told(self) -> None:
        with crowd(3):
            for number, words in ((signal.SIGKILL, "ended by itself"), (signal.SIGSTOP, "hangs")):
                with opened() as radio:
                    begin(radio)
                    os.kill(radio._scan.pid, number)
                    assert words in told_why(radio, 45)

    def test_closing_ends_the_scan_and_its_process(self) -> None:
        with crowd(3) as around:
            with opened() as radio:
                begin(radio)
                process = radio._scan
                assert until(lambda: around.scans()[-1:] == ["passive"], 10)
            assert process.returncode == -signal.SIGKILL
            assert until(lambda: around.scans()[-1] == "off", 10)

    def test_a_scan_does_not_outlive_the_one_it_is_for(self) -> None:
        script = (
            "import time; from agent.radio.ble import Ble\nradio = Ble('auto', 'auto', time.time)\n"
            "while True: [*radio.frames(0.1)]; radio.detail and print(radio._scan.pid, flush=True)"
        )
        with crowd(3) as around:
            with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as process:
                assert process.stdout
                scan = int(process.stdout.readline())
                process.kill()
            assert until(lambda: not Path(f"/proc/{scan}").exists(), 5)
            assert until(lambda: around.scans()[-1] == "off", 10)


TELLING = """
import json, sys, time
from agent.core.advertisement import Decoder
from agent.radio.ble import Ble
radio, decoder = Ble("auto", sys.argv[1], time.time), Decoder()
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    for frame in radio.frames(0.2):
        for one in decoder.sightings(frame.link, frame.payload):
            print(json.dumps([bytes(one.address).hex(), round(time.monotonic(), 1), one.signal]), flush=True)
print(json.dumps([radio.detail]), flush=True)
radio.close()
"""


@contextmanager
def without_the_right(mode: str, seconds: float) -> Iterator[Callable[[], list[list[str]]]]:
    """A process that hears without CAP_NET_RAW; called, it gives what that heard once it has ended."""
    bare = [need("setpriv"), "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
    command = [*bare, sys.executable, "-c", TELLING, mode, str(seconds)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield lambda: [json.loads(line) for line in process.communicate(timeout=300)[0].splitlines()]


@radios
@pytest.mark.usefixtures("bluetooth")
class TestWithoutTheRightToTap:
    @pytest.mark.parametrize("mode", ["auto", "passive"])
    def test_every_device_is_heard_as_bluez_tells_it(self, mode: str) -> None:
        with crowd(10) as around, without_the_right(mode, 45) as told:
            *heard, (detail,) = told()
            assert len({sender for sender, _, _ in heard}) == 10
            assert "CAP_NET_RAW is missing" in detail
            assert ("active" if mode == "auto" else "passive") in around.scans()

    @pytest.mark.timeout(300)
    @pytest.mark.parametrize("mode", ["auto", "passive"])
    def test_a_device_that_never_changes_is_told_until_half_a_minute_after_it_left(self, mode: str) -> None:
        with crowd(0) as around:
            still = {"addr": "C0:11:22:33:44:55", "data": "020106", "rssi": -60, "jitter": 0}
            around.tell(set="still", **still)
            with without_the_right(mode, 180) as told:
                time.sleep(100)
                around.tell(remove="still")
                left = time.monotonic()
                *heard, _ = told()
        times = [at for _, at, _ in heard]
        print([round(at - left) for at in times])
        assert len([at for at in times if at < left]) >= 3  # and not once only
        assert max(later - at for at, later in pairwise(times) if later < left) < 45
        assert max(times) < left + 36  # BlueZ keeps it for 30 s


@radios
@pytest.mark.usefixtures("bluetooth")
def test_a_passive_scan_that_bluez_cannot_do_is_refused_with_what_to_do() -> None:
    PLAIN.parent.mkdir(parents=True, exist_ok=True)
    PLAIN.write_text("[Service]\nExecStart=\nExecStart=/usr/libexec/bluetooth/bluetoothd\n")
    systemctl("daemon-reload")
    systemctl("restart", "bluetooth")
    with crowd(3):
        with opened("passive") as radio:
            assert "--experimental" in told_why(radio, 60)
        with opened() as radio:
            begin(radio)
            assert radio.detail.startswith("Active")
