"""Lights: power, internet, Wi-Fi radio and Bluetooth, each with what to do about it.

They are read from what the other processes say of themselves. What says nothing for `_STALE_S` is not running.
"""

import socket
import threading
import time
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

from agent import machine, status
from agent.contract import Health, RadioHealth

T = TypeVar("T")
State = Literal["good", "wait", "bad", "off"]
_STALE_S, _ASKED_S, _PATIENCE_S = 20.0, 10.0, 4.0


class Light(NamedTuple):
    """`name` and `sentence` are names of words."""

    name: str
    state: State
    sentence: str


class Cloud:
    """Whether the cloud of `url` can be reached, looked up beside whoever asks and at most every ten seconds."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port or (80 if parts.scheme == "http" else 443)
        self._found: bool | None = None
        self._asked = -_ASKED_S

    def reached(self) -> bool | None:
        """As last found; None while nothing is known."""
        if self._host and time.monotonic() - self._asked >= _ASKED_S:
            self._asked = time.monotonic()
            threading.Thread(target=self._ask, daemon=True).start()
        return self._found

    def _ask(self) -> None:
        try:
            socket.create_connection((self._host or "", self._port), _PATIENCE_S).close()
            self._found = True
        except OSError:
            self._found = False


def lights(status_path: Path, line_path: Path, cloud: Cloud | None, *, claimed: bool, bluetooth: bool) -> list[Light]:
    """The four, in order. `cloud`: the one to be claimed in, where there is one; `bluetooth`: whether it is used."""
    health = fresh(status_path, status.read(status_path))
    line = fresh(line_path, status.read_line(line_path))
    internet = _cloud(cloud) if not claimed else _line(line)
    waiting = "radio-wait" if claimed else "radio-before"
    return [_power(status_path.parent), internet, *(_radio(one, health, waiting) for one in _kinds(bluetooth))]


def fresh(path: Path, said: T | None) -> T | None:
    """What was said at `path`, if that was lately."""
    return said if status.is_fresh(path, time.time(), _STALE_S) else None


def _power(folder: Path) -> Light:
    strained = machine.look(folder).strained
    if not isinstance(strained, list):
        return Light("power", "good", "power-on")
    weak = "under-voltage" in strained
    return Light("power", "bad" if weak else "good", "power-weak" if weak else "power-good")


def _cloud(cloud: Cloud | None) -> Light:
    if cloud is None:
        return Light("internet", "bad", "internet-none")
    reached = cloud.reached()
    if reached is None:
        return Light("internet", "wait", "internet-wait")
    return Light("internet", "good" if reached else "bad", "internet-good" if reached else "internet-bad")


def _line(line: status.Line | None) -> Light:
    if line is None:
        return Light("internet", "wait", "internet-wait")
    return Light("internet", "good" if line.connected else "bad", "internet-over" if line.connected else "internet-bad")


def _kinds(bluetooth: bool) -> list[tuple[Literal["wifi", "ble"], bool]]:  # noqa: FBT001
    return [("wifi", True), ("ble", bluetooth)]


def _radio(kind: tuple[Literal["wifi", "ble"], bool], health: Health | None, waiting: str) -> Light:
    name, used = kind
    if not used:
        return Light(name, "off", f"{name}-off")
    told = [] if health is None else [one for one in health.radios if one.radio == name]
    if not told:
        return Light(name, "wait", waiting)
    return _told(told[0])


def _told(radio: RadioHealth) -> Light:
    if radio.state == "listening":
        rests = radio.source == "none" or radio.detail.startswith("At rest")
        return Light(radio.radio, "good", f"{radio.radio}-{'rests' if rests else 'good'}")
    return Light(radio.radio, "bad", f"{radio.radio}-{radio.state}")
