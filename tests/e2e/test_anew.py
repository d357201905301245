"""Who changes what was settled on the spot makes every process begin anew, and the day is not counted twice for it."""

import json
import subprocess
from pathlib import Path

import psutil
import pytest

from agent import site
from agent.keyring import Keyring
from tests import outboxes
from tests.brokers import until
from tests.processes import sensor

STREET = '[radio.wifi]\nsource = "street"\nopens_hour = 0\ncloses_hour = 24\n'


def parts(process: subprocess.Popen[bytes]) -> dict[str, int]:
    """Its processes by name, with their ids."""
    children = psutil.Process(process.pid).children()
    return {one.cmdline()[3]: one.pid for one in children if len(one.cmdline()) > 3}


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    one = Keyring(f"footfall:{(tmp_path / 'state/outbox.db').absolute()}")
    if not one.keep(b"there?", 5):
        pytest.skip("this container keeps the kernel's keyring from us: run the test outside of it")
    one.destroy()
    return one


def test_a_change_of_the_site_begins_every_process_anew_and_goes_on_with_the_day(
    tmp_path: Path, keyring: Keyring
) -> None:
    place, outbox = tmp_path / "state/site.json", tmp_path / "state/outbox.db"
    with sensor(tmp_path, f'sensor = "demo:door"\nhealth_interval_s = 1\nbattery_clock = true\n{STREET}') as process:
        until((tmp_path / "run/status.json").exists, "the sensing process")
        until((tmp_path / "run/line.json").exists, "the talking process")
        before = parts(process)
        assert set(before) == {"sense", "sync"}
        site.settled(place, inside_dbm=-61, outside_dbm=-81)

        def told() -> int:
            return int(json.loads((tmp_path / "run/status.json").read_text())["privacy"]["inside_dbm"])

        until(lambda: told() == -61, "the zones that hold now")
        until(lambda: set(after := parts(process)) == set(before) and after["sync"] != before["sync"], "both, anew")
        assert parts(process)["sense"] != before["sense"]
        (closed,) = outboxes.reports(outbox)
        assert "key_reset" in json.loads(closed.body)
        assert keyring.recall() is not None
        assert process.poll() is None
    rest = [json.loads(one.body) for one in outboxes.reports(outbox)][1:]
    assert rest
    assert not any("key_reset" in one for one in rest), "the day began again"
    keyring.destroy()
    assert "ended with" not in (tmp_path / "agent.log").read_text()
