"""The Wi-Fi radio against the kernel: a radiotap interface of the test's own, in a network namespace of its own."""

import ctypes
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agent.core.dot11 import Decoder
from agent.core.frame import Link
from agent.radio import RadioError
from agent.radio.wifi import Wifi
from tests.air import probe, radiotap
from tests.conftest import need, tap_tool

pytestmark = pytest.mark.root
INTERFACE = "mon0"
CLONE_NEWNET = 0x40000000
PROBE = radiotap(-50) + probe("02:00:00:00:00:01", b"name")
BEACON = radiotap(-50) + b"\x80" + probe("02:00:00:00:00:02")[1:]


@pytest.fixture(scope="module", autouse=True)
def own_network() -> Iterator[None]:
    """A network namespace for this module, so that nothing of the machine's is touched or in the way."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as before:
        assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        yield
        assert libc.setns(before.fileno(), CLONE_NEWNET) == 0


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return tap_tool()


@pytest.fixture
def tap(tool: ModuleType) -> Iterator[Any]:
    with tool.RadiotapTap(INTERFACE) as made:
        yield made


@pytest.fixture
def wifi(tap: Any) -> Iterator[Wifi]:
    radio = Wifi(INTERFACE, time.time)
    yield radio
    radio.close()


def hear(radio: Wifi, seconds: float = 0.3) -> list[bytes]:
    heard: list[bytes] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        heard += [bytes(frame.payload) for frame in radio.frames(0.05)]
    return heard


def refusal(interface: str) -> str:
    with pytest.raises(RadioError) as raised:
        Wifi(interface, time.time)
    told = str(raised.value)
    assert told.endswith(".") and "\n" not in told and interface in told
    return told


def test_it_hears_probe_requests_whole_and_in_order(tap: Any, wifi: Wifi) -> None:
    sent = [radiotap(-50) + probe("02:00:00:00:00:01", str(number).encode()) for number in range(100)]
    for packet in sent:
        tap.write(packet)
    assert hear(wifi) == sent
    assert wifi.dropped() == 0


def test_a_frame_has_its_link_its_time_and_decodes(tap: Any, wifi: Wifi) -> None:
    before = time.time()
    tap.write(PROBE)
    (found,) = [(frame.link, frame.at, Decoder().radiotap(frame.payload)) for frame in wifi.frames(1.0)]
    assert found[0] == Link.RADIOTAP and before <= found[1] <= time.time()
    assert found[2] is not None and (found[2].signal, found[2].frequency) == (-50, 2437)


def test_everything_else_is_left_out_by_the_kernel(tap: Any, wifi: Wifi) -> None:
    acknowledgement = radiotap() + b"\xd4\x00" + bytes(12)
    for packet in (BEACON, acknowledgement, PROBE, BEACON):
        tap.write(packet)
    assert hear(wifi) == [PROBE]
    # The socket's own count of packets is of those that passed the filter.
    statistics = wifi._socket.getsockopt(263, 6, 8)
    assert int.from_bytes(statistics[:4], sys.byteorder) == 1


def test_nothing_heard_ends_after_the_wait(wifi: Wifi) -> None:
    begun = time.monotonic()
    assert list(wifi.frames(0.2)) == []
    assert 0.15 < time.monotonic() - begun < 1.0


def test_frames_from_before_it_listened_are_not_heard(tap: Any) -> None:
    tap.write(PROBE)
    radio = Wifi(INTERFACE, time.time)
    try:
        assert hear(radio, 0.2) == []
    finally:
        radio.close()


def test_what_a_slow_reader_loses_is_counted_once(tap: Any, wifi: Wifi) -> None:
    wifi._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    for _ in range(2000):
        tap.write(PROBE)
    heard = hear(wifi)
    lost = wifi.dropped()
    assert lost > 0
    assert len(heard) + lost == 2000
    assert wifi.dropped() == 0


def test_one_look_ends_although_frames_keep_coming(tap: Any, wifi: Wifi) -> None:
    for _ in range(700):
        tap.write(PROBE)
    assert len(list(wifi.frames(0.05))) == 512
    assert len(list(wifi.frames(0.05))) == 188


def test_an_interface_that_is_not_in_monitor_mode_is_refused() -> None:
    told = refusal("lo")
    assert "not in monitor mode" in told and "iw dev lo set type monitor" in told


def test_a_missing_interface_is_refused() -> None:
    assert "No such device" in refusal("ffnone0")


def test_an_interface_that_is_down_is_told(tap: Any) -> None:
    tap.set_up(False)
    radio = Wifi(INTERFACE, time.time)
    try:
        with pytest.raises(RadioError, match="went away"):
            hear(radio, 5.0)
    finally:
        radio.close()


@pytest.mark.parametrize("way", ["pulled", "switched off"])
def test_an_interface_that_goes_away_is_told_with_a_sentence(tool: ModuleType, way: str) -> None:
    with tool.RadiotapTap(INTERFACE) as tap:
        radio = Wifi(INTERFACE, time.time)
        leaving = threading.Timer(0.3, tap.close if way == "pulled" else lambda: tap.set_up(False))
        leaving.start()
        begun = time.monotonic()
        with pytest.raises(RadioError) as raised:
            hear(radio, 30.0)
        leaving.join()
        assert time.monotonic() - begun < 5.0  # the requirement is 30
        assert str(raised.value).startswith(f"The Wi-Fi interface {INTERFACE} went away (E")
        assert str(raised.value).endswith("plug the Wi-Fi stick in again.")
        assert radio.dropped() == 0
        radio.close()


def test_without_the_right_to_listen_it_says_which_is_missing() -> None:
    script = (
        "import time; from agent.radio import RadioError; from agent.radio.wifi import Wifi\n"
        "try: Wifi('lo', time.time)\n"
        "except RadioError as error: print(error)"
    )
    without = [need("setpriv"), "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
    done = subprocess.run([*without, sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout.strip().endswith("run this as root.") and "CAP_NET_RAW" in done.stdout, done.stderr


def test_closing_overwrites_what_was_last_received(tap: Any) -> None:
    radio = Wifi(INTERFACE, time.time)
    tap.write(PROBE)
    assert hear(radio, 0.2) == [PROBE]
    assert any(radio._buffer)
    radio.close()
    assert not any(radio._buffer)
