"""A clock that is set, lost and found: every window is told once, where it was. And the clock itself."""

import ctypes
import os
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from agent.clock import SystemClock, Trust
from agent.contract import Heard, Report, decode
from agent.core.undated import dated
from tests.brokers import free_port, mosquitto, until
from tests.conftest import need
from tests.e2e.test_path import SHOPS
from tests.faults.histories import Story, faults, lived, torture
from tests.faults.parts import committed, held
from tests.processes import cloud, sensor

ADJ_STATUS, ADJ_MAXERROR, STA_UNSYNC = 0x0010, 0x0004, 0x0040  # adjtimex(2)
STATE = 'sensor = "demo:door"\nwindow_s = 60\n[radio.wifi]\nsource = "street"\nvisitors_per_day = 5000\n'


def test_whatever_the_clock_does_every_window_is_told_once_where_it_was(tmp_path: Path) -> None:
    for line in torture(tmp_path, full=False):
        assert line.held, line


def test_a_history_is_the_same_every_time(tmp_path: Path) -> None:
    def told(number: int) -> list[Report]:
        (tmp_path / str(number)).mkdir()
        return list(lived(tmp_path / str(number), 7).world.came.values())

    assert told(1) == told(2)


def test_the_judge_sees_what_is_lost_doubled_and_misplaced(tmp_path: Path) -> None:
    story = next(one for one in _stories(tmp_path) if one.honest and one.world.counts_visits and _dated(one))
    assert not list(faults(story))
    world, came = story.world, dict(story.world.came)
    world.came = dict(list(came.items())[:-1])
    assert [one.lost for one in faults(story)] == [True]
    world.came = came
    name = _dated(story)[0]
    world.came = came | {name: replace(came[name], window_start=came[name].window_start + 3 * world.window_s)}
    assert not all(one.lost for one in faults(story))
    world.came = came
    world.lost.append(0.0)
    assert [one.lost for one in faults(story)] == [True]


def _stories(folder: Path) -> Iterator[Story]:
    for seed in range(20):
        (folder / f"{seed}").mkdir()
        yield lived(folder / f"{seed}", seed)


def _dated(story: Story) -> list[tuple[str, int]]:
    """The names of reports that have a date, and frames."""
    came = story.world.came
    return [name for name, told in story.world.told.items() if told.frames and came[name].clock != "untrusted"]


def test_what_was_vouched_for_holds_until_the_clock_is_set() -> None:
    trust = Trust()
    assert not trust.look(1.7e9, vouched=False)
    assert trust.look(1.7e9, vouched=True)
    assert trust.look(1.7e9 - 1, vouched=False)  # a leap second
    assert not trust.look(1.7e9 + 60, vouched=False)
    assert trust.look(1.7e9, vouched=False)  # set back to where it was
    assert trust.look(1.8e9, vouched=True)
    assert not trust.look(1.7e9, vouched=False)


@contextmanager
def vouched() -> Iterator[None]:
    """The kernel says for a moment that the clock is synchronised, as it does when the network has set it."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = ctypes.create_string_buffer(256)
    libc.adjtimex(before)
    (status,) = struct.unpack_from("i", before, 40)
    error = bytes(before)[24:32]

    def say(wanted: int, most: bytes) -> None:
        asked = ctypes.create_string_buffer(256)
        struct.pack_into("I", asked, 0, ADJ_STATUS | ADJ_MAXERROR)
        asked[24:32] = most
        struct.pack_into("i", asked, 40, wanted)
        if libc.adjtimex(asked) < 0:
            pytest.skip(f"the kernel does not let us vouch for its clock ({os.strerror(ctypes.get_errno())})")

    say(status & ~STA_UNSYNC, struct.pack("q", 1000))
    try:
        yield
    finally:
        say(status, error)


@pytest.mark.root
def test_a_time_once_told_is_known_for_as_long_as_the_process_lives() -> None:
    clock = SystemClock()
    if clock.trusted():
        pytest.skip("this machine's clock is synchronised")
    with vouched():
        assert clock.trusted()
    assert not SystemClock().trusted()
    clock.follow()
    assert clock.trusted()


def untrusted(start: int, boot_s: float, rested_s: float = 0.0) -> Report:
    heard = Heard(
        listened_s=300.0 - rested_s, frames=0, ignored=0, damaged=0, dropped=0, estimator="x/1", flooded=False,
        present=None, inside=None, outside=None, rested_s=rested_s or UNSET,
    )  # fmt: skip
    return Report(window_start=start, window_s=300, clock="untrusted", wifi=heard, boot_s=boot_s)


def test_a_window_gets_the_nearest_place_on_the_grid() -> None:
    ahead = 1_700_000_100.0
    assert [dated(untrusted(0, boot), ahead).window_start - 1_700_000_100 for boot in (0, 149, 150, 300, 449, 451)] == [
        0, 0, 300, 300, 300, 600,
    ]  # fmt: skip
    assert dated(untrusted(0, 1.0), -1000.0).clock == "untrusted"


def test_a_rest_by_a_wrong_clock_was_not_by_plan() -> None:
    """The clock stood at 3 in the night, the shop was open: that time is a gap in what was heard, and no rest."""
    wrong, right = untrusted(3 * 3600, 900.0, rested_s=200.0), untrusted(1_700_001_000, 900.0, rested_s=200.0)
    ahead = 1_700_000_100.0
    assert wrong.wifi is not None
    assert wrong.wifi.rested_s == 200.0
    assert _rested(dated(wrong, ahead)) is UNSET
    assert _rested(dated(right, ahead)) == 200.0


def _rested(report: Report) -> object:
    return report.wifi and report.wifi.rested_s


def test_what_was_closed_before_the_time_was_known_arrives_with_its_date(tmp_path: Path) -> None:
    """Real processes in one boot: told to end, then killed, then started again with a time that can be trusted."""
    need("mosquitto")
    if SystemClock().trusted():
        pytest.skip("this machine's clock is synchronised")
    port = free_port()
    settings = STATE + f"[mqtt]\nport = {port}\n"
    with mosquitto(tmp_path, port), cloud(tmp_path, f"[mqtt]\nport = {port}\n{SHOPS}"):
        with sensor(tmp_path, settings, "sense"):
            until(lambda: "listening" in (tmp_path / "agent.log").read_text(), "sense to listen")
        began = time.time()
        (told,) = [decode(Report, one.body) for one in held(tmp_path)]
        assert told.clock == "untrusted"
        with sensor(tmp_path, settings, "sync"):
            line = tmp_path / "run/line.json"
            until(lambda: line.exists() and "has acknowledged" in line.read_text(), "the cloud to answer")
            with sensor(tmp_path, settings, "sense") as killed:
                until(lambda: (tmp_path / "agent.log").read_text().count("listening") == 2, "sense to listen again")
                os.kill(killed.pid, signal.SIGKILL)
                killed.wait(5)
            assert committed(tmp_path) == []
            with sensor(tmp_path, f"battery_clock = true\n{settings}", "sense"):
                until(lambda: committed(tmp_path), "the report")
        came = decode(Report, committed(tmp_path)[0][2])
    assert came.clock == "redated"
    assert came.boot_s == told.boot_s
    assert abs(came.window_start + 30 - began) <= 60 + 10
