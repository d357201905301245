"""Inside the machine with simulated radios: the sensor's own units are started there, and things happen to its radios.

1. Nothing of the product is replaced: real units in their sandboxes, a real kernel, BlueZ, D-Bus and systemd. What is
   simulated is the waves: mac80211_hwsim, and a controller behind /dev/vhci with a crowd around it.
2. What was sent is counted by somebody else: tcpdump on a radio of its own, and the crowd's own count.
3. It is told from health and reports, which is all that anybody else has, and from what the kernel says.

Standard library only, and pyroute2 to plug simulated sticks in and out. Not to be run anywhere else: it takes over the
machine's radios.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

CONFIG = Path("/etc/footfall/config.toml")
RUN, STATE = Path("/run/footfall"), Path("/var/lib/footfall")
UNITS = ("footfall-sense.service", "footfall-keep.service")
TOLD_S = 6.0  # health is told every five seconds
MHZ = {1: 2412, 6: 2437, 11: 2462, 36: 5180}


class Case(NamedTuple):
    """One case: what happened, what was found, and whether it is as promised."""

    name: str
    found: str
    held: bool


def run(*words: str, check: bool = True) -> str:
    """A program's output."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert not check or done.returncode == 0, f"{words}: {done.stderr[-300:]}"
    return done.stdout


def until(what: Callable[[], Any], limit: float) -> float | None:
    """How long it took until `what` was so; None if it did not become so."""
    began = time.monotonic()
    while time.monotonic() - began < limit:
        if what():
            return time.monotonic() - began
        time.sleep(0.2)
    return None


def health(radio: str = "wifi", place: int = 0) -> dict[str, Any]:
    """How a radio is by the sensor's own health, of now; nothing where there is none."""
    try:
        if time.time() - (RUN / "status.json").stat().st_mtime > 3 * TOLD_S:
            return {}
        told = json.loads((RUN / "status.json").read_text())["radios"]
    except (OSError, ValueError):
        return {}
    return dict([*(one for one in told if one["radio"] == radio), {}, {}][place])


def told_at() -> float:
    """When health was told last, UTC seconds."""
    return float(json.loads((RUN / "status.json").read_text())["at"])


def state(radio: str = "wifi") -> str:
    """Its state: listening, deaf, missing."""
    return str(health(radio).get("state", ""))


def settled(radio: str = "wifi") -> int:
    """The number of frames, once health has been told anew and all that was sent is in it."""
    time.sleep(2 * TOLD_S)
    return int(health(radio).get("frames", -1))


def stop() -> None:
    run("systemctl", "stop", *UNITS)
    for file in (*RUN.glob("*.json"), *STATE.glob("*")):
        if file.is_file():
            file.unlink()


@contextmanager
def sensor(wifi: str = "", ble: str = "", wait_for: str = "wifi") -> Iterator[None]:
    """The sensor's two processes as units, with a window of a minute, and settings of the radios."""
    stop()
    CONFIG.write_text(
        f'sensor = "demo:door"\nwindow_s = 60\nbattery_clock = true\nprivacy.profile = "F5"\n'
        f'zones = {{ inside_dbm = -70, outside_dbm = -120 }}\n[radio.wifi]\nsource = "monitor"\n{wifi}\n'
        + (f'[radio.ble]\nsource = "bluetooth"\n{ble}\n' if wait_for == "ble" else "")
    )
    run("systemctl", "reset-failed", *UNITS, check=False)
    run("systemctl", "start", "--no-block", *UNITS)  # one whose radio comes later does not get ready before
    try:
        assert until(lambda: state(wait_for) == "listening", 90), f"not listening: {health(wait_for)}"
        assert until(lambda: health().get("channels"), 60), "keep has tuned nothing"
        yield
    finally:
        run("systemctl", "stop", *UNITS)


def reports() -> list[dict[str, Any]]:
    """The reports on the disk, oldest first, flat as `footfall-agent outbox` gives them."""
    words = ("/opt/footfall/bin/python", "-m", "agent", "outbox", "--config", str(CONFIG), "--json")
    return list(json.loads(run(*words)))


@contextmanager
def counted_by_tcpdump(interface: str, channel: int) -> Iterator[Callable[[], int]]:
    """How many probe requests another radio hears on a channel meanwhile."""
    monitor(interface, channel)
    words = ("tcpdump", "-i", interface, "-n", "-U", "-w", "/run/heard.pcap", "type mgt subtype probe-req")
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as dump:
        assert dump.stderr
        while "listening on" not in (line := dump.stderr.readline()):
            assert line, "tcpdump does not listen"

        def total() -> int:
            return len(run("tcpdump", "-n", "-r", "/run/heard.pcap", check=False).splitlines())

        try:
            yield total
        finally:
            dump.terminate()


