"""The outbox: what is committed stays until the cloud has it, whoever is killed meanwhile."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec import UNSET
from msgspec.structs import replace

from agent import line
from agent.contract import DwellDay, Heard, Report, VisitsHour, decode, encode
from agent.line import Line
from agent.outbox import Life, Outbox, OutboxError
from tests import outboxes
from tests.faults import damage

BOOT = "01234567-89ab-cdef-0123-456789abcdef"


def report(number: int) -> Report:
    return Report(window_start=300 * number, window_s=300, clock="trusted")


def undated(number: int) -> Report:
    """Of a machine that runs for so many windows and does not know the time."""
    return Report(window_start=0, window_s=300, clock="untrusted", boot_s=300.0 * number)


def numbers(path: Path) -> list[int]:
    """The sequences of the reports that wait."""
    return [one.sequence for one in outboxes.reports(path)]


def test_reports_come_out_in_order_as_they_went_in(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    put = [outbox.append(report(number)) for number in range(3)]
    assert [one.sequence for one in put] == [1, 2, 3]
    assert outbox.after(put[0].epoch, 1, 10) == put[1:]
    assert [decode(Report, one.body) for one in put] == [report(0), report(1), report(2)]
    assert outbox.newest() == put[2]


def test_what_the_cloud_has_is_deleted_and_its_number_not_used_again(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    epoch = [outbox.append(report(number)).epoch for number in range(3)][-1]
    outbox.acknowledge(epoch, 3)
    outbox.close()
    again = Outbox(tmp_path / "outbox.db", life=outbox.life)
    assert again.pending()[:4] == (epoch, 4, 3, 0)
    assert again.append(report(3))[:2] == (epoch, 4)


def test_an_epoch_is_one_life_of_the_process_and_the_next_one_comes_after_it(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    lives = [Outbox(path).append(report(number)) for number in range(3)]
    assert [one.sequence for one in lives] == [1, 1, 1]
    assert outboxes.reports(path) == lives
    reading = Outbox(path)
    for one in lives:
        assert reading.pending()[:3] == (one.epoch, 1, 1)
        reading.acknowledge(one.epoch, 1)
    assert reading.pending().waiting == 0


def test_a_life_that_the_disk_forgot_gives_no_number_again(tmp_path: Path) -> None:
    """The outbox is put back as it was two lives ago."""
    path, copy = tmp_path / "outbox.db", tmp_path / "copy"
    with closing(Outbox(path)) as outbox:
        outbox.append(report(0))
    shutil.copyfile(path, copy)
    for number in (1, 2):
        with closing(Outbox(path)) as outbox:
            forgotten = outbox.append(report(number))
    copy.rename(path)
    with closing(Outbox(path)) as outbox:
        assert outbox.append(report(3)).epoch != forgotten.epoch


def test_a_full_outbox_gives_up_the_oldest_and_counts_it(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", max_reports=3)
    for number in range(5):
        outbox.append(report(number))
    assert numbers(tmp_path / "outbox.db") == [3, 4, 5]
    assert outbox.pending()[1:] == (3, 5, 3, 600, 2)


def test_what_the_disk_never_took_leaves_a_gap_in_the_numbers(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.append(report(0))
    epoch, sequence, _ = outbox.append(report(8), lost=7)
    assert sequence == 9
    assert [one.sequence for one in outbox.after(epoch, 1, 10)] == [9]
    assert outbox.pending()[1:] == (1, 9, 2, 0, 7)


def test_a_report_whose_commit_failed_and_is_there_after_all_is_not_taken_twice(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with closing(Outbox(path)) as outbox:
        epoch = outbox.append(report(0)).epoch
        there = outbox.append(report(1))
    again = Outbox(path, life=Life(epoch, 1))
    assert again.append(report(1)) == there
    assert again.append(report(2))[:2] == (epoch, 3)
    other = Outbox(path, life=Life(epoch, 2))
    assert other.append(report(9))[:2] == (epoch, 4)


def test_an_empty_outbox_says_so(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    assert outbox.pending()[1:] == (1, 0, 0, None, 0)
    assert outbox.newest() is None


def test_reports_wait_for_the_time_of_day_until_it_is_known_or_let_go(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with closing(Outbox(path, boot="another")) as before:
        earlier = before.append(undated(5))
    outbox = Outbox(path, boot=BOOT)
    epoch = outbox.append(undated(1)).epoch
    outbox.append(undated(2))
    assert outbox.after(epoch, 0, 10) == outbox.after(earlier.epoch, 0, 10) == []
    assert outbox.newest() is None
    assert outbox.redate(600_000.0) == 2
    found = [decode(Report, one.body) for one in outbox.after(epoch, 0, 10)]
    assert [(one.window_start, one.clock) for one in found] == [(600_300, "redated"), (600_600, "redated")]
    assert outbox.after(earlier.epoch, 0, 10) == []
    assert outbox.release(this_boot=False) == 1
    assert outbox.after(earlier.epoch, 0, 10) == [earlier]
    outbox.append(undated(3))
    assert outbox.release(this_boot=False) == 0
    assert outbox.release(this_boot=True) == 1
    assert [one.sequence for one in outbox.after(epoch, 0, 10)] == [1, 2, 3]


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


def test_an_hour_of_visits_goes_in_once_though_it_was_acknowledged_and_the_machine_restarted(tmp_path: Path) -> None:
    with closing(Outbox(tmp_path / "outbox.db")) as outbox:
        first = outbox.append(hour(7200, 5))
        outbox.acknowledge(first.epoch, 1)
    again = Outbox(tmp_path / "outbox.db")
    told = decode(Report, again.append(hour(7200, 9, last=True)).body).wifi
    assert told == replace(hour(7200, 9).wifi or told, visits=UNSET)
    assert decode(Report, again.append(hour(10_800, 4)).body) == hour(10_800, 4)


def test_the_budget_of_a_day_is_opened_once(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    assert outbox.open_budget(738_000)
    assert not outbox.open_budget(738_000)
    assert not Outbox(tmp_path / "outbox.db").open_budget(738_000)
    assert not Outbox(tmp_path / "outbox.db").open_budget(737_999)
    assert Outbox(tmp_path / "outbox.db").open_budget(738_001)


def test_the_file_has_a_write_ahead_log_and_is_for_both_users_of_a_group(tmp_path: Path) -> None:
    path, mask = tmp_path / "outbox.db", os.umask(0o077)
    try:
        Outbox(path).append(report(0))
    finally:
        os.umask(mask)
    assert path.read_bytes()[18:20] == b"\2\2"  # https://www.sqlite.org/fileformat2.html, 1.3.3
    assert {oct(one.stat().st_mode & 0o777) for one in tmp_path.iterdir()} == {"0o660"}


def test_an_outbox_of_a_newer_version_is_refused_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with closing(Outbox(path)) as outbox:
        outbox.append(report(0))
    with closing(sqlite3.connect(path)) as database:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        database.execute(f"PRAGMA application_id = {application & ~0xFF | 99}")
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(OutboxError, match="written by a newer version"):
        Outbox(path).pending()
    assert numbers(path) == [1]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(OutboxError, match="check the folder's owner and the disk"):
        Outbox(tmp_path / "state" / "outbox.db").append(report(0))


APPENDER = """
import os
import sys
from pathlib import Path
from agent.contract import Report
from agent.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]))
while True:
    one = outbox.append(Report(window_start=0, window_s=300, clock="trusted"))
    os.write(1, f"{one.epoch} {one.sequence}\\n".encode())  # at once: `print` may be killed in mid-line
