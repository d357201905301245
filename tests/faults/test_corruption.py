"""The outbox survives whatever is done to its file: a short form of the torture, and real daemons under it."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.brokers import mosquitto, until
from tests.conftest import need
from tests.e2e.test_path import SHOPS
from tests.faults import damage
from tests.faults.corruption import Outcome, arrived, summed, torture
from tests.faults.test_kills import agent_settings
from tests.processes import cloud, sensor

SENSOR = "demo:door"


def test_a_damaged_outbox_gives_back_what_is_left_of_it_and_counts_the_rest(tmp_path: Path) -> None:
    for line in torture(tmp_path, full=False):
        assert line.held, line


def test_the_sum_shows_every_way_to_fail() -> None:
    """One report lost of those whose bytes were left, one counted missing that is not, one doubled, one late."""
    good = Outcome("bits flipped", 10, 9, 9, 5, 1, 1, 0, 0, 0, 1.0)
    assert all(line.held for line in summed([good]))
    for wrong in ({"saved": 8}, {"wrong": 1}, {"doubled": 1}, {"recovery_s": 60.0}):
        assert not summed([good, good._replace(**wrong)])[0].held, wrong
    assert not summed([good._replace(by_sqlite=9)])[1].held


def test_running_daemons_mend_their_outbox_and_go_on(tmp_path: Path) -> None:
    """Three ways, one after the other, while windows close; about ten seconds, of which the start is half."""
    need("mosquitto")
    path, dice = tmp_path / "state/outbox.db", random.Random(1)

    def windows() -> list[int]:
        with closing(sqlite3.connect(f"file:{tmp_path}/cloud.db?mode=ro", uri=True)) as database:
            return [start for (start,) in database.execute("SELECT window_start FROM report ORDER BY window_start")]

    with (
        mosquitto(tmp_path) as port,
        cloud(tmp_path, f"[mqtt]\nport = {port}\n{SHOPS}"),
        sensor(tmp_path, agent_settings(port)),
    ):
        until(lambda: len(windows()) > 3, "reports to arrive", 30)
        for fault in (damage.header, damage.deleted, damage.empty):
            before = len(windows())
            fault(dice, path)
            until(lambda: len(windows()) >= before + 6, f"reports after {fault.__name__}", 60)  # noqa: B023
    log, found = (tmp_path / "agent.log").read_text(), windows()
    assert "ended with" not in log, "a process died of it"
    assert "the outbox was mended" in log
    assert len(set(found)) == len(found), "a window arrived twice"
    lost = (found[-1] - found[0]) // 60 + 1 - len(found)
    assert lost <= arrived(tmp_path / "cloud.db", SENSOR).missing, "windows are lost and not said to be missing"
