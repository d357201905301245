"""Disks: full, read-only, slow, failing. Both processes go on, and what they could not write is there after it.

1. The outbox on a disk that answers SQLite's calls with the errors of real ones (`bad_disk.c`, preloaded): reports wait
   in memory, the talking process goes on handing over though it can delete nothing, and afterwards nothing is missing.
2. A sector that cannot be read costs what lies in it, and that is counted.
3. What the disk refuses for a day is given up and counted.
4. As root, all four parts of a system on file systems of their own: one that is filled, one that is read-only as both
   start, and an ext4 whose disk fails under it (`abort`) and that the operator mounts anew.
5. The control keeps no shelf: what the disk refuses is gone, and the same measure must find it lost.
"""

import errno
import json
import logging
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from agent.contract import encode
from agent.outbox import Outbox, OutboxError
from agent.shelf import Shelf
from cloud.store import migrate
from tests import outboxes
from tests.brokers import mosquitto, until
from tests.conftest import ROOT, need
from tests.e2e.test_path import SHOPS
from tests.faults.corruption import Child, arrived, report, talking
from tests.faults.table import Line
from tests.faults.test_kills import agent_settings
from tests.processes import cloud, sensor

SENSOR = "demo:door"
ALL = 2**40
FAILING = {
    "full": f"w {errno.ENOSPC} 0 {ALL} 0",
    "read-only": f"ws {errno.EROFS} 0 {ALL} 0",
    "does not write": f"w {errno.EIO} 0 {ALL} 0",
    "does not sync": f"s {errno.EIO} 0 {ALL} 0",
    "does not read": f"r {errno.EIO} 0 {ALL} 0",
    "slow": f"s 0 0 {ALL} 0",
}
WITHIN_S, DAY = 60.0, 288
Fault = Callable[[Path], Line]
Steps = Callable[[Path], Iterator[None]]


def torture(folder: Path, *, full: bool) -> list[Line]:
    """30 rounds of six faults in full, one in short; a system on bad file systems in full, as root."""
    lines = [
        *on_a_bad_disk(folder / "bad", 30 if full else 1),
        bad_sectors(folder / "sectors"),
        from_the_start(folder / "start"),
        for_a_day(folder / "day"),
    ]
    if full and os.geteuid() == 0:
        lines += [a_system(folder / fault.__name__, fault) for fault in FILE_SYSTEMS]
    return lines


# With a disk that does as it is told.


