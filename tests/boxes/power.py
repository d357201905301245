"""Power for real: python -m tests.boxes.power boots a machine with the package and prints how long until it counts.

1. The machine is that of `tests.radios` (`vm.sh`, root): Debian 13 with its own kernel, simulated Wi-Fi radios. One is
   the sensor's; another plays a phone that searches for networks, from the start of the machine on.
2. Power is switched on and cut as at a wall socket: nothing is shut down. An upgrade is cut at several moments.
3. Without KVM everything runs ten times slower than on a board: the seconds are an upper bound, and no promise.
4. Exit code 1 unless every step holds.
"""

import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.boxes.__main__ import HEAD, build, sources, tell
from tests.boxes.box import until
from tests.boxes.life import NEXT, NOW, taken
from tests.radios.__main__ import Machine

SETTINGS = """sensor = "demo:door"
window_s = 60
[radio.wifi]
source = "monitor"
interface = "wlan0"
second_interface = "none"
channels = [1]
"""
# A scan that begins while the radios are still being made may never end.
PHONE = """[Service]
ExecStart=/bin/sh -c 'ip link set wlan1 up; while :; do timeout 5 iw dev wlan1 scan freq 2412; sleep 1; done'
[Install]
WantedBy=multi-user.target
"""
# Writes how long the machine was up when the first frame of a phone was counted: then the page shows a number.
SEEN = """[Service]
ExecStart=/bin/sh -c 'until grep -q "\\\\"frames\\\\":[1-9]" /run/footfall/status.json 2>/dev/null; do sleep 1; done; \\
  cut -d" " -f1 /proc/uptime > /run/seen'
[Install]
WantedBy=multi-user.target
"""
_CUTS_S = (3, 15, 40)  # after an upgrade began


class Plug:
    """The machine at its socket."""

    def __init__(self, folder: Path) -> None:
        self._machine, self._folder = Machine(), folder

    def install(self) -> str:
        """The package is installed, and the machine is set up."""
        self._machine.start()
        for version in (NOW, NEXT):
            self._machine.do("put", str(self._folder / f"footfall-agent_{version}_amd64.deb"), "/root")
        began = time.monotonic()
        self._do(f"DEBIAN_FRONTEND=noninteractive dpkg -i /root/footfall-agent_{NOW}_amd64.deb")
        took_s = time.monotonic() - began
        for path, text in (
            ("/etc/footfall/config.toml", SETTINGS),
            ("/etc/systemd/system/phone.service", PHONE),
            ("/etc/systemd/system/seen.service", SEEN),
        ):
            self._do(f"cat > {path} <<'END'\n{text}END")
        self._do("touch /etc/footfall/set-up; systemctl --quiet enable phone seen; sync")
        return f"{took_s:.0f} s"

    def power(self) -> str:
        """Power on: a number that moves."""
        self._machine.do("cut")
        began = time.time()
        self._machine.do("start", "--keep")
        until(lambda: self._do("cat /run/seen 2>/dev/null || true") != "", 400)
        seen_s, up_s = float(self._do("cat /run/seen")), float(self._do("cut -d' ' -f1 /proc/uptime"))
        kernel_s = time.time() - up_s - began
        ready_s = int(self._do("systemctl show -P ActiveEnterTimestampMonotonic footfall-sense")) / 1e6
        return (
            f"{kernel_s + seen_s:.0f} s: firmware {kernel_s:.0f} s, sense ready {ready_s:.0f} s after the kernel began"
        )

    def cut(self, after_s: float) -> str:
        """Power is cut while the package is upgraded."""
        until(lambda: len(self._reports()) > 0, 300)
        before = self._reports()
        self._do(f"(dpkg -i /root/footfall-agent_{NEXT}_amd64.deb > /dev/null 2>&1 &) ; sleep {after_s}")
        self._machine.do("cut")
        self._machine.do("start", "--keep")
        until(lambda: self._do("cat /run/seen 2>/dev/null || true") != "", 400)
        there, after = self._do("readlink /opt/footfall").rpartition("/")[2], self._reports()
        assert before <= after, f"lost: {sorted(before - after)}"
        self._do("DEBIAN_FRONTEND=noninteractive dpkg --configure --pending")
        self._do(f"dpkg -i /root/footfall-agent_{NOW}_amd64.deb > /dev/null 2>&1")  # for the next cut
        return f"it counts with {there}; {len(before)} reports, none lost; the package manager goes on"

    def stop(self) -> None:
        """Throw it away."""
        self._machine.do("cut")

    def _do(self, command: str) -> str:
        return self._machine.do("exec", command).strip()

    def _reports(self) -> set[tuple[str, int]]:
        said = json.loads(self._do("footfall-agent outbox --json"))
        return {(one["epoch"], one["sequence"]) for one in said}


def main() -> int:
    """Print the table as it grows."""
    os.environ.setdefault("HIL_NAME", "power-test")
    with tempfile.TemporaryDirectory() as folder:
        here = sources(Path(folder))
        for version in (NOW, NEXT):
            build(here, "amd64", version, Path(folder))
        plug = Plug(Path(folder))
        print(HEAD, flush=True)
        held = True
        try:
            for step in (plug.install, plug.power, *(partial(plug.cut, after_s) for after_s in _CUTS_S)):
                name = (
                    step.__doc__ or ""
                    if not isinstance(step, partial)
                    else f"Power is cut {step.args[0]} s into an upgrade"
                )
                held = held and tell("vm", taken(name, step))
        finally:
            plug.stop()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
