"""Ear: one radio as the sensor hears it - opened, lost, opened again, at rest.

1. A radio that is missing or goes away is opened again every few seconds; until then its time is not listened to.
2. While the sensor rests the radio is closed: nothing comes in that would have to be left out.
3. If this process was stopped or the machine slept, that time was not listened to either.
"""

import logging
import time
from collections.abc import Callable
from typing import Literal

from agent.clock import Clock
from agent.contract import RadioHealth
from agent.core.sensor import Sensor
from agent.radio import Radio, RadioError

log = logging.getLogger("footfall.ear")

_REOPEN_S = 5.0
_RESTS = "At rest: the shop is closed."


class Ear:
    """One radio. `frames` and `dropped`: totals of an earlier process that this one goes on with."""

    def __init__(
        self,
        kind: Literal["wifi", "ble"],
        open_radio: Callable[[], Radio],
        sensor: Sensor,
        clock: Clock,
        *,
        frames: int = 0,
        dropped: int = 0,
    ) -> None:
        self.kind = kind
        self.frames, self.dropped = frames, dropped
        self._open, self._sensor, self._clock = open_radio, sensor, clock
        self._radio: Radio | None = None
        self._retry_at = 0.0
        self._detail, self._source = "", "none"
        self._last_frame: float | None = None

    def listen(self, wait_s: float) -> None:
        """Feed the sensor what is heard within `wait_s` real seconds."""
        if self._sensor.resting:
            self._rest()
        radio = None if self._sensor.resting else self._radio or self._reopen()
        if radio is None:
            time.sleep(wait_s)
            return
        try:
            for frame in radio.frames(wait_s):
                if self._sensor.feed(frame):
                    self.frames += 1
                    self._last_frame = time.monotonic()
        except RadioError as error:
            self._lose(error)
            return
        dropped = radio.dropped()
        if dropped:
            self.dropped += dropped
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
            state="listening" if self._radio or self._sensor.resting else "missing",
            source=self._source,
            frames=self.frames,
            dropped=self.dropped,
            last_frame_age_s=age,
            detail=_RESTS if self._sensor.resting else self._detail,
        )

    def close(self) -> None:
        """Stop listening."""
        if self._radio is not None:
            self._radio.close()

    def _rest(self) -> None:
        if self._radio is not None:
            self._radio.close()
            self._radio = None
            log.info("at rest")

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
