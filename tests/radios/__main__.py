"""Radios for real: python -m tests.radios [wifi|bluetooth|tests ...] boots a throw-away machine and prints a table.

1. The machine is Debian with its own kernel, simulated Wi-Fi radios and Bluetooth controllers; no radio of this one is
   touched. The shared tool `vm.sh` makes its image once (root, about three minutes) and boots it in half a minute.
2. The product is installed there as on a sensor: its wheel, its units, its users. Cases run inside (`guest`).
3. Exit code 1 unless every case holds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, shared

HEAD = "| case | found | holds | took s |\n|---|---|---|---|"
KINDS = ("wifi", "bluetooth", "tests")
WHEELS = "bleak cryptography msgspec paho-mqtt pyroute2 pytest pytest-timeout scapy sqlite-utils typer"
SETTINGS = {
    "HIL_SUITE": "trixie",
    "HIL_DIR": str(Path.home() / ".cache/footfall-vm"),
    "HIL_NAME": "vm-test",
    "HIL_SHARE_MODE": "none",
    "HIL_BT": "0",
    "HIL_WIFI": "4",
    "HIL_PIP": WHEELS,
}
INSTALL = """set -e
cd /root/footfall
python3 -m venv --without-pip --system-site-packages /opt/footfall
python3 -m zipfile -e footfall-*.whl /opt/footfall/lib/python3.*/site-packages
cp systemd/*.service systemd/*.target /etc/systemd/system/
cp systemd/footfall.sysusers /usr/lib/sysusers.d/footfall.conf
cp systemd/footfall.tmpfiles /usr/lib/tmpfiles.d/footfall.conf
rm -rf /etc/systemd/system/bluetooth.service.d
cp -r systemd/bluetooth.service.d /etc/systemd/system/
systemd-sysusers
systemd-tmpfiles --create footfall.conf
mkdir -p /etc/footfall
systemctl daemon-reload
"""
OWN_TESTS = (
    "cd /root/footfall && FOOTFALL_RADIOS=1 PYTHONPATH=/root/footfall python3 -m pytest -c /dev/null --rootdir=/srv "
    "--import-mode=importlib -q -p no:cacheprovider tests/edges/test_nl80211.py tests/edges/test_ble.py"
)


class Machine:
    """The machine, from its start until it is thrown away."""

    def __init__(self) -> None:
        self._tool = shared("tools") / "vm.sh"
        self._environment = {**SETTINGS, **os.environ}

    def start(self) -> None:
        """Boot it, after making its image where there is none yet."""
        image = Path(self._environment["HIL_DIR"]) / "trixie-amd64" / "disk.img"
        if not image.exists():
            image.parent.mkdir(parents=True, exist_ok=True)
            say("making the image, once: about three minutes")
            self.do("deps")
            self.do("build")
        self.do("start")

    def do(self, *words: str) -> str:
        """One command of the tool; what it prints."""
        done = subprocess.run(
            ["bash", str(self._tool), *words], env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"vm.sh {words}: {done.stdout[-300:]} {done.stderr[-600:]}"
        return done.stdout

    def install(self) -> None:
        """The product, as on a sensor, and the cases beside it."""
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder) / "footfall"
            here.mkdir()
            wheel = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(here), str(ROOT)]
            subprocess.run([sys.executable, *wheel], check=True, cwd=folder)
            for part in ("systemd", "tests", "agent", "docs", "pyproject.toml"):
                subprocess.run(["cp", "-r", str(ROOT / part), str(here)], check=True)
            here.joinpath("install.sh").write_text(INSTALL)
            self.do("put", str(here), "/root")
            self.do("put", str(shared("tools") / "vhci_ble.py"), "/root")
        self.do("exec", "sh /root/footfall/install.sh")

    def cases(self, kind: str) -> Iterator[dict[str, object]]:
        """Each case of a kind as it ends."""
        command = f"cd /root/footfall && PYTHONPATH=. python3 -m tests.radios.guest {kind}"
        words = ["bash", str(self._tool), "exec", command]
        with subprocess.Popen(words, env=self._environment, stdout=subprocess.PIPE, text=True) as inside:
            assert inside.stdout
            for line in inside.stdout:
                yield json.loads(line)
        if inside.returncode:
            yield {"name": kind, "found": f"ended with {inside.returncode}", "held": False, "took_s": 0}

    def own_tests(self) -> Iterator[dict[str, object]]:
        """The tests of this repository that need radios."""
        began = time.monotonic()
        try:
            said, held = self.do("exec", OWN_TESTS), True
        except AssertionError as error:
            said, held = str(error), False
        took_s = round(time.monotonic() - began)
        last = said.strip().splitlines()[-1]
        yield {
            "name": "the tests of nl80211 and Bluetooth",
            "found": last,
            "held": held and " passed" in last,
            "took_s": took_s,
        }


def say(sentence: str) -> None:
    """To whoever waits."""
    print(sentence, file=sys.stderr, flush=True)


def main() -> int:
    """Print the table as it grows."""
    asked = argparse.ArgumentParser(prog="python -m tests.radios", description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("kinds", nargs="*", choices=[[], *KINDS], metavar="KIND", help=", ".join(KINDS))
    wanted = asked.parse_args().kinds or KINDS
    try:
        machine = Machine()
    except pytest.skip.Exception as why:
        say(f"not tried: {why}")
        return 1
    machine.start()
    print(HEAD, flush=True)
    held = True
    try:
        machine.install()
        for kind in wanted:
            for one in machine.own_tests() if kind == "tests" else machine.cases(kind):
                verdict = "yes" if one["held"] else "NO"
                print(f"| {one['name']} | {one['found']} | {verdict} | {one['took_s']} |", flush=True)
                held = held and bool(one["held"])
    finally:
        machine.do("cut")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
