"""Health on its whole way, sensor, broker and cloud as real processes: told, scraped on both sides, and a goodbye."""

import sqlite3
import time
import urllib.request
from pathlib import Path

import pytest
from msgspec import UNSET
from prometheus_client.parser import text_string_to_metric_families as parse

from agent.contract import Health, decode
from tests.brokers import free_port, mosquitto, until
from tests.conftest import need
from tests.e2e.test_path import SHOPS
from tests.processes import cloud, sensor


def known(folder: Path) -> tuple[str | None, Health | None]:
    """What the cloud has stored of the sensor's connection and of its health."""
    database = sqlite3.connect(f"file:{folder}/cloud.db?mode=ro", uri=True)
    try:
        row = database.execute("SELECT status, health FROM sensor_state WHERE sensor = 'door'").fetchone()
    finally:
        database.close()
    return (row[0], decode(Health, row[1]) if row[1] else None) if row else (None, None)


def scraped(address: str) -> dict[str, float]:
    try:
        with urllib.request.urlopen(f"{address}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#")) + "\n"
    return {one.name: one.value for family in parse(text) for one in family.samples}


@pytest.mark.mosquitto
def test_a_sensor_tells_how_its_machine_is_and_says_goodbye(tmp_path: Path) -> None:
    need("mosquitto")
    port = free_port()
    with mosquitto(tmp_path) as broker, cloud(tmp_path, f"[mqtt]\nport = {broker}\n{SHOPS}") as address:
        settings = (
            f'sensor = "demo:door"\nhealth_interval_s = 0.5\nbattery_clock = true\n'
            f'[radio.wifi]\nsource = "street"\n[mqtt]\nport = {broker}\n[metrics]\nport = {port}\n'
            f"[time]\nstart = {int(time.time()) - 900}\nreal_start = {time.time()}\nspeed = 60\n"
        )
        with sensor(tmp_path, settings):
            until(lambda: (told := known(tmp_path)[1]) and told.machine is not UNSET, "health of the machine", 30)
            until(lambda: (told := known(tmp_path)[1]) and told.radios[0].levels is not UNSET, "levels", 30)
            until(lambda: scraped(f"http://127.0.0.1:{port}").get("footfall_uplink_connected") == 1, "the sensor", 20)
            mine = scraped(f"http://127.0.0.1:{port}")
            until(lambda: scraped(address).get("footfall_ingest_reports_total", 0) > 0, "reports in the cloud", 20)
        _, health = known(tmp_path)
        assert health is not None and health.machine is not UNSET and health.machine.uplink is not UNSET
        uplink = health.machine.uplink
        assert uplink.round_trip_s is not UNSET and uplink.sent_today is not UNSET and uplink.sent_today > 1000
        assert health.interval_s == 0.5 and health.radios[0].rate is not UNSET
        assert mine["footfall_wifi_frames_total"] > 0 and mine["footfall_wifi_signal_dbm_gcount"] >= 10
        until(lambda: known(tmp_path)[0] == "left", "the goodbye", 10)
