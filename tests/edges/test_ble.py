"""The Bluetooth radio, the whole of it: on a simulated adapter with a real BlueZ.

The adapter is one behind /dev/vhci with a crowd around it; kernel, bluetoothd and D-Bus are real. The tests stop and
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
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from agent.core.advertisement import Decoder
from agent.radio import RadioError
from agent.radio.ble import Ble
from tests.conftest import ROOT, SHARED, need
from tests.radios.inside import Crowd, until

CROWD = next((one for one in (SHARED / "tools/vhci_ble.py", Path("/root/vhci_ble.py")) if one.exists()), None)
radios = pytest.mark.skipif(
    "FOOTFALL_RADIOS" not in os.environ or not Path("/dev/vhci").exists() or CROWD is None,
    reason="changes the machine's Bluetooth: run 'make vm-test', which has simulated adapters",
)
PLAIN = Path("/run/systemd/system/bluetooth.service.d/plain.conf")  # a bluetoothd without experimental interfaces


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
