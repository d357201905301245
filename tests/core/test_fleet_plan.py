"""Plan, query and drift: which sensors change what, and nothing else."""

import typing

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from agent.contract import DeviceConfig, ReportedConfig
from cloud import fleet_file
from cloud.config import ConfigError
from cloud.core.fleet.drift import drift
from cloud.core.fleet.plan import FleetFile, Held, Rule, StageTable, plan
from cloud.core.fleet.query import Query, of_parameters
from cloud.core.fleet.rollout import Limits
from cloud.core.fleet.standing import Settings, Standing, document, settings_of
from cloud.core.refusal import Refusal
from cloud.signing import load_key, new_key, opt_outs
from tests.conftest import ROOT

NOW = 1_795_600_000
FILE = """
name = "channels in the south"
[[settings]]
health_interval_s = 60
tuning = { channels = [1, 6, 11] }
[[settings]]
where = { region = "south", label.model = "pi4", sensor = "demo:door-*" }
health_interval_s = 300
[[settings]]
where = { shop = ["airport", "station"] }
bluetooth = "off"
"""
DOOR = Standing(sensor="demo:door-1", shop="corner", region="south", labels={"model": "pi4"}, well=True)
TILL = Standing(sensor="demo:till", shop="airport", region="north", well=True)


def reported(version: int, state: str = "applied", **more: object) -> ReportedConfig:
    return ReportedConfig(sensor="demo:door-1", version=version, state=state, **more)  # type: ignore[arg-type]


def test_later_rules_win_field_by_field_and_the_rest_is_the_sensors_own() -> None:
    found = plan(fleet_file.parse(FILE, "f"), [DOOR, TILL], {}, NOW)
    told = {one.sensors[0]: {each.field: each.after for each in one.fields} for one in found.changes}
    assert told == {
        "demo:door-1": {"health_interval_s": 300, "tuning": {"channels": [1, 6, 11]}},
        "demo:till": {"health_interval_s": 60, "tuning": {"channels": [1, 6, 11]}, "bluetooth": "off"},
    }


def test_a_sensor_stays_where_it_has_it_is_in_no_rule_is_busy_or_has_something_foreign() -> None:
    file = fleet_file.parse('name = "x"\n[[settings]]\nwhere = { shop = "corner" }\nprofile = "F5"\n', "f")
    has = Held(sent=Settings(profile="F5"), in_force=Settings(profile="F5"), highest=3, until=NOW + 9)
    assert plan(file, [replace(DOOR, wanted=3)], {DOOR.sensor: has}, NOW).stays == [DOOR.sensor]
    assert plan(file, [TILL], {}, NOW).unmentioned == [TILL.sensor]
    assert plan(file, [DOOR], {}, NOW, busy=[DOOR.sensor]).busy == [DOOR.sensor]
    foreign = replace(DOOR, reported=reported(7), reported_at=NOW)
    assert plan(file, [foreign], {}, NOW).foreign == [DOOR.sensor]
    assert plan(file, [foreign], {}, NOW, take_over=True).changed == [DOOR.sensor]


@pytest.mark.parametrize("state", ["rejected", "rolled_back"])
def test_what_failed_or_has_expired_is_sent_anew(state: str) -> None:
    file = fleet_file.parse('name = "x"\n[[settings]]\nprofile = "F5"\n', "f")
    has = Held(sent=Settings(profile="F5"), highest=3, until=NOW + 9)
    failed = replace(DOOR, wanted=3, reported=reported(2, state, wanted=3), reported_at=NOW)
    found = plan(file, [failed], {DOOR.sensor: has}, NOW)
    assert (found.changed, found.again) == ([DOOR.sensor], [DOOR.sensor])
    late = replace(DOOR, wanted=3, reported=reported(2), reported_at=NOW)
    assert plan(file, [late], {DOOR.sensor: has}, NOW).stays == [DOOR.sensor]
    assert plan(file, [late], {DOOR.sensor: has}, NOW + 9).again == [DOOR.sensor]


def test_the_same_opt_out_list_changes_nothing_whenever_it_was_made() -> None:
    key = load_key(new_key())
    before, same, other = (
        opt_outs(text, key, at)
        for text, at in (("00:1a:2b:33:44:55", 1), ("00:1a:2b:33:44:55", 2), ("00:1a:2b:33:44:56", 2))
    )
    file = fleet_file.parse('name = "x"\n[[settings]]\nprofile = "F5"\n', "f")
    has = Held(sent=Settings(profile="F5"), in_force=Settings(profile="F5"), opt_outs=before, until=NOW)
    assert plan(file, [DOOR], {DOOR.sensor: has}, NOW, listed=same).stays == [DOOR.sensor]
    (change,) = plan(file, [DOOR], {DOOR.sensor: has}, NOW, listed=other).changes
    assert [one.field for one in change.fields] == ["opt_outs"]


def test_settings_are_all_that_a_document_may_want_in_its_own_bounds() -> None:
    of_document = typing.get_type_hints(DeviceConfig, include_extras=True)
    of_settings = typing.get_type_hints(Settings, include_extras=True)
    own = {"v", "sensor", "version", "not_before", "expires", "opt_outs"}
    assert of_settings == {name: kind for name, kind in of_document.items() if name not in own}
    wanted = Settings(profile="F5", health_interval_s=60.0)
    assert settings_of(document("demo:door", 1, wanted, UNSET, (1, 2))) == wanted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = 'x'\n[[settings]]\nbluetoth = 'off'", "did you mean `bluetooth`"),
        ("name = 'x'\n[[settings]]\nwhere = { shp = 'a' }\nprofile = 'F5'", "did you mean `shop`"),
        ("name = 'x'\n[[settings]]\nhealth_interval_s = 1", "settings[0].health_interval_s"),
        ("name = 'x'\n[[settings]]\n", "it says nothing"),
        ("name = 'x'\nstages = [{ share = 0.5 }]\n[[settings]]\nprofile = 'F5'", "the last must be 1"),
        ("name = 'x'", "settings"),
        ("name = ", "not TOML"),
    ],
)
def test_a_mistake_is_named_by_its_place(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match="fleet") as told:
        fleet_file.parse(text, "fleet.toml")
    assert says in str(told.value)


def test_the_sample_shows_all_that_can_be_said() -> None:
    path = ROOT / "firmware_config/samples/fleet.toml"
    assert len(fleet_file.load(path).settings) == 4
    for kind in (FleetFile, StageTable, Limits, Rule, Query):
        for field in msgspec.structs.fields(kind):
            assert field.encode_name in path.read_text(), f"fleet.toml does not show {field.encode_name}"


def test_a_query_is_the_same_in_a_file_and_in_an_address() -> None:
    asked = of_parameters({"region": ["south"], "label.model": ["pi*", "x86"]})
    assert asked == Query(region=["south"], label={"model": ["pi*", "x86"]})
    assert [one.sensor for one in (DOOR, TILL) if asked.selects(one)] == [DOOR.sensor]
    with pytest.raises(Refusal, match="no filter"):
        of_parameters({"shops": ["a"]})


def test_drift_groups_by_what_explains_it_and_a_group_is_as_old_as_its_youngest() -> None:
    same = replace(DOOR, wanted=3, software="2", reported=reported(3, effective="a" * 64), reported_at=5)
    group, other = drift([same, replace(same, sensor="demo:x", reported_at=9), TILL])
    assert (group.number, group.since, group.effective, group.wanted) == (2, 9, "a" * 64, [3])
    assert other.version_state == "none"
