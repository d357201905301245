"""Real brokers on a free loopback port: mosquitto where it is installed, and amqtt in a thread of this process."""

import asyncio
import logging
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
MISSING = "mosquitto is not here; install it with: sudo apt-get install mosquitto"
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason=MISSING)
BOTH = [
    pytest.param("amqtt"),
    pytest.param("mosquitto", marks=[pytest.mark.mosquitto, needs_mosquitto]),
]


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


@contextmanager
def mosquitto(folder: Path, port: int | None = None, more: str = "") -> Iterator[int]:
    """mosquitto with its files in `folder`; `more` is added to its configuration."""
    port = port or free_port()
    config = folder / "mosquitto.conf"
    # Started by root, mosquitto would become a user who may not read a test's folder; others it leaves as they are.
    config.write_text(
        f"user root\nlistener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n"
        f"persistence true\npersistence_location {folder}/\nlog_dest none\n{more}"
    )
    process = subprocess.Popen([str(MOSQUITTO), "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port), "mosquitto")
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def amqtt() -> Iterator[int]:
    from amqtt.broker import Broker
    from amqtt.contexts import BrokerConfig, ListenerConfig

    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    port = free_port()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> Broker:
        config = BrokerConfig(
            listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")},
            plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        )
        broker = Broker(config)
        await broker.start()
        return broker

    broker = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    certificate, key = folder / "broker.pem", folder / "broker.key"
    subprocess.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 "
        f"-addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    return certificate, key


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True
