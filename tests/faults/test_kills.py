"""Real processes killed for real: no committed window is lost, none is counted twice."""

import os
import signal
import sqlite3
import time
from pathlib import Path

import psutil

from tests.brokers import free_port, mosquitto, until
from tests.conftest import need
from tests.e2e.test_path import SHOPS
from tests.faults.parts import held
from tests.processes import cloud, sensor

STREET = '[radio.wifi]\nsource = "street"\nvisitors_per_day = 100\n'


def agent_settings(port: int, more: str = "", speed: float = 300.0) -> str:
    """A sensor on a street that passes a window of a minute every fifth of a second."""
    clock = f"[time]\nstart = 1700000100\nreal_start = {time.time()}\nspeed = {speed}\n"
    return f'sensor = "demo:door"\nwindow_s = 60\nhealth_interval_s = 1\n{STREET}[mqtt]\nport = {port}\n{more}\n{clock}'


def sequences(folder: Path) -> list[tuple[str, int]]:
    database = sqlite3.connect(f"file:{folder}/cloud.db?mode=ro", uri=True)
    try:
        return database.execute("SELECT epoch, sequence FROM report ORDER BY epoch, sequence").fetchall()
    finally:
        database.close()


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
