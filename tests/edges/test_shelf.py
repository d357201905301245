"""The shelf: what the disk refuses waits in memory, gets its date there too, and is counted if it waits too long."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.contract import Report, decode
from agent.outbox import Outbox
from agent.shelf import Shelf
from tests import outboxes
from tests.edges.test_outbox import BOOT, numbers, report, undated


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """No outbox can be made where a file lies in the folder's place."""
    path.parent.write_text("")
    yield
    path.parent.unlink()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outbox.db"


def kept(path: Path) -> list[Report]:
    return [decode(Report, one.body) for one in outboxes.reports(path)]


def test_what_the_disk_refuses_goes_in_as_soon_as_it_takes_something_again_in_order(path: Path) -> None:
    shelf = Shelf(Outbox(path))
    with refusing(path):
        shelf.keep([report(0)])
        shelf.keep([report(1), report(2)])
        assert shelf.unsaved == [report(0), report(1), report(2)]
    shelf.keep([report(3)])
    assert shelf.unsaved == []
    assert kept(path) == [report(number) for number in range(4)]
    assert numbers(path) == [1, 2, 3, 4]


def test_a_disk_that_refuses_is_not_tried_at_every_turn(path: Path) -> None:
    shelf = Shelf(Outbox(path))
    with refusing(path):
        shelf.keep([report(0)])
    shelf.keep([])
    assert shelf.unsaved == [report(0)]


def test_what_waits_is_handed_over_to_the_next_image_of_the_process(path: Path) -> None:
    before = Shelf(Outbox(path), lost=2)
    with refusing(path):
        before.keep([report(0)])
    after = Shelf(Outbox(path), before.unsaved, before.lost)
    after.keep([report(1)])
    assert kept(path) == [report(0), report(1)]
    assert numbers(path) == [3, 4]


def test_beyond_a_day_the_oldest_is_given_up_and_leaves_a_gap(path: Path) -> None:
    outbox = Outbox(path)
    shelf = Shelf(outbox)
    shelf.keep([report(0)])
    outbox.close()
    moved = path.parent.rename(path.parent.with_name("away"))
    with refusing(path):
        shelf.keep(report(number) for number in range(1, 288 + 4))
        assert shelf.lost == 3
        assert len(shelf.unsaved) == 288
    moved.rename(path.parent)
    shelf.keep([])
    shelf.keep([report(292)])
    assert shelf.lost == 0
    assert numbers(path) == [1, *range(6, 294)], "with the last of them one more was given up"
    assert outbox.pending().evicted == 4


def test_reports_get_their_date_wherever_they_wait(path: Path) -> None:
    shelf = Shelf(Outbox(path, boot=BOOT))
    shelf.keep([undated(1)])
    shelf.keep([undated(2)], ahead=600_000.0)
    shelf.keep([report(9)], ahead=600_000.0)
    found = [(one.window_start, one.clock) for one in kept(path)]
    assert found == [(600_300, "redated"), (600_600, "redated"), (2700, "trusted")]


def test_a_date_that_the_disk_refused_is_given_later(path: Path) -> None:
    outbox = Outbox(path, boot=BOOT)
    shelf = Shelf(outbox)
    shelf.keep([undated(1)])
    outbox.close()
    moved = path.parent.rename(path.parent.with_name("away"))
    with refusing(path):
        shelf.keep([undated(2)], ahead=600_000.0)
        assert shelf.unsaved == [undated(2)]
    moved.rename(path.parent)
    shelf.keep([undated(3)], ahead=600_000.0)
    assert [one.window_start for one in kept(path)] == [600_300, 600_600, 600_900]


def test_the_time_can_be_doubtful_again_and_known_again(path: Path) -> None:
    shelf = Shelf(Outbox(path, boot=BOOT))
    shelf.keep([report(0)], ahead=600_000.0)
    shelf.keep([undated(1)])
    shelf.keep([], ahead=600_000.0)
    assert [one.clock for one in kept(path)] == ["trusted", "redated"]
