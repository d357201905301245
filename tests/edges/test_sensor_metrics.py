"""Metrics of the sensor: OpenMetrics that a parser takes, on this machine alone, and only where it is asked for."""

import http.client
import socket
import time
from pathlib import Path

import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from agent import metrics, status, sync
from agent.config import Config, Metrics
from agent.contract import Health, ReportedConfig, decode
from agent.metrics import Exporter
from agent.outbox import Pending
from agent.vitals import Vitals
from tests.conftest import ROOT

FULL = decode(Health, (ROOT / "tests/vectors/Health-a-machine-and-its-uplink.json").read_bytes())
REPORTED = ReportedConfig(sensor="acme:door", version=7, state="applied", hash="ab" * 32)


def samples(text: str) -> dict[str, float]:
    found = {}
    for family in parse(text):
        for one in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}" if labels else one.name] = float(one.value)
    return found


def test_a_parser_takes_all_of_it_and_reads_what_health_says() -> None:
    told = samples(metrics.text(FULL, True, REPORTED))
    assert told["footfall_wifi_frames_total"] == 120_400
    assert told["footfall_wifi_dropped_frames_total"] == 3
    assert told["footfall_queue_reports"] == 2 and told["footfall_queue_oldest_seconds"] == 310
    assert told[f"footfall_config_info{{hash={'ab' * 32},version=7}}"] == 1
    assert told["footfall_wifi_signal_dbm_bucket{le=-81.0}"] == 410 + 690
    assert told["footfall_wifi_signal_dbm_bucket{le=+Inf}"] == told["footfall_wifi_signal_dbm_gcount"] == 2195
    assert told["footfall_under_voltage"] == 1 and told["footfall_uplink_signal_dbm"] == -64
    assert told["footfall_uplink_connected"] == 1
    assert told["footfall_wifi_recoveries_total{step=restart}"] == 1


@pytest.mark.parametrize("path", sorted((ROOT / "tests/vectors").glob("Health-*.json")), ids=lambda one: one.stem)
def test_every_health_there_is_becomes_text_that_a_parser_takes(path: Path) -> None:
    health = decode(Health, path.read_bytes())
    assert "footfall_sensing_uptime_seconds" in samples(metrics.text(health, None, None))


def test_what_is_not_known_is_not_there() -> None:
    assert metrics.text(None, None, None) == "# EOF\n"
    bare = samples(metrics.text(msgspec.structs.replace(FULL, machine=msgspec.UNSET), None, None))
    assert not {"footfall_cpu_temperature_celsius", "footfall_disk_free_ratio"} & set(bare)


def test_no_label_names_the_sensor() -> None:
    assert "acme" not in metrics.text(FULL, True, REPORTED)


def ask(port: int, path: str = "/metrics") -> tuple[int, str, str]:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    link.request("GET", path)
    answer = link.getresponse()
    found = answer.status, answer.headers["Content-Type"], answer.read().decode()
    link.close()
    return found


def test_it_answers_one_question_on_this_machine_alone() -> None:
    exporter = Exporter(0, lambda: metrics.text(FULL, True, None))
    try:
        code, kind, text = ask(exporter.port)
        assert (code, kind) == (200, metrics.TYPE) and samples(text)
        assert ask(exporter.port, "/")[0] == 404
        with socket.create_connection(("127.0.0.1", exporter.port)) as rude:
            rude.sendall(b"\x16\x03\x01")
        assert ask(exporter.port)[0] == 200, "who says nothing sensible holds up nobody"
        with socket.socket() as other:
            other.settimeout(1)
            assert other.connect_ex(("127.0.0.2", exporter.port)) != 0
    finally:
        exporter.close()


def test_without_a_port_in_the_settings_nobody_listens(tmp_path: Path) -> None:
    config = Config(state_dir=str(tmp_path), run_dir=str(tmp_path))
    vitals = sync.vitals_of(config)
    assert sync.exporter_of(config, vitals, None) is None


def test_a_port_that_is_taken_stops_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = Config(state_dir=str(tmp_path), run_dir=str(tmp_path), metrics=Metrics(taken.getsockname()[1]))
        assert sync.exporter_of(config, sync.vitals_of(config), None) is None


def test_what_was_seen_last_completes_what_the_sensing_process_says(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    vitals = Vitals(path, tmp_path, None, 60.0)
    held = Pending("0" * 16, 1, 3, 3, int(time.time()) - 900, 0)
    assert vitals.look(held, None) is None, "it has not said anything yet"
    bare = msgspec.structs.replace(FULL, outbox=None, machine=msgspec.UNSET, at=time.time())
    status.write(path, bare)
    told = vitals.now()
    assert told is not None and told.outbox is not None and told.interval_s == 60.0
    assert told.outbox.pending == 3 and told.outbox.oldest_age_s == pytest.approx(900, abs=5)
    assert told.machine is not msgspec.UNSET and told.machine.disk_free is not msgspec.UNSET
