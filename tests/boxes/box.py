"""Box: a throw-away machine with Debian and systemd, booted in a second, without radios and without a network."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import shared

APT = "mosquitto mosquitto-clients udev systemd-timesyncd"
_PATIENCE_S = 240.0


class Step(NamedTuple):
    """What was tried, what was found, whether it is what must be, and how long it took."""

    name: str
    found: str
    held: bool
    took_s: float


class Box:
    """One box, from its start until it is thrown away. `share`: the folder it sees as /host."""

    def __init__(self, suite: str, share: Path) -> None:
        self._tool = shared("tools") / "box.sh"
        own = {"HIL_SUITE": suite, "HIL_SHARE": str(share), "HIL_NAME": "box-test", "HIL_APT": APT}
        self._environment = {"HIL_DIR": str(Path.home() / ".cache/footfall-vm"), **os.environ, **own}
        self._root = Path(self._environment["HIL_DIR"]) / f"box-{suite}"

    def start(self) -> None:
        """Boot it, after making its image where there is none yet."""
        if not self._root.exists():
            self._tell("build")
        self._tell("start")

    def stop(self) -> None:
        """Throw it away."""
        self._tell("kill")

    def reboot(self) -> None:
        """Shut it down in order, and boot it again with its disk."""
        self._tell("stop")
        self._tell("start", "--keep")

    def run(self, command: str, *, check: bool = True) -> str:
        """A command line as root inside; what it prints."""
        done = subprocess.run(
            ["bash", str(self._tool), "exec", command],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout[-500:]} {done.stderr[-800:]}"
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """A file inside."""
        self.run(f"mkdir -p $(dirname {path}) && cat > {path} <<'END'\n{text}END")

    def tap(self, *words: str) -> subprocess.Popen[bytes]:
        """A monitor interface inside, for as long as the process lives, which hears a capture (`radiotap_tap.py`)."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(["bash", str(self._tool), "tap", *words], env=self._environment, **quiet)

    def unit(self, name: str) -> dict[str, str]:
        """What systemd knows of a unit of ours."""
        said = self.run(f"systemctl show footfall-{name}").splitlines()
        return dict(line.split("=", 1) for line in said if "=" in line)

    def outbox(self) -> list[dict[str, Any]]:
        """The reports that wait."""
        return list(json.loads(self.run("footfall-agent outbox --json")))

    def files(self) -> set[str]:
        """Every file, folder and link on its disk, but for what the machine itself keeps: logs, caches, lists."""
        places = ("/host", "/root", "/tmp", "/var/tmp", "/var/log", "/var/cache", "/var/lib/dpkg", "/var/lib/systemd/*")
        skip = " -o ".join(f"-path '{one}'" for one in places)
        said = self.run(f"find / -xdev \\( {skip} \\) -prune -o -print")
        return set(said.splitlines())

    def _tell(self, *words: str) -> None:
        done = subprocess.run(
            ["bash", str(self._tool), *words], env=self._environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"box.sh {words}: {done.stdout[-300:]} {done.stderr[-600:]}"


def until(true: Callable[[], bool], within_s: float) -> float:
    """Seconds until it was; an AssertionError if it never is."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, f"not within {within_s:.0f} s"
        time.sleep(0.1)
    return time.monotonic() - began
