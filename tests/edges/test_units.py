"""The units and the package around them, as far as that is seen without starting any of it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from agent.config import load
from tests.conftest import ROOT, find
from tests.privacy.test_pt11_units import UNITS, exposure, misunderstood, read

PACKAGE = ROOT / "firmware_config/debian"
# Of 10. Stock mosquitto.service has 9.6. The figure of each is that of docs/install.md.
EXPOSED = {"sense": 1.8, "sync": 1.3, "setup": 1.3, "keep": 1.9, "housekeep": 1.0, "cloud": 1.3}


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(PACKAGE))
    import build as made

    yield made
    for name in ("build", "wheels"):
        sys.modules.pop(name)


def test_systemd_understands_every_unit() -> None:
    assert misunderstood() == []


def test_no_service_is_more_exposed_than_is_promised() -> None:
    found = {part: exposure(read(UNITS / f"footfall-{part}.service")) for part in EXPOSED}
    assert {part: level for part, level in found.items() if level > EXPOSED[part]} == {}


def test_every_service_has_a_promised_exposure() -> None:
    assert {path.stem.removeprefix("footfall-") for path in UNITS.glob("*.service")} == set(EXPOSED)


def test_every_service_that_stays_has_a_watchdog_and_tells_when_it_is_ready() -> None:
    for part in ("sense", "sync", "keep"):
        unit = read(UNITS / f"footfall-{part}.service")
        assert (unit.value("Type"), unit.value("NotifyAccess")) == ("notify", "main")
        assert int(unit.value("WatchdogSec") or 0) >= 60


def test_no_radio_is_started_but_by_the_path_that_waits_for_the_set_up() -> None:
    wants = {path.name: re.findall(r"^Wants=(.*)$", path.read_text(), re.M) for path in UNITS.glob("*.target")}
    assert "sense" not in " ".join(wants["footfall.target"])
    assert "keep" not in " ".join(wants["footfall.target"])
    installed = [path.name for path in UNITS.glob("footfall*") if "[Install]" in path.read_text()]
    assert sorted(installed) == ["footfall-cloud.service", "footfall.target"]


def test_the_package_holds_every_unit_of_a_sensor_and_none_of_the_cloud(build: ModuleType) -> None:
    placed = {Path(place).name for _, place in build._files()}
    units = {path.name for path in UNITS.glob("footfall*") if path.suffix not in (".sysusers", ".tmpfiles")}
    assert units - {"footfall-cloud.service"} <= placed
    assert "footfall-cloud.service" not in placed


def test_every_file_of_the_package_is_there_and_goes_below_usr_but_for_the_settings(build: ModuleType) -> None:
    for source, place in build._files():
        assert source.is_file(), source
        assert place.startswith("usr/") or place == "etc/footfall/config.toml"


def test_the_settings_of_the_package_are_good_and_name_no_sensor() -> None:
    config = load(PACKAGE / "config.toml")
    assert not config.is_claimed
    assert config.radio.is_real


def test_the_scripts_of_the_package_are_sound(build: ModuleType) -> None:
    for name in build.SCRIPTS:
        subprocess.run(["sh", "-n", str(PACKAGE / name)], check=True)


def test_what_postinst_stops_and_prerm_stops_is_every_service_that_runs() -> None:
    for name in ("postinst", "prerm"):
        script = (PACKAGE / name).read_text()
        for part in ("sense", "sync", "keep", "setup"):
            assert f"footfall-{part}.service" in script


def test_the_agents_wheel_is_the_same_twice_and_has_no_cloud(tmp_path: Path, build: ModuleType) -> None:
    made = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        build.build(folder, 1_700_000_000)
        (wheel,) = folder.glob("footfall-*.whl")
        made.append(wheel.read_bytes())
    assert made[0] == made[1]
    assert b"agent/daemon.py" in made[0]
    assert b"cloud/" not in made[0]


@pytest.mark.skipif(
    find("lintian") is None, reason="lintian is missing: install it with 'sudo apt-get install lintian'"
)
def test_lintian_finds_nothing(build: ModuleType, tmp_path: Path) -> None:
    package = build.package("arm64", "0.1.0", tmp_path, libraries=lambda arch, into: None)  # they are others'
    words = ["lintian", "--allow-root", "--fail-on", "warning", str(package)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
