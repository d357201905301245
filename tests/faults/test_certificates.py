"""A certificate that expires, or is a stranger's, costs no report; the sensor says so, and goes on by itself."""

from pathlib import Path

from tests.faults.certificates import torture


def test_a_bad_certificate_loses_nothing_and_a_good_one_is_taken_up(tmp_path: Path) -> None:
    for line in torture(tmp_path, full=False):
        assert line.held, line
