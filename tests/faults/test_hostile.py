"""What no honest sensor sends, in a short form."""

from pathlib import Path

from tests.faults import hostile


def test_hostile_payloads_raise_nothing_and_are_stored_nowhere_but_in_the_quarantine(tmp_path: Path) -> None:
    for line in hostile.torture(tmp_path, full=False):
        assert line.held, line
