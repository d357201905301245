"""Real processes killed for real: no committed window is lost, none is counted twice."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from random import Random

import psutil

from agent.contract import Report, decode, encode
from agent.outbox import Outbox
from tests.brokers import free_port, mosquitto, until
from tests.conftest import need
from tests.e2e.test_path import SHOPS
from tests.faults.kills import absent, torture
from tests.faults.parts import START, WINDOW_S, committed, held
from tests.processes import cloud, sensor

STREET = '[radio.wifi]\nsource = "street"\nvisitors_per_day = 100\n'


def agent_settings(port: int, more: str = "", speed: float = 300.0) -> str:
    """A sensor on a street that passes a window of a minute every fifth of a second."""
    clock = f"[time]\nstart = 1700000100\nreal_start = {time.time()}\nspeed = {speed}\n"
    return f'sensor = "demo:door"\nwindow_s = 60\nhealth_interval_s = 1\n{STREET}[mqtt]\nport = {port}\n{more}\n{clock}'


def sequences(folder: Path) -> list[tuple[str, int]]:
    return [(epoch, sequence) for epoch, sequence, _ in committed(folder)]


def newest(folder: Path) -> dict[str, int]:
    """The last sequence of each epoch that the outbox still names."""
    return {one.epoch: one.sequence for one in held(folder)}


def waiting(folder: Path) -> int:
    return sum(1 for one in held(folder) if one.body)


def part(supervisor: psutil.Process, name: str) -> psutil.Process:
    return next(child for child in supervisor.children() if name in child.cmdline())


def test_kills_of_every_part_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    need("mosquitto")
    port = free_port()
    settings = f"[mqtt]\nport = {port}\n{SHOPS}"
    with sensor(tmp_path, agent_settings(port)) as agent:
        supervisor = psutil.Process(agent.pid)
        until(lambda: len(supervisor.children()) == 2, "both processes")
        for victim in ("broker", "cloud", "sync", "sense"):
            with mosquitto(tmp_path, port) as _, cloud(tmp_path, settings):
                before = len(sequences(tmp_path))
                until(lambda: len(sequences(tmp_path)) > before + 5, "reports to arrive", 40)  # noqa: B023
                if victim in ("sync", "sense"):
                    part(supervisor, victim).send_signal(signal.SIGKILL)
                    until(lambda: len(supervisor.children()) == 2, "it to be started again")
                    until(lambda: len(sequences(tmp_path)) > before + 15, "reports to arrive again", 40)  # noqa: B023
                else:
                    kill(port if victim == "broker" else None, tmp_path)
        with mosquitto(tmp_path, port), cloud(tmp_path, settings):
            part(supervisor, "sense").send_signal(signal.SIGSTOP)  # nothing new, so that everything can arrive
            until(lambda: waiting(tmp_path) == 0, "the outbox to be empty", 60)
            found, last = sequences(tmp_path), newest(tmp_path)
            part(supervisor, "sense").send_signal(signal.SIGCONT)
    by_epoch = {epoch: [sequence for one, sequence in found if one == epoch] for epoch, _ in found}
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_epoch.values())
    assert len(by_epoch) == 2, "sense was killed once"
    assert all(by_epoch[epoch][-1] == sequence for epoch, sequence in last.items())
    assert len(found) > 40


def kill(port: int | None, folder: Path) -> None:
    """SIGKILL to the broker on `port`, or to the cloud of this folder."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if (port is not None and str(folder / "mosquitto.conf") in words) or (
            port is None and str(folder / "cloud.toml") in words and "serve" in words
        ):
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)


def test_a_broker_that_refuses_us_is_one_sentence(tmp_path: Path) -> None:
    need("mosquitto")
    with mosquitto(tmp_path, more="allow_anonymous false\n") as port, sensor(tmp_path, agent_settings(port), "sync"):
        log = tmp_path / "agent.log"
        until(lambda: "The broker refused us (Not authorized)" in log.read_text(), "the refusal", 20)
        time.sleep(3)
    assert log.read_text().count("refused us") == 1


