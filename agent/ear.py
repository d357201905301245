"""Ear: one radio as the sensor hears it - opened, deaf, lost, opened again, at rest.

1. A radio that is missing or goes away is opened again every few seconds; until then its time is not listened to.
2. One that is open and hears nothing is deaf (`hearing`): its time since the last sign of life is not listened to
   either, and listening begins anew. It counts as listening again once it hears.
3. While the sensor rests the radio is closed: nothing comes in that would have to be left out.
4. If this process was stopped or the machine slept, that time was not listened to either.
5. A second radio of a kind adds what it hears; the time listened to is that of the first.
"""

import logging
import time
from collections.abc import Callable
from typing import Literal

from msgspec import UNSET
from msgspec.structs import replace

from agent.clock import Clock
from agent.contract import RadioHealth
from agent.core.hearing import SILENT_S, Hearing
from agent.core.sensor import Sensor
from agent.radio import Radio, RadioError
from agent.renewal import Total

log = logging.getLogger("footfall.ear")

_REOPEN_S = 5.0
_UNACCOUNTED_S = 30.0  # beyond the silence at which a radio is found deaf
_DOUBTED_S = 60.0  # deaf for want of frames that count: so long until hearing anything at all is enough again
_RESTS = "At rest: the shop is closed."
_DEAF = {
    "silent": "It is open and receives nothing at all, so its time does not count: see 'footfall-agent radio test'.",
    "no frames": "It hears its surroundings but no phone, as it did before: see 'footfall-agent radio test'.",
}


