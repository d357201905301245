"""A bad document reaches a few sensors and is gone in minutes; a good one reaches everybody."""

from pathlib import Path

from tests.faults import rollout


def test_rollouts_in_short(tmp_path: Path) -> None:
    for line in rollout.torture(tmp_path, full=False):
        assert line.held, line
