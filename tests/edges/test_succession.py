"""The next certificate: asked for in time, taken if it is ours, asked for again if not, and used without a break."""

import logging
import time
from pathlib import Path

import pytest

from agent import identity, validity
from agent.board import mark
from agent.contract import Renewal, Renewed, encode
from agent.site import PAIR
from agent.succession import Succession, again_s, due_at
from tests.identities import World, request

NOW = int(time.time())
DAY = 86_400
HERE = mark("10000000abcdef12")


@pytest.fixture(scope="module")
def world() -> World:
    return World(NOW)


@pytest.fixture
def folder(tmp_path: Path, world: World) -> Path:
    """An identity that was claimed just now, for 90 days."""
    told = world.authority.issue(identity.request(tmp_path, HERE).encode(), "acme:door", NOW, 90).pem
    identity.take(tmp_path, told, "acme:door", NOW, world.root.certificate.decode())
    identity.tidy(tmp_path)
    return tmp_path


def succession(folder: Path) -> Succession:
    return Succession(folder, "acme:door", HERE)


def due(folder: Path) -> float:
    life = validity.life(folder / PAIR)
    assert life is not None
    return due_at(*life, int(HERE, 16) / 2**64)


def answer(world: World, asked: Renewal, at: float = NOW, sensor: str = "acme:door") -> bytes:
    return encode(Renewed(certificate=world.authority.issue(asked.request.encode(), sensor, int(at), 90).pem))


def asked_at(one: Succession, at: float) -> Renewal:
    found = one.due(at)
    assert found is not None
    return found


@pytest.mark.parametrize("days", [1, 30, 90, 825])
def test_it_is_due_with_a_third_of_the_life_left_and_not_for_all_at_once(days: int) -> None:
    moments = [due_at(0, days * DAY, share / 100) for share in range(101)]
    assert max(moments) == pytest.approx(days * DAY * 2 / 3)
    assert min(moments) == pytest.approx(days * DAY * 3 / 5)
    assert len(set(moments)) == 101


def test_the_less_is_left_the_sooner_it_asks_again() -> None:
    lefts = [30 * DAY, 10 * DAY, 5 * DAY, DAY, DAY / 4, 0, -DAY]
    refused = [again_s(left, answered=True) for left in lefts]
    assert refused == sorted(refused, reverse=True)
    assert (refused[0], refused[-1]) == (DAY, 600)
    assert all(again_s(left, answered=False) <= 3600 for left in lefts)


def test_a_certificate_is_followed_by_the_next_with_a_new_key(folder: Path, world: World) -> None:
    one, before, at = succession(folder), (folder / PAIR).read_bytes(), due(folder)
    assert one.due(at - 1) is None
    asked = asked_at(one, at)
    assert one.due(at + 1) is None, "it asks twice at once"
    one.take(answer(world, asked, at), at + 1)
    assert one.switched
    after = (folder / PAIR).read_bytes()
    assert after != before
    assert not (folder / identity.NEXT).exists()
    assert one.due(at + 30 * DAY) is None
    assert asked_at(one, due(folder)).request != asked.request
    one.connected()
    assert not one.switched


def test_without_an_answer_it_asks_the_same_again(folder: Path) -> None:
    one, at = succession(folder), due(folder)
    asked = asked_at(one, at)
    assert one.due(at + 3599) is None
    assert asked_at(one, at + 3600) == asked
    assert asked_at(succession(folder), at + 3601) == asked, "one that was started again asks with another key"


def test_a_refusal_is_said_once_and_tried_again(folder: Path, caplog: pytest.LogCaptureFixture, world: World) -> None:
    one, at = succession(folder), due(folder)
    no = encode(Renewed(certificate="", reason="The sensor acme:door is retired: claim it anew."))
    with caplog.at_level(logging.INFO, "footfall"):
        for _ in range(5):
            asked = asked_at(one, at)
            one.take(no, at)
            assert one.due(at + DAY - 1) is None
            at += DAY
    assert [record.message for record in caplog.records] == [
        "there is no next certificate yet: The sensor acme:door is retired: claim it anew."
    ]
    one.take(answer(world, asked, at), at)
    assert one.switched


def test_what_is_not_ours_or_was_not_asked_for_is_not_taken(folder: Path, world: World) -> None:
    one, before, at = succession(folder), (folder / PAIR).read_bytes(), due(folder)
    ours = identity.request(folder, HERE)
    one.take(answer(world, Renewal(sensor="acme:door", request=ours), at), at)  # nobody asked
    asked = asked_at(one, at)
    for wrong in (
        answer(world, Renewal(sensor="acme:door", request=request()), at),
        answer(world, asked, at, "acme:till"),
        answer(World(NOW), asked, at),
        answer(world, asked, at + 300 * DAY),
        b"no JSON",
        b"",
    ):
        one.take(wrong, at)
        assert not one.switched
        assert (folder / PAIR).read_bytes() == before
    one.take(answer(world, asked, at), at)
    assert one.switched


def test_where_there_is_no_certificate_nothing_is_due(tmp_path: Path) -> None:
    assert succession(tmp_path).due(2**40) is None
