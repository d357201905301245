"""From nobody's sensor to a shop's numbers, all of it real: sensor, broker with its delivered rights, cloud, HTTPS.

Also: a certificate that is about to end is replaced while reports go on, a card in another board connects nowhere, and
a sensor that is reset begins anew.
"""

import json
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agent import identity, status
from agent.board import mark
from agent.config import Config, load
from agent.contract import Hello, decode, topics
from agent.site import PAIR
from cloud.authority import opened
from tests import outboxes
from tests.brokers import until
from tests.e2e.test_path import SHOPS
from tests.fronts import Answer, Sent, front
from tests.guarded import Guarded, guarded, party
from tests.processes import cloud, started

pytestmark = pytest.mark.mosquitto
DAY = 86_400


class Service(NamedTuple):
    """Broker and cloud; `address` is the cloud's on this machine, `port` the one where it is claimed over HTTPS."""

    folder: Path
    broker: Guarded
    address: str
    port: int

    def code(self, zone: str, serial: str) -> str:
        told = json.dumps({"zone": zone, "serial": serial}).encode()
        with urllib.request.urlopen(f"{self.address}/api/v1/shops/corner/claims", told, 10) as answer:
            return str(json.load(answer)["code"])

    def rows(self, question: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.folder}/cloud.db?mode=ro", uri=True)) as database:
            return database.execute(question, values).fetchall()


class Sensor(NamedTuple):
    """A new sensor of the board `serial`, its files in `folder`, to stand in `zone`."""

    service: Service
    folder: Path
    zone: str
    serial: str

    @property
    def config(self) -> Config:
        return load(self.folder / "agent.toml")

    @property
    def sentence(self) -> str:
        line = status.read_line(self.config.line_path)
        return line.sentence if line else ""

    @property
    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    def agent(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "agent", *words, "-c", f"{self.folder}/agent.toml"],
            capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def claim(self) -> None:
        done = self.agent("claim", self.service.code(self.zone, self.serial))
        assert done.returncode == 0, done.stderr

    def arrived(self) -> set[bytes]:
        rows = self.service.rows("SELECT body FROM report WHERE sensor = ?", self.zone)
        return {body for (body,) in rows}

    def waiting(self) -> set[bytes]:
        return {one.body for one in outboxes.reports(self.config.outbox_path)}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    keys = folder / "fleet"
    with guarded(keys) as broker:
        ours = broker.files("footfall-cloud")
        settings = (
            f'[mqtt]\nport = {broker.cloud_port}\ntls = true\nca = "{keys}/root.pem"\ncert = "{ours.certificate}"\n'
            f'key = "{ours.key}"\n[fleet]\nca = "{keys}/ca.pem"\nca_key = "{keys}/ca.key"\nroot = "{keys}/root.pem"\n'
            f'broker_host = "127.0.0.1"\nbroker_port = {broker.port}\n{SHOPS}'
        )
        above = opened((keys / "root.pem").read_bytes(), (keys / "root.key").read_bytes())
        with cloud(folder, settings) as address:

            def passed_on(sent: Sent) -> Answer:
                with urllib.request.urlopen(address + sent.path, sent.body, 10) as told:
                    return Answer(200, told.read())

            with front(folder, above.broker(["127.0.0.1"], int(time.time())), passed_on) as port:
                yield Service(folder, broker, address, port)


@pytest.fixture
def sensor(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Sensor:
    number = abs(hash(request.node.name)) % 2**32
    one = Sensor(service, tmp_path, f"zone-{number:x}", f"10000000{number:08x}")
    monkeypatch.setenv("FOOTFALL_SERIAL", one.serial)
    (tmp_path / "agent.toml").write_text(
        f'state_dir = "{tmp_path}/state"\nrun_dir = "{tmp_path}/run"\nwindow_s = 60\nhealth_interval_s = 1\n'
        f'[fleet]\nclaim_url = "https://127.0.0.1:{service.port}"\nclaim_ca_file = "{service.folder}/fleet/root.pem"\n'
        '[radio.wifi]\nsource = "street"\nvisitors_per_day = 100\n'
        f"[time]\nstart = 1700000100\nreal_start = {time.time()}\nspeed = 120\n"
    )
    return one


def running(one: Sensor) -> Any:
    return started("agent", "run", "-c", f"{one.folder}/agent.toml", log=one.folder / "agent.log")


def test_what_was_counted_before_the_claim_is_handed_over_after_it(sensor: Sensor) -> None:
    with party(sensor.service.broker, "footfall-cloud", client_id="listener") as listener, running(sensor):
        listener.subscribe(topics.up(f"demo:{sensor.zone}", "hello"))
        until(lambda: len(sensor.waiting()) >= 3, "reports that wait")
        assert sensor.sentence.startswith("Not claimed yet: what is counted waits here")
        assert "Sensor of nobody" in sensor.agent("status").stdout
        assert "Not claimed yet" in sensor.agent("check").stdout
        before = sensor.waiting()
        sensor.claim()
        until(lambda: before < sensor.arrived(), "reports from before the claim and after it", 40)
        until(lambda: sensor.sentence == "The cloud has acknowledged.", "the line")
        hello = decode(Hello, listener.heard[0][1])
    assert hello.board == mark(sensor.serial)
    assert isinstance(hello.boot, str)
    assert sensor.log.count("what was settled on the spot has changed: beginning anew") == 2
    assert "Traceback" not in sensor.log


def test_a_certificate_is_replaced_while_reports_go_on(sensor: Sensor) -> None:
    sensor.claim()
    folder, name = sensor.config.identity_dir, sensor.config.sensor
    asked = identity.request(folder, mark(sensor.serial)).encode()
    aged = sensor.service.broker.authority.issue(asked, name, int(time.time()) - 80 * DAY, 90).pem
    identity.take(folder, aged, name, time.time())
    identity.tidy(folder)
    with running(sensor):
        until(lambda: aged.encode() not in (folder / PAIR).read_bytes(), "the next certificate", 40)
        then = sensor.arrived()
        until(lambda: len(sensor.arrived() - then) >= 2, "reports under it", 40)
    assert sensor.log.count("the next certificate is in place") == 1
    assert sensor.log.count("connected to") == 2, "it connects once with each"
    assert "WARNING" not in sensor.log


def test_a_card_in_another_board_connects_nowhere(sensor: Sensor, monkeypatch: pytest.MonkeyPatch) -> None:
    sensor.claim()
    monkeypatch.setenv("FOOTFALL_SERIAL", "10000000deadbeef")
    with running(sensor):
        until(lambda: len(sensor.waiting()) >= 2, "reports: it counts on")
        assert sensor.sentence == (
            f"This card was set up in another sensor (serial number {sensor.serial}; this one has 10000000deadbeef): "
            "run 'footfall-agent reset --all' and claim it anew."
        )
        assert "connected to" not in sensor.log
        assert sensor.agent("reset", "--all", "--yes").returncode == 0
        until(lambda: sensor.sentence.startswith("Not claimed yet"), "the sensor to begin anew")
