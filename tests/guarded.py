"""Guarded: a real mosquitto under the settings and rights that are delivered (`firmware_config/mosquitto/`)."""

import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from cloud import fleet_folder
from cloud.authority import Authority, opened
from tests.brokers import free_port, until
from tests.conftest import ROOT, need

DELIVERED = ROOT / "firmware_config/mosquitto"
HOST = "127.0.0.1"
CLOUD = fleet_folder.CLOUD
_EXAMPLE = re.compile(r"^# (?=(?:user|topic) )", re.MULTILINE)


class Files(NamedTuple):
    """A certificate and its key."""

    certificate: Path
    key: Path


class Guarded:
    """The broker, its authority and the clients it made, in `folder`. The examples in the list are in force too."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.cloud_port = folder, free_port(), free_port()
        fleet_folder.make(folder, [HOST], "Test", int(time.time()))
        self.authority: Authority = opened((folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes())
        self.root, self.acl, self.revoked = folder / "root.pem", folder / "footfall.acl", folder / "revoked.pem"
        self.acl.write_text(_EXAMPLE.sub("", (DELIVERED / "footfall.acl").read_text()))
        self._conf, self._log = folder / "footfall.conf", folder / "broker.log"
        self._conf.write_text(self._here())
        self._log.touch()
        self.start()

    def start(self) -> None:
        """Start the broker, and wait until it listens."""
        with self._logs("running"), self._log.open("ab") as log:
            self._process = subprocess.Popen([need("mosquitto"), "-c", str(self._conf)], stderr=log)

    def stop(self) -> None:
        """End it as a service manager does: what is retained is on its disk then."""
        self._process.terminate()
        self._process.wait(10)

    def reload(self) -> None:
        """`systemctl reload mosquitto`."""
        with self._logs("Reloading config"):
            self._process.send_signal(signal.SIGHUP)

    def files(self, name: str) -> Files:
        """The certificate of a client of this name, made if there is none yet."""
        if name == CLOUD:
            return Files(self.folder / "cloud.pem", self.folder / "cloud.key")
        stem = re.sub(r"[^a-z0-9-]", lambda one: f"_{ord(one[0]):x}", name)
        found = Files(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")
        if not found.certificate.exists():
            made = self.authority.client(name, int(time.time()), 30)
            found.certificate.write_bytes(made.certificate)
            found.key.write_bytes(made.key)
        return found

    @contextmanager
    def _logs(self, word: str) -> Iterator[None]:
        """What happens here must make the broker log this."""
        told = len(self._log.read_text())
        yield
        until(lambda: word in self._log.read_text()[told:], word)

    def _here(self) -> str:
        """The delivered settings, with the files and ports of this test."""
        text = (DELIVERED / "footfall.conf").read_text()
        for there in ("/etc/mosquitto/footfall/", "/etc/mosquitto/", "/var/lib/footfall-revoked/"):
            text = text.replace(there, f"{self.folder}/")
        text = text.replace("listener 8883\n", f"listener {self.port} {HOST}\n")
        text = text.replace("listener 8884 127.0.0.1\n", f"listener {self.cloud_port} {HOST}\n")
        # Started by root, mosquitto would become a user who may not read a test's folder.
        return f"user root\npersistence_location {self.folder}/\nlog_dest stderr\n{text}"


class Party:
    """A client with a certificate: what it heard, as (topic, payload), and how the broker answered it."""

    def __init__(
        self,
        broker: Guarded,
        name: str,
        *,
        client_id: str = "",
        port: int = 0,
        files: Files | None = None,
        will: str = "",
        stays: bool = False,
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.answer: int | None = None
        self.gone = False
        self._granted: set[int] = set()
        self._taken: set[int] = set()
        self.client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id or name, clean_session=not stays, protocol=MQTTv311
        )
        ours = files or broker.files(name)
        self.client.tls_set(str(broker.root), str(ours.certificate), str(ours.key))
        if will:
            self.client.will_set(will, name, 1, retain=True)
        self.client.on_message = lambda _c, _d, one: self.heard.append((one.topic, bytes(one.payload)))
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_subscribe = lambda _c, _d, mid, *_: self._granted.add(mid)
        self.client.on_publish = lambda _c, _d, mid, *_: self._taken.add(mid)
        self.client.connect(HOST, port or (broker.cloud_port if name == CLOUD else broker.port))
        self.client.loop_start()

    def answered(self) -> "Party":
        """Itself, once the broker has let it in."""
        until(lambda: self.answer is not None or self.gone, "an answer")
        assert self.answer == 0, self.answer
        return self

    def subscribe(self, *wanted: str) -> None:
        """Ask for these, and wait for the answer. mosquitto grants what it will never deliver."""
        mid = self.client.subscribe([(one, 1) for one in wanted])[1]
        until(lambda: mid in self._granted, "a subscription")

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish, and wait until the broker has taken it, or dropped it: an acknowledgement says neither."""
        sent = self.client.publish(topic, payload, 1, retain=retain)
        until(lambda: sent.mid in self._taken or self.gone, "an acknowledgement")

    def throw(self, topic: str, payload: bytes) -> None:
        """Publish, and wait for nothing."""
        self.client.publish(topic, payload, 0)

    def vanish(self) -> None:
        """Be gone without a goodbye."""
        with suppress(OSError):  # the broker may have been quicker
            self.client.socket().shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
        until(lambda: self.gone, "the end of a connection")
        self.client.loop_stop()

    def close(self) -> None:
        """Say goodbye."""
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.answer = reason.value

    def _on_disconnect(self, *_: Any) -> None:
        self.gone = True
        self.client.loop_stop()


@contextmanager
def guarded(folder: Path) -> Iterator[Guarded]:
    """The broker, for as long as the block runs."""
    one = Guarded(folder)
    try:
        yield one
    finally:
        one.stop()


@contextmanager
def party(broker: Guarded, name: str, **more: Any) -> Iterator[Party]:
    """A client that was let in, gone with the block."""
    one = Party(broker, name, **more)
    try:
        yield one.answered()
    finally:
        one.close()
