"""Memory: whom the sensor can recognise again, by which key, and for how long. All of it dies with the keys.

1. Within a window: everyone, under the count key. Within an epoch, where visits are counted: devices of the panel, and
   those who asked to be left out. Beyond that: nobody.
2. The panel opens with a time of day that can be trusted, and once for a shop-local day: a second panel on the same
   day would let one device spend its budget twice.
3. What never leaves is left out of the visits; of the counts too where the radio rests out of hours, because then no
   closed hours show what is always there.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, tzinfo
from typing import Literal, NamedTuple

from agent.contract.report import Heard
from agent.core.epoch import Keys, Moment, day_of, hour_of
from agent.core.hours import Opening
from agent.core.leave import Answer, Leave
from agent.core.noise import Below
from agent.core.panels import Held, Panels
from agent.core.pseudonym import Pseudonym, Trace
from agent.core.window import Zones

Listed = Callable[[int, bytes | memoryview], bool]
PanelState = Literal["open", "sealed", "waiting", "off"]


class Visits(NamedTuple):
    """What counting visits needs: uniform randomness for the noise, and who may open the budget of a shop-local day.

    `may_open(day)` says yes once for a day, whatever becomes of the process and the machine.
    """

    below: Below
    may_open: Callable[[int], bool]


class Place(NamedTuple):
    """Where the sensor stands: its zones, time zone and hours, and what it takes to count visits, if they are."""

    zones: Zones = Zones()
    zone: tzinfo = UTC
    week: tuple[Opening, ...] = ()
    visits: Visits | None = None


class Memory:
    """The keys and all that hangs on them. `held` is what `hold` gave before a crash.

    `renewed`: the epoch before ended when it should, so that a new key is no loss. Without an open window
    `pseudonym` is None: nothing can be recognised.
    """

    def __init__(
        self,
        radios: Iterable[str],
        draw_key: Callable[[], bytes | bytearray],
        window_s: int,
        place: Place,
        held: Held | None = None,
        *,
        renewed: bool = False,
    ) -> None:
        self._radios, self._place, self._held, self._renewed = tuple(radios), place, held, renewed
        self._keys = Keys(draw_key, window_s, place.zone, with_epoch=place.visits is not None)
        self._leave = Leave()
        self._listed: Listed | None = None
        self._panels: Panels | None = None
        self._asked: int | None = None  # the last day whose budget was asked for
        self.pseudonym: Pseudonym | None = None
        self.epoch_ended = False
        self.lost = False

    @property
    def panel(self) -> PanelState:
        """Whether visits are counted now, and if not, why."""
        if self._place.visits is None:
            return "off"
        if self._panels is not None:
            return "open"
        return "waiting" if self._asked is None else "sealed"

    def epoch_age(self, boot: float) -> float | None:
        """Age of the epoch key in seconds; None where there is none."""
        return None if self._keys.began is None else boot - self._keys.began.boot

    def open(self, now: Moment, *, trusted: bool) -> None:
        """A window opens: a new count key, and whatever else is due."""
        held, self._held = self._held, None
        if held is not None:
            self._restore(held, now)
        if self._keys.open(now):
            self._leave = self._leave.forgotten()
            self.lost, self._renewed = not self._renewed, True
        if self._keys.began is None:
            self._leave = self._leave.forgotten()  # no key outlives the window, so no wish can
        self._open_panels(now, trusted=trusted)
        self._veil()

    def hear(self, radio: str, trace: Trace, at: float, *, counts: bool = True) -> None:
        """A device of the panel, if it is one, was heard inside; `counts`: it may be a phone."""
        if self._panels is None or trace.visit is None:
            return
        if counts:
            self._panels.hear(radio, trace.visit, at)
        else:
            self._panels.dismiss(radio, trace.visit)

    def close(self, heard: Mapping[str, Heard], start: int, end: int, opens: Moment) -> dict[str, Heard]:
        """The window from `start` to `end` is over, the next opens at `opens`: what it says, with visits that are due.

        The count key dies, and the epoch key too where the next window would outlast it.
        """
        self.pseudonym = None
        self._keys.close()
        last = self._keys.outlasted(opens)
        told = dict(heard)
        if self._panels is not None:
            told = self._tell(self._panels, heard, start, end, opens, last=last)
        if last:
            self.end()
        return told

    def end(self) -> None:
        """The epoch is over. What its panel had not told is told to nobody."""
        self._keys.end()
        self._leave, self._panels, self._asked = self._leave.forgotten(), None, None
        self.epoch_ended = True

    def expired(self, boot: float) -> bool:
        """Whether a key is past its life, so that the window or the epoch has to end whatever the time of day is."""
        return self._keys.expired(boot)

    def ask_to_leave(self, at: float) -> None:
        """Somebody stands at the point now and asks to be left out."""
        self._leave.ask(at)

    def answer(self, now: float) -> Answer | None:
        """What came of it, once, when the time for it is over."""
        return self._leave.answer(now, self._place.zones.inside_dbm)

    def leave_out(self, listed: Listed | None) -> None:
        """Use this opt-out list from now on."""
        self._listed = listed
        if self.pseudonym is not None:
            self._veil()

    def hold(self) -> Held | None:
        """The open epoch, for the kernel's memory; None where nothing outlives the window."""
        began = self._keys.began
        if began is None:
            return None
        leave, panels = self._leave, None if self._panels is None else self._panels.hold()
        return Held(bytes(self._keys.epoch), *began, sorted(leave.tags), sorted(leave.furniture), panels)

    def _restore(self, held: Held, now: Moment) -> None:
        began = Moment(held.utc, held.boot)
        visits = self._place.visits
        if visits is None:
            return
        self._keys.restore(held.key, began)
        if self._keys.outlasted(now):
            self._keys.end()
            self._renewed = True  # it would have ended by now anyway
            return
        self._leave.tags, self._leave.furniture = set(held.left_out), set(held.furniture)
        if held.panels is not None:
            self._panels = Panels.restored(held.panels, visits.below)
            self._asked = day_of(began.utc, self._place.zone)

    def _open_panels(self, now: Moment, *, trusted: bool) -> None:
        visits = self._place.visits
        if visits is None or self._panels is not None or not trusted:
            return
        day = day_of(now.utc, self._place.zone)
        if self._asked != day:
            self._asked = day
            if visits.may_open(day):
                self._panels = Panels(self._radios, int(now.utc), visits.below)

    def _tell(
        self, panels: Panels, heard: Mapping[str, Heard], start: int, end: int, opens: Moment, *, last: bool
    ) -> dict[str, Heard]:
        zone = self._place.zone
        for radio, one in heard.items():
            panels.listened(radio, one.listened_s)
        furniture = panels.settle(end)
        if self._place.week:
            self._leave.furniture |= furniture
        if not last and hour_of(panels.since, zone) == hour_of(opens.utc, zone):
            return dict(heard)
        told = {radio: panels.tell(radio, one, start, end, last=last) for radio, one in heard.items()}
        panels.next_hour(int(opens.utc))
        return told

    def _veil(self) -> None:
        zones = self._place.zones
        self.pseudonym = Pseudonym(
            self._keys.count,
            zones.outside_dbm,
            epoch_key=self._keys.epoch,
            inside_dbm=zones.inside_dbm if self._panels is not None else None,
            leave=self._leave,
            listed=self._listed,
        )
