"""The sensing process: radios to core to outbox. It has no network and never will.

1. A closed window is committed to the outbox before anything else happens to it. While the disk refuses, reports
   wait in memory, the oldest given up beyond a day, and that is logged.
2. A radio that is missing or goes away is opened again every few seconds; until then its time is not listened to.
3. If this process was stopped or the machine slept, that time was not listened to either.
"""

import logging
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from msgspec import structs

from agent import learnt, status
from agent.clock import Clock, ScaledClock, SystemClock
from agent.config import Capture, Config, Monitor
from agent.contract import Health, RadioHealth, Report
from agent.core.pseudonym import KEY_BYTES
from agent.core.sensor import Sensor
from agent.core.window import Zones
from agent.outbox import Outbox
from agent.radio import Radio, RadioError
from agent.radio.paced import Paced, played
from agent.radio.wifi import Wifi

log = logging.getLogger("footfall.sense")

_LOOK_S = 0.5
_REOPEN_S = 5.0
_ABSENT_S = 30.0  # a loop that took longer than this was not listening
_UNSAVED = 288
_NOTE_S = 3600.0  # what is learnt is written so seldom that it wears no card


def make_clock(config: Config) -> Clock:
    """The clock the settings ask for: the machine's, or a scaled one for simulations."""
    if config.time:
        return ScaledClock(config.time.start, config.time.real_start, config.time.speed)
    return SystemClock()


def open_wifi(config: Config, clock: Clock) -> Radio:
    """The Wi-Fi radio the settings ask for. Raises RadioError."""
    source = config.radio.wifi
    if isinstance(source, Monitor):
        return Wifi(source.interface, clock.now)
    if isinstance(source, Capture):
        start = None if config.time else clock.now()
        return Paced("capture", played(Path(source.path), start, loop=source.loop), clock)
    from agent.radio import street  # noqa: PLC0415 - a simulation that no real sensor needs in memory

    return Paced("street", street.frames(street.Profile(**structs.asdict(source)), clock.now()), clock)


class Ear:
    """One radio as the sensor hears it: opened, lost, opened again."""

    def __init__(
        self, kind: Literal["wifi", "ble"], open_radio: Callable[[], Radio], sensor: Sensor, clock: Clock
    ) -> None:
        self.kind = kind
        self._open, self._sensor, self._clock = open_radio, sensor, clock
        self._radio: Radio | None = None
        self._retry_at = 0.0
        self._detail, self._source = "", "none"
        self._frames = self._dropped = 0
        self._last_frame: float | None = None

    def listen(self, wait_s: float) -> None:
        """Feed the sensor what is heard within `wait_s` real seconds."""
        radio = self._radio or self._reopen()
        if radio is None:
            time.sleep(wait_s)
            return
        try:
            for frame in radio.frames(wait_s):
                if self._sensor.feed(frame):
                    self._frames += 1
                    self._last_frame = time.monotonic()
        except RadioError as error:
            self._lose(error)
            return
        dropped = radio.dropped()
        if dropped:
            self._dropped += dropped
            self._sensor.drop(self.kind, dropped)

    def pause(self, since: float) -> None:
        """Time since `since` (UTC seconds) was not listened to, though the radio was open."""
        if self._radio is not None:
            self._sensor.deafen(self.kind, since)
            self._sensor.listen(self.kind, self._clock.now())

    def health(self) -> RadioHealth:
        """How this radio is."""
        age = None if self._last_frame is None else round(time.monotonic() - self._last_frame, 1)
        return RadioHealth(
            radio=self.kind,
            state="listening" if self._radio else "missing",
            source=self._source,
            frames=self._frames,
            dropped=self._dropped,
            last_frame_age_s=age,
            detail=self._detail,
        )

    def close(self) -> None:
        """Stop listening."""
        if self._radio is not None:
            self._radio.close()

    def _reopen(self) -> Radio | None:
        if time.monotonic() < self._retry_at:
            return None
        try:
            self._radio = self._open()
        except RadioError as error:
            self._lose(error)
            return None
        self._detail, self._source = "", self._radio.source
        self._sensor.listen(self.kind, self._clock.now())
        log.info("listening on %s", self._source)
        return self._radio

    def _lose(self, error: RadioError) -> None:
        if self._radio is not None:
            self._radio.close()
            self._radio = None
            self._sensor.deafen(self.kind, self._clock.now())
        if str(error) != self._detail:
            log.warning("%s", error)
        self._detail = str(error)
        self._retry_at = time.monotonic() + _REOPEN_S


class Shelf:
    """Reports on their way to the outbox, in memory only while the disk refuses them."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._unsaved: deque[Report] = deque()
        self._refused = ""

    def keep(self, reports: list[Report]) -> None:
        """Commit the reports, and those still waiting before them."""
        self._unsaved.extend(reports)
        while len(self._unsaved) > _UNSAVED:
            lost = self._unsaved.popleft()
            log.error("the window of %d is lost: the disk has refused it for a day", lost.window_start)
        while self._unsaved:
            try:
                self._outbox.append(self._unsaved[0])
            except sqlite3.Error as error:
                if str(error) != self._refused:
                    log.error("the outbox refuses reports (%s); they wait in memory", error)
                self._refused = str(error)
                return
            self._unsaved.popleft()
            self._refused = ""


def run(config: Config, stopping: Callable[[], bool]) -> None:
    """Sense until `stopping` says so, then close the open window. Raises OutboxError."""
    clock = make_clock(config)
    outbox = Outbox(config.outbox_path, config.outbox_max_reports)
    shelf = Shelf(outbox)
    zones = Zones(config.zones.inside_dbm, config.zones.outside_dbm)
    known = learnt.read(config.learnt_path)
    sensor = Sensor(("wifi",), partial(os.urandom, KEY_BYTES), config.window_s, zones, known)
    ear = Ear("wifi", partial(open_wifi, config, clock), sensor, clock)
    began = real = time.clock_gettime(time.CLOCK_BOOTTIME)
    told, noted = 0.0, real
    while not stopping():
        now, before = clock.now(), real
        ear.listen(_LOOK_S)
        shelf.keep(sensor.poll(now, trusted=clock.trusted()))
        real = time.clock_gettime(time.CLOCK_BOOTTIME)
        if real - before > _ABSENT_S:
            log.warning("absent for %.0f s: that time counts as not listened to", real - before)
            ear.pause(now)
        if real - told > min(config.health_interval_s, 5.0):
            status.write(config.status_path, _health(config, clock, ear, real - began))
            told = real
        if real - noted > _NOTE_S:
            learnt.write(config.learnt_path, sensor.learnt())
            noted = real
    shelf.keep(sensor.stop(clock.now()))
    learnt.write(config.learnt_path, sensor.learnt())
    ear.close()
    outbox.close()


def _health(config: Config, clock: Clock, ear: Ear, uptime_s: float) -> Health:
    return Health(
        sensor=config.sensor,
        at=clock.now(),
        uptime_s=round(uptime_s, 1),
        software=version("footfall"),
        clock="trusted" if clock.trusted() else "untrusted",
        profile="F5",
        radios=[ear.health()],
    )
