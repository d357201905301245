"""The outbox: what is committed stays until the cloud has it, whoever is killed meanwhile."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec import UNSET

from agent.contract import DwellDay, Heard, Report, VisitsHour, decode, encode
from agent.outbox import Outbox, OutboxError


def report(number: int) -> Report:
    return Report(window_start=300 * number, window_s=300, clock="trusted")


def held(outbox: Outbox) -> list[int]:
    return [sequence for sequence, _ in outbox.after(0, 10_000)]


def test_reports_come_out_in_order_as_they_went_in(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    for number in range(3):
        assert outbox.append(report(number)) == number + 1
    rows = outbox.after(1, 10)
    assert [sequence for sequence, _ in rows] == [2, 3]
    assert decode(Report, rows[0][1]) == report(1)


def test_what_the_cloud_has_is_deleted_and_its_number_not_used_again(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    for number in range(3):
        outbox.append(report(number))
    outbox.acknowledge(3)
    assert held(outbox) == []
    assert Outbox(tmp_path / "outbox.db").append(report(3)) == 4


def test_a_full_outbox_gives_up_the_oldest_and_counts_it(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", max_reports=3)
    for number in range(5):
        outbox.append(report(number))
    assert held(outbox) == [3, 4, 5]
    pending = outbox.pending()
    assert (pending.first, pending.last, pending.waiting, pending.evicted) == (3, 5, 3, 2)


def test_an_empty_outbox_says_so(tmp_path: Path) -> None:
    pending = Outbox(tmp_path / "outbox.db").pending()
    assert (pending.first, pending.last, pending.waiting, pending.oldest_window_start) == (1, 0, 0, None)


def hour(start: int, arrivals: int, *, last: bool = False) -> Report:
    """The report that tells an hour of visits, and with `last` a day of stays."""
    heard = Heard(
        listened_s=300.0, frames=0, ignored=0, damaged=0, dropped=0, estimator="x/1", flooded=False,
        present=None, inside=None, outside=None,
        visits=VisitsHour(
            start=start, end=start + 3600, listened_s=3600.0,
            arrivals=arrivals, arrivals_scale=1, visits=arrivals, visits_scale=3,
        ),
        dwell=DwellDay(start=start, end=start + 3600, edges_s=[300], devices=[1, 2], scale=2) if last else UNSET,
    )  # fmt: skip
    return Report(window_start=start + 3300, window_s=300, clock="trusted", wifi=heard)


def told(outbox: Outbox) -> list[tuple[int, int]]:
    """(start, arrivals) of the hours that went in with their visits."""
    reports = [decode(Report, body) for _, body in outbox.after(0, 100)]
    return [(one.wifi.visits.start, one.wifi.visits.arrivals) for one in reports if one.wifi and one.wifi.visits]


def test_an_hour_of_visits_goes_in_once_though_it_was_acknowledged_and_the_machine_restarted(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.append(hour(7200, 5))
    outbox.acknowledge(1)
    outbox.close()
    again = Outbox(tmp_path / "outbox.db")
    assert again.append(hour(7200, 9, last=True)) == 2
    assert again.append(hour(10_800, 4)) == 3
    assert told(again) == [(10_800, 4)]
    second = decode(Report, again.after(1, 1)[0][1])
    assert second.wifi is not None
    assert second.wifi.dwell is UNSET
    assert second.wifi.listened_s == 300


def test_the_budget_of_a_day_is_opened_once(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    assert outbox.open_budget(738_000)
    assert not outbox.open_budget(738_000)
    assert not Outbox(tmp_path / "outbox.db").open_budget(738_000)
    assert not Outbox(tmp_path / "outbox.db").open_budget(737_999)
    assert Outbox(tmp_path / "outbox.db").open_budget(738_001)


def test_an_outbox_of_the_first_version_goes_on(tmp_path: Path) -> None:
    """As version 1 made it, with a report in it."""
    with sqlite3.connect(tmp_path / "outbox.db") as old:
        old.execute("CREATE TABLE report (sequence INTEGER PRIMARY KEY, window_start INTEGER NOT NULL, body BLOB)")
        old.execute(
            "CREATE TABLE outbox (epoch TEXT NOT NULL, acknowledged INTEGER NOT NULL, evicted INTEGER NOT NULL)"
        )
        old.execute("INSERT INTO outbox VALUES ('0123456789abcdef', 6, 0)")
        old.execute("INSERT INTO report VALUES (7, 2100, ?)", (encode(report(7)),))
        old.execute("PRAGMA user_version = 1")
    outbox = Outbox(tmp_path / "outbox.db")
    assert outbox.epoch == "0123456789abcdef"
    assert outbox.append(report(8)) == 8
    assert held(outbox) == [7, 8]
    assert outbox.open_budget(738_000)


def test_every_outbox_has_an_epoch_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    first = Outbox(tmp_path / "a.db").epoch
    assert Outbox(tmp_path / "a.db").epoch == first
    assert Outbox(tmp_path / "b.db").epoch != first


def test_durability_is_asked_for(tmp_path: Path) -> None:
    Outbox(tmp_path / "outbox.db")
    database = sqlite3.connect(tmp_path / "outbox.db")
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


def test_an_outbox_of_a_newer_version_is_refused_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    Outbox(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(OutboxError, match="written by a newer version"):
        Outbox(path)


def test_a_file_that_is_no_outbox_is_refused_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(OutboxError, match="cannot be opened"):
        Outbox(path)


APPENDER = """
import sys
from pathlib import Path
from agent.contract import Report
from agent.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]))
while True:
    print(outbox.append(Report(window_start=0, window_s=300, clock="trusted")), flush=True)
"""


def test_a_kill_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", APPENDER, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(20)]
        os.kill(process.pid, signal.SIGKILL)
        said += [int(line) for line in process.stdout.read().split()]
        process.stdout.close()
        process.wait()
        assert set(said) <= set(held(Outbox(path)))
    everything = held(Outbox(path))
    assert everything == list(range(1, len(everything) + 1))


class AgainstAList(RuleBasedStateMachine):
    """The outbox behaves like a list with a counter, across any closing and opening."""

    LIMIT = 7

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "outbox.db"
        self.outbox = Outbox(self.path, self.LIMIT)
        self.model: list[int] = []
        self.last = self.evicted = 0

    @rule()
    def append(self) -> None:
        self.last += 1
        assert self.outbox.append(report(self.last)) == self.last
        self.model.append(self.last)
        if len(self.model) > self.LIMIT:
            self.model.pop(0)
            self.evicted += 1

    @rule(back=st.integers(0, 10))
    def acknowledge(self, back: int) -> None:
        upto = max(0, self.last - back)
        self.outbox.acknowledge(upto)
        self.model = [sequence for sequence in self.model if sequence > upto]

    @rule()
    def reopen(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.path, self.LIMIT)

    @invariant()
    def same(self) -> None:
        assert held(self.outbox) == self.model
        assert self.outbox.pending().evicted == self.evicted

    def teardown(self) -> None:
        self.outbox.close()
        self.folder.cleanup()


AgainstAList.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestAgainstAList = AgainstAList.TestCase