def on_such_a_disk(folder: Path, work: Callable[..., None], *arguments: object) -> str:
    """What `work(control file, *arguments)` of this module prints, in a process whose disk obeys the file."""
    folder.mkdir()
    library, control = folder / "bad_disk.so", folder / "control"
    source = str(ROOT / "tests/faults/bad_disk.c")
    subprocess.run([need("gcc"), "-shared", "-fPIC", "-o", str(library), source, "-ldl"], check=True)
    control.touch()
    words = [repr(str(control)), *map(repr, arguments)]
    code = f"from tests.faults import disks; disks.{work.__name__}({', '.join(words)})"
    environment = os.environ | {"LD_PRELOAD": str(library), "BAD_DISK": str(control), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def keeping(path: Path, shelved: bool, orders: Connection) -> None:
    """Keeps the reports of these numbers as they come; answers how many still wait in memory.

    Without `shelved` as somebody would who has no shelf: what is refused is gone.
    """
    outbox = Outbox(path)
    shelf = Shelf(outbox)
    while (order := orders.recv()) is not None:
        reports = [report(number) for number in order]
        if shelved:
            shelf.keep(reports)
            orders.send(len(shelf.unsaved))
        else:
            orders.send(sum(_refused(partial(outbox.append, one)) for one in reports))
    outbox.close()


def _refused(work: Callable[[], object]) -> bool:
    try:
        work()
    except OutboxError:
        return True
    return False


def through_every_fault(control: str, rounds: int, shelved: bool) -> None:
    """A report before each fault, three in it and one after it, while the other process hands over.

    Prints what went in, the longest recovery in seconds, and the faults in which no report was refused.
    """
    told, number, slowest, unnoticed = Path(control), 0, 0.0, set()
    path, database = told.with_name("outbox.db"), told.with_name("cloud.db")
    migrate(str(database))
    keep, talk = Child(keeping, path, shelved), Child(talking, path, database, SENSOR)
    try:
        for _ in range(rounds):
            for name, order in FAILING.items():
                keep.ask([number])
                talk.ask("drain") if number % 2 else talk.ask("look")  # with something to hand over, and without
                told.write_text(order)
                if not keep.ask([number + 1, number + 2, number + 3]):
                    unnoticed.add(name)
                talk.send("go")
                if name == "does not read":
                    time.sleep(0.1)
                else:
                    assert talk.answer() < 10, f"{name}: the other process does not hand over"
                told.write_text("")
                began = time.monotonic()
                if name == "does not read":
                    talk.answer()
                while keep.ask([number + 4] if began else []):
                    assert time.monotonic() < began + WITHIN_S, f"{name}: they still wait in memory"
                talk.ask("drain")
                slowest = max(slowest, time.monotonic() - began)
                number += 5
        keep.end()
        talk.end()
    finally:
        keep.end(kill=True)
        talk.end(kill=True)
    print(json.dumps([number, slowest, sorted(unnoticed)]))


def on_a_bad_disk(folder: Path, rounds: int) -> list[Line]:
    folder.mkdir()
    lines = []
    for shelved, times in ((True, rounds), (False, 1)):
        place = folder / ("product" if shelved else "control")
        last, slowest, unnoticed = json.loads(on_such_a_disk(place, through_every_fault, times, shelved))
        found = arrived(place / "cloud.db", SENSOR)
        written = {encode(report(number)) for number in range(last)}
        lost, twice = len(written - set(found.bodies)), len(found.bodies) - len(set(found.bodies))
        count = times * len(FAILING)
        if shelved:
            note = (
                f"{last:,} reports; {', '.join(FAILING)}; no report was refused while it was {' or '.join(unnoticed)}"
            )
            held = not lost and not twice and not found.missing and slowest < WITHIN_S
            lines.append(Line("disk of the outbox refuses", count, lost, twice, slowest, note, held))
        else:
            note = f"of {last:,} reports those that were refused"
            lines.append(Line("control: the same without a shelf", count, lost, twice, slowest, note, lost > 0))
    return lines


def with_bad_sectors(control: str) -> None:
    """An outbox of which the disk does not give 4 KB any more; prints how many wait, and the last number."""
    path = Path(control).with_name("outbox.db")
    with closing(Outbox(path)) as outbox:
        for number in range(100):
            outbox.append(report(number))
    Path(control).write_text(f"r {errno.EIO} 20480 24576 {path.stat().st_ino}")
    logging.disable()
    with closing(Outbox(path)) as outbox:
        while _refused(outbox.pending):  # it may be a passing fault, for some seconds
            time.sleep(0.1)
        pending = outbox.pending()
    print(json.dumps([pending.waiting, pending.last]))


def bad_sectors(folder: Path) -> Line:
    waiting, last = json.loads(on_such_a_disk(folder, with_bad_sectors))
    note = f"{waiting} of 100 reports saved, {last - waiting} missing in their numbers"
    return Line("sectors of the outbox unreadable", 1, 100 - last, 0, 0.0, note, last == 100 and 80 < waiting < 100)


# Without root, and without a disk that obeys.


def from_the_start(folder: Path) -> Line:
    """A disk that takes nothing as the process starts, nor as it becomes a new one (`renewal`): no file may grow."""
    folder.mkdir()
    path, before = folder / "outbox.db", resource.getrlimit(resource.RLIMIT_FSIZE)
    with closing(Outbox(path)) as outbox:
        outbox.append(report(1))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        outbox = Outbox(path)
        shelf = Shelf(outbox)
        shelf.keep([report(2)])
        opened = outbox.open_budget(738_000)
        outbox.close()
        again = Outbox(path, life=outbox.life)
        renewed = Shelf(again, shelf.unsaved, shelf.lost)
        renewed.keep([report(3)])
        in_memory = len(renewed.unsaved)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    renewed.keep([report(4)])
    again.close()
    held = [one.body for one in outboxes.reports(path)]
    expected = [encode(report(number)) for number in range(1, 5)]
    lost, twice = len(set(expected) - set(held)), len(held) - len(set(held))
    note = f"{in_memory} reports waited in memory, over a change of the process"
    return Line(
        "disk takes nothing from the start",
        1,
        lost,
        twice,
        0.0,
        note,
        held == expected and in_memory == 2 and not opened,
    )


def for_a_day(folder: Path) -> Line:
    """No outbox can be made where a file lies in the folder's place."""
    folder.mkdir()
    place = folder / "state"
    place.write_text("")
    outbox = Outbox(place / "outbox.db")
    shelf, more = Shelf(outbox), 5
    for number in range(DAY + more):
        shelf.keep([report(number)])
    place.unlink()
    shelf.keep([report(DAY + more)])  # which is one more than a day
    pending = outbox.pending()
    outbox.close()
    uncounted = DAY + more + 1 - pending.waiting - pending.evicted
    note = f"{pending.waiting} reports of a day were kept, {pending.evicted} given up and counted"
    held = not uncounted and (pending.first, pending.waiting, pending.evicted) == (more + 2, DAY, more + 1)
    return Line("disk refuses for more than a day", 1, uncounted, 0, 0.0, note, held)


# As root, with file systems of their own.


def windows(folder: Path) -> list[int]:
    with closing(sqlite3.connect(f"file:{folder}/cloud.db?mode=ro", uri=True)) as database:
        return [start for (start,) in database.execute("SELECT window_start FROM report ORDER BY window_start")]


def further(folder: Path, more: int) -> float:
    """Wait for so many windows more, within a minute; how long that took."""
    before, began = len(windows(folder)), time.monotonic()
    until(lambda: len(windows(folder)) >= before + more, f"{more} windows", WITHIN_S)
    return time.monotonic() - began


def refusing(folder: Path) -> None:
    until(lambda: "they wait in memory" in (folder / "agent.log").read_text(), "the disk to refuse", WITHIN_S)


def a_system(folder: Path, fault: Steps) -> Line:
    """Broker, cloud and both processes of a sensor, of which none may end; afterwards every window is there once."""
    folder.mkdir()
    need("mosquitto")
    steps = fault(folder)
    next(steps)
    try:
        with (
            mosquitto(folder) as port,
            cloud(folder, f"[mqtt]\nport = {port}\n{SHOPS}"),
            sensor(folder, agent_settings(port)) as agent,
        ):
            supervisor = psutil.Process(agent.pid)
            until(lambda: len(supervisor.children()) == 2, "both processes")
            before = {one.pid for one in supervisor.children()}
            next(steps)
            refusing(folder)
            handed_over = len(windows(folder))
            next(steps)
            slowest = further(folder, 10)
            alive = {one.pid for one in supervisor.children()} == before
    finally:
        subprocess.run(["umount", "-l", str(folder / "state")], check=True)
    found = windows(folder)
    lost, twice = len(range(found[0], found[-1] + 60, 60)) - len(set(found)), len(found) - len(set(found))
    note = f"{len(found):,} windows, {handed_over:,} before the disk refused; " + (
        "none ended" if alive else "a process ended"
    )
    name = f"file system {fault.__name__.replace('_', ' ')}: {(fault.__doc__ or '').partition('.')[0]}"
    return Line(name, 1, lost, twice, slowest, note, not lost and not twice and alive)


def mount(folder: Path, *words: str) -> None:
    (folder / "state").mkdir(mode=0o770, exist_ok=True)
    subprocess.run(["mount", *words, str(folder / "state")], check=True)


def filled(folder: Path) -> Iterator[None]:
    """a tmpfs without space. Three steps: before both start, the fault, its end."""
    ballast = folder / "state" / "ballast"
    mount(folder, "-t", "tmpfs", "-o", "size=1m", "outbox")
    yield
    further(folder, 5)
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
    yield
    ballast.unlink()
    yield


def read_only(folder: Path) -> Iterator[None]:
    """as both start. Three steps, as above."""
    mount(folder, "-t", "tmpfs", "-o", "ro", "outbox")
    yield
    yield
    mount(folder, "-o", "remount,rw")
    yield


def aborted(folder: Path) -> Iterator[None]:
    """ext4 turns read-only when its disk fails, and is mounted anew. Three steps, as above."""
    card, copy = folder / "card", folder / "copy"
    with card.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run([need("mkfs.ext4"), "-q", str(card)], check=True)
    mount(folder, "-o", "loop", str(card))
    yield
    further(folder, 5)
    mount(folder, "-o", "remount,abort")
    yield
    shutil.copyfile(card, copy)
    subprocess.run(["umount", "-l", str(folder / "state")], check=True)
    mount(folder, "-o", "loop", str(copy))
    yield


FILE_SYSTEMS: tuple[Steps, ...] = (filled, read_only, aborted)
