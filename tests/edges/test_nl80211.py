"""Wi-Fi adapters through nl80211: what is read, everywhere; what is asked of the kernel, on simulated radios only.

The radios are those of mac80211_hwsim, which are real to everything above the driver. Their tests change modes and
channels, so they run only where FOOTFALL_RADIOS says that the machine's radios are there for that.
"""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.core.adapters import AUTO, Plan, choose
from agent.radio import RadioError, iw, nl80211, sticks
from agent.radio.netlink import Interface, Netlink, Phy
from tests.conftest import ROOT, need

radios = pytest.mark.skipif(
    "FOOTFALL_RADIOS" not in os.environ or not any(Path("/sys/class/ieee80211").glob("*")),
    reason="changes the machine's Wi-Fi radios: run 'make vm-test', which has simulated ones",
)

PHY = """Wiphy phy1
\twiphy index: 1
\tSupported interface modes:
\t\t * managed
\t\t * monitor
\tBand 1:
\t\tFrequencies:
\t\t\t* 2412.0 MHz [1] (20.0 dBm)
\t\t\t* 2484.0 MHz [14] (disabled)
\tBand 2:
\t\tFrequencies:
\t\t\t* 5180 MHz [36] (20.0 dBm) (no IR)
\t\t\t* 5260 MHz [52] (20.0 dBm) (no IR, radar detection)
\tSupported commands:
\t\t * new_interface
\tsoftware interface modes (can always be added):
\t\t * monitor
Wiphy phy0
\twiphy index: 0
\tSupported interface modes:
\t\t * managed
\tBand 1:
\t\tFrequencies:
\t\t\t* 2437 MHz [6] (20.0 dBm)
\tsoftware interface modes (can always be added):
\t\t * monitor
"""
DEV = """phy#1
\tInterface wlan1
\t\tifindex 5
\t\twdev 0x100000001
\t\ttype monitor
\t\tchannel 1 (2412 MHz), width: 20 MHz (no HT), center1: 2412 MHz
phy#0
\tUnnamed/non-netdev interface
\t\twdev 0x2
\t\ttype P2P-device
\tInterface wlan0
\t\tifindex 3
\t\twdev 0x1
\t\ttype managed
"""


def test_what_iw_says_of_radios() -> None:
    assert iw.read_phys(PHY) == [Phy(0, False, (2437,)), Phy(1, True, (2412, 5180, 5260))]
    assert iw.read_phys("") == []


def test_what_iw_says_of_interfaces() -> None:
    assert iw.read_interfaces(DEV) == [Interface("wlan0", 3, 0, "managed"), Interface("wlan1", 5, 1, "monitor")]
    assert iw.read_interfaces("") == []


def test_what_iw_says_of_the_country() -> None:
    assert iw.read_country("global\ncountry DE: DFS-ETSI\n\nphy#0\ncountry US: DFS-FCC\n") == "DE"
    assert iw.read_country("") == "00"


def test_the_kernels_number_in_what_a_program_complains_of() -> None:
    assert iw.refusal("command failed: Device or resource busy (-16)\n") == errno.EBUSY
    assert iw.refusal("kernel reports: Unknown channel\ncommand failed: Invalid argument (-22)\n") == errno.EINVAL
    assert iw.refusal("RTNETLINK answers: Operation not permitted\n") == errno.EPERM
    assert iw.refusal('Cannot find device "wlan9"\n') == errno.ENODEV
    assert iw.refusal("Usage:\tiw [options] command\n") is None


def test_what_one_interface_is_used_for_keeps_all_of_its_radio() -> None:
    pair = [Interface("wlan1", 3, 0, "managed"), Interface("mon1", 4, 0, "monitor")]
    assert nl80211.reasons(pair, ["", ""]) == ["", "it shares its stick with wlan1"]
    assert nl80211.reasons(pair, ["", "it is an access point"]) == ["it is an access point"] * 2
    assert nl80211.reasons([], []) == []


def usb(root: Path, name: str, ids: str, parts: dict[str, str]) -> Path:
    """A USB device in a tree like /sys; `parts`: the class of each, with its driver behind a blank."""
    device = root / "devices/usb1" / name
    bus = root / "bus/usb"
    bus.joinpath("devices").mkdir(parents=True, exist_ok=True)
    for part, (kind, _, driver) in ((part, words.partition(" ")) for part, words in parts.items()):
        place = device / f"{name}:{part}"
        place.mkdir(parents=True)
        place.joinpath("bInterfaceClass").write_text(f"{kind}\n")
        if driver:
            bus.joinpath("drivers", driver).mkdir(parents=True, exist_ok=True)
            place.joinpath("driver").symlink_to(bus / "drivers" / driver)
        bus.joinpath("devices", place.name).symlink_to(place)
    for file, word in zip(("idVendor", "idProduct"), ids.split(":"), strict=True):
        device.joinpath(file).write_text(f"{word}\n")
    return device


