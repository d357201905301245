"""Spoilt lines between sensor, broker and cloud cost time and no report; without an outbox they cost reports."""

import random
from pathlib import Path

from tests.faults.line import FAULTS, KILLED, missing, schedule, torture


def test_a_spoilt_line_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    for line in torture(tmp_path, full=False):
        assert line.held, line


def test_every_fault_has_its_turn() -> None:
    kinds = schedule(random.Random(1), 150)
    assert {kinds.count(kind) for kind in [*FAULTS, KILLED]} <= {12, 13}
    assert kinds != schedule(random.Random(2), 150)


def test_a_gap_is_missed_and_so_is_the_end() -> None:
    assert missing({("a", 1), ("a", 2), ("a", 3)}, {"a": 3}) == 0
    assert missing({("a", 1), ("a", 3)}, {"a": 3}) == 1
    assert missing({("a", 1), ("a", 2)}, {"a": 3}) == 1
    assert missing({("a", 2), ("b", 1), ("b", 3)}, {"b": 3}) == 2
    assert missing(set(), {"a": 2}) == 2
