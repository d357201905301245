"""Bad disks: full, read-only, slow, failing. Both processes go on, and what they could not write is there after it."""

import os
import random
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent.outbox import Outbox
from tests import outboxes
from tests.faults import damage, disks
from tests.faults.corruption import Child, report
from tests.faults.table import Line

GROUP = 60_000


def test_both_processes_go_on_on_a_disk_that_refuses(tmp_path: Path) -> None:
    for line in disks.on_a_bad_disk(tmp_path / "disk", 1):
        assert line.held, line


@pytest.mark.parametrize("fault", [disks.bad_sectors, disks.from_the_start, disks.for_a_day])
def test_a_disk_costs_nothing_that_is_not_counted(tmp_path: Path, fault: disks.Fault) -> None:
    line: Line = fault(tmp_path / "disk")
    assert line.held, line


@pytest.mark.root
@pytest.mark.parametrize("fault", disks.FILE_SYSTEMS)
def test_a_system_outlives_its_file_system(tmp_path: Path, fault: disks.Steps) -> None:
    line = disks.a_system(tmp_path / "system", fault)
    assert line.held, line


def appending(path: Path, user: int, orders: Connection) -> None:
    """Appends the reports told, and says which wait; started by root, as a user of the group of the folder."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(GROUP)
        os.setuid(user)
    os.umask(0o007)
    outbox = Outbox(path)
    while (number := orders.recv()) is not None:
        outbox.append(report(number))
        outbox.check()
        orders.send([held[:2] for held in outboxes.reports(path)])
    outbox.close()


@pytest.mark.parametrize("fault", [None, *damage.FAULTS])
def test_two_processes_mend_for_each_other(fault: str | None) -> None:
    """Both write; where root runs this they are two users, and the folder is neither's (systemd/footfall.tmpfiles)."""
    with TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)  # noqa: PTH101
        folder = Path(scratch, "state")
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, 0, GROUP)
            folder.chmod(0o2770)
        path = folder / "outbox.db"
        one, other = Child(appending, path, GROUP + 1), Child(appending, path, GROUP + 2)
        try:
            first = one.ask(1)
            assert len(first) == 1
            second = other.ask(2)
            assert second[0] == first[0]
            if fault is not None:
                damage.FAULTS[fault](random.Random(1), path)
            held = [other.ask(3), one.ask(4), other.ask(5)]
            assert [len(set(later) - set(second)) for later in held] == [1, 2, 3]
            one.end()
            other.end()
        finally:
            one.end(kill=True)
            other.end(kill=True)
