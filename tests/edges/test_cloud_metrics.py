"""Metrics of the cloud: a parser takes them, they say how it stands, and only who asks this machine gets them."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families as parse

from agent import metrics as sensor_metrics
from cloud.core.coverage import PlacedShop, Placement
from cloud.metrics import Metrics, add
from cloud.store import Store, migrate
from cloud.subscriber import Counters
from tests import fleet
from tests.conftest import ROOT
from tests.edges.test_sensor_metrics import FULL, REPORTED
from tests.shops import a_shop, at, reading

NOON = at("2026-11-24 12:00")
GRAFANA = ROOT / "cloud/grafana"
COUNTERS = Counters(messages=9, reports=7, duplicates=2, dated=6, late=1, lag_seconds=200, connected=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    migrate(str(tmp_path / "cloud.db"))
    store = Store(str(tmp_path / "cloud.db"))
    names = ("a", "b")
    store.apply_shops(
        [PlacedShop(shop=a_shop(one), placements=[Placement(sensor=f"acme:{one}", zone="door")]) for one in names]
    )
    one = reading(NOON, 9.0).report
    store.commit([fleet.delivery(1, [one], sensor="acme:a", now=NOON + 330)], NOON + 330)
    yield store
    store.close()


def page(store: Store, now: int, host: str = "127.0.0.1", **headers: str) -> httpx.Response:
    site = FastAPI()
    add(site, Metrics(store, "acme", lambda: asdict(COUNTERS), lambda: now))

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(site)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.get("/metrics", headers=headers)

    return asyncio.run(asked())


def samples(text: str) -> dict[str, float]:
    return {
        one.name + "".join(f"{{{key}={value}}}" for key, value in one.labels.items()): one.value
        for family in parse(text)
        for one in family.samples
    }


def test_it_says_what_came_what_waits_and_how_the_sensors_are(store: Store) -> None:
    told = samples(page(store, NOON + 360).text)
    assert (told["footfall_ingest_reports_total"], told["footfall_ingest_duplicates_total"]) == (7, 2)
    assert told["footfall_ingest_lag_seconds_sum"] / told["footfall_ingest_lag_seconds_count"] == 200 / 6
    assert told["footfall_rollup_backlog"] == 1 and told["footfall_outgoing_messages"] == 0
    assert told["footfall_sensors{status=counting}"] == 1 == told["footfall_sensors{status=unclaimed}"]
    assert told["footfall_watermark_age_seconds{of=oldest}"] == 30
    assert samples(page(store, NOON + 3600).text)["footfall_sensors{status=offline}"] == 1


def test_a_commit_says_how_late_its_reports_are(store: Store) -> None:
    late = [reading(NOON + 300 * number, 3.0).report for number in (1, 2)]
    done = store.commit([fleet.delivery(2, late, sensor="acme:a", now=NOON + 1700)], NOON + 1700)
    assert (done.dated, done.late, done.lag_s) == (2, 1, 1100 + 800)


def test_it_is_for_this_machine_alone(store: Store) -> None:
    assert page(store, NOON, host="counts.example.com").status_code == 404
    assert page(store, NOON, **{"X-Forwarded-For": "203.0.113.9"}).status_code == 404
    assert page(store, NOON, host="localhost:8080").status_code == 200


def test_no_label_names_a_shop_or_a_sensor(store: Store) -> None:
    assert "acme" not in page(store, NOON + 360).text


def known(store: Store) -> set[str]:
    text = page(store, NOON + 360).text + sensor_metrics.text(FULL, True, REPORTED)
    ble = sensor_metrics.text(FULL, True, REPORTED).replace("_wifi_", "_ble_").replace("frames", "adverts")
    return {line.split("{")[0].split(" ")[0] for line in (text + ble).splitlines() if not line.startswith("#")}


def test_dashboards_and_rules_name_only_metrics_that_there_are(store: Store) -> None:
    there = known(store)
    for path in (*GRAFANA.glob("*.json"), GRAFANA / "rules.yml"):
        text = path.read_text()
        exprs = re.findall(r'"?expr"?: (.*)', text)
        named = {name for expr in exprs for name in re.findall(r"footfall_[a-z_]+", expr)}
        assert named and named <= there, f"{path.name}: {sorted(named - there)}"


@pytest.mark.parametrize("path", sorted(GRAFANA.glob("*.json")), ids=lambda one: one.name)
def test_a_dashboard_is_one_grafana_can_take(path: Path) -> None:
    board = json.loads(path.read_text())
    assert board["uid"] and board["title"] and board["schemaVersion"] >= 36
    ids = [one["id"] for one in board["panels"]]
    assert len(ids) == len(set(ids))
    for one in board["panels"]:
        at = one["gridPos"]
        assert one["targets"] and at["x"] + at["w"] <= 24
        assert one["datasource"]["uid"] == "${source}"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Debian's package prometheus has promtool")
def test_prometheus_own_tool_finds_nothing(store: Store) -> None:
    rules = subprocess.run(["promtool", "check", "rules", GRAFANA / "rules.yml"], capture_output=True, text=True)
    assert rules.returncode == 0, rules.stderr
    text = page(store, NOON + 360).text
    linted = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert linted.returncode == 0, linted.stderr