def test_the_device_behind_an_interface(tmp_path: Path) -> None:
    device = usb(tmp_path, "1-1", "0e8d:7612", {"1.0": "ff mt76x2u"})
    interface = tmp_path / "class/net/wlan1"
    interface.mkdir(parents=True)
    assert (sticks.driver("wlan1", tmp_path), sticks.usb("wlan1", tmp_path)) == ("", "")
    interface.joinpath("device").symlink_to(device / "1-1:1.0")
    interface.joinpath("flags").write_text("0x1003\n")
    assert (sticks.driver("wlan1", tmp_path), sticks.usb("wlan1", tmp_path)) == ("mt76x2u", "0e8d:7612")
    assert sticks.is_up("wlan1", tmp_path)
    assert not sticks.is_up("wlan2", tmp_path)


def test_usb_devices_without_a_driver_are_found_and_others_are_not(tmp_path: Path) -> None:
    usb(tmp_path, "1-1", "0e8d:7612", {"1.0": "ff mt76x2u"})
    usb(tmp_path, "1-2", "0bda:c811", {"1.0": "ff"})
    usb(tmp_path, "1-3", "0781:5567", {"1.0": "08"})
    usb(tmp_path, "1-4", "0403:6011", {"1.0": "ff ftdi_sio", "1.1": "ff"})
    assert sticks.without_driver(tmp_path) == ["0bda:c811"]
    assert sticks.without_driver(tmp_path / "nothing") == []


@pytest.mark.skipif(sticks.has_wifi(), reason="this kernel has Wi-Fi loaded")
def test_a_kernel_without_wifi_has_no_adapters_and_says_what_to_do() -> None:
    assert [one for one in nl80211.adapters() if one.interface] == []
    assert nl80211.country() == "00"
    assert not nl80211.power_cycle("wlan1")
    for ask in (lambda: nl80211.listen_on("wlan1"), lambda: nl80211.Tuner().tune("wlan1", 2412)):
        assert told(ask) == "The Wi-Fi interface wlan1 went away: plug the Wi-Fi stick in again."
    assert told(lambda: nl80211.set_country("DE")).endswith("plug the supplied Wi-Fi stick in.")


def told(ask: Callable[[], object]) -> str:
    """The sentence that `ask` is refused with."""
    with pytest.raises(RadioError) as refused:
        ask()
    assert len(str(refused.value)) <= 200
    return str(refused.value)


