"""Air: what the service manager makes of a sensor whose radio is missing, comes, and goes deaf."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.boxes.box import Box, Step, until
from tests.boxes.life import NOW, taken
from tests.conftest import shared

SETTINGS = """sensor = "demo:door"
window_s = 60
[radio.wifi]
source = "monitor"
interface = "mon0"
second_interface = "none"
[mqtt]
host = "127.0.0.1"
"""
# A tenth of what the units say, so that a test sees it; the silence after which a radio is deaf is the product's own.
QUICK = "[Unit]\nJobRunningTimeoutSec=5\n[Service]\nWatchdogSec=12\nTimeoutStartSec=12\n"
_DEAF_S = 90.0


class Air:
    """`share`: where a capture may lie that the box hears."""

    def __init__(self, box: Box, arch: str, share: Path) -> None:
        self._box, self._arch, self._share = box, arch, share
        self._stick: subprocess.Popen[bytes] | None = None

    def steps(self) -> Iterator[Step]:
        """Each as it ends."""
        try:
            for step in (self.missing, self.comes, self.deaf):
                yield taken(step.__doc__ or "", step)
        finally:
            if self._stick:
                self._stick.kill()
                self._stick.wait()

    def missing(self) -> str:
        """Without its stick it does not get ready, says so, is left alone, and holds nobody up."""
        self._box.run(f"DEBIAN_FRONTEND=noninteractive dpkg -i /host/footfall-agent_{NOW}_{self._arch}.deb")
        self._box.write("/etc/footfall/config.toml", SETTINGS)
        self._box.write("/etc/systemd/system/footfall-sense.service.d/test.conf", QUICK)
        self._box.run("systemctl daemon-reload && touch /etc/footfall/set-up && systemctl enable footfall.target")
        self._box.reboot()
        waited_s = until(lambda: not self._box.run("systemctl list-jobs --no-legend"), 30)
        machine = self._box.run("systemctl is-system-running || true")
        time.sleep(30)  # more than twice what it may take to start
        sense = self._box.unit("sense")
        found = (sense["SubState"], sense["NRestarts"], sense["Result"])
        assert found == ("start", "0", "success"), f"{found} {self._box.run('journalctl -b -o cat -u footfall-sense')}"
        return f"the machine is {machine}, no job waits after {waited_s:.0f} s; activating: {sense['StatusText']}"

    def comes(self) -> str:
        """The stick is plugged in, and it gets ready."""
        capture = self._share / "few.pcap"
        tool = str(shared("tools") / "radiotap_tap.py")
        made = (sys.executable, tool, "gen", str(capture), "--stations", "20", "--bursts", "5")
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        heard = ("--ifname", "mon0", "--wait-sniffer", "20", "--rate", "20", "--linger", "300")
        self._stick = self._box.tap(str(capture), *heard)
        ready_s = until(lambda: self._box.unit("sense")["ActiveState"] == "active", 20)
        return f"after {ready_s:.1f} s: {self._box.unit('sense')['StatusText']}"

    def deaf(self) -> str:
        """The stick goes deaf: the sensor says so and begins to listen anew; the watchdog lets it live."""
        old = self._box.unit("sense")["MainPID"]
        deaf_s = until(lambda: "nothing at all" in self._box.unit("sense")["StatusText"], _DEAF_S + 40)
        time.sleep(30)
        sense = self._box.unit("sense")
        found = (sense["NRestarts"], sense["MainPID"])
        assert found == ("0", old), f"{found} {self._box.run('journalctl -b -o cat -u footfall-sense')}"
        return f"deaf after {deaf_s:.0f} s, alive 30 s later under a watchdog of 12 s: {sense['StatusText']}"