def test_the_same_reports_again_change_nothing(tmp_path: Path) -> None:
    """A sync that starts over from the beginning: the cloud says what it has, and nothing is stored twice."""
    need("mosquitto")
    port = free_port()
    with mosquitto(tmp_path, port), cloud(tmp_path, f"[mqtt]\nport = {port}\n{SHOPS}"):
        with sensor(tmp_path, agent_settings(port)):
            until(lambda: len(sequences(tmp_path)) > 10, "reports to arrive", 40)
        for _ in range(3):
            with sensor(tmp_path, agent_settings(port), "sync"):
                until(lambda: waiting(tmp_path) == 0, "the outbox to be empty", 30)
        found = sequences(tmp_path)
    assert [sequence for _, sequence in found] == list(range(1, len(found) + 1))
    assert len({epoch for epoch, _ in found}) == 1


def test_kills_of_one_or_several_at_once_lose_nothing(tmp_path: Path) -> None:
    for line in torture(tmp_path, full=False):
        assert line.held, line


def test_a_window_that_is_absent_within_a_life_is_seen() -> None:
    def row(epoch: str, number: int, start: int) -> tuple[str, int, bytes]:
        return epoch, number, encode(Report(window_start=start, window_s=WINDOW_S, clock="trusted"))

    first = row("a", 1, START)
    assert absent([first, row("a", 2, START + WINDOW_S)]) == 0
    assert absent([first, row("a", 2, START + 4 * WINDOW_S)]) == 3
    assert absent([first, row("b", 1, START + 4 * WINDOW_S)]) == 0, "it was killed between the two"
    assert absent([first, row("a", 2, START + 86_400)]) == 0, "a day ended between the two"


REDATER = """
import sys
from contextlib import closing
from pathlib import Path
from agent.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), boot="this")
outbox.pending()
print("ready", flush=True)
sys.stdin.readline()
outbox.redate(float(sys.argv[2]))
print("done", flush=True)
"""
UNDATED, AHEAD_S = 600, 1_700_000_100.0


def test_a_kill_while_reports_get_their_date_leaves_all_of_them_with_it_or_none(tmp_path: Path) -> None:
    """The same file again and again, killed sooner or later in the one transaction that dates all of them."""
    dice, path, halves = Random(3), tmp_path / "outbox.db", 0
    outbox = Outbox(path, boot="this")
    for number in range(UNDATED):
        outbox.append(Report(window_start=60 * number, window_s=60, clock="untrusted", boot_s=60.0 * number))
    outbox.close()
    before, took_s = path.read_bytes(), _redated(path, None)
    for _ in range(12):
        for one in path.parent.glob("outbox.db*"):
            one.unlink()
        path.write_bytes(before)
        _redated(path, dice.uniform(0.2, 1.1) * took_s)
        reports = [decode(Report, one.body) for one in Outbox(path, boot="this").after(_epoch(path), 0, UNDATED)]
        with closing(sqlite3.connect(path)) as database:
            (waiting,) = database.execute("SELECT count(*) FROM report WHERE undated IS NOT NULL").fetchone()
        halves += 0 < waiting < UNDATED or (waiting == 0) != (len(reports) == UNDATED)
        assert all(one.clock == "redated" and one.window_start >= AHEAD_S - 60 for one in reports)
    assert halves == 0


def _epoch(path: Path) -> str:
    return Outbox(path, boot="this").pending().epoch


def _redated(path: Path, killed_after_s: float | None) -> float:
    """Date what waits in another process; how long that took, or how long until it was killed."""
    words = [sys.executable, "-c", REDATER, str(path), str(AHEAD_S)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        process.stdin.write("go\n")
        process.stdin.flush()
        if killed_after_s is None:
            assert process.stdout.readline() == "done\n"
            return time.monotonic() - began
        time.sleep(killed_after_s)
        process.kill()
    return killed_after_s
