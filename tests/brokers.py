"""Real brokers on a free loopback port: mosquitto where it is installed, and amqtt in a thread of this process."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloud.broker import embedded
from tests.conftest import find, missing, need

MOSQUITTO = find("mosquitto")
MISSING = missing("mosquitto")
BOTH = [pytest.param("amqtt"), pytest.param("mosquitto", marks=pytest.mark.mosquitto)]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(true: Callable[[], object], what: str, within_s: float = 15.0) -> None:
    """Wait until `true()` holds; fails with `what` was awaited."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, f"still waiting for {what} after {within_s} s"
        time.sleep(0.01)


@contextmanager
def running(kind: str, folder: Path) -> Iterator[int]:
    """A broker of `kind` "mosquitto" or "amqtt", for as long as the block runs; gives its port."""
    with mosquitto(folder) if kind == "mosquitto" else amqtt() as port:
        yield port


def configured(folder: Path, port: int, more: str = "") -> list[str]:
    """The words that start mosquitto on `port`, with its files in `folder`."""
    config = folder / "mosquitto.conf"
    # Started by root, mosquitto would become a user who may not read a test's folder; others it leaves as they are.
    config.write_text(
        f"user root\nlistener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n"
        f"persistence true\npersistence_location {folder}/\nlog_dest none\n{more}"
    )
    return [need("mosquitto"), "-c", str(config)]


@contextmanager
def mosquitto(folder: Path, port: int | None = None, more: str = "") -> Iterator[int]:
    """mosquitto with its files in `folder`; `more` is added to its configuration."""
    port = port or free_port()
    process = subprocess.Popen(configured(folder, port, more), stderr=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port), "mosquitto")
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def amqtt() -> Iterator[int]:
    port = free_port()
    with embedded(port):
        yield port


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True