"""


def test_a_kill_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    said: list[str] = []
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", APPENDER, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said += [process.stdout.readline().strip() for _ in range(20)]
        os.kill(process.pid, signal.SIGKILL)
        said += process.stdout.read().splitlines()
        process.stdout.close()
        process.wait()
    held = [f"{one.epoch} {one.sequence}" for one in outboxes.reports(path)]
    assert set(said) <= set(held), "a report that was committed is gone"
    assert len(held) <= len(said) + 5, "a report is there that nobody gave"
    assert len(held) == len(set(held))


class AgainstAList(RuleBasedStateMachine):
    """The outbox behaves like a list with a counter, across any closing, killing and damage, in two processes."""

    LIMIT = 7

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "0" / "outbox.db"
        self.outbox, self.reading = Outbox(self.path, self.LIMIT, BOOT), Outbox(self.path)
        self.model: list[Line] = []
        self.given: set[Line] = set()
        self.waits: set[tuple[str, int]] = set()  # for the time of day
        self.number = self.evicted = 0
        self.hurt = False

    def append(self, report: Report, lost: int = 0) -> Line:
        before = self.outbox.life
        one = self.outbox.append(report, lost)
        assert one.sequence == (before.given if before else 0) + lost + 1
        assert before is None or one.epoch == before.epoch
        assert one.body == encode(report)
        self.model.append(one)
        self.given.add(one)
        self.evicted += lost + max(0, len(self.model) - self.LIMIT)
        self.model = self.model[-self.LIMIT :]
        return one

    @rule(lost=st.sampled_from((0, 0, 0, 2)))
    def append_dated(self, lost: int) -> None:
        self.number += 1
        self.append(report(self.number), lost)

    @rule()
    def append_undated(self) -> None:
        self.number += 1
        self.waits.add(self.append(undated(self.number))[:2])

    @rule(ahead=st.integers(1, 10**6))
    def redate(self, ahead: int) -> None:
        waiting = [one for one in self.model if one[:2] in self.waits]
        assert self.outbox.redate(300.0 * ahead) == len(waiting)
        for at, one in enumerate(self.model):
            if one in waiting:
                found = decode(Report, one.body)
                start = int(found.boot_s or 0) + 300 * ahead
                self.model[at] = one._replace(body=encode(replace(found, window_start=start, clock="redated")))
                self.given.add(self.model[at])
        self.waits.clear()

    @rule()
    def release(self) -> None:
        self.reading.release(this_boot=True)
        self.waits.clear()

    @rule(count=st.integers(0, 9))
    def acknowledge(self, count: int) -> None:
        held = self.reading.pending()
        upto = held.first - 1 + count
        self.reading.acknowledge(held.epoch, upto)
        self.model = [one for one in self.model if one.epoch != held.epoch or one.sequence > upto]

    @rule(again=st.booleans())
    def close(self, again: bool) -> None:
        """In order; with `again` it goes on as another image of the same process."""
        self.outbox.close()
        self.outbox = Outbox(self.path, self.LIMIT, BOOT, self.outbox.life if again else None)

    @rule()
    def kill(self) -> None:
        """Both: what lies on the disk is all that is left."""
        after = self.path.parent.with_name(f"{int(self.path.parent.name) + 1}")
        shutil.copytree(self.path.parent, after)
        self.outbox.close()
        self.reading.close()
        self.path = after / "outbox.db"
        self.outbox, self.reading = Outbox(self.path, self.LIMIT, BOOT), Outbox(self.path)
        self.opened(self.intact() if self.hurt else self.model)
        self.hurt = False

    @rule(name=st.sampled_from(list(damage.FAULTS)), seed=st.integers(0, 99), talking_first=st.booleans())
    def damage(self, name: str, seed: int, talking_first: bool) -> None:
        """What lies there in whole comes back. So may what was given up or handed over, and nothing that never was."""
        damage.FAULTS[name](random.Random(seed), self.path)
        self.hurt = True
        self.opened(self.intact(), talking_first=talking_first)

    def intact(self) -> list[Line]:
        rubble = b"".join(one.read_bytes() for one in damage.files(self.path))
        return [one for one in self.model if line.write(one) in rubble]

    def opened(self, intact: list[Line], *, talking_first: bool = False) -> None:
        """Both look, and what was intact is there."""
        for one in (self.reading, self.outbox)[:: 1 if talking_first else -1]:
            one.pending()
            one.check()
        held = outboxes.reports(self.path)
        assert [one for one in held if one in intact] == intact
        assert self.given.issuperset(held)
        if self.hurt:
            self.model, self.evicted = held, self.outbox.pending().evicted
            with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as database:
                rows = database.execute("SELECT line FROM report WHERE undated IS NOT NULL").fetchall()
            self.waits = {one[:2] for (raw,) in rows if (one := line.read(raw))}

    @invariant()
    def same(self) -> None:
        assert outboxes.reports(self.path) == self.model
        held = self.reading.pending()
        assert (held.waiting, held.evicted) == (len(self.model), self.evicted)
        if not self.model:
            assert held.first == held.last + 1
            return
        epoch, first, _ = self.model[0]
        last = max(one.sequence for one in self.model if one.epoch == epoch)
        assert held[:3] == (epoch, first, last)
        free = [one for one in self.model if one[:2] not in self.waits]
        assert self.reading.newest() == (self.model[-1] if self.model[-1] in free else None)
        expected = []
        for at, one in enumerate(self.model):
            if one not in free or one[:2] != (epoch, first + at):
                break
            expected.append(one)
        assert self.reading.after(epoch, first - 1, 100) == expected

    def teardown(self) -> None:
        self.outbox.close()
        self.reading.close()
        self.folder.cleanup()


AgainstAList.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestAgainstAList = AgainstAList.TestCase
