"""A sensor is nobody's again: what goes, what stays, what is said before; killed, and while it runs."""

import json
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from agent import identity, reset, site
from agent.board import mark
from agent.config import Config, load, written
from agent.contract import Report
from agent.outbox import Outbox
from tests import outboxes
from tests.brokers import until
from tests.children import in_a_child
from tests.identities import World
from tests.processes import sensor

NOW = int(time.time())
DAY = 20_000


@pytest.fixture(scope="module")
def world() -> World:
    return World(NOW)


def claimed(folder: Path, world: World) -> Path:
    """A sensor that was claimed, with three reports that wait; its settings."""
    settings = folder / "agent.toml"
    settings.write_text(f'state_dir = "{folder}/state"\nrun_dir = "{folder}/run"\n')
    config = written(settings)
    told = world.authority.issue(identity.request(config.identity_dir, mark("board")).encode(), "acme:door", NOW, 90)
    identity.take(config.identity_dir, told.pem, "acme:door", NOW, world.root.certificate.decode())
    site.settled(config.site_path, sensor="acme:door", shop_name="Corner", host="127.0.0.1", port=1, inside_dbm=-66)
    with closing(Outbox(config.outbox_path)) as outbox:
        assert outbox.open_budget(DAY)
        for number in range(3):
            outbox.append(Report(window_start=300 * number, window_s=300, clock="trusted"))
    for path in (config.learnt_path, config.desired_path, config.keys_path):
        path.write_text("{}")
    return settings


def run(settings: Path, *words: str) -> subprocess.CompletedProcess[str]:
    words = (sys.executable, "-m", "agent", "reset", "-c", str(settings), *words)
    return subprocess.run(words, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def kept(config: Config) -> set[str]:
    return {one.name for one in Path(config.state_dir).rglob("*") if one.is_file()} - {"outbox.db-wal", "outbox.db-shm"}


def test_name_and_keys_go_and_reports_stay(tmp_path: Path, world: World) -> None:
    settings = claimed(tmp_path, world)
    done = run(settings, "--yes")
    assert (done.returncode, done.stdout) == (0, "It is nobody's sensor now: claim it anew.\n")
    config = load(settings)
    assert not config.is_claimed
    assert config.zones.inside_dbm == -70
    assert kept(config) == {"outbox.db", "classes.json", "desired.json", "keys.json"}
    assert len(outboxes.reports(config.outbox_path)) == 3
    assert run(settings, "--yes").stdout == "It was nobody's sensor already.\n"


@pytest.mark.parametrize("words", [(), ("--no-input",), ("--all", "--no-input")])
def test_without_a_yes_it_says_what_would_go_and_deletes_nothing(
    tmp_path: Path, world: World, words: tuple[str, ...]
) -> None:
    settings = claimed(tmp_path, world)
    before = kept(load(settings))
    done = run(settings, *words)
    assert done.returncode == 2
    assert "It is acme:door at Corner no longer: its key and certificate go" in done.stderr
    assert ("see them: 3." if "--all" in words else "Reports that wait stay") in done.stderr
    assert "so nothing was deleted: add --yes" in done.stderr.replace("\n│ ", " ")
    assert kept(load(settings)) == before
    assert load(settings).sensor == "acme:door"


def test_all_of_it_goes_but_the_note_of_what_was_told(tmp_path: Path, world: World) -> None:
    settings = claimed(tmp_path, world)
    done = run(settings, "--all", "--yes", "--json")
    assert any("see them: 3" in one for one in json.loads(done.stdout)["lost"])
    config = load(settings)
    assert kept(config) == {"outbox.db", "forget"}
    assert not outboxes.reports(config.outbox_path)
    with closing(Outbox(config.outbox_path)) as outbox:
        assert not outbox.open_budget(DAY), "a day's budget could be spent twice"
        assert outbox.append(Report(window_start=900, window_s=300, clock="trusted")).sequence == 1


def test_a_damaged_site_can_be_reset(tmp_path: Path, world: World) -> None:
    settings = claimed(tmp_path, world)
    written(settings).site_path.write_bytes(b'{"sensor":')
    said = subprocess.run(
        [sys.executable, "-m", "agent", "status", "-c", str(settings)], capture_output=True, text=True, timeout=60
    )
    assert (said.returncode, "run 'footfall-agent reset'" in said.stderr) == (78, True)
    assert run(settings, "--yes").returncode == 0
    assert not load(settings).is_claimed


def test_a_name_in_the_settings_file_stays_and_that_is_said(tmp_path: Path) -> None:
    settings = tmp_path / "agent.toml"
    settings.write_text(f'sensor = "acme:door"\nstate_dir = "{tmp_path}/state"\nrun_dir = "{tmp_path}/run"\n')
    assert "it is acme:door still" in run(settings, "--yes").stdout


def test_killed_at_any_step_it_is_whose_it_was_or_nobodys(tmp_path: Path, world: World) -> None:
    original = tmp_path / "original"
    original.mkdir()
    claimed(original, world)
    owners, step, done = [], 0, False
    while not done:
        step += 8
        folder = tmp_path / "copy"
        shutil.copytree(original / "state", folder / "state")
        settings = folder / "agent.toml"
        settings.write_text(f'state_dir = "{folder}/state"\nrun_dir = "{folder}/run"\n')
        config = written(settings)
        done = in_a_child(lambda at=config: reset.carry_out(at, everything=True), kill_at=step)
        owners.append(load(settings).is_claimed)
        assert not owners[-1] or (config.identity_dir / "pair.pem").exists(), "a name without its key"
        reset.carry_out(config, everything=True)
        assert kept(config) == {"outbox.db", "forget"}
        assert not outboxes.reports(config.outbox_path)
        shutil.rmtree(folder)
    assert owners == sorted(owners, reverse=True)
    assert set(owners) == {True, False}


def test_a_running_sensor_begins_anew_and_writes_nothing_of_before(tmp_path: Path) -> None:
    clock = f"[time]\nstart = 1700000100\nreal_start = {time.time()}\nspeed = 240\n"
    with sensor(tmp_path, f'window_s = 60\n[radio.wifi]\nsource = "street"\n{clock}') as process:
        outbox = tmp_path / "state/outbox.db"
        until(lambda: len(outboxes.reports(outbox)) >= 4, "reports")
        before = {one.body for one in outboxes.reports(outbox)}
        assert run(tmp_path / "agent.toml", "--all", "--yes").returncode == 0
        until(lambda: not (tmp_path / "state/forget").exists(), "the sensing process")
        until(lambda: outboxes.reports(outbox), "a report of the life after", 20)
        after = outboxes.reports(outbox)
        assert before.isdisjoint(one.body for one in after)
        assert after[0].sequence == 1
        assert process.poll() is None
