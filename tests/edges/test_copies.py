"""A copied card, from the hello on its topic to the sentence about the sensor and to what is told of the shop."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.contract import Hello, decode, encode, topics
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import SensorState
from cloud.store import Store, migrate, receive
from tests import fleet
from tests.conftest import ROOT

HELLO = decode(Hello, (ROOT / "tests/vectors/Hello-a-boot-and-a-board.json").read_bytes())
SHOP = fleet.shop()
SENSOR = "demo:high-street"
NOW = fleet.NOON


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    migrate(str(tmp_path / "cloud.db"))
    one = Store(str(tmp_path / "cloud.db"))
    one.apply_shops([PlacedShop(shop=SHOP, placements=[Placement(sensor=SENSOR, zone="door")])])
    yield one
    one.close()


def say(store: Store, board: str, boot: str, at: int) -> None:
    hello = replace(HELLO, sensor=SENSOR, board=board * 16, boot=boot * 16)
    report = fleet.delivery(at - NOW + 1, [fleet.report(NOW - 300, 300, fleet.heard(4.0, listened_s=300.0))], SENSOR)
    store.commit([receive(topics.up(SENSOR, "hello"), encode(hello), at), report], at)


def state(store: Store, now: int) -> SensorState:
    return store.sensors(SHOP.tenant, SHOP.shop, now)[0]


def test_two_machines_by_turns_are_seen_and_who_reads_it_knows_what_to_do(store: Store) -> None:
    for at in range(NOW, NOW + 60, 10):
        say(store, "ab"[at // 10 % 2], "12"[at // 10 % 2], at)
    found = state(store, NOW + 70)
    assert (found.state, found.status) == ("copied", "degraded")
    assert found.sentence.startswith("Two machines have spoken as this sensor by turns for 1 minute")
    assert "claim its board anew" in found.sentence


def test_many_hellos_in_one_commit_are_heard_in_their_order(store: Store) -> None:
    said = [replace(HELLO, sensor=SENSOR, boot="12"[one % 2] * 16) for one in range(6)]
    store.commit([receive(topics.up(SENSOR, "hello"), encode(one), NOW) for one in said], NOW)
    say(store, "b", "2", NOW)
    assert state(store, NOW + 5).state == "copied"


def test_another_board_for_good_is_noted_and_counts(store: Store) -> None:
    say(store, "a", "1", NOW)
    say(store, "b", "2", NOW + 60)
    assert state(store, NOW + 180).sentence == "Counting, for 2 minutes on another board."
    assert state(store, NOW + 180).state == "counting"


def test_a_sensor_that_says_nothing_of_its_machine_is_as_before(store: Store) -> None:
    hello = decode(Hello, (ROOT / "tests/vectors/Hello-three-held.json").read_bytes())
    say(store, "a", "1", NOW)
    store.commit([receive(topics.up(SENSOR, "hello"), encode(replace(hello, sensor=SENSOR)), NOW)], NOW)
    assert state(store, NOW + 60).sentence == "Counting."
