"""The whole path with real processes: a capture, a sensor, mosquitto over TLS, the cloud, its API."""

import json
import re
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from agent.contract import Report, decode
from tests import outboxes
from tests.air import written
from tests.brokers import free_port, mosquitto, until
from tests.certificates import Authority
from tests.conftest import need
from tests.e2e import crowd
from tests.processes import cloud, fetch, replayed, sensor

SHOPS = """
[[shops]]
tenant = "demo"
shop = "corner"
name = "Corner shop"
time_zone = "Europe/Berlin"
sensors = [{sensor = "demo:door", zone = "door"}]
"""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    need("mosquitto")
    return Authority(tmp_path)


def tls(authority: Authority, name: str = "broker", days: int = 1) -> str:
    pair = authority.issue(name, days=days)
    return f"cafile {authority.certificate}\ncertfile {pair.certificate}\nkeyfile {pair.key}\n"


def agent_settings(capture: Path, port: int, ca: Path, speed: float = 60.0) -> str:
    """A sensor that plays the capture at its own time, under a clock that starts just before it."""
    return (
        f'sensor = "demo:door"\nwindow_s = 60\nhealth_interval_s = 1\n'
        f'[radio.wifi]\nsource = "capture"\npath = "{capture}"\n'
        f'[mqtt]\nport = {port}\nca_file = "{ca}"\n'
        f"[time]\nstart = {crowd.START - 60}\nreal_start = {time.time()}\nspeed = {speed}\n"
    )


def stored(folder: Path) -> dict[int, Report]:
    """What the cloud has committed: the reports by window, and no window twice."""
    database = sqlite3.connect(f"file:{folder}/cloud.db?mode=ro", uri=True)
    try:
        bodies = [body for (body,) in database.execute("SELECT body FROM report")]
    finally:
        database.close()
    reports = [decode(Report, body) for body in bodies]
    by_window = {report.window_start: report for report in reports if report.wifi and report.wifi.frames}
    assert len(by_window) == sum(1 for report in reports if report.wifi and report.wifi.frames)
    return by_window


def test_the_api_shows_what_replay_of_the_same_capture_counts(tmp_path: Path, authority: Authority) -> None:
    capture = written(tmp_path / "crowd.pcap", crowd.frames())
    expected = {row["window_start"]: row for row in replayed(capture, 60, "--outside-dbm", "-90")}
    with mosquitto(tmp_path, more=tls(authority)) as port:
        ca = authority.certificate
        settings = f'[mqtt]\nport = {port}\ntls = true\nca = "{ca}"\n{SHOPS}'
        with cloud(tmp_path, settings) as address, sensor(tmp_path, agent_settings(capture, port, ca)):
            last = max(expected) + 60
            until(lambda: any(start >= last for start in windows_at(tmp_path)), "the last window", 30)
            shown = by_start(fetch(f"{address}/api/v1/shops/corner/windows?date=2023-11-14"))
    found = stored(tmp_path)
    assert set(found) == {start for start, row in expected.items() if row["frames"]}
    for start, report in found.items():
        wifi = report.wifi
        assert wifi is not None
        assert wifi.present is not None
        assert wifi.inside is not None
        row = expected[start]
        assert (wifi.present.devices, wifi.present.low, wifi.present.high) == (row["devices"], row["low"], row["high"])
        assert wifi.inside.devices == row["inside"]
        assert shown[start]["occupancy"]["value"] == round(row["inside"])
        assert shown[start]["occupancy"]["low"] <= row["inside"] <= shown[start]["occupancy"]["high"]
    assert_nothing_of_the_air(tmp_path)


def windows_at(folder: Path) -> list[int]:
    database = sqlite3.connect(f"file:{folder}/cloud.db?mode=ro", uri=True)
    try:
        return [start for (start,) in database.execute("SELECT window_start FROM report")]
    finally:
        database.close()


def by_start(answer: Any) -> dict[int, Any]:
    return {period["start"]: period for period in answer["periods"]}


def assert_nothing_of_the_air(folder: Path) -> None:
    """No file anywhere holds an address or a network's name, in clear, hexadecimal or reversed."""
    needles = [crowd.NAME]
    for address in crowd.addresses():
        raw = bytes.fromhex(address.replace(":", ""))
        for form in (raw, raw[::-1]):
            needles += [form, form.hex().encode(), form.hex(":").encode(), form.hex("-").upper().encode()]
    searched = 0
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".pcap":
            content = path.read_bytes()
            searched += len(content)
            for needle in needles:
                assert needle not in content, f"{path.name} holds {needle!r}"
    assert searched > 10_000


def test_the_search_finds_a_planted_address(tmp_path: Path) -> None:
    """The control: a build that logged one address would be caught."""
    (tmp_path / "log").write_bytes(b"x" * 10_001 + crowd.addresses()[3].encode())
    with pytest.raises(AssertionError, match="log holds"):
        assert_nothing_of_the_air(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("another authority", r"shows a certificate we do not accept \(.*\): check mqtt.ca_file"),
        ("expired", r"shows a certificate we do not accept \(certificate has expired\)"),
        ("plain", r"does not speak TLS as expected"),
        ("nothing", r"cannot be reached"),
    ],
)
def test_a_broker_that_cannot_be_trusted_is_one_sentence_and_nothing_is_lost(
    tmp_path: Path, authority: Authority, wrong: str, says: str
) -> None:
    capture = written(tmp_path / "crowd.pcap", crowd.frames(120))
    trusted = Authority(tmp_path, "other").certificate if wrong == "another authority" else authority.certificate
    more = "" if wrong == "plain" else tls(authority, days=-1 if wrong == "expired" else 1)
    with mosquitto(tmp_path, more=more) as broker:
        port = free_port() if wrong == "nothing" else broker
        with sensor(tmp_path, agent_settings(capture, port, trusted)):
            log = tmp_path / "agent.log"
            until(lambda: re.search(says, log.read_text()), f"the sentence {says!r}", 20)
            until(lambda: held(tmp_path) >= 2, "windows in the outbox", 20)
    said = [line for line in log.read_text().splitlines() if re.search(says, line)]
    assert len(said) == 1, "the same sentence is said once, not at every try"
    assert json.loads((tmp_path / "run/line.json").read_text())["connected"] is False


def held(folder: Path) -> int:
    return len(outboxes.reports(folder / "state/outbox.db"))
