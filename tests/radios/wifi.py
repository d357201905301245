"""Wi-Fi on simulated radios: wlan0 listens, wlan1 may be the second stick, wlan2 sends, wlan3 counts for itself."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.radios.inside import (
    MHZ,
    UNITS,
    Case,
    Sticks,
    access_point,
    below,
    counted_by_tcpdump,
    health,
    managed,
    parked_on,
    reports,
    run,
    scan,
    seconds,
    sensor,
    settled,
    state,
    told_at,
    until,
)

ALONE = 'interface = "wlan0"\nsecond_interface = "none"\n'


def set_up() -> Iterator[Case]:
    before = run("iw", "dev").count("Interface")
    with sensor('country = "DE"\nsecond_interface = "none"'):
        shown = run("iw", "dev", "wlan0", "info")
        same = run("iw", "dev").count("Interface") == before
        country = "country DE" in run("iw", "reg", "get")
        running = all(run("systemctl", "is-active", unit, check=False).strip() == "active" for unit in UNITS)
    found = f"monitor {'type monitor' in shown}, no second interface {same}, country DE {country}, units run {running}"
    yield Case("stick found and made to listen", found, "type monitor" in shown and same and country and running)


def parked() -> Iterator[Case]:
    for channel in (1, 6, 11):
        with sensor(f"{ALONE}channels = [{channel}]"), counted_by_tcpdump("wlan3", channel) as sent:
            managed("wlan2")
            for _ in range(60):
                scan("wlan2", channel)
            heard, there, dropped = settled(), sent(), health()["dropped"]
        yield Case(f"parked on {channel}", f"sent {there}, heard {heard}, dropped {dropped}", heard == there >= 60)


def from_wpa_supplicant() -> Iterator[Case]:
    Path("/run/wpa.conf").write_text('network={\n ssid="hidden"\n scan_ssid=1\n key_mgmt=NONE\n}\n')
    with sensor(f"{ALONE}channels = [6]"), counted_by_tcpdump("wlan3", 6) as sent:
        managed("wlan2")
        words = ["wpa_supplicant", "-i", "wlan2", "-c", "/run/wpa.conf"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as asking:
            time.sleep(30)
            asking.terminate()
        heard, there = settled(), sent()
    yield Case("wpa_supplicant looks for its network", f"sent on 6: {there}, heard {heard}", heard == there > 0)


def channels_change() -> Iterator[Case]:
    with sensor(f"{ALONE}channels = [1, 6, 11]\nstay_s = 5.0"):
        managed("wlan2")
        sent = whole = partly = 0
        for number in range(180):
            channel = (1, 6, 11)[number % 3]
            before = parked_on("wlan0")
            scan("wlan2", channel)
            after = parked_on("wlan0")
            sent += 1
            whole += before == after == MHZ[channel]
            partly += MHZ[channel] in (before, after)
        heard, shares = settled(), health()["channels"]
    between = whole <= heard <= partly
    yield Case(
        "channels 1, 6, 11 change",
        f"sent {sent} on the three by turns, parked on the right one for {whole} (and as it changed {partly - whole}), "
        f"heard {heard}, dropped 0",
        between and whole > 20,
    )
    yield Case("time on each channel", str(shares), set(shares) == {"1", "6", "11"} and sum(shares.values()) > 0.9)


def second_stick() -> Iterator[Case]:
    with sensor('country = "DE"'), counted_by_tcpdump("wlan3", 36) as sent:
        assert until(lambda: health(place=1).get("state") == "listening", 30)
        managed("wlan2")
        for _ in range(30):
            scan("wlan2", 36)
        time.sleep(12)
        second, there = health(place=1), sent()
    found = f"{second['source']} on {list(second['channels'])}: sent {there}, heard {second['frames']}"
    yield Case("a second stick on 5 GHz", found, second["frames"] == there >= 30)


def pulled_out() -> Iterator[Case]:
    sticks = Sticks()
    number = sticks.plug_in()
    name = run("iw", "dev").partition("Interface ")[2].split()[0]
    with sensor(f'interface = "{name}"\nsecond_interface = "none"'), access_point("wlan2", 6):
        sticks.pull_out(number)
        lost = until(lambda: state() == "missing", 60)
        sentence = health().get("detail", "")
        time.sleep(20)
        again = sticks.plug_in()
        run("ip", "link", "set", run("iw", "dev").partition("Interface ")[2].split()[0], "name", name, check=False)
        back = until(lambda: state() == "listening", 90)
        sticks.pull_out(again)
    yield Case(
        "the stick is pulled out", f"found after {seconds(lost)} s: {sentence!r}", lost is not None and lost < 30
    )
    yield Case("and plugged in again", f"listens after {seconds(back)} s", back is not None and back < 60)


def another_takes_over() -> Iterator[Case]:
    sticks = Sticks()
    number = sticks.plug_in()
    names = [line.split()[1] for line in run("iw", "dev").splitlines() if "Interface" in line]
    fresh = next(name for name in names if name not in ("wlan0", "wlan1", "wlan2", "wlan3"))
    run("ip", "link", "set", fresh, "name", "wl")  # the shortest name is first
    with sensor('second_interface = "none"'), access_point("wlan2", 6):
        first = health()["source"]
        sticks.pull_out(number)
        took = until(lambda: state() == "listening" and health()["source"] not in ("wl", "none"), 60)
        then = health().get("source")
    found = f"{first} was pulled, {then} listens after {seconds(took)} s"
    yield Case("another stick takes over", found, first == "wl" and took is not None and took < 60)


def blocked() -> Iterator[Case]:
    with sensor(ALONE), access_point("wlan2", 6):
        switch = next(Path("/sys/class/net/wlan0/phy80211").glob("rfkill*/soft"))
        switch.write_text("1")
        lost = until(lambda: state() != "listening", 120)
        back = until(lambda: state() == "listening", 90)
        time.sleep(12)
        rungs = health()["rungs"]
    found = f"found after {seconds(lost)} s, listens {seconds(back)} s later; {rungs}"
    held = lost is not None and lost < 30 and back is not None and back < 60 and rungs.get("unblock", 0) >= 1
    yield Case("switched off by rfkill", found, held)


def deaf() -> Iterator[Case]:
    with sensor(f"{ALONE}channels = [6]"):
        with access_point("wlan2", 6) as silence:
            assert until(lambda: state() == "listening", 30)
            time.sleep(70)
            silence()
            began = time.time()
            found_after = until(lambda: state() == "deaf", 150)
            flagged = until(lambda: "pull it out" in health()["detail"], 60)
            sentence, rungs = health()["detail"], health()["rungs"]
            time.sleep(60)
        with access_point("wlan2", 6):
            back = until(lambda: state() == "listening", 60)
            time.sleep(130)  # at least one whole window
        told = [one for one in reports() if one["window_start"] > began]
    dark = [one for one in told if one["wifi_listened_s"] == 0]
    honest = bool(dark) and all("wifi_present_devices" not in one and one["wifi_present"] is None for one in dark)
    zero = [one for one in told if one["wifi_listened_s"] > 50 and one["wifi_present_devices"] == 0]
    yield Case("a radio that hears nothing is deaf", f"found after {seconds(found_after)} s", below(found_after, 120))
    yield Case(
        "no step helps: flagged", f"{seconds(flagged)} s after it was found; {rungs}; {sentence!r}", below(flagged, 60)
    )
    yield Case("it hears again", f"listens {seconds(back)} s after the first beacon", below(back, 60))
    yield Case(
        "its windows",
        f"{len(dark)} say not listened to and no number; {len(zero)} with beacons and no phone say zero",
        honest and bool(zero),
    )


def killed() -> Iterator[Case]:
    with sensor(ALONE), access_point("wlan2", 6):
        began = time.time()
        for unit in UNITS:
            run("systemctl", "kill", "--signal=KILL", unit)
        listens = until(lambda: health().get("state") == "listening" and told_at() > began + 1, 60)
    yield Case("both processes are killed", f"listens again after {seconds(listens)} s", below(listens, 60))


def commands() -> Iterator[Case]:
    agent = ("/opt/footfall/bin/python", "-m", "agent")
    with sensor(ALONE), access_point("wlan2", 6):
        listed = run(*agent, "radio", "list")
        tested = run(*agent, "radio", "test", "--seconds", "8")
    yield Case("radio list", listed.splitlines()[0].strip(), "* Wi-Fi      wlan0" in listed)
    yield Case("radio test", tested.splitlines()[-1].strip(), "ok" in tested.splitlines()[-1])


CASES = (
    set_up,
    parked,
    from_wpa_supplicant,
    channels_change,
    second_stick,
    pulled_out,
    another_takes_over,
    blocked,
    deaf,
    killed,
    commands,
)
