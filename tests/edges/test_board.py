"""Which machine this is: its serial number, from wherever this process may read one, and when it is surely another."""

from pathlib import Path

import msgspec
import pytest

from agent import board
from agent.board import Places
from agent.contract.handover import Epoch
from agent.contract.identity import Serial


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOOTFALL_SERIAL", raising=False)


def machine(folder: Path, tree: bytes = b"", firmware: str = "", system: str = "") -> Places:
    places = Places(folder / "tree", folder / "firmware", folder / "system")
    for path, content in zip(places, (tree, firmware.encode(), system.encode()), strict=True):
        if content:
            path.write_bytes(content)
    return places


def test_a_raspberry_pi_says_it_in_its_device_tree(tmp_path: Path) -> None:
    places = machine(tmp_path, b"10000000ABCD1234\0", "CZC1234XYZ", "0f" * 16)
    assert board.serial(places) == "10000000abcd1234"


def test_another_machine_says_it_in_its_firmware(tmp_path: Path) -> None:
    assert board.serial(machine(tmp_path, firmware="PF-2A B3.C4\n", system="0f" * 16)) == "pf2ab3c4"


@pytest.mark.parametrize("filler", ["To be filled by O.E.M.", "None", "0", "00000000", "123456789", "Default string"])
def test_what_a_maker_left_there_is_no_number(tmp_path: Path, filler: str) -> None:
    assert board.serial(machine(tmp_path, firmware=filler, system="0f" * 16)).startswith("mid")


def test_the_systems_id_is_not_told_but_a_digest_of_it(tmp_path: Path) -> None:
    said = board.serial(machine(tmp_path, system="3d1219c7c4c5404aaa1f6d2a48adfda4\n"))
    assert msgspec.convert(said, Serial) == said
    assert said.startswith("mid")
    assert said[3:] not in "3d1219c7c4c5404aaa1f6d2a48adfda4"


def test_without_any_there_is_none(tmp_path: Path) -> None:
    assert board.serial(machine(tmp_path)) == ""
    assert not board.is_other("10000000abcd1234", machine(tmp_path))


def test_a_card_in_another_board_is_noticed(tmp_path: Path) -> None:
    here = machine(tmp_path, b"10000000abcd1234\0", system="0f" * 16)
    assert not board.is_other("10000000abcd1234", here)
    assert not board.is_other(board.serial(Places(Path("none"), Path("none"), here.system)), here)
    assert board.is_other("10000000abcd9999", here)
    assert board.is_other("mid0123456789abc", here)


def test_a_number_that_this_process_may_not_read_is_no_other(tmp_path: Path) -> None:
    here = machine(tmp_path, system="0f" * 16)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    told = here._replace(firmware=Unreadable(hidden))
    assert not board.is_other("pf2ab3c4", told)
    assert board.is_other("mid0123456789abc", told)


class Unreadable(type(Path())):
    """A file that belongs to root, also where the test itself runs as root."""

    def read_text(self, *_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")


def test_marks_differ_by_board_and_say_nothing_of_it() -> None:
    marks = {board.mark(f"10000000abcd{number:04x}") for number in range(1000)}
    assert len(marks) == 1000
    assert all(msgspec.convert(one, Epoch) == one for one in marks)
    assert not any("abcd" in one and one.startswith("1000") for one in marks)