def monitor(interface: str, channel: int) -> None:
    managed(interface)
    run("ip", "link", "set", interface, "down")
    run("iw", "dev", interface, "set", "type", "monitor")
    run("ip", "link", "set", interface, "up")
    run("iw", "dev", interface, "set", "freq", str(MHZ[channel]))


def managed(interface: str) -> None:
    run("ip", "link", "set", interface, "down")
    run("iw", "dev", interface, "set", "type", "managed")
    run("ip", "link", "set", interface, "up")


def scan(interface: str, channel: int) -> None:
    """An active scan of one channel, by which a probe request is sent."""
    run("iw", "dev", interface, "scan", "freq", str(MHZ[channel]), "ssid", "shop", check=False)


def parked_on(interface: str) -> int:
    """The frequency an interface is on, MHz; 0 if on none."""
    shown = run("iw", "dev", interface, "info", check=False).partition(" MHz)")[0].rpartition("(")[2]
    return int(shown) if shown.isdigit() else 0


@contextmanager
def access_point(interface: str, channel: int) -> Iterator[Callable[[], None]]:
    """Beacons, ten a second, until the block or what it gives ends them."""
    file = Path("/run/hostapd.conf")
    band = "a" if channel > 14 else "g"
    file.write_text(f"interface={interface}\ndriver=nl80211\nssid=shop\nhw_mode={band}\nchannel={channel}\n")
    managed(interface)
    with subprocess.Popen(["hostapd", str(file)], stdout=subprocess.DEVNULL) as point:
        assert until(lambda: "AP" in run("iw", "dev", interface, "info"), 20)
        try:
            yield point.terminate
        finally:
            point.terminate()


class Sticks:
    """Simulated Wi-Fi sticks, plugged in and pulled out."""

    def __init__(self) -> None:
        from pyroute2 import GenericNetlinkSocket
        from pyroute2.netlink import genlmsg

        class Message(genlmsg):
            nla_map = ((10, "HWSIM_ATTR_RADIO_ID", "uint32"),)

        self._message, self._kernel = Message, GenericNetlinkSocket()
        self._kernel.bind("MAC80211_HWSIM", Message)

    def plug_in(self) -> int:
        """The number of a new one."""
        from pyroute2 import NetlinkError

        try:
            self._ask(4)
        except NetlinkError as made:  # what the library takes for a refusal is the number of the new radio
            return int(made.code)
        raise AssertionError("no radio was made")

    def pull_out(self, number: int) -> None:
        """Without a word to anybody."""
        self._ask(5, HWSIM_ATTR_RADIO_ID=number)

    def _ask(self, command: int, **attributes: int) -> None:
        message = self._message()
        message["cmd"], message["version"] = command, 1
        message["attrs"] = [[name, value] for name, value in attributes.items()]
        self._kernel.nlm_request(message, msg_type=self._kernel.prid, msg_flags=0x5)


class Crowd:
    """A Bluetooth controller with a crowd of advertisers around it, told by lines of JSON."""

    def __init__(self, tool: str, *words: str) -> None:
        run("modprobe", "hci_vhci")
        self._log = Path("/run/crowd.log")
        with self._log.open("w") as output:
            self._process = subprocess.Popen(["python3", tool, *words], stdin=subprocess.PIPE, stdout=output, text=True)
        assert until(lambda: '"hci"' in self._log.read_text(), 20)

    @property
    def name(self) -> str:
        """Of the adapter the kernel made of it."""
        return f"hci{self._said('hci')[-1]}"

    @property
    def running(self) -> bool:
        """Whether the adapter is still there."""
        return self._process.poll() is None

    def scans(self) -> list[str]:
        """Every scan so far: passive, active, off."""
        return [str(one) for one in self._said("scan")]

    def tell(self, **what: Any) -> None:
        """Have the crowd do something."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def pull_out(self) -> int:
        """Take the adapter away; how many advertisements it had reported."""
        self.tell(quit=True)
        self._process.wait(20)
        return int((self._said("reports") or [0])[-1])

    def _said(self, key: str) -> list[Any]:
        lines = [json.loads(line) for line in self._log.read_text().splitlines() if line.endswith("}")]
        return [line[key] for line in lines if key in line]


def below(took: float | None, limit: float) -> bool:
    """Whether it happened, and in less than so many seconds."""
    return took is not None and took < limit


def seconds(took: float | None) -> str:
    """For a sentence."""
    return "never" if took is None else f"{took:.0f}"
