"""`make demo` as a person runs it: numbers move, the page is there, and Ctrl-C leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.air import written
from tests.brokers import free_port, until
from tests.e2e import crowd
from tests.processes import fetch


def demo(folder: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    port = free_port()
    words = [sys.executable, "-m", "cloud", "demo", "--folder", str(folder / "demo"), "--port", str(port), *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder)
    return process, f"http://127.0.0.1:{port}"


def inside(address: str) -> list[float | None]:
    return [shop["inside_now"]["value"] for shop in fetch(f"{address}/api/v1/shops") or []]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_three_shops_fill_and_stopping_leaves_nothing(tmp_path: Path, stop: signal.Signals) -> None:
    process, address = demo(tmp_path, "--speed", "600")
    try:
        until(lambda: len([value for value in inside(address) if value is not None]) == 3, "three shops' numbers", 30)
        first = inside(address)
        until(lambda: inside(address) != first, "the numbers to move", 30)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) == 9  # three sensors: a supervisor, a sensing and a talking process each
        os.kill(process.pid, stop)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0
    assert f"Dashboard: {address}/" in output
    assert "Traceback" not in output
    assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_a_real_capture_can_be_played_instead(tmp_path: Path) -> None:
    capture = written(tmp_path / "crowd.pcap", crowd.frames(60))
    process, _ = demo(tmp_path, "--replay", str(capture), "--for", "12")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    log = (tmp_path / "demo/bakery/log").read_text()
    assert "listening on capture" in log
    assert "WARNING" not in log


@pytest.mark.parametrize(
    ("make", "options", "says"),
    [
        ("a stranger's file", (), "holds files that are not the demo's"),
        ("nothing", ("--replay", "absent.pcap"), "there is no such capture"),
    ],
)
def test_what_cannot_work_is_one_sentence(tmp_path: Path, make: str, options: tuple[str, ...], says: str) -> None:
    (tmp_path / "demo").mkdir()
    if make == "a stranger's file":
        (tmp_path / "demo/diary").write_text("dear diary")
    process, _ = demo(tmp_path, *options)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert says in output
    assert len(output.strip().splitlines()) <= 2
    if make == "a stranger's file":
        assert (tmp_path / "demo/diary").read_text() == "dear diary"


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = [sys.executable, "-m", "cloud", "demo", "--folder", str(tmp_path / "demo"), "--port"]
        words.append(str(taken.getsockname()[1]))
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 78
    assert "cannot be served" in done.stderr
