"""Inventory and assessment as a shop gets them, the commands that make them, and who answers for the counting."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table
from typer.testing import CliRunner, Result

from cloud import config
from cloud.__main__ import app
from cloud.config import ConfigError
from cloud.paperwork import assessment, inventory, papers, sources, structure
from cloud.paperwork.facts import PaperworkError
from cloud.paperwork.structure import Item
from cloud.store import Store
from tests.fleet import NOON
from tests.papers import CONTROLLER, SHOP, health, settings, told

DOOR, BACK = "demo:door", "demo:back"


def run(*words: str) -> Result:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return done


def described(**says: str) -> inventory.Descriptions:
    return {"message Heard": inventory.Place(about="technical", kept="a day", read="nobody", says=says)}


def test_everything_there_is_has_a_description_and_nothing_else_has():
    there = structure.everything()
    known = inventory.descriptions()
    assert not inventory.undescribed(there, known)
    assert len(inventory.entries(there, known)) == len(there) == len(set(there))
    gone = {Item(place, name) for place, one in known.items() for name in one.says} - set(there)
    assert not gone, "inventory.toml describes what is not there any more"


def test_what_has_no_description_is_refused_with_the_line_to_add():
    there = [Item("message Heard", "frames"), Item("message Heard", "addresses"), Item("log agent.sense", "%s (frame)")]
    with pytest.raises(PaperworkError) as refused:
        inventory.entries(there, described(frames="How many."))
    assert str(refused.value) == (
        "The inventory does not describe message Heard: addresses; log agent.sense: %s (frame): add a line for each to "
        'cloud/paperwork/inventory.toml, under ["PLACE".says].'
    )


def test_an_entry_may_say_otherwise_than_its_place():
    own = inventory.Said(says="Who.", about="noised count", kept="an hour")
    (one,) = inventory.entries([Item("message Heard", "visits")], described(visits=own))  # type: ignore[arg-type]
    assert (one.says, one.about, one.kept, one.read) == ("Who.", "noised count", "an hour", "nobody")


def test_a_new_column_field_or_topic_is_found():
    metadata = MetaData()
    Table("report", metadata, Column("address", Integer))
    assert Item("cloud table report", "address") in structure.columns(metadata)
    assert list(structure.outbox_columns("CREATE TABLE seen (at INTEGER, who BLOB);")) == [
        Item("sensor outbox seen", "at"),
        Item("sensor outbox seen", "who"),
    ]
    assert list(structure.fields({"$defs": {"Heard": {"properties": {"who": {}}}}})) == [Item("message Heard", "who")]


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ('log.info("at rest")', "at rest"),
        ('log.debug("heard %s", sighting.address)', "heard %s (sighting.address)"),
        ('self._logger.warning(f"heard {address}")', "f'heard {address}'"),
        ('logging.getLogger("x").exception("lost")', "lost"),
        ("log.log(10, template, frame)", "10 (template, frame)"),
        ('print("heard", address, file=sys.stderr)', "heard (address)"),
        ('sys.stderr.write("heard")', "heard"),
        ('typer.echo("heard", err=True)', "heard"),
        ('print("heard")', None),
        ('text.replace("a", "b")', None),
    ],
)
def test_a_log_event_is_found_however_it_is_written(line, event):
    found = sources.log_events({"agent.sense": f"def run():\n    {line}\n"})
    assert found == ([] if event is None else [("agent.sense", event)])


@pytest.mark.parametrize(
    ("line", "write"),
    [
        ("path.write_bytes(frame)", "path.write_bytes"),
        ('(folder / "x").open("ab")', "(folder / 'x').open"),
        ('open(path, "w")', "open"),
        ("open(path, mode=wanted)", "open"),
        ("sqlite3.connect(path)", "sqlite3.connect"),
        ("os.replace(fresh, path)", "os.replace"),
        ("fresh.replace(path)", "fresh.replace"),
        ("tempfile.mkstemp()", "tempfile.mkstemp"),
        ("listening.bind(str(path))", "listening.bind"),
        ('path.open("rb")', None),
        ("open(path)", None),
        ('text.replace("a", "b")', None),
        ("structs.replace(one, at=5)", None),
        ("listening.bind((host, port))", None),
    ],
)
def test_a_write_is_found_however_it_is_written(line, write):
    found = sources.writes({"agent.sense": f"class Ear:\n    def hear(self):\n        {line}\n"})
    assert found == ([] if write is None else [("agent.sense", f"Ear.hear: {write}")])


def test_the_inventory_is_made_for_people_and_for_programs(tmp_path):
    cloud = config.load(settings(tmp_path))
    shown = papers.inventory_of(cloud, "one", NOON, as_json=False)
    assert shown.startswith("# What is kept and said in One")
    assert "| `line` | The name of the report (epoch and sequence), a checksum, and the report of one window" in shown
    assert "Sensor `demo:door`: has not told its profile yet" in shown
    found = json.loads(papers.inventory_of(cloud, "one", NOON, as_json=True))["entries"]
    assert {tuple(one) for one in found} == {("where", "name", "says", "about", "kept", "read")}
    assert all(all(one.values()) for one in found)
    assert len([line for line in shown.splitlines() if line.startswith("| `")]) == len(found)


def drafts(folder: Path, profile: str) -> dict[str, str]:
    cloud = told(folder, *(health(one, profile) for one in (DOOR, BACK)))
    return {kind: papers.assessment_of(cloud, "one", kind, None, NOON) for kind in ("dpia", "pipia")}


@pytest.mark.parametrize("profile", ["F5", "D24"])
def test_a_draft_has_the_parts_the_law_names_and_the_shops_own_figures(tmp_path, profile):
    made = drafts(tmp_path, profile)
    for letter in "abcd":
        assert f"(Art. 35(7)({letter}))" in made["dpia"]
    for part in ("Art. 55", "Art. 56(1)", "Art. 56(2)", "Art. 56(3)", "three years"):
        assert part in made["pipia"]
    for text in made.values():
        assert "It is no legal advice" in text
        assert "**Draft.**" in text
        assert text.count("[to fill in: ") > 20
        assert "Sensors: 2." in text
        assert f"Profile of the shop: **{profile}**" in text
        assert "about 72 m away through walls" in text
        assert "| `demo:back` | back room |" in text
        assert "Counts in the cloud reach back to: 2026-06-30 12:00" in text
        assert "Beispiel & Töchter GmbH" in text
        assert "None" not in text
        assert not re.search(r"\{\{|\{%", text)
        for attacker in ("thief", "running", "broker or the database", "another tenant", "settings", "made-up"):
            assert attacker in text
        for sentence in re.split(r"(?<=[.:;])\s", text.lower()):
            assert "anonym" not in sentence


def test_a_draft_differs_by_profile(tmp_path):
    for name in ("F5", "D24"):
        (tmp_path / name).mkdir()
    five, day = drafts(tmp_path / "F5", "F5")["dpia"], drafts(tmp_path / "D24", "D24")["dpia"]
    assert "epsilon 5 in a day" in day
    assert "beats a coin by at most 0.99 of 1" in day
    assert "for at most 24 hours" in day
    assert "beats a coin" not in five
    assert "last 5 minutes of this shop" in five


@pytest.mark.parametrize(("epsilon", "bound"), [(0.0, 0.0), (1.0, 0.462), (2.5, 0.848)])
def test_the_advantage_is_the_bound_of_differential_privacy(epsilon, bound):
    assert assessment.advantage(epsilon) == pytest.approx(bound, abs=5e-4)


def test_a_draft_without_a_controller_asks_for_it(tmp_path):
    text = papers.assessment_of(config.load(settings(tmp_path, SHOP)), "one", "dpia", "F5,-80", NOON)
    assert "[to fill in: name of the controller]" in text
    assert "because not every sensor has told" in text


def test_a_draft_has_the_opening_hours_in_force(tmp_path):
    over = '{ days = ["mon"], opens = "08:00", closes = "17:00", until = "2026-06-30" }'
    now = '{ days = ["mon", "sat"], opens = "09:00", closes = "18:00", from = "2026-06-30" }'
    shop = config.load(settings(tmp_path, f"{SHOP}hours = [{over}, {now}]"))
    text = papers.assessment_of(shop, "one", "dpia", "F5,-80", NOON)
    assert "Opening hours the cloud knows: mon sat 09:00 to 18:00." in text


def test_the_store_tells_what_a_sensor_last_said_and_since_when_it_holds_reports(tmp_path):
    cloud = told(tmp_path, health(DOOR, "F5"), health(DOOR, "D24"))
    store = Store(cloud.database)
    found = store.told([DOOR, "demo:absent"])
    assert found[DOOR].health is not None
    assert (found[DOOR].health.profile, found[DOOR].health_at, found[DOOR].held_since) == ("D24", NOON, NOON)
    assert (found["demo:absent"].health, found["demo:absent"].held_since) == (None, None)


def test_the_commands_write_what_they_say(tmp_path):
    cloud = ["-c", str(settings(tmp_path))]
    planned = ["--assume", "D24,-90,2.5", *cloud]
    made = run("notice", "one", "--language", "zh", "--language", "en", "--to", str(tmp_path), "--json", *planned)
    assert json.loads(made.stdout)["radius_m"] == [72, 1800]
    assert {path.name for path in tmp_path.glob("notice-*")} == {"notice-one.pdf", "notice-one.html"}
    draft = run("assessment", "one", "--kind", "pipia", *planned)
    assert draft.stdout.startswith("# Personal information protection impact assessment")
    kept = run("inventory", "one", "--to", str(tmp_path), *cloud)
    assert kept.stdout.strip() == str(tmp_path / "inventory-one.md")
    assert (tmp_path / "inventory-one.md").read_text().startswith("# What is kept")


def test_a_command_that_cannot_fails_in_one_sentence(tmp_path):
    words = [sys.executable, "-m", "cloud", "notice", "one", "-c", str(settings(tmp_path))]
    refused = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "--assume" in refused.stderr


def test_a_shop_says_of_its_controller_only_what_differs():
    both = config.parse(CONTROLLER + SHOP, "cloud.toml").controllers["demo", "one"]
    assert (both.name, both.opt_out_point) == ("Beispiel & Töchter GmbH", "an der Kasse")
    own = SHOP.replace("opt_out_point", 'name = "Franchise", opt_out_point')
    assert config.parse(CONTROLLER + own, "cloud.toml").controllers["demo", "one"].name == "Franchise"
    assert config.parse(SHOP, "cloud.toml").controllers["demo", "one"].name is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[controller]\nnme = "x"', "controller: there is no key `nme`, did you mean `name`"),
        ('[controller]\nurl = "example.com"', "controller.url: expected `str` matching regex"),
        ('[controller]\nname = ""', "controller.name: expected `str` of length >= 1"),
        (SHOP.replace("opt_out_point", "point"), "shops[0].controller: there is no key `point`"),
    ],
)
def test_a_mistake_about_the_controller_is_refused_with_the_key(text, problem):
    with pytest.raises(ConfigError) as refused:
        config.parse(text, "cloud.toml")
    assert problem in str(refused.value)