class Ear:
    """One radio. `total`: what an earlier process counted that this one goes on with. `second`: rule 5.

    `silent_s`: so long without any sign of life, and it is deaf.
    """

    def __init__(
        self,
        kind: Literal["wifi", "ble"],
        open_radio: Callable[[], Radio],
        sensor: Sensor,
        clock: Clock,
        total: Total | None = None,
        *,
        second: bool = False,
        silent_s: float = SILENT_S,
    ) -> None:
        self.kind, self.second = kind, second
        self._open, self._sensor, self._clock = open_radio, sensor, clock
        total = total or Total()
        self._frames, self._dropped, self._restarts = total.frames, total.dropped, total.restarts
        self._fresh = 0  # frames since the last look
        self._radio: Radio | None = None
        self._silent_s = silent_s
        self._hearing = Hearing(clock.boot(), silent_s)
        self._deaf, self._doubted_until = "", 0.0
        self._signed = time.monotonic()
        self._retry_at = 0.0
        self._lost, self._source = "", "none"
        self._last_frame: float | None = None
        self._span_began, self._frames_then = clock.boot(), self._frames
        self._span: tuple[float, float, dict[str, int]] | None = None  # the last that ended: length, rate, levels

    @property
    def total(self) -> Total:
        """What the next process goes on with."""
        return Total(self._frames, self._dropped, self._restarts)

    @property
    def was_open(self) -> bool:
        """Whether this process ever listened with it."""
        return self._source != "none"

    @property
    def state(self) -> Literal["listening", "deaf", "missing"]:
        """How it is in a word."""
        if self._lost:
            return "missing"
        if self._deaf:
            return "deaf"
        return "listening" if self._radio is not None or self._sensor.resting else "missing"

    @property
    def proven(self) -> bool:
        """Whether its radio is open for sure, or rests because the shop is closed."""
        if self.state != "listening":
            return False
        return self._radio is None or self._radio.ready or self._last_frame is not None

    @property
    def accounted(self) -> bool:
        """Whether its silence is accounted for: something came in of late, or it rests, or it is known not to hear."""
        if self.state != "listening" or self._radio is None:
            return True
        return time.monotonic() - self._signed < self._silent_s + _UNACCOUNTED_S

    @property
    def sentence(self) -> str:
        """How it is, for a person."""
        detail = self._lost or _DEAF.get(self._deaf, "") or (_RESTS if self._sensor.resting else "")
        return f"{self.kind}: {detail or f'{self.state} on {self._source}'}"

    def look(self, now: float) -> None:
        """See whether the radio hears, as of `now` (UTC seconds)."""
        radio = self._radio
        if radio is None:
            return
        boot, fresh, signs = self._clock.boot(), self._fresh, radio.signs()
        self._fresh = 0
        if fresh or radio.ready:
            self._lost = ""
        if self._deaf and (fresh or (self._hearing.receives(signs) and boot >= self._doubted_until)):
            self._recover(now)
        if fresh or self._hearing.receives(signs):
            self._signed = time.monotonic()
        verdict = self._hearing.look(boot, signs, fresh)
        if verdict != "hears":
            self._restart(verdict, now)
        elif not (self._deaf or self.second) and signs is not None:
            self._sensor.prove(self.kind, now - boot + self._hearing.proven_at)

    def listen(self, wait_s: float) -> None:
        """Feed the sensor what is heard within `wait_s` real seconds."""
        if self._sensor.resting:
            self._rest()
        radio = None if self._sensor.resting else self._radio or self._reopen()
        if radio is None:
            time.sleep(wait_s)
            return
        proves = not (self._deaf or self.second)
        try:
            for frame in radio.frames(wait_s):
                if proves:
                    self._sensor.prove(self.kind, frame.at)
                if self._sensor.feed(frame):
                    self._frames += 1
                    self._fresh += 1
        except RadioError as error:
            self._lose(error)
            return
        if self._fresh:
            self._last_frame = time.monotonic()
        dropped = radio.dropped()
        if dropped:
            self._dropped += dropped
            self._sensor.drop(self.kind, dropped)

    def pause(self, since: float) -> None:
        """Time since `since` (UTC seconds) was not listened to, though the radio was open."""
        if self._radio is not None and not self._deaf:
            self._stop_counting(since)
            self._count()

    def health(self) -> RadioHealth:
        """How this radio is."""
        age = None if self._last_frame is None else round(time.monotonic() - self._last_frame, 1)
        rests = self._sensor.resting
        detail = self._lost or _DEAF.get(self._deaf, "")
        told = RadioHealth(
            radio=self.kind,
            state=self.state,
            source=self._source,
            frames=self._frames,
            dropped=self._dropped,
            last_frame_age_s=age,
            detail=_RESTS if rests and not detail else detail,
            rungs={"restart": self._restarts},
        )
        if self._span is None:
            return told
        span_s, rate, levels = self._span
        return replace(told, span_s=span_s, rate=rate, levels=levels or UNSET)

    def end_span(self, least_s: float) -> None:
        """Once the span has lasted for `least_s`, what came in it is what `health` tells, and the next begins."""
        boot = self._clock.boot()
        length = boot - self._span_began
        if length < least_s:
            return
        levels = {} if self.second else self._sensor.levels[self.kind].take()
        self._span = round(length, 1), round((self._frames - self._frames_then) / length, 3), levels
        self._span_began, self._frames_then = boot, self._frames

    def close(self) -> None:
        """Stop listening."""
        if self._radio is not None:
            self._radio.close()
            self._radio = None

    def _count(self) -> None:
        if not self.second and self._radio is not None:
            on_proof = self._radio.signs() is not None
            self._sensor.listen(self.kind, self._clock.now(), on_proof=on_proof)

    def _stop_counting(self, at: float) -> None:
        if not self.second:
            self._sensor.deafen(self.kind, at)

    def _rest(self) -> None:
        if self._radio is not None:
            self.close()
            log.info("at rest")

    def _reopen(self) -> Radio | None:
        if time.monotonic() < self._retry_at:
            return None
        try:
            self._radio = self._open()
        except RadioError as error:
            self._lose(error)
            return None
        self._source = self._radio.source
        self._hearing, self._fresh = Hearing(self._clock.boot(), self._silent_s), 0
        self._signed = time.monotonic()
        if self._deaf:
            self._lost = ""
        else:
            self._count()
        log.info("listening on %s", self._source)
        return self._radio

    def _restart(self, verdict: str, now: float) -> None:
        """It is deaf: its time does not count from the last proof on, and it is opened anew."""
        if not self._deaf:
            log.warning("%s is deaf (%s)", self._source, verdict)
            self._stop_counting(now)
        self._deaf, self._lost = verdict, ""
        self._doubted_until = self._clock.boot() + (_DOUBTED_S if verdict == "no frames" else 0.0)
        self._restarts += 1
        self.close()
        self._retry_at = 0.0

    def _recover(self, now: float) -> None:
        log.info("%s hears again", self._source)
        self._deaf = ""
        self._count()
        if not self.second:
            self._sensor.prove(self.kind, now)

    def _lose(self, error: RadioError) -> None:
        if self._radio is not None:
            self.close()
            if not self._deaf:
                self._stop_counting(self._clock.now())
        if str(error) != self._lost and (self.was_open or not self.second):
            log.warning("%s", error)
        self._lost = str(error)
        self._retry_at = time.monotonic() + _REOPEN_S
