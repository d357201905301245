"""The bundle for support is clean: canaries planted in all it is made of are in none of its files, in any of 170 forms.

Planted are addresses in every spelling, names of networks and devices, keys, codes and IP addresses, in the sensor's
settings, statuses and file names, in the journal, and in what programs print. With the redaction off they are found.
"""

import json
import random
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest

from agent import bundle, site, status
from agent.bundle import Books
from agent.contract import Health, RadioHealth
from agent.phrasebook import KERNEL, Own, Phrasebook
from agent.site import Site
from agent.status import Kept, Line, Radios
from tests.conftest import ROOT
from tests.privacy.scan import Place, Scan, texts

CHANCE = random.Random(8)
MACS = [CHANCE.randbytes(6) for _ in range(6)]
KEYS = [CHANCE.randbytes(32) for _ in range(2)]
NAMES = [
    b"Canary Cafe Guest",
    b"canarynetz-5g",
    b"Kanaris Buds Pro",
    b"7F3AK2PX",
    b"203.0.113.77",
    b"2001:db8::c0de:77",
]
CANARIES = [*MACS, *KEYS, *NAMES]
SENTENCES = [
    "{}", "INFO footfall.ear: listening on {}", "WARNING footfall.ear: {} is deaf ({})",
    "WARNING footfall.sync: The broker at {}:8883 cannot be reached ({}).", "connected to {}:{}",
    "ValueError: {}", 'File "/opt/{}/agent/{}.py", line 7, in {}', "footfall-sync.service: Failed with result '{}'.",
    "footfall-sync.service: Main process exited, code=exited, status=1/{}",
    "usb 1-1: Product: {}", "usb 1-1: SerialNumber: {}", "usb {}: USB disconnect, device number {}",
    "wlan0: authenticate with {}", "wlan0: associated ({})", "Bluetooth: hci0: command {} tx timeout",
    "EXT4-fs error (device {}): {}", "\tssid {}", "\taddr {}", "Interface {}", "phy#{}", "type {}",
    "Bus 001 Device 002: ID 0e8d:7612 {}", "Bus 001 Device {}: ID {} {}", "{} {}", "ActiveState={}", "NRestarts={}",
]  # fmt: skip


class Open:
    """No redaction: the control."""

    def told(self, text: str) -> str | None:
        return text


def spellings(raw: bytes) -> Iterator[str]:
    """As text, however somebody may write it."""
    if raw in NAMES:
        yield raw.decode()
        return
    yield from (text.decode() for text in texts(raw).values())
    yield str(int.from_bytes(raw, "big"))
    yield repr(raw)[2:-1]
    yield str(list(raw))


def planted() -> list[str]:
    every = [one for raw in CANARIES for one in spellings(raw)]
    return [sentence.replace("{}", one) for one in every for sentence in SENTENCES]


def program(folder: Path, name: str, prints: Iterable[str]) -> None:
    """A program of that name that prints so, whatever it is asked."""
    (folder / f"{name}.txt").write_text("\n".join(prints))
    (folder / name).write_text(f"#!/bin/sh\nexec /bin/cat {folder}/{name}.txt\n")
    (folder / name).chmod(0o755)


