"""Nobody writes or reads as another; a broker without the list is caught at once."""

from pathlib import Path

import pytest

from tests.faults.matrix import torture


@pytest.mark.mosquitto
def test_no_sensor_writes_or_reads_as_another(tmp_path: Path) -> None:
    for line in torture(tmp_path, full=False):
        assert line.held, line
