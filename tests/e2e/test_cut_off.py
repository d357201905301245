"""Settings that cut the network undo themselves: a sensor on the simulated street, mosquitto and cloud, all real."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt import publish

from agent.config import load
from agent.contract import DeviceConfig, ReportedConfig, topics
from agent.contract.desired import Broker, Tuning
from agent.in_force import InForce
from tests.brokers import free_port, mosquitto, until
from tests.conftest import need
from tests.e2e.test_path import SHOPS
from tests.e2e.test_settings import answered
from tests.processes import cloud, started
from tests.signed import Signer

pytestmark = pytest.mark.mosquitto
FLEET = Signer(1)
TRIAL_S = 4.0


class Street:
    """A sensor that senses, and a fleet that sends it documents through the broker at `port`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port, self.file = folder, port, folder / "agent.toml"
        self.file.write_text(
            f'sensor = "demo:door"\nstate_dir = "{folder}/state"\nrun_dir = "{folder}/run"\n'
            f'[radio.wifi]\nsource = "street"\n[mqtt]\nport = {port}\n'
            f'[fleet.config_keys]\n{FLEET.kid} = "{FLEET.public}"\n'
        )

    def send(self, version: int, **more: object) -> None:
        now = int(time.time())
        told = DeviceConfig(sensor="demo:door", version=version, not_before=now - 60, expires=now + 600, **more)  # type: ignore[arg-type]
        topic = topics.config("demo:door")
        publish.single(topic, FLEET.signed(told), qos=1, retain=True, hostname="127.0.0.1", port=self.port)

    def answer(self, state: str, version: int) -> ReportedConfig:
        def said() -> bool:
            found = answered(self.folder)
            return found is not None and (found.state, found.version) == (state, version)

        until(said, f"the answer {state} {version}", 30)
        found = answered(self.folder)
        assert found is not None
        return found

    def talking(self):  # type: ignore[no-untyped-def]
        words = ("tests.e2e.short_trial", str(self.file), str(TRIAL_S))
        return started(*words, log=self.folder / "sync.log")

    @property
    def broker_port(self) -> int:
        return InForce(load(self.file)).config.mqtt.port


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    """The sensor has said which radio it hears, and its first document, which cuts nothing, has passed its trial."""
    need("mosquitto")
    with mosquitto(tmp_path) as port, cloud(tmp_path, f"[mqtt]\nport = {port}\n{SHOPS}"):
        one = Street(tmp_path, port)
        with started("agent", "sense", "--config", str(one.file), log=tmp_path / "sense.log"):
            until((tmp_path / "run/status.json").exists, "the sensing process", 20)
            yield one


def test_a_broker_that_is_nowhere_undoes_itself_and_the_old_one_hears_why(street: Street) -> None:
    with street.talking():
        street.send(1, tuning=Tuning(stay_s=2.0), profile="F5")
        street.answer("pending", 1)
        good = street.answer("applied", 1)
        sent_at = time.monotonic()
        street.send(2, broker=Broker(host="127.0.0.1", port=free_port()), outside_dbm=-80)
        street.answer("pending", 2)
        assert street.broker_port != street.port
        back = street.answer("rolled_back", 1)
        took_s = time.monotonic() - sent_at
    assert TRIAL_S <= took_s < TRIAL_S + 15
    assert (back.wanted, back.reason) == (2, "The cloud did not answer in 4 seconds of trial.")
    assert (back.hash, street.broker_port) == (good.hash, street.port)
    assert back.effective != good.effective  # the raised floor has stayed
    log = (street.folder / "sync.log").read_text()
    assert re.findall(r"version (\d) (?:have passed|failed)", log) == ["1", "2"]
    with street.talking():  # the document that failed is still with the broker, and is not taken again
        time.sleep(2)
        assert street.answer("rolled_back", 1) == back


def test_a_kill_in_the_trial_changes_nothing_about_its_end(street: Street) -> None:
    with street.talking() as process:
        until(lambda: "connected to" in (street.folder / "sync.log").read_text(), "the first connection")
        street.send(1, broker=Broker(host="127.0.0.1", port=free_port()))
        street.answer("pending", 1)
        process.kill()
        process.wait()
    assert street.broker_port != street.port
    with street.talking():
        back = street.answer("rolled_back", 0)
    assert (back.wanted, street.broker_port) == (1, street.port)
