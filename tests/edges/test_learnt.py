"""What the sensor learnt of classes, over a restart."""

from pathlib import Path

import pytest

from agent import learnt
from agent.core.rates import Learnt, Rates


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rates = Rates(300)
    rates.learn(7, [0, 1.0, 20.0])
    known = {"wifi": rates.learnt()}
    learnt.write(tmp_path / "classes.json", known)
    assert learnt.read(tmp_path / "classes.json") == known
    assert Rates(300, known["wifi"]).support(7) == 21.0


def test_no_file_is_a_cold_start(tmp_path: Path) -> None:
    assert learnt.read(tmp_path / "absent.json") == {}


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"wifi":{"classes":{"x":{}}}}',
        b'{"wifi":{"classes":{"1":{"2":-1}}}}',
        b'{"wifi":{"classes":{"1":{"999":1}}}}',
        b'{"wifi":{"pairs":0}}',
        b'{"wifi":{"mac":"02:11:22:33:44:55"}}',
    ],
)
def test_bad_memory_is_no_memory(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "classes.json"
    path.write_bytes(junk)
    assert learnt.read(path) == {}


def test_a_disk_that_refuses_stops_nothing(tmp_path: Path) -> None:
    learnt.write(tmp_path / "absent" / "classes.json", {"wifi": Learnt()})
