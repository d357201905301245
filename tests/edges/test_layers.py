"""What 'footfall-agent config' says: for every setting the layer that said it, what is allowed, who may change it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent import layers, site
from agent.__main__ import app
from agent.config import load
from agent.contract.desired import Tuning
from agent.site import Site
from tests.signed import SENSOR, Signer, here, stand, wanted

FLEET = Signer(1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A sensor whose settings come from all four layers."""
    path = tmp_path / "config.toml"
    path.write_text(
        f'sensor = "{SENSOR}"\nstate_dir = "{tmp_path}"\n[fleet.config_keys]\n{FLEET.kid} = "{FLEET.public}"\n'
        "[radio.wifi]\nsource = 'monitor'\nstay_s = 4.0\nchannels = [1, 6]\n"
    )
    site.write(tmp_path / "site.json", Site(country="DE", outside_dbm=-85))
    stand(load(path)).take(FLEET.signed(wanted(tuning=Tuning(channels=[1]), profile="F5")), here())
    return path


def test_the_highest_layer_that_changed_a_setting_said_it(file: Path) -> None:
    said = {one.key: (one.value, one.layer) for one in layers.settings(file)}
    assert said["window_s"] == (300, "default")
    assert said["radio.wifi.stay_s"] == (4.0, "file")
    assert said["radio.wifi.country"] == ("DE", "on the spot")
    assert said["zones.outside_dbm"] == (-85, "on the spot")
    assert said["radio.wifi.channels"] == ([1], "fleet")
    assert said["privacy.profile"] == ("F5", "fleet")


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ("config", *words))
    return done.exit_code, done.output


def test_explain_says_what_is_allowed_and_who_may_change_it(file: Path) -> None:
    assert run("explain", "radio.wifi.stay_s", "-c", str(file))[1].splitlines() == [
        "radio.wifi.stay_s = 4.0",
        "  said by     the settings file",
        "  allowed     a number from 0.1 to 3600",
        "  changed by  the settings file; the fleet, on trial",
    ]
    code, said = run("explain", "zones.outside_dbm", "-c", str(file), "--json")
    assert (code, json.loads(said)["changed_by"]) == (
        0,
        "the settings file; who sets the sensor up; the fleet, stricter only",
    )


def test_a_setting_that_is_not_there_is_met_with_the_nearest(file: Path) -> None:
    code, said = run("explain", "radio.wifi.stay", "-c", str(file))
    assert code == 2
    assert "radio.wifi.stay_s?" in said


def test_show_shows_every_setting(file: Path) -> None:
    code, said = run("show", "-c", str(file))
    assert code == 0
    rows = json.loads(run("show", "-c", str(file), "--json")[1])
    assert [line.split()[0] for line in said.splitlines()] == [row["key"] for row in rows]
    assert all(row["allowed"] and row["changed_by"] for row in rows)


def test_validate_names_the_key(file: Path, tmp_path: Path) -> None:
    assert run("validate", str(file)) == (0, f"{file} can be used.\n")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[radio.wifi]\nsource = 'monitor'\nstay_s = 0\n")
    done = CliRunner().invoke(app, ("config", "validate", str(wrong)))
    assert "radio.wifi.stay_s" in str(done.exception)