def run(*words: str) -> str:
    done = subprocess.run([need(words[0]), *words[1:]], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def names() -> list[str]:
    """The interfaces of the simulated radios, off and in managed mode."""
    found = [one.name for one in iw.Programs().interfaces()]
    for name in found:
        run("ip", "link", "set", name, "down")
        run("iw", "dev", name, "set", "type", "managed")
    return found


@radios
def test_both_ways_to_the_kernel_say_the_same(names: list[str]) -> None:
    programs = iw.Programs()
    run("ip", "address", "add", "192.0.2.1/32", "dev", names[1])
    try:
        with Netlink() as netlink:
            assert netlink.phys() == programs.phys()
            assert netlink.interfaces() == programs.interfaces()
            assert netlink.addressed() == programs.addressed()
            assert netlink.country() == programs.country()
        used = [one.busy for one in nl80211.adapters() if one.interface in names[:2]]
        assert used == ["", "it carries the sensor's own connection"]
    finally:
        run("ip", "address", "flush", "dev", names[1])


@radios
def test_listening_changes_the_interface_itself_and_makes_no_second_one(names: list[str]) -> None:
    before = iw.Programs().interfaces()
    for _ in range(2):
        nl80211.listen_on(names[0])
    after = iw.Programs().interfaces()
    assert after == [one._replace(mode="monitor") if one.name == names[0] else one for one in before]
    adapter = next(one for one in nl80211.adapters() if one.interface == names[0])
    assert (adapter.driver, adapter.mode, adapter.up, adapter.busy) == ("mac80211_hwsim", "monitor", True, "")
    assert choose([adapter], [Plan(AUTO, (1, 6, 11))]) == [(adapter, "")]
    run("ip", "link", "set", names[0], "down")
    nl80211.listen_on(names[0])
    assert sticks.is_up(names[0])


@radios
def test_a_tuner_goes_where_it_is_told_and_stays_after_a_power_cycle(names: list[str]) -> None:
    nl80211.listen_on(names[0])
    tuner = nl80211.Tuner()
    try:
        for mhz in (2412, 2437, 2462, 5180):
            began = time.perf_counter()
            tuner.tune(names[0], mhz)
            print(f"{mhz} MHz: {1000 * (time.perf_counter() - began):.1f} ms")
            assert f"({mhz} MHz), width: 20 MHz (no HT)" in run("iw", "dev", names[0], "info")
        assert nl80211.power_cycle(names[0])
        assert "(5180 MHz)" in run("iw", "dev", names[0], "info")
    finally:
        tuner.close()


@radios
def test_a_country_holds_when_it_has_been_set(names: list[str]) -> None:
    nl80211.set_country("US")
    assert nl80211.country() == iw.Programs().country() == "US"
    assert 2472 not in nl80211.adapters()[0].frequencies
    nl80211.set_country("DE")
    assert 2472 in nl80211.adapters()[0].frequencies
    assert told(lambda: nl80211.set_country("QQ")).startswith("The country QQ is not in force but DE: check")


@contextmanager
def radio() -> Iterator[tuple[str, Callable[[], None]]]:
    """One more simulated radio: its interface, and what pulls it out."""
    from pyroute2 import GenericNetlinkSocket, NetlinkError
    from pyroute2.netlink import genlmsg

    class Hwsim(genlmsg):
        nla_map = ((10, "HWSIM_ATTR_RADIO_ID", "uint32"),)

    def ask(command: int, **attributes: int) -> None:
        message = Hwsim()
        message["cmd"], message["version"] = command, 1
        message["attrs"] = [[f"HWSIM_ATTR_{name}", value] for name, value in attributes.items()]
        kernel.nlm_request(message, msg_type=kernel.prid, msg_flags=0x5)

    kernel = GenericNetlinkSocket()
    kernel.bind("MAC80211_HWSIM", Hwsim)
    before = {one.name for one in iw.Programs().interfaces()}
    try:
        with pytest.raises(NetlinkError) as made:
            ask(4)
        number = made.value.code  # what the library takes for a refusal is the number of the new radio
        (name,) = {one.name for one in iw.Programs().interfaces()} - before
        yield name, lambda: ask(5, RADIO_ID=number)
    finally:
        kernel.close()


@radios
def test_a_stick_that_is_pulled_out_says_so() -> None:
    tuner = nl80211.Tuner()
    with radio() as (name, pull):
        nl80211.listen_on(name)
        tuner.tune(name, 2437)
        pull()
        gone = f"The Wi-Fi interface {name} went away: plug the Wi-Fi stick in again."
        assert told(lambda: tuner.tune(name, 2412)) == gone
        assert told(lambda: nl80211.listen_on(name)) == gone
        assert not nl80211.power_cycle(name)
        assert name not in [one.interface for one in nl80211.adapters()]
    tuner.close()


@radios
def test_refusals_say_what_to_do(names: list[str]) -> None:
    (switch,) = Path(f"/sys/class/net/{names[0]}/phy80211").glob("rfkill*/soft")
    switch.write_text("1")
    try:
        assert "rfkill unblock wifi" in told(lambda: nl80211.listen_on(names[0]))
    finally:
        switch.write_text("0")
    nl80211.set_country("DE")
    nl80211.listen_on(names[0])
    tuner = nl80211.Tuner()
    assert "may not use 2484 MHz: set radio.wifi.country" in told(lambda: tuner.tune(names[0], 2484))
    run("ip", "link", "set", names[1], "up")
    assert "is in use by another program" in told(lambda: tuner.tune(names[1], 2412))
    tuner.close()


CHILD = """
import sys
{first}
from agent.radio import RadioError, nl80211
try:
    nl80211.listen_on(sys.argv[1])
    nl80211.Tuner().tune(sys.argv[1], 2462)
except RadioError as error:
    print(error)
"""


def child(first: str, name: str, user: int | None = None) -> str:
    words = [sys.executable, "-c", CHILD.format(first=first), name]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=100, user=user).stdout.strip()


@radios
def test_without_the_right_it_says_which_is_missing(names: list[str]) -> None:
    assert "CAP_NET_ADMIN: start the service footfall-keep" in child("", names[0], user=65534)


@radios
def test_without_the_library_the_programs_do_it(names: list[str]) -> None:
    assert child("sys.modules['pyroute2'] = None", names[0]) == ""
    assert "(2462 MHz)" in run("iw", "dev", names[0], "info")


@radios
def test_what_carries_a_connection_or_shares_a_stick_is_not_free(names: list[str], tmp_path: Path) -> None:
    point, station = names[:2]
    tmp_path.joinpath("hostapd").write_text(f"interface={point}\ndriver=nl80211\nssid=shop\nhw_mode=g\nchannel=6\n")
    tmp_path.joinpath("wpa").write_text('network={\n ssid="shop"\n key_mgmt=NONE\n}\n')
    run("iw", "dev", names[2], "interface", "add", "second0", "type", "monitor")
    programs = [
        subprocess.Popen([need("hostapd"), tmp_path / "hostapd"], stdout=subprocess.DEVNULL),
        subprocess.Popen([need("wpa_supplicant"), "-i", station, "-c", tmp_path / "wpa"], stdout=subprocess.DEVNULL),
    ]
    try:
        until = time.monotonic() + 40
        while not sticks.has_carrier(station) and time.monotonic() < until:
            time.sleep(0.2)
        found = nl80211.adapters()
        busy = {one.interface: one.busy for one in found}
        assert busy[point] == "it is an access point"
        assert busy[station] == "it carries the sensor's own connection"
        assert (busy[names[2]], busy["second0"]) == ("", f"it shares its stick with {names[2]}")
        taken, _ = choose(found, [Plan(AUTO, (1,))])[0]
        assert taken
        assert taken.interface == names[2]
    finally:
        for program in programs:
            program.terminate()
            program.wait(20)
        run("iw", "dev", "second0", "del")
