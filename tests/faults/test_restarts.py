"""A broker that is restarted over and over, its memory deleted or not, costs no report."""

from pathlib import Path

from tests.faults.restarts import torture


def test_a_restarted_broker_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    for line in torture(tmp_path, full=False):
        assert line.held, line
