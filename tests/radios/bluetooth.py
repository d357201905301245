"""Bluetooth on a simulated controller with a crowd around it, scanning by bleak through the real bluetoothd.

The crowd's addresses, levels and payloads are the case's own. The controller counts what it reported, by itself.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.radios.inside import Case, Crowd, below, health, reports, run, seconds, sensor, settled, state, until

TOOL = "/root/vhci_ble.py"
ALONE = 'second_interface = "none"\n'
DROP_IN = Path("/etc/systemd/system/footfall-sense.service.d/test.conf")
FLAGS = "02011a"
PHONE = FLAGS + "0aff4c001005031c5f6d2b"  # Apple, nearby info
BEACON = "1aff4c000215" + "00" * 16 + "00010002c5"  # iBeacon
NAME = b"canary-7f3a"
ADDRESS = "C6:5D:4C:3B:2A:19"


@contextmanager
def crowd(number: int, interval: float = 0.5) -> Iterator[Crowd]:
    """So many phones around an adapter, until the block ends."""
    run("rfkill", "unblock", "all")
    run("systemctl", "stop", "bluetooth.service")  # whatever an earlier case left of it
    around = Crowd(TOOL)
    for one in range(number):
        around.tell(set=f"phone{one}", addr=f"5A:00:00:00:{one >> 8:02X}:{one & 255:02X}", rssi=-50 - one % 20,
                    data=PHONE, scan_rsp="", interval=interval, jitter=2)  # fmt: skip
    try:
        yield around
    finally:
        if around.running:
            around.pull_out()


def heard_passively() -> Iterator[Case]:
    yield from _heard("auto", "passive")


def heard_actively() -> Iterator[Case]:
    yield from _heard("active", "active")


def _heard(mode: str, scan: str) -> Iterator[Case]:
    with crowd(30) as around, sensor(ALONE, f'mode = "{mode}"', wait_for="ble"):
        assert until(lambda: int(health("ble")["frames"]) > 0, 60), health("ble")
        time.sleep(130)  # at least one whole window
        around.tell(silence=True)
        heard, dropped, used = settled("ble"), health("ble")["dropped"], around.scans()
        sent = around.pull_out()
        devices = [one["ble_present_devices"] for one in reports() if one.get("ble_listened_s", 0) > 40]
    found = f"{scan} scan: reported {sent}, heard {heard}, dropped {dropped}; 30 around, counted {devices}"
    yield Case(f"a crowd is heard, {scan}", found, used[-1] == scan and heard == sent > 300 and set(devices) == {30})


def told_by_bluez() -> Iterator[Case]:
    DROP_IN.parent.mkdir(exist_ok=True)
    DROP_IN.write_text("[Service]\nRestrictAddressFamilies=\nRestrictAddressFamilies=AF_PACKET AF_UNIX\n")
    run("systemctl", "daemon-reload")
    try:
        with crowd(30) as around, sensor(ALONE, wait_for="ble"):
            assert until(lambda: int(health("ble")["frames"]) > 0, 60), health("ble")
            time.sleep(75)
            heard, used = settled("ble"), around.scans()
            devices = [one["ble_present_devices"] for one in reports() if one.get("ble_listened_s", 0) > 40]
    finally:
        DROP_IN.unlink()
        run("systemctl", "daemon-reload")
    found = f"{used[-1]} scan, no tap: {heard} advertisements told; 30 around, counted {devices}"
    yield Case("a crowd is heard by D-Bus alone", found, used[-1] == "active" and set(devices) == {30})


def phones_and_things() -> Iterator[Case]:
    with crowd(5) as around, sensor(ALONE, wait_for="ble"):
        for one in range(7):
            around.tell(set=f"beacon{one}", addr=f"C0:00:00:00:00:{one:02X}", data=BEACON, rssi=-60, interval=0.5)
        time.sleep(130)
        whole = [one for one in reports() if one.get("ble_listened_s", 0) > 40]
    told = [(one["ble_present_devices"], one.get("ble_others_beacon")) for one in whole]
    held = bool(told) and all(count < 7 and beacons == 7 for count, beacons in told)
    yield Case("phones and things", f"5 phones and 7 beacons: (counted, beacons) {told}", held)


def pulled_out() -> Iterator[Case]:
    with crowd(10) as around, sensor(ALONE, wait_for="ble"):
        around.pull_out()
        lost = until(lambda: state("ble") == "missing", 60)
        sentence = health("ble").get("detail", "")
        time.sleep(10)
        with crowd(10):
            back = until(lambda: state("ble") == "listening", 90)
            before = int(health("ble")["frames"])
            hears = until(lambda: int(health("ble")["frames"]) > before, 60)
    yield Case("the adapter is pulled out", f"found after {seconds(lost)} s: {sentence!r}", below(lost, 30))
    yield Case(
        "and plugged in again", f"listens after {seconds(back)} s and hears {seconds(hears)} s later", below(hears, 60)
    )


def service_killed() -> Iterator[Case]:
    with crowd(10), sensor(ALONE, wait_for="ble"):
        assert until(lambda: int(health("ble")["frames"]) > 0, 60)
        run("systemctl", "kill", "--signal=KILL", "bluetooth.service")
        back = _hears_again(60)
        yield Case("bluetoothd is killed", f"hears again after {seconds(back)} s", below(back, 60))
        run("systemctl", "stop", "bluetooth.service")
        lost = until(lambda: state("ble") == "missing", 60)
        sentence = health("ble").get("detail", "")
        back = _hears_again(90)
    found = f"found after {seconds(lost)} s: {sentence!r}; hears again {seconds(back)} s later"
    yield Case("bluetoothd is stopped", found, below(lost, 30) and below(back, 60))


def service_hangs() -> Iterator[Case]:
    with crowd(10), sensor(ALONE, wait_for="ble"):
        assert until(lambda: int(health("ble")["frames"]) > 0, 60)
        run("systemctl", "kill", "--signal=STOP", "bluetooth.service")
        lost = until(lambda: state("ble") != "listening", 120)
        sentence = health("ble").get("detail", "")
        back = _hears_again(60)
    found = f"found after {seconds(lost)} s: {sentence!r}; hears after {seconds(back)} s, for the adapter goes on"
    held = below(lost, 60) and below(back, 60)
    yield Case("bluetoothd hangs", found, held)


def blocked() -> Iterator[Case]:
    with crowd(10) as around, sensor(ALONE, wait_for="ble"):
        assert until(lambda: int(health("ble")["frames"]) > 0, 60)
        next(Path(f"/sys/class/bluetooth/{around.name}").glob("rfkill*/soft")).write_text("1")
        lost = until(lambda: state("ble") != "listening", 120)
        sentence = health("ble").get("detail", "")
        back = _hears_again(90)
        time.sleep(6)
        rungs = health("ble")["rungs"]
    found = f"found after {seconds(lost)} s: {sentence!r}; hears again {seconds(back)} s later; {rungs}"
    held = below(lost, 30) and below(back, 60) and rungs.get("unblock", 0) >= 1
    yield Case("Bluetooth is blocked by rfkill", found, held)


def silent() -> Iterator[Case]:
    with crowd(10) as around, sensor(ALONE, wait_for="ble"):
        time.sleep(70)
        around.tell(silence=True)
        began = time.time()
        found_after = until(lambda: state("ble") == "deaf", 150)
        flagged = until(lambda: "pull it out" in health("ble")["detail"], 75)
        rungs = health("ble")["rungs"]
        time.sleep(60)
        around.tell(silence=False)
        back = until(lambda: state("ble") == "listening", 90)
        time.sleep(65)
        told = [one for one in reports() if one["window_start"] > began and one.get("ble_listened_s") == 0]
    honest = bool(told) and all(one["ble_present"] is None for one in told)
    yield Case(
        "an adapter that hears nothing is deaf", f"found after {seconds(found_after)} s", below(found_after, 120)
    )
    yield Case("no step helps: flagged", f"{seconds(flagged)} s after it was found; {rungs}", below(flagged, 60))
    yield Case("it hears again", f"{seconds(back)} s after the first advertisement", below(back, 60))
    yield Case("its windows", f"{len(told)} say not listened to and no number", honest)


def controller_fails() -> Iterator[Case]:
    with crowd(10) as around, sensor(ALONE, wait_for="ble"):
        assert until(lambda: int(health("ble")["frames"]) > 0, 60)
        around.tell(hardware_error=1)
        time.sleep(2)
        back = _hears_again(150)
    yield Case("the controller reports a hardware error", f"hears again after {seconds(back)} s", below(back, 60))


def nothing_on_the_disk() -> Iterator[Case]:
    named = FLAGS + f"{len(NAME) + 1:02x}09" + NAME.hex()
    with crowd(1) as around, sensor(ALONE, 'mode = "active"', wait_for="ble"):
        around.tell(set="named", addr=ADDRESS, data=named, scan_rsp="", interval=0.2, rssi=-50)
        time.sleep(60)
        kept = _where(NAME.decode()) + _where(ADDRESS)
        run("bluetoothctl", "--timeout", "10", "scan", "on", check=False)  # the control: somebody else asks for it
        known = run("bluetoothctl", "devices", check=False)
    found = (
        f"files that hold a device's name or address: {kept or 'none'}; bluetoothd itself knows it: {ADDRESS in known}"
    )
    yield Case("nothing of a device on the disk", found, not kept and ADDRESS in known)


def _where(text: str) -> list[str]:
    """Files on the disk that hold it, but for this suite's own."""
    return run("grep", "-rlaF", text, "/var/lib", "/var/log", "/etc", "/tmp", check=False).split()


def _hears_again(limit: float) -> float | None:
    """How long until there are new frames."""
    time.sleep(3)
    before = int(health("ble").get("frames", 0))
    took = until(lambda: state("ble") == "listening" and int(health("ble")["frames"]) > before, limit)
    return None if took is None else took + 3


CASES = (
    heard_passively,
    heard_actively,
    told_by_bluez,
    phones_and_things,
    pulled_out,
    service_killed,
    service_hangs,
    blocked,
    silent,
    controller_fails,
    nothing_on_the_disk,
)