def journal(lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        told: object = list(line.encode()) if number % 7 == 0 else line
        unit = line if number % 5 == 0 else "footfall-sync.service"
        yield json.dumps(
            {
                "MESSAGE": told,
                "_SYSTEMD_UNIT": unit,
                "__REALTIME_TIMESTAMP": f"{1_795_500_000 + number}000000",
                "X": line,
            }
        )


@pytest.fixture(scope="module")
def sensor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sensor full of canaries: `config.toml`, its folders, and `bin` with the programs that are asked."""
    folder = tmp_path_factory.mktemp("sensor")
    for name in ("bin", "state", "run"):
        (folder / name).mkdir()
    mac, name = MACS[0].hex(), NAMES[0].decode()
    config = f'''
sensor = "{NAMES[1].decode()}:{mac}"
state_dir = "{folder}/state"
run_dir = "{folder}/run"
[fleet]
config_keys = {{ {NAMES[1].decode()} = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" }}
claim_url = "https://{NAMES[4].decode()}/{NAMES[3].decode()}"
[radio.wifi]
source = "monitor"
interface = "wlx{mac}"
[mqtt]
host = "{NAMES[5].decode()}"
ca_file = "/etc/{name}/{MACS[1].hex(":")}.pem"
certificate_file = "{folder}/state/{MACS[2].hex("-")}.pem"
key_file = "{folder}/state/{KEYS[0].hex()}"
'''
    (folder / "config.toml").write_text(config)
    site.write(folder / "state/site.json", Site(shop_name=name, serial=mac))
    (folder / "state" / MACS[3].hex(":")).write_bytes(b"".join(CANARIES))
    (folder / "state/desired.json").write_bytes(json.dumps({"payload": name, "kid": mac}).encode())
    radio = RadioHealth(
        radio="wifi", state="deaf", source=mac, frames=1, dropped=0, last_frame_age_s=None, detail=f"{name} {mac}"
    )
    health = Health(sensor="a:b", at=1.0, uptime_s=1.0, software=mac, clock="trusted", profile="F5", radios=[radio])
    status.write(folder / "run/status.json", health)
    status.write(folder / "run/line.json", Line(connected=False, acknowledged=None, sentence=f"{name}: {mac}"))
    kept = Kept(radio="wifi", name=mac, ready=False, sentence=f"the stick {mac} is gone", channels={mac: 1.0})
    status.write(folder / "run/radios.json", Radios(at=1.0, radios=[kept]))
    lines = planted()
    program(folder / "bin", "journalctl", journal(lines))
    for tool in ("dmesg", "iw", "lsusb", "systemctl"):
        program(folder / "bin", tool, [*(f"[  12.345678] {one}" for one in lines), *lines])
    return folder


def made(sensor: Path, use: Books, to: Path) -> list[Place]:
    """The files of a bundle, with their names."""
    run = partial(bundle.command, path=str(sensor / "bin"))
    bundle.write(bundle.parts(sensor / "config.toml", use, run), to)
    with tarfile.open(to) as archive:
        members = [(one.name, archive.extractfile(one)) for one in archive.getmembers()]
        return [(name, [name.encode(), file.read()]) for name, file in members if file is not None]


@pytest.fixture(scope="module")
def scan() -> Scan:
    return Scan(CANARIES)


def test_no_canary_is_in_it_in_any_form(sensor: Path, scan: Scan, tmp_path: Path) -> None:
    assert len(scan.forms) >= 20
    found = scan.search(made(sensor, bundle.books(), tmp_path / "bundle.tar.gz"))
    assert found.hits == [] and found.places == 11, found.told()


def test_without_the_redaction_they_are_found(sensor: Path, scan: Scan, tmp_path: Path) -> None:
    found = scan.search(made(sensor, Books(Open(), Open(), Open()), tmp_path / "bundle.tar.gz"))
    assert found.canaries() == len(CANARIES)
    for part in ("settings.json", "status.json", "journal.txt", "kernel.txt", "radios.txt"):
        assert found.canaries(part), part


def test_a_text_of_settings_that_cannot_be_read_is_told_without_what_it_names(sensor: Path, tmp_path: Path) -> None:
    broken = tmp_path / "config.toml"
    broken.write_text(f'sensor = "a:b"\n"{NAMES[0].decode()}" = 1\n')
    (settings,) = [one for one in bundle.parts(broken, bundle.books(), lambda _: "") if one.name == "settings.json"]
    assert NAMES[0].decode() not in settings.text and settings.text


def test_what_support_needs_is_in_it(sensor: Path, tmp_path: Path) -> None:
    own = Own()
    assert own.told("WARNING footfall.ear: mon0 is deaf (silent)") == "… is deaf (silent)"
    assert own.told("The broker at 10.1.2.3:8883 cannot be reached (no).") == "The broker at … cannot be reached (…)."
    assert own.told('  File "/opt/footfall/lib/agent/sync.py", line 120, in run') == "agent/sync.py line 120"
    kernel = Phrasebook(KERNEL, short=True)
    assert kernel.told("usb 1-1.2: USB disconnect, device number 5") == "usb 1-1.2: USB disconnect, device number 5"
    files = {name.rpartition("/")[2]: b"".join(body) for name, body in made(sensor, bundle.books(), tmp_path / "b.tgz")}
    settings = json.loads(files["settings.json"].removeprefix(b"footfall-bundle/settings.json"))
    assert (settings["window_s"], settings["mqtt"]["port"]) == (300, 1883)
    assert settings["sensor"] == bundle.MASKED == settings["mqtt"]["host"]


def run(*words: str, path: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", "bundle", *words]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={"PATH": path}, stdin=subprocess.DEVNULL
    )


def test_it_is_shown_before_it_is_written_and_nobody_else_may_read_it(sensor: Path, tmp_path: Path) -> None:
    path, to = str(sensor / "bin"), tmp_path / "b.tar.gz"
    unasked = run("-c", str(sensor / "config.toml"), "--to", str(to), path=path)
    assert unasked.returncode == 2 and "--yes" in unasked.stderr and not to.exists()
    assert "journal.txt" in unasked.stderr
    done = run("-c", str(sensor / "config.toml"), "--to", str(to), "--yes", path=path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"file": str(to), "bytes": to.stat().st_size}
    assert stat.S_IMODE(to.stat().st_mode) == 0o600 and to.stat().st_size <= bundle.MOST_BYTES
    again = run("-c", str(sensor / "config.toml"), "--to", str(to), "--yes", path=path)
    assert again.returncode == 1 and "choose another" in again.stderr
