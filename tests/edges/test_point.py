"""The point where somebody asks to be left out: real sockets, and the command that asks."""

import threading
from pathlib import Path

import pytest

from agent.asking import AskingError, ask
from agent.point import Point
from tests.brokers import until


def asking(path: Path, answers: list[str]) -> threading.Thread:
    thread = threading.Thread(target=lambda: answers.append(ask(path, None)))
    thread.start()
    return thread


def test_who_asks_gets_the_answer(tmp_path: Path) -> None:
    point, answers = Point(tmp_path / "run" / "point.sock"), list[str]()
    assert not point.asked()
    thread = asking(tmp_path / "run" / "point.sock", answers)
    until(point.asked, "somebody to ask")
    point.answer("left-out")
    thread.join(5)
    assert answers == ["left-out"]
    point.close()


def test_a_second_person_is_told_to_wait_and_changes_nothing(tmp_path: Path) -> None:
    point, first, second = Point(tmp_path / "point.sock"), list[str](), list[str]()
    one = asking(tmp_path / "point.sock", first)
    until(point.asked, "somebody to ask")
    two = asking(tmp_path / "point.sock", second)
    until(lambda: point.asked() or second, "the second to be answered")
    assert second == ["busy"]
    point.answer("nobody-near")
    one.join(5)
    two.join(5)
    assert first == ["nobody-near"]
    point.close()


def test_who_went_away_is_no_trouble(tmp_path: Path) -> None:
    import socket

    point = Point(tmp_path / "point.sock")
    gone = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    gone.connect(str(tmp_path / "point.sock"))
    gone.close()
    until(point.asked, "somebody to ask")
    point.answer("left-out")
    point.answer("left-out")
    point.close()


def test_a_sensor_that_is_not_running_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(AskingError, match="The sensor is not running"):
        ask(tmp_path / "nothing.sock", None)


def test_a_sensor_that_stops_meanwhile_is_one_sentence(tmp_path: Path) -> None:
    point, told = Point(tmp_path / "point.sock"), list[str]()

    def asks() -> None:
        with pytest.raises(AskingError, match="stopped before it answered"):
            ask(tmp_path / "point.sock", None)
        told.append("told")

    thread = threading.Thread(target=asks)
    thread.start()
    until(point.asked, "somebody to ask")
    point.close()
    thread.join(5)
    assert told
