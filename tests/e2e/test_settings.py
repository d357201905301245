"""Settings on their whole way, sensor, broker and cloud as real processes: signed, sent, kept, and answered."""

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.contract import ReportedConfig, Signed, decode
from agent.taken import Taken
from cloud.__main__ import app
from tests.brokers import mosquitto, until
from tests.conftest import need
from tests.e2e.test_path import SHOPS
from tests.processes import cloud, sensor


def footfall(*words: str) -> str:
    done = CliRunner().invoke(app, ("config", *words))
    assert done.exit_code == 0, done.output
    return done.stdout


def answered(folder: Path) -> ReportedConfig | None:
    """What the sensor last said of its settings, as the cloud has stored it."""
    database = sqlite3.connect(f"file:{folder}/cloud.db?mode=ro", uri=True)
    try:
        row = database.execute("SELECT config FROM sensor_state WHERE sensor = 'door'").fetchone()
    finally:
        database.close()
    return decode(ReportedConfig, row[0]) if row and row[0] else None


@pytest.mark.mosquitto
def test_a_sensor_takes_what_its_fleet_signed_and_nothing_else(tmp_path: Path) -> None:
    need("mosquitto")
    key, forger = tmp_path / "fleet.pem", tmp_path / "forger.pem"
    trusted = footfall("keygen", str(key))
    footfall("keygen", str(forger))
    people = tmp_path / "opt-outs.txt"
    people.write_text("00:1a:2b:33:44:55\n")

    def send(signed_with: Path, version: int, *more: str) -> bytes:
        document = tmp_path / f"{version}.json"
        words = ("demo:door", "--key", str(signed_with), "--version", str(version), "--to", str(document), *more)
        footfall("sign", *words)
        footfall("send", str(document), "-c", str(tmp_path / "cloud.toml"))
        return document.read_bytes().strip()

    def answer(version: int, state: str) -> ReportedConfig:
        def said() -> bool:
            found = answered(tmp_path)
            return found is not None and (found.version, found.state) == (version, state)

        until(said, f"the answer {state} {version}", 30)
        found = answered(tmp_path)
        assert found is not None
        return found

    def kept() -> Signed:
        return decode(Taken, (tmp_path / "state" / "desired.json").read_bytes()).newest.signed

    with mosquitto(tmp_path) as port, cloud(tmp_path, f"[mqtt]\nport = {port}\n{SHOPS}"):
        settings = f'sensor = "demo:door"\n[mqtt]\nport = {port}\n[fleet]\n{trusted}'
        first = send(key, 1, "--opt-out", str(people), "--outside-dbm", "-80")  # before the sensor is there: retained
        with sensor(tmp_path, settings, "sync"):
            answer(1, "applied")
            assert kept() == decode(Signed, first)
            send(forger, 2, "--opt-out", str(people))
            assert "not by the key fleet-1" in answer(1, "rejected").reason
            assert kept() == decode(Signed, first)
            second = send(key, 2, "--opt-out", str(people), "--profile", "F5")
            answer(2, "applied")
            send(key, 3, "--opt-out", str(people), "--outside-dbm", "-95")
            assert "lowers outside_dbm" in answer(2, "rejected").reason
        log = (tmp_path / "agent.log").read_text()
        assert log.count("are not taken") == 2
        with sensor(tmp_path, settings, "sync"):  # the last one is still with the broker, and still refused
            assert "lowers outside_dbm" in answer(2, "rejected").reason
            assert kept() == decode(Signed, second)
    assert json.loads(second)["kid"] == "fleet-1"
