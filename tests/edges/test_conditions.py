"""Conditions in a real store: what the cloud was told of a sensor is what its status and its silence are judged by."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert

from agent.contract import Health, ReportedConfig, Status, encode
from agent.contract.health import Machine
from cloud.core.condition import LEFT, Condition, shown
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.member import Member
from cloud.store import Store, migrate, schema
from cloud.store.delivery import Said
from cloud.store.survey import Survey
from tests import fleet
from tests.shops import a_shop, at, reading

NOON = at("2026-11-24 12:00")
HEALTH = Health(
    sensor="acme:a",
    at=NOON,
    uptime_s=9.0,
    software="1",
    clock="trusted",
    profile="F5",
    radios=[],
    machine=Machine(strained=["under-voltage"], was_strained=["under-voltage"]),
)
TRIED = ReportedConfig(sensor="acme:a", version=6, state="rolled_back", reason="no answer came.", wanted=7)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    migrate(str(tmp_path / "cloud.db"))
    store = Store(str(tmp_path / "cloud.db"))
    store.apply_shops([PlacedShop(shop=a_shop("a"), placements=[Placement(sensor="acme:a", zone="door")])])
    store.commit([fleet.delivery(1, [reading(NOON, 9.0).report], sensor="acme:a", now=NOON + 330)], NOON + 330)
    yield store
    store.close()


def say(store: Store, message: msgspec.Struct) -> None:
    store.commit([Said("acme", "a", message, encode(message))], NOON + 340)  # type: ignore[arg-type]


def condition(store: Store, now: int = NOON + 360) -> Condition:
    (one,) = Survey(store).conditions("acme", store.placed("acme"), now)["a"]
    return one


def test_all_that_a_sensor_told_is_there(store: Store) -> None:
    assert (condition(store).link, condition(store).claimed) == (None, False)
    for message in (Status(state="online"), HEALTH, TRIED):
        say(store, message)
    one = condition(store)
    assert (one.link, one.health, one.health_at, one.reported) == ("online", HEALTH, NOON + 340, TRIED)


@pytest.mark.parametrize(
    ("said", "link"), [(Status(state="offline"), "offline"), (Status(state="offline", goodbye=True), LEFT)]
)
def test_a_goodbye_is_told_from_a_will(store: Store, said: Status, link: str) -> None:
    say(store, said)
    assert condition(store).link == link
    assert store.sensors("acme", "a", NOON + 360)[0].online is False


def test_a_muted_member_is_shown_so_here_and_on_the_shops_page(store: Store) -> None:
    member = Member(sensor="acme:a", serial="10000000abcdef01", claimed_at=NOON, muted_until=NOON + 3600)
    with store.writing() as db:
        db.execute(insert(schema.sensor).values(tenant="acme", sensor="a", serial=member.serial, body=encode(member)))
    for now, status in ((NOON + 360, "muted"), (NOON + 3600, "offline")):
        assert shown(condition(store, now), now).status == status
        assert store.sensors("acme", "a", now)[0].status == status
    assert condition(store).claimed
