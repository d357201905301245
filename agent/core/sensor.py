"""Sensor: frames in, reports out. The whole path of the core, as plain calls.

1. `feed` decodes, tags and counts one frame; the address in it is gone when the call returns.
2. A window closes when time passes its end, be it told by `poll` or by a frame. Its key and all its tags go with
   it, and a new key is drawn for the next. What lives longer, and how long, is in `memory`.
3. A frame from before the open window counts in the open one. Where the time of day stands still longer than a key may
   live, the window closes, and nothing counts until time goes on.
4. Where the clock was set, `poll` sees it by the clock that nobody sets: the open window ends where the old time ended,
   if the new time is not in it too, and none is made up for what was leapt over. No window is told twice: after a step
   back of up to an hour nothing counts until the old time is reached again; after a longer one the new time holds at
   once. A time that cannot be trusted, before or after the step, is no such bound: there the window ends in any case,
   and the new time holds at once.
5. A gap of more than an hour between two moments leaves a gap too.
6. Outside the shop's hours the radios rest, and a frame that comes nevertheless is not read.
"""

from collections.abc import Callable, Iterable, Mapping

from msgspec import UNSET

from agent.contract.report import Report
from agent.core import advertisement, dot11, hours
from agent.core.epoch import Moment
from agent.core.frame import Frame, Link
from agent.core.gauge import Gauge
from agent.core.levels import Levels
from agent.core.memory import Memory, Place
from agent.core.panels import Held
from agent.core.pseudonym import LEFT_OUT, Trace, level
from agent.core.rates import Learnt
from agent.core.window import Window, start_of

LONGEST_GAP_S = 3600.0
STEP_S = 2.0  # a leap second, or a clock that is being steered, is no step


