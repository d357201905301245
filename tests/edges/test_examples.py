"""The program that docs/ shows a third party, at a real broker with the rights of a partner, on the vectors."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cloud.core import merged
from tests.brokers import until
from tests.conftest import ROOT
from tests.guarded import CLOUD, HOST, guarded, party

SUBSCRIBER = ROOT / "docs/examples/subscriber.py"
TOPIC = merged.topic("demo", "high-street", "hour")


def hour(**changes: Any) -> dict[str, Any]:
    told = json.loads((ROOT / "tests/vectors/merged/MergedPeriod-an-hour-in-progress.json").read_bytes())
    return told | changes


def unknown(told: dict[str, Any]) -> dict[str, Any]:
    visitors = told["period"]["visitors"] | {"value": None, "low": None, "high": None, "coverage": 0.0}
    return told | {"period": told["period"] | {"visitors": visitors}}


@pytest.mark.mosquitto
def test_a_subscriber_keeps_the_newest_and_prints_interval_and_coverage(tmp_path: Path) -> None:
    first = hour()
    later = unknown(hour(rolled=first["rolled"] + 5, colour="green"))
    out = tmp_path / "out.txt"
    with guarded(tmp_path) as broker, party(broker, CLOUD) as cloud, out.open("wb") as log:
        words = [sys.executable, str(SUBSCRIBER), HOST, str(broker.port), "demo", str(broker.root)]
        process = subprocess.Popen([*words, *map(str, broker.files("partner"))], stdout=log)
        try:
            until(lambda: cloud.publish(TOPIC, json.dumps(first).encode()) or out.read_text(), "the first hour")
            for one in (first, later, first, hour(rolled=later["rolled"] + 1)):
                cloud.publish(TOPIC, json.dumps(one).encode())
            until(lambda: len(out.read_text().splitlines()) == 3, "the newest")
        finally:
            process.kill()
            process.wait(10)
    at = "High Street, 2026-06-30 10:00 UTC"
    assert out.read_text().splitlines() == [
        f"{at}: 6 (5 to 8) visitors; 33% listened to",
        f"{at}: unknown visitors; 0% listened to",
        f"{at}: 6 (5 to 8) visitors; 33% listened to",
    ]


def test_it_has_at_most_twenty_lines_of_code() -> None:
    code = ast.unparse(ast.parse(SUBSCRIBER.read_text()))  # without comments
    documented = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Module | ast.FunctionDef)]
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) - len(documented) <= 20
