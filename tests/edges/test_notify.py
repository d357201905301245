"""What the service manager is told: by one turn, and by the real processes of a sensor."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent import notify
from agent.notify import Service

STREET = 'window_s = 60\n[radio.wifi]\nsource = "street"\n'
NO_STICK = 'window_s = 60\n[radio.wifi]\nsource = "monitor"\ninterface = "none0"\nsecond_interface = "none"\n'
NO_BROKER = f"{STREET}[mqtt]\nport = 1\n"


class Manager:
    """The end at which systemd listens. `name`: what NOTIFY_SOCKET says; "@..." is an abstract one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + name[1:] if name.startswith("@") else name)

    def told(self, within_s: float = 0.0) -> list[str]:
        """The lines of the next datagram; none if none comes."""
        self._socket.settimeout(within_s or 0.01)
        try:
            return self._socket.recv(4096).decode().split("\n")
        except TimeoutError:
            return []

    def told_until(self, line: str, within_s: float) -> list[str]:
        """All lines up to the datagram that has the line."""
        end, heard = time.monotonic() + within_s, list[str]()
        while line not in heard and time.monotonic() < end:
            heard += self.told(0.2)
        return heard

    def close(self) -> None:
        self._socket.close()


@contextmanager
def manager(name: str) -> Iterator[Manager]:
    made = Manager(name)
    try:
        yield made
    finally:
        made.close()


def test_an_abstract_name_and_a_path_both_reach_the_manager(tmp_path: Path) -> None:
    for name in (f"@footfall-test-{os.getpid()}", str(tmp_path / "notify")):
        with manager(name) as told:
            Service({"NOTIFY_SOCKET": name}).turned("Well.")
            assert told.told() == ["STATUS=Well.", "READY=1", "WATCHDOG=1"]


def test_without_a_manager_and_with_one_that_is_gone_nothing_happens(tmp_path: Path) -> None:
    Service({}).turned("Well.")
    Service({"NOTIFY_SOCKET": str(tmp_path / "gone")}).turned("Well.")


def test_it_is_ready_once_and_asks_for_time_until_then(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with manager(name) as told:
        service = Service({"NOTIFY_SOCKET": name})
        service.turned("No stick.", ready=False)
        first = told.told()
        assert "READY=1" not in first
        assert f"EXTEND_TIMEOUT_USEC={notify._PATIENCE_S * 1e6:.0f}" in first
        service.turned("Listening.", ready=True)
        assert "READY=1" in told.told()
        service.turned("Deaf.", ready=False)
        assert told.told() == ["STATUS=Deaf.", "WATCHDOG=1"]


def test_a_turn_that_did_not_do_its_work_feeds_no_watchdog(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with manager(name) as told:
        Service({"NOTIFY_SOCKET": name}).turned("In doubt.", works=False)
        assert told.told() == ["STATUS=In doubt.", "READY=1"]


@contextmanager
def process(part: str, settings: str, told: Manager) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.toml"
        config.write_text(f'state_dir = "{folder}/state"\nrun_dir = "{folder}/run"\n{settings}')
        Path(folder, "state").mkdir()
        environment = {**os.environ, "NOTIFY_SOCKET": told.name}
        words = [sys.executable, "-m", "agent.daemon", part, str(config)]
        running = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            running.terminate()
            running.wait(20)


def test_sense_is_ready_once_its_radio_plays(tmp_path: Path) -> None:
    with manager(str(tmp_path / "notify")) as told, process("sense", STREET, told):
        heard = told.told_until("READY=1", 15)
        assert "STATUS=Opens the outbox." in heard
        assert heard[-3:] == ["STATUS=wifi: listening on street", "READY=1", "WATCHDOG=1"]


def test_sense_without_its_stick_is_not_ready_and_says_what_is_missing(tmp_path: Path) -> None:
    with manager(str(tmp_path / "notify")) as told, process("sense", NO_STICK, told):
        heard = told.told_until("WATCHDOG=1", 15)
        assert "WATCHDOG=1" in heard
        assert "READY=1" not in heard
        assert any("none0" in line for line in heard if line.startswith("STATUS="))


def test_sync_is_ready_though_the_broker_is_away(tmp_path: Path) -> None:
    with manager(str(tmp_path / "notify")) as told, process("sync", NO_BROKER, told):
        heard = told.told_until("READY=1", 15)
        assert "READY=1" in heard


def test_keep_is_ready_once_it_has_looked_at_the_radios(tmp_path: Path) -> None:
    with manager(str(tmp_path / "notify")) as told, process("keep", STREET, told):
        assert told.told_until("READY=1", 15)[:2] == ["STATUS=No radio.", "READY=1"]