class Sensor:
    """Counts the devices that `radios` ("wifi", "ble") hear. `draw_key` gives 32 secret random bytes.

    `learnt` is what `Sensor.learnt` gave before a restart, per radio; `held` and `renewed` are those of `Memory`,
    which is there to be asked as `memory`. `one_epoch`: nothing counts after its end, for another process goes on.
    `gauge`, where one is put, is told what comes in, for as long as it stays there. `levels`: of each kind of radio.
    """

    def __init__(
        self,
        radios: Iterable[str],
        draw_key: Callable[[], bytes | bytearray],
        window_s: int = 300,
        place: Place | None = None,
        learnt: Mapping[str, Learnt] | None = None,
        held: Held | None = None,
        *,
        renewed: bool = False,
        one_epoch: bool = False,
    ) -> None:
        self._one_epoch = one_epoch
        self._window_s = window_s
        self._place = place or Place()
        known = learnt or {}
        self._windows = {radio: Window(self._place.zones, window_s, known.get(radio), radio=radio) for radio in radios}
        self.memory = Memory(self._windows, draw_key, window_s, self._place, held, renewed=renewed)
        self.gauge: Gauge | None = None
        self.levels = {radio: Levels() for radio in self._windows}
        self._dot11 = dot11.Decoder()
        self._ble = advertisement.Decoder()
        self._start: int | None = None
        self._not_before = 0
        self._looked: float | None = None  # UTC of the last look
        self._ahead = 0.0  # how far CLOCK_BOOTTIME is ahead of UTC
        self._turns_at = 0.0  # when the shop opens or closes next
        self._trusted = True
        self._closed: list[Report] = []
        self.resting = False

    def listen(self, radio: str, at: float, *, on_proof: bool = False) -> None:
        """The radio starts to hear at `at` (UTC seconds); `on_proof`: only as far as `prove` says."""
        self._advance(at)
        if not self.resting:
            self._windows[radio].listen(at, on_proof=on_proof)

    def prove(self, radio: str, at: float) -> None:
        """The radio is known to have heard until `at` (UTC seconds)."""
        self._windows[radio].prove(at)

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
        veil = self.memory.pseudonym
        if veil is None or self.resting:
            return False
        if frame.link == Link.RADIOTAP:
            sighting = self._dot11.radiotap(frame.payload)
        elif frame.link == Link.DOT11:
            sighting = self._dot11.plain(frame.payload)
        else:
            sightings = self._ble.sightings(frame.link, frame.payload)
            counted = [self._hear("ble", veil.trace(one), frame.at) for one in sightings]
            return any(counted)
        if sighting is None:
            return False
        trace = veil.trace(sighting)
        if self.gauge is not None and trace is not LEFT_OUT:
            self.gauge.frame(level(sighting))
        return self._hear("wifi", trace, frame.at)

    def poll(self, now: float, *, trusted: bool = True, boot: float | None = None) -> list[Report]:
        """Reports of the windows that ended by `now` (UTC seconds). `trusted`: whether that time can be.

        `boot`: the same moment on CLOCK_BOOTTIME, by which keys live; without it UTC is believed.
        """
        if boot is not None:
            self._follow(now, boot - now, trusted=trusted)
        self._trusted = trusted
        self._advance(now)
        if boot is not None and self.memory.expired(boot):
            self._expire(now)
        closed, self._closed = self._closed, []
        return closed

    def stop(self, now: float) -> list[Report]:
        """Close the open window early, with the time it was listened to, and hand over all that is left."""
        self._advance(now)
        if self._start is not None:
            self._close(min(now, self._end), self._end)
        closed, self._closed = self._closed, []
        return closed

    def learnt(self) -> dict[str, Learnt]:
        """What is known of classes of devices, per radio: the one thing worth keeping over a restart."""
        return {radio: window.learnt() for radio, window in self._windows.items()}

    @property
    def _end(self) -> int:
        return (self._start or 0) + self._window_s

    def _hear(self, radio: str, trace: Trace | None, at: float) -> bool:
        if trace is LEFT_OUT:
            return False
        counts = self._windows[radio].hear(trace, at)
        if trace is not None:
            self.levels[radio].hear(trace.signal)
            self.memory.hear(radio, trace, at, counts=counts)
            if counts and self.gauge is not None and radio == "wifi":
                self.gauge.phone(trace.tag, at)
        return True

    def _advance(self, now: float) -> None:
        if self._start is None and now >= self._not_before:
            self._open_next(start_of(now, self._window_s), now)
        while self._start is not None and now >= min(self._end, self._turns_at):
            if self._turns_at <= self._end:
                self._turn(max(self._turns_at, float(self._start)), now)
            else:
                end = self._end
                gap = now - end >= LONGEST_GAP_S
                opens = start_of(now, self._window_s) if gap else end
                self._close(end, opens)
                self._open_next(opens, now if gap else end)

    def _follow(self, now: float, ahead: float, *, trusted: bool) -> None:
        """See whether the clock was set since the last look. `trusted`: whether its time can be trusted from now on."""
        looked, step = self._looked, self._ahead - ahead
        if looked is not None and abs(step) > STEP_S:
            self._leap(looked, now, step, bound=trusted and self._trusted)
        self._looked, self._ahead = now, ahead

    def _leap(self, looked: float, now: float, step: float, *, bound: bool) -> None:
        """The clock was set by `step` seconds since UTC second `looked`. `bound`: the old time must be kept to."""
        self._turns_at = 0.0
        if bound and self._start is not None and self._start <= now < self._end:
            for window in self._windows.values():
                window.shift(step)
            return
        if self._start is not None:
            self._close(min(looked, self._end), self._end)
        if not bound or step < -LONGEST_GAP_S:
            self._not_before = 0

    def _expire(self, now: float) -> None:
        """A key is past its life though the time of day has not moved on."""
        if self._start is not None:
            self._close(now, self._end)
        else:
            self.memory.end()

    def _turn(self, at: float, now: float) -> None:
        """The shop opens or closes at `at`; of a long gap only how it stands at its end matters."""
        look_at = at if now - at < LONGEST_GAP_S else now
        is_open, self._turns_at = hours.look(self._place.week, self._place.zone, look_at)
        if self.resting == is_open:
            self.resting = not is_open
            for window in self._windows.values():
                if is_open:
                    window.rouse(at)
                else:
                    window.rest(at)

    def _open_next(self, start: int, at: float) -> None:
        """Open the window that starts at `start`, of which time from `at` on counts as listened to."""
        if self._one_epoch and self.memory.epoch_ended:
            return
        self._start = start
        self.memory.open(self._moment(start), trusted=self._trusted)
        for window in self._windows.values():
            window.open(at)

    def _close(self, end: float, opens: int) -> None:
        """The open window ends at `end`, and the next may open at `opens`."""
        for radio, decoder in (("wifi", self._dot11), ("ble", self._ble)):
            if radio in self._windows:
                self._windows[radio].lose(damaged=decoder.damaged)
            decoder.damaged = 0
        self._dot11.forget()
        if self.gauge is not None:
            self.gauge.forget()
        heard = {radio: window.close(end) for radio, window in self._windows.items()}
        told = self.memory.close(heard, self._start or 0, int(end), self._moment(opens))
        if not self._trusted:
            told = heard  # which hour it is, and whether it was told before, is not known
        report = Report(
            window_start=self._start or 0,
            window_s=self._window_s,
            clock="trusted" if self._trusted else "untrusted",
            wifi=told.get("wifi"),
            ble=told.get("ble"),
            boot_s=UNSET if self._trusted else max(0.0, round((self._start or 0) + self._ahead, 3)),
            key_reset=True if self.memory.lost else UNSET,
        )
        self.memory.lost = False
        self._closed.append(report)
        self._start, self._not_before = None, opens

    def _moment(self, utc: float) -> Moment:
        return Moment(utc, utc + self._ahead)
