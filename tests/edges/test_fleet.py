"""The fleet on a real store: planned, signed, rolled out and put back, on the command line and over HTTP."""

import asyncio
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import UNSET
from typer.testing import CliRunner

from agent.contract import DeviceConfig, ReportedConfig, encode, topics
from agent.desired import verify
from cloud.config_commands import app
from cloud.core.fleet.standing import opened
from cloud.core.refusal import Refusal
from cloud.desk import Fleet
from cloud.fleet_file import parse
from cloud.signing import load_key, new_key, opt_outs, public_line, sign
from cloud.store import Store, migrate, receive
from cloud.store import wanted as wanted_table
from cloud.store.wanted import Documents
from tests import fleet
from tests.web import a_web

NOW = fleet.NOON
KEY = load_key(new_key())
FILE = 'name = "quieter"\nsafe = true\n[[settings]]\nhealth_interval_s = 300\n'
SENSORS = [f"demo:s{one}" for one in range(12)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = str(tmp_path / "cloud.db")
    migrate(database)
    one = Store(database)
    one.apply_shops([fleet.placed(*SENSORS, of=fleet.shop(region="south"))])
    windows = [fleet.delivery(1, [fleet.report(NOW - 60)], sensor, now=NOW) for sensor in SENSORS]
    one.commit(windows, NOW)
    yield one
    one.close()


@pytest.fixture
def desk(store: Store) -> Fleet:
    return Fleet(store, "demo", lambda: NOW)


def signed(document: DeviceConfig) -> bytes:
    return encode(sign(document, KEY, "fleet-1"))


def say(store: Store, sensor: str, version: int, state: str = "applied", **more: Any) -> None:
    told = ReportedConfig(sensor=sensor, version=version, state=state, **more)  # type: ignore[arg-type]
    store.commit([receive(topics.up(sensor, "config"), encode(told), NOW)], NOW)


def wanted(store: Store) -> dict[str, tuple[int, DeviceConfig | None]]:
    return {one.sensor: (one.version, opened(one.payload)) for one in Documents(store).all("demo")}


def test_what_is_planned_is_signed_forward_and_back_and_released_by_stages(store: Store, desk: Fleet) -> None:
    file = parse(FILE, "f")
    made = desk.make(file, desk.plan(file), signed, "ann@here")
    assert not wanted(store)
    desk.step(NOW)
    found = wanted(store)
    assert len(found) == 5
    for version, document in found.values():
        assert document is not None
        assert (version, document.version, document.health_interval_s) == (1, 1, 300)
    desk.put_back(made.id, "bob@there")
    for version, document in wanted(store).values():
        assert document is not None
        assert (version, document.health_interval_s) == (2, UNSET)
    assert sorted(one.who for one in desk.deeds()) == ["ann@here", "bob@there", "footfall"]
    assert desk.rollout(made.id).rollout.state == "put-back"


def test_a_sensor_is_in_one_rollout_that_runs_and_a_plan_that_is_old_is_refused(store: Store, desk: Fleet) -> None:
    file = parse(FILE, "f")
    planned = desk.plan(file)
    made = desk.make(file, planned, signed, "ann")
    assert desk.plan(file).busy == sorted(SENSORS)
    later = Fleet(store, "demo", lambda: NOW + 1)
    with pytest.raises(Refusal, match="in a rollout that runs"):
        later.make(file, planned, signed, "bob")
    desk.stop(made.id, "ann")
    with pytest.raises(Refusal, match="plan again"):
        later.make(parse(FILE.replace("300", "301"), "f"), planned, signed, "bob")
    again = later.make(file, later.plan(file), signed, "bob")
    assert {one.forward for one in later.rollout(again.id).parts} == {3}


def test_a_version_is_above_what_the_sensor_said_and_what_a_file_sent_twice_wants_is_no_change(
    store: Store, desk: Fleet
) -> None:
    say(store, SENSORS[0], 41)
    file = parse(FILE, "f")
    assert desk.plan(file).foreign == [SENSORS[0]]
    made = desk.make(file, desk.plan(file, take_over=True), signed, "ann")
    assert max(one.forward for one in desk.rollout(made.id).parts) == 42
    desk.step(NOW)
    desk.stop(made.id, "ann")
    assert desk.plan(file).stays == sorted(wanted(store))


def test_what_failed_is_put_back_to_what_was_before_that(store: Store, desk: Fleet) -> None:
    good, bad = parse(FILE, "f"), parse(FILE.replace("300", "600"), "f")
    first = desk.make(good, desk.plan(good), signed, "ann")
    desk.step(NOW)
    for sensor in wanted(store):
        say(store, sensor, 1)
    desk.stop(first.id, "ann")
    one = sorted(wanted(store))[0]
    later = Fleet(store, "demo", lambda: NOW + 1)
    second = later.make(bad, later.plan(bad), signed, "ann")
    part = next(each for each in later.rollout(second.id).parts if each.sensor == one)
    with store.writing() as db:
        wanted_table.put(db, "demo", [(one.partition(":")[2], part.forward, _forward(store, second.id, one))], NOW)
    say(store, one, 1, "rolled_back", wanted=part.forward, reason="no line.")
    later.stop(second.id, "ann")
    (line,) = [each for each in later.sensors() if each.sensor == one]
    assert line.sentence == f"Tried version {part.forward} and went back to 1: no line."
    (change,) = [each for each in later.plan(good).changes if one in each.sensors]
    assert change.fields == []
    (change,) = [each for each in later.plan(parse(FILE.replace("300", "60"), "f")).changes if one in each.sensors]
    assert (change.fields[0].before, change.fields[0].after) == (300, 60)


def _forward(store: Store, rollout: str, sensor: str) -> bytes:
    with store.reading() as db:
        query = "SELECT forward FROM part WHERE rollout = ? AND sensor = ?"
        return bytes(db.exec_driver_sql(query, (rollout, sensor.partition(":")[2])).scalar_one())


def test_a_sensor_takes_both_documents_and_whoever_opted_out_stays_out(store: Store, desk: Fleet) -> None:
    file, listed = parse(FILE, "f"), opt_outs("00:1a:2b:33:44:55", KEY, NOW)
    made = desk.make(file, desk.plan(file, listed), signed, "ann", listed)
    keys = tomllib.loads(public_line(KEY, "fleet-1"))["config_keys"]
    desk.step(NOW)
    forward = {one.sensor: one.payload for one in Documents(store).all("demo")}
    desk.put_back(made.id, "ann")
    for one in Documents(store).all("demo"):
        taken = verify(forward[one.sensor], keys, one.sensor, NOW, 0)
        back = verify(one.payload, keys, one.sensor, NOW, taken.version)
        assert (taken.health_interval_s, back.health_interval_s) == (300, UNSET)
        assert taken.opt_outs == back.opt_outs == listed


def test_the_api_says_it_all_and_lets_a_rollout_be_stopped_and_put_back(store: Store, desk: Fleet) -> None:
    file = parse(FILE, "f")
    made = desk.make(file, desk.plan(file), signed, "ann")
    desk.step(NOW)

    async def ask() -> None:
        transport = httpx.ASGITransport(app=a_web(store, NOW, tenant="demo"))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1/fleet") as client:
            some = (await client.get("/sensors", params={"region": "south", "sensor": "demo:s1*"})).json()
            assert [one["sensor"] for one in some] == ["demo:s1", "demo:s10", "demo:s11"]
            assert (await client.get("/sensors", params={"regin": "south"})).status_code == 422
            assert sum(one["number"] for one in (await client.get("/drift")).json()) == len(SENSORS)
            assert [one["id"] for one in (await client.get("/rollouts")).json()] == [made.id]
            view = (await client.get(f"/rollouts/{made.id}")).json()
            assert (len(view["parts"]), view["stages"][0]["tally"]["released"]) == (12, 5)
            assert (await client.get("/rollouts/none")).status_code == 404
            stopped = await client.post(f"/rollouts/{made.id}/stop", headers={"Footfall-Who": "carol"})
            assert stopped.json()["state"] == "stopped"
            back = await client.post(f"/rollouts/{made.id}/put-back")
            assert back.json()["state"] == "put-back"
            deeds = (await client.get("/deeds", params={"about": made.id})).json()
            assert {one["who"] for one in deeds} == {"ann", "footfall", "carol", "somebody"}
            rest = await client.get("/deeds", params={"before": f"{deeds[0]['at']},{deeds[0]['id']}"})
            assert rest.json() == deeds[1:]
            assert (await client.get("/deeds", params={"before": "x"})).status_code == 422

    asyncio.run(ask())


def test_the_commands_plan_apply_show_and_put_back(store: Store, tmp_path: Path) -> None:
    (tmp_path / "cloud.toml").write_text(f'database = "{store.database}"\n')
    (tmp_path / "fleet.toml").write_text(FILE)
    key, to = str(tmp_path / "key.pem"), ["-c", str(tmp_path / "cloud.toml")]
    assert run("keygen", key)[0] == 0
    file = str(tmp_path / "fleet.toml")
    code, shown, _ = run("plan", file, *to)
    assert code == 0
    assert "12 sensors would change" in shown
    assert "health_interval_s: (its own) -> 300" in shown
    assert run("apply", file, "--key", key, *to, stdin="n\n")[0] == 1
    code, shown, _ = run("apply", file, "--key", key, "--dry-run", *to)
    assert "Nothing was signed" in shown
    code, shown, _ = run("apply", file, "--key", key, "--yes", "--json", *to)
    assert code == 0
    made = json.loads(shown)["id"]
    assert "Stage 1 of" in run("status", *to)[1]
    assert "12 sensors" not in run("status", made, *to)[1].splitlines()[0]
    assert run("stop", made, *to)[1].startswith("Stopped")
    assert run("rollback", made, "--yes", *to)[1].startswith("Put back")
    assert "@" in run("history", made, *to)[1]
    code, _, told = run("status", "none", *to)
    assert (code, told) == (1, 'There is no rollout "none": see the list of rollouts.\n')


def test_key_lists_are_signed_by_a_root_and_only_grow(store: Store, tmp_path: Path) -> None:
    (tmp_path / "cloud.toml").write_text(f'database = "{store.database}"\n')
    root, to = str(tmp_path / "root.pem"), ["-c", str(tmp_path / "cloud.toml")]
    assert run("keygen", root, "--kid", "root-1", "--root")[1].startswith("root_keys")
    public = run("keygen", str(tmp_path / "k.pem"), "--kid", "ops")[1].split('"')[1]
    for version in (2, 1):
        words = ["--root", root, "--version", str(version), "--to", str(tmp_path / str(version))]
        assert run("keys", "sign", "--key", f"ops={public}", *words)[0] == 0
    assert run("keys", "send", str(tmp_path / "2"), *to)[1] == "Key list 2 goes to 12 sensors.\n"
    assert run("keys", "send", str(tmp_path / "2"), *to)[0] == 0
    with pytest.raises(Refusal, match="not newer than 2"):
        run("keys", "send", str(tmp_path / "1"), *to)
    kept = Fleet(store, "demo", lambda: NOW).key_list()
    assert kept is not None
    assert kept.version == 2
    assert len(Fleet(store, "demo", lambda: NOW).deeds("2")) == 1


def run(*words: str, stdin: str = "") -> tuple[int, str, str]:
    done = CliRunner().invoke(app, words, input=stdin, catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr
