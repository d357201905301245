"""Salvage: what was written comes back byte for byte, what does not is counted and said, and nothing is told twice."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent import filing, line
from agent.contract import Report, decode, encode
from agent.line import Line
from agent.outbox import Life, Outbox
from tests import outboxes
from tests.children import in_a_child
from tests.edges.test_outbox import BOOT, hour, numbers, report, undated
from tests.faults.damage import files, overwrite

DAY, TOLD = 738_000, 7200
LATER = Life("7f00000000000000", 0)  # as begun in a later second


def killed_after(work: Callable[[], object]) -> bool:
    """Do the work in a process that ends with what the work gives still open."""

    def kept() -> object:
        made = work()
        assert made is not None
        return made

    return in_a_child(kept)


def fill(path: Path, count: int, acknowledged: int = 0) -> Outbox:
    """A day opened, an hour told with the first report, and what the cloud has. The last changes are in the log."""
    outbox = Outbox(path)
    assert outbox.open_budget(DAY)
    epoch = outbox.append(hour(TOLD, 5)).epoch
    for number in range(1, count):
        outbox.append(report(number))
    outbox.acknowledge(epoch, acknowledged)
    return outbox


def killed(path: Path, count: int, acknowledged: int = 0) -> list[Line]:
    """What a process leaves that is killed after that: the reports that wait."""
    assert killed_after(lambda: fill(path, count, acknowledged))
    with TemporaryDirectory() as copy:
        for one in files(path):
            shutil.copy(one, copy)
        return outboxes.reports(Path(copy, path.name))


def told_again(outbox: Outbox) -> bool:
    """Whether the hour goes in with another value, or the day is opened once more."""
    heard = decode(Report, outbox.append(hour(TOLD, 9)).body).wifi
    return outbox.open_budget(DAY) or bool(heard and heard.visits)


def test_reports_come_back_under_their_names_from_a_file_without_a_beginning(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    written = killed(path, 60, acknowledged=20)
    assert len(written) == 40
    overwrite(path, 0, bytes(line.PAGE))
    outbox = Outbox(path)
    assert outbox.pending() == (written[0].epoch, 21, 60, 40, 21 * 300 - 300, 0)
    assert outboxes.reports(path) == written
    assert outboxes.lines(path)[0] == Line(written[0].epoch, 20, b"")
    assert (tmp_path / "outbox.db.damaged").exists()
    assert outbox.append(report(60)).epoch > written[0].epoch


def test_a_report_that_was_altered_is_not_taken_for_what_was_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite has no checksums: a digit that changed on the disk is read as if it had been written."""
    path = tmp_path / "outbox.db"
    with closing(fill(path, 3)):
        pass
    overwrite(path, path.read_bytes().index(b'"window_start":300,') + 15, b"7")
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT line FROM report").fetchall()
    assert any(b'"window_start":700,' in raw for (raw,) in rows)
    Outbox(path).check()
    assert "2 reports are saved, 1 are known to be lost" in caplog.text
    assert numbers(path) == [1, 3]


def test_a_report_that_was_taken_out_by_hand_is_a_gap_in_the_numbers(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with closing(fill(path, 3)) as outbox:
        epoch = outbox.pending().epoch
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM report WHERE place & 0xFFFFFFFF = 2")
        database.commit()
    assert [one.sequence for one in Outbox(path).after(epoch, 0, 10)] == [1]
    assert [one.sequence for one in Outbox(path).after(epoch, 1, 10)] == [3]


def test_what_is_in_the_log_outlives_a_file_that_was_emptied(tmp_path: Path) -> None:
    """SQLite deletes the log of an empty file."""
    path = tmp_path / "outbox.db"
    written = killed(path, 6)
    os.truncate(path, 0)
    Outbox(path).check()
    assert outboxes.reports(path) == written


def test_a_file_that_is_cut_off_under_an_open_outbox_is_mended_as_soon_as_it_shows(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox = fill(path, 200)
    outbox.open_budget(DAY + 1)  # which writes the log back
    written = outboxes.reports(path)
    kept = path.read_bytes()
    os.truncate(path, 4096)
    found = set(line.search([kept[:4096], *(one.read_bytes() for one in files(path))]))
    outbox.check()
    assert set(outboxes.reports(path)) >= {one for one in written if one in found}
    assert outbox.append(report(200)).sequence == 201


LOG_FAULTS: dict[str, Callable[[Path], object]] = {
    "its header": lambda log: overwrite(log, 8, b"\xff"),
    "a frame": lambda log: overwrite(log, 32 + 7 * 1048 + 30, b"\xff"),
    "the last frame": lambda log: overwrite(log, log.stat().st_size - 1000, b"\xff"),
    "cut off within a frame": lambda log: os.truncate(log, 32 + 12 * 1048 + 99),
    "cut off between two frames": lambda log: os.truncate(log, 32 + 12 * 1048),
    "wiped out": lambda log: overwrite(log, 32 + 9 * 1048, bytes(5 * 1048)),
    "emptied": lambda log: os.truncate(log, 0),
    "deleted": lambda log: log.unlink(),
}


@pytest.mark.parametrize("fault", LOG_FAULTS)
def test_what_a_damaged_log_still_holds_is_found_and_nothing_is_told_twice(tmp_path: Path, fault: str) -> None:
    """The control is SQLite: it finds nothing wrong, and fewer reports."""
    path = tmp_path / "outbox.db"
    written = killed(path, 20)
    log = tmp_path / "outbox.db-wal"
    LOG_FAULTS[fault](log)
    rubble = b"".join(one.read_bytes() for one in files(path))
    intact = [one for one in written if line.write(one) in rubble]
    with TemporaryDirectory() as copy:
        for one in files(path):
            shutil.copy(one, copy)
        with closing(sqlite3.connect(f"{copy}/outbox.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("SELECT count(*) FROM report").fetchone() <= (len(intact),)
    outbox = Outbox(path)
    outbox.check()
    assert outboxes.reports(path) == intact
    assert not told_again(outbox)


def test_where_the_note_of_what_was_told_is_lost_it_counts_as_told(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with closing(fill(path, 5)):
        pass
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE outbox SET budget_day = budget_day - 1")
        database.commit()
    outbox = Outbox(path)
    assert not told_again(outbox)
    assert numbers(path) == [1, 2, 3, 4, 5, 1]
    assert outbox.open_budget(DAY + 1)
    tomorrow = hour(TOLD + 86_400, 3)
    assert decode(Report, outbox.append(tomorrow).body) == tomorrow


@pytest.mark.parametrize("gone", [("",), ("", "-wal"), ("-wal",), ("-shm",), ("", "-shm"), ("", "-wal", "-shm")])
def test_what_is_deleted_while_a_process_has_it_open_is_not_lost(tmp_path: Path, gone: tuple[str, ...]) -> None:
    """Whichever of the two processes comes first, and though the other one was killed."""
    path = tmp_path / "outbox.db"
    talking, sensing = Outbox(path), fill(path, 5, acknowledged=2)
    written, life = outboxes.reports(path), sensing.life
    talking.pending()
    for one in gone:
        Path(f"{path}{one}").unlink()
    again = Outbox(path, life=LATER)
    first = again.append(report(5))
    assert talking.pending().waiting == 4
    assert not told_again(again)
    assert life
    assert sensing.append(report(6))[:2] == (life.epoch, 6)
    assert [one for one in outboxes.reports(path) if one in [*written, first]] == [*written, first]


def test_a_copy_that_is_put_back_while_both_run_makes_nobody_forget(tmp_path: Path) -> None:
    path, copy = tmp_path / "outbox.db", tmp_path / "copy"
    with closing(Outbox(path)) as outbox:
        epoch = outbox.append(report(0)).epoch
    shutil.copyfile(path, copy)
    sensing, talking = Outbox(path, life=Life(epoch, 1)), Outbox(path)
    assert sensing.open_budget(DAY)
    sensing.append(hour(TOLD, 5))
    talking.acknowledge(epoch, 1)
    written = outboxes.lines(path)
    copy.rename(path)
    assert talking.pending().waiting == 1
    assert outboxes.lines(path) == written
    assert not told_again(sensing)
    assert numbers(path) == [2, 3]


def test_reports_that_wait_for_the_time_go_on_waiting_in_a_mended_file(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, boot=BOOT)
    for number in range(3):
        outbox.append(undated(number))
    path.unlink()
    assert outbox.redate(0.0) == 3


@pytest.mark.parametrize("bit", range(0, 100 * 8, 7))
def test_a_bit_of_the_head_costs_nothing(tmp_path: Path, bit: int) -> None:
    """It is no newer version, no file that may only be read, and no other kind of file."""
    path = tmp_path / "outbox.db"
    with closing(fill(path, 5, acknowledged=2)):
        pass
    written = outboxes.lines(path)
    overwrite(path, bit // 8, bytes([path.read_bytes()[bit // 8] ^ 1 << bit % 8]))
    outbox = Outbox(path)
    assert not told_again(outbox)
    assert outboxes.lines(path)[:-1] == written


def test_a_kill_at_any_point_of_the_mending_costs_nothing(tmp_path: Path) -> None:
    start = tmp_path / "start"
    start.mkdir()
    written = killed(start / "outbox.db", 4, acknowledged=1)
    overwrite(start / "outbox.db", 0, bytes(100))
    for at in range(1, 2000, 11):
        path = tmp_path / str(at) / "outbox.db"
        shutil.copytree(start, path.parent)
        done = in_a_child(lambda: Outbox(path).pending(), kill_at=at)  # noqa: B023
        again = Outbox(path)
        assert again.pending().waiting == 3
        assert outboxes.reports(path) == written
        assert not told_again(again)
        if done:
            break
    assert done, "the mending takes more lines than were tried"


def test_a_kill_at_any_point_of_the_making_leaves_an_outbox_or_nothing(tmp_path: Path) -> None:
    for at in range(1, 2000, 7):
        path = tmp_path / str(at) / "outbox.db"
        done = in_a_child(lambda: Outbox(path).pending(), kill_at=at)  # noqa: B023
        again = Outbox(path)
        assert again.open_budget(DAY), "a new outbox counts visits on its first day"
        if done:
            break
    assert done, "the making takes more lines than were tried"


def test_of_a_file_that_was_mended_the_damaged_one_is_kept_and_only_the_last(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with closing(fill(path, 3)):
        pass
    for text in (b"GIF89a", b"sensor = "):
        path.write_bytes(text * 1000)
        Outbox(path).check()
        assert (tmp_path / "outbox.db.damaged").read_bytes() == text * 1000
    assert sorted(one.name for one in tmp_path.iterdir() if "-" not in one.name) == ["outbox.db", "outbox.db.damaged"]


def test_an_hour_that_was_being_written_as_the_process_died_is_there_and_not_told_again(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"

    def begin() -> object:
        first = Outbox(path).append(report(1))
        db = filing.connect(path)
        filing.prepare(db)
        with filing.writing(db):
            filing.put(db, Line(first.epoch, 2, encode(hour(TOLD, 5))), None)
        return db

    assert killed_after(begin)
    log = Path(f"{path}-wal")
    overwrite(log, log.stat().st_size - line.PAGE - 24 + 4, bytes(4))  # the frame that commits it does not any more
    outbox = Outbox(path, life=LATER)
    outbox.append(hour(TOLD, 9))
    found = [decode(Report, one.body).wifi for one in outboxes.reports(path)]
    assert [one.visits.arrivals for one in found if one and one.visits] == [5]
