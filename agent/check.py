"""Check: one self-test of all that counting needs, in sentences that say what to do."""

import os
import time
from pathlib import Path
from typing import NamedTuple

from agent import radios, sense, status, sync
from agent.config import Config, ConfigError, load
from agent.connection import BrokerError, Connection
from agent.in_force import InForce
from agent.outbox import Outbox, OutboxError

_LISTEN_S = 5
_CONNECT_S = 10.0
_FREE_MB = 50


class Finding(NamedTuple):
    """One part, whether it is all right, and a sentence about it."""

    part: str
    ok: bool
    sentence: str


def run(path: Path) -> list[Finding]:
    """Findings of every part. Wrong settings end the test: nothing else can be tried without them."""
    try:
        config = InForce(load(path)).config
    except ConfigError as error:
        return [Finding("settings", False, str(error))]
    understood = Finding("settings", True, f"{path} is understood.")
    return [understood, _disk(config), _clock(config), *_radios(config), _broker(config)]


def _disk(config: Config) -> Finding:
    try:
        outbox = Outbox(config.outbox_path, config.outbox_max_reports)
        held = outbox.pending()
        outbox.close()
    except OutboxError as error:
        return Finding("disk", False, str(error))
    free = os.statvfs(config.state_dir)
    megabytes = free.f_bavail * free.f_frsize // 1_000_000
    sentence = f"{held.waiting} reports wait in {config.outbox_path}; {megabytes} MB are free."
    return Finding("disk", megabytes >= _FREE_MB, sentence)


def _clock(config: Config) -> Finding:
    if sense.make_clock(config).trusted():
        return Finding("clock", True, "The time of day is synchronised.")
    return Finding(
        "clock",
        False,
        "The time of day is not synchronised, so what is counted has no time: let the sensor reach a time server, wait "
        "a minute, or set battery_clock if this machine keeps the time by itself.",
    )


def _radios(config: Config) -> list[Finding]:
    if not config.radio.is_real:
        return [Finding("radio", True, "The settings name a simulation or a capture; no radio is needed.")]
    told = [one for one in radios.heard(config, _LISTEN_S) if isinstance(one, radios.Told)]
    return [Finding(one.radio, one.ok, one.sentence) for one in told]


def _broker(config: Config) -> Finding:
    if hindered := sync.hindrance(config):
        return Finding("claim", False, hindered)
    where = f"{config.mqtt.host}:{config.mqtt.port}"
    if status.is_connected(config.line_path, time.time()):  # to connect ourselves may throw that one off
        return Finding("broker", True, f"{where} answers: the talking process is connected.")
    try:
        connection = Connection(config.mqtt, config.sensor, client_id=f"{config.sensor}/check")
        end = time.monotonic() + _CONNECT_S
        while not connection.up and time.monotonic() < end:
            connection.turn()
        reached = connection.up
        connection.close()
    except BrokerError as error:
        return Finding("broker", False, str(error))
    return Finding("broker", reached, f"{where} answers." if reached else f"{where} accepts no connection within 10 s.")
