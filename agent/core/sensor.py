"""Sensor: frames in, reports out. The whole path of the core, as plain calls.

1. `feed` decodes, tags and counts one frame; the address in it is gone when the call returns.
2. A window closes when time passes its end, be it told by `poll` or by a frame. Its key and all its tags go with
   it, and a new key is drawn for the next. No tag crosses.
3. Time may stand still but never runs backwards: a frame from before the open window counts in the open one.
4. A jump of more than an hour (a clock set, a gap between captures) leaves a gap: no reports are made up for it.
"""

from collections.abc import Callable, Iterable, Mapping

from agent.contract.report import Report
from agent.core import advertisement, dot11
from agent.core.frame import Frame, Link
from agent.core.pseudonym import Pseudonym
from agent.core.rates import Learnt
from agent.core.window import Window, Zones, start_of

LONGEST_GAP_S = 3600.0


class Sensor:
    """Counts the devices that `radios` ("wifi", "ble") hear. `draw_key` gives 32 secret random bytes.

    `learnt` is what `Sensor.learnt` gave before a restart, per radio.
    """

    def __init__(
        self,
        radios: Iterable[str],
        draw_key: Callable[[], bytes],
        window_s: int = 300,
        zones: Zones | None = None,
        learnt: Mapping[str, Learnt] | None = None,
    ) -> None:
        self._window_s = window_s
        self._draw_key = draw_key
        self._zones = zones or Zones()
        known = learnt or {}
        self._windows = {radio: Window(self._zones, window_s, known.get(radio)) for radio in radios}
        self._pseudonym = self._draw_pseudonym()
        self._dot11 = dot11.Decoder()
        self._ble = advertisement.Decoder()
        self._start: int | None = None
        self._trusted = True
        self._closed: list[Report] = []

    def listen(self, radio: str, at: float) -> None:
        """The radio starts to hear at `at` (UTC seconds)."""
        self._advance(at)
        self._windows[radio].listen(at)

    def deafen(self, radio: str, at: float) -> None:
        """The radio stops to hear at `at`: from here on its time does not count as listened to."""
        self._advance(at)
        self._windows[radio].deafen(at)

    def drop(self, radio: str, frames: int) -> None:
        """The kernel lost frames of this radio before we saw them."""
        self._windows[radio].lose(dropped=frames)

    def feed(self, frame: Frame) -> bool:
        """Count one frame; whether it was one that counts. A frame never raises, whatever is in it."""
        self._advance(frame.at)
        if frame.link == Link.RADIOTAP:
            sighting = self._dot11.radiotap(frame.payload)
        elif frame.link == Link.DOT11:
            sighting = self._dot11.plain(frame.payload)
        else:
            return self._feed_ble(frame)
        if sighting is None:
            return False
        self._windows["wifi"].hear(self._pseudonym.trace(sighting), frame.at)
        return True

    def poll(self, now: float, *, trusted: bool = True) -> list[Report]:
        """Reports of the windows that ended by `now` (UTC seconds). `trusted`: whether that time can be."""
        self._trusted = trusted
        self._advance(now)
        closed, self._closed = self._closed, []
        return closed

    def stop(self, now: float) -> list[Report]:
        """Close the open window early, with the time it was listened to, and hand over all that is left."""
        closed = self.poll(now, trusted=self._trusted)
        if self._start is not None:
            closed.append(self._close(min(now, self._start + self._window_s)))
            self._start = None
        return closed

    def learnt(self) -> dict[str, Learnt]:
        """What is known of classes of devices, per radio: the one thing worth keeping over a restart."""
        return {radio: window.learnt() for radio, window in self._windows.items()}

    def _feed_ble(self, frame: Frame) -> bool:
        sightings = self._ble.sightings(frame.link, frame.payload)
        for sighting in sightings:
            self._windows["ble"].hear(self._pseudonym.trace(sighting), frame.at)
        return bool(sightings)

    def _advance(self, now: float) -> None:
        if self._start is None:
            self._open(start_of(now, self._window_s))
        while self._start is not None and now >= self._start + self._window_s:
            end = self._start + self._window_s
            self._closed.append(self._close(end))
            self._open(end if now - end < LONGEST_GAP_S else start_of(now, self._window_s))

    def _open(self, start: int) -> None:
        self._start = start
        self._pseudonym = self._draw_pseudonym()
        for window in self._windows.values():
            window.open(float(start))

    def _draw_pseudonym(self) -> Pseudonym:
        return Pseudonym(self._draw_key(), b"count", self._zones.outside_dbm)

    def _close(self, end: float) -> Report:
        wifi, ble = self._windows.get("wifi"), self._windows.get("ble")
        if wifi:
            wifi.lose(damaged=self._dot11.damaged)
        if ble:
            ble.lose(damaged=self._ble.damaged)
        self._dot11.damaged = self._ble.damaged = 0
        self._dot11.forget()
        return Report(
            window_start=self._start or 0,
            window_s=self._window_s,
            clock="trusted" if self._trusted else "untrusted",
            wifi=wifi.close(end) if wifi else None,
            ble=ble.close(end) if ble else None,
        )
