"""The end of an epoch, and a crash within one, with the real sensing process and the kernel's keyring."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent.keyring import Keyring
from tests import outboxes
from tests.brokers import until
from tests.processes import sensor

FOUR = 1_699_930_800  # 2023-11-14 04:00 in Berlin


def settings(start: float, speed: float, profile: str = "D24") -> str:
    return (
        f'sensor = "demo:door"\ntime_zone = "Europe/Berlin"\nhealth_interval_s = 1\n[privacy]\nprofile = "{profile}"\n'
        f'[radio.wifi]\nsource = "street"\nopens_hour = 1\ncloses_hour = 23\n'
        f"[time]\nstart = {start}\nreal_start = {time.time()}\nspeed = {speed}\n"
    )


def reports(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in outboxes.reports(folder / "state/outbox.db")]


def begun(process: psutil.Process) -> list[str]:
    """What changes when a process becomes a new one: where its memory lies."""
    return sorted(one.addr for one in process.memory_maps(grouped=False))[:1]


def test_at_the_end_of_an_epoch_the_process_becomes_a_new_one_and_goes_on(tmp_path: Path) -> None:
    with sensor(tmp_path, settings(FOUR - 900, 300), "sense") as agent:
        until(lambda: len(reports(tmp_path)) >= 1, "the first window")
        before = begun(psutil.Process(agent.pid))
        until(lambda: len(reports(tmp_path)) >= 6, "windows of the next epoch")
        assert agent.poll() is None
        assert begun(psutil.Process(agent.pid)) != before
    found = reports(tmp_path)
    ended = [report["window_start"] for report in found if "dwell" in report["wifi"]]
    assert ended == [FOUR - 300]
    assert [report["window_start"] for report in found if "key_reset" in report] == [found[0]["window_start"]]
    starts = [report["window_start"] for report in found]
    assert starts == sorted(set(starts))
    assert 0 < starts[starts.index(FOUR - 300) + 1] - FOUR + 300 <= 1200  # a second of ours is a window of the street's


def test_the_next_epoch_has_a_budget_of_its_own(tmp_path: Path) -> None:
    with sensor(tmp_path, settings(FOUR - 600, 900), "sense"):
        until(lambda: len(reports(tmp_path)) >= 16, "an hour of the next epoch", 30)
    told = [report["wifi"]["visits"]["start"] for report in reports(tmp_path) if "visits" in report["wifi"]]
    assert told[1:2] == [FOUR]


def test_after_a_crash_the_epoch_goes_on(tmp_path: Path) -> None:
    probe = Keyring("footfall:test")
    if not probe.keep(b"there is one", 5):
        pytest.skip("this platform has no kernel keyring")
    probe.destroy()
    start = settings(FOUR + 8 * 3600, 600)
    with sensor(tmp_path, start, "sense") as agent:
        until(lambda: len(reports(tmp_path)) >= 2, "two windows")
        os.kill(agent.pid, signal.SIGKILL)
        agent.wait(5)
    with sensor(tmp_path, start, "sense"):
        until(lambda: len(reports(tmp_path)) >= 16, "an hour more", 30)
    found = reports(tmp_path)
    assert [number for number, report in enumerate(found) if "key_reset" in report] == [0]
    assert any("visits" in report["wifi"] for report in found)


def test_under_f5_nothing_is_told_of_visits_and_nothing_kept(tmp_path: Path) -> None:
    with sensor(tmp_path, settings(FOUR - 600, 300, "F5"), "sense"):
        until(lambda: len(reports(tmp_path)) >= 4, "windows on both sides of the day's end")
    assert not any("visits" in report["wifi"] or "key_reset" in report for report in reports(tmp_path))
