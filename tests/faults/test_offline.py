"""A line that is dead for a while costs no report, and what comes first when it comes is now."""

from pathlib import Path

from tests.faults.offline import torture


def test_what_was_heard_without_a_line_arrives_when_it_comes(tmp_path: Path) -> None:
    for line in torture(tmp_path, full=False):
        assert line.held, line
