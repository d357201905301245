"""Ladder: what to do next about a radio that does not hear, from the mildest step to the last.

1. A step is given time to work, and the next is taken only if it did not. Steps this machine cannot take are left out.
2. Past the last step the radio is flagged, for a person to look at. The steps begin again after a pause, which doubles.
3. The machine is restarted only while that is allowed, and once in six hours at most (`may_reboot`).
4. No step is taken while it hears. One that hears for a minute starts from the bottom the next time; one that comes and
   goes does not.

Sources: docs/radios.md; the order is that of Home Assistant's Bluetooth recovery.
"""

from collections.abc import Callable, Sequence

from agent.contract.health import Rung

STEP_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 600.0, 3600.0
STEADY_S = 60.0
REBOOT_EVERY_S = 6 * 3600.0
_NIGHT = (4, 5)  # shop-local hours in which a shop without opening hours may lose a minute

WIFI: tuple[Rung, ...] = ("unblock", "power", "usb")
BLE: tuple[Rung, ...] = ("unblock", "power", "usb", "service")


class Ladder:
    """The steps for one radio. `take(rung)` takes one and says whether it could be taken. Times in even seconds."""

    def __init__(self, rungs: Sequence[Rung], take: Callable[[Rung], bool]) -> None:
        self._rungs, self._take = rungs, take
        self.counts: dict[Rung, int] = {}
        self.flagged = False
        self._next = 0
        self._due: float | None = None
        self._well_since: float | None = None
        self._pause_s, self._reboots_at = FIRST_PAUSE_S, 0.0

    def look(self, at: float, *, well: bool, may_reboot: bool) -> Rung | None:
        """Take the next step if it is time for one; which it was."""
        if well:
            self._rest(at)
            return None
        self._well_since = None
        if self._due is None:
            self._due = at + STEP_S
        if self.flagged and may_reboot and at >= self._reboots_at and self._try("reboot"):
            self._reboots_at = at + LONGEST_PAUSE_S  # it is on its way, unless it was refused
            return "reboot"
        if at < self._due:
            return None
        while self._next < len(self._rungs):
            rung = self._rungs[self._next]
            self._next += 1
            if self._try(rung):
                self._due = at + STEP_S
                return rung
        self.flagged, self._next = True, 0
        self._due, self._pause_s = at + self._pause_s, min(LONGEST_PAUSE_S, self._pause_s * 2)
        return None

    def _rest(self, at: float) -> None:
        self._well_since = at if self._well_since is None else self._well_since
        if at - self._well_since >= STEADY_S:
            self._next, self._pause_s = 0, FIRST_PAUSE_S
            self._due, self.flagged = None, False

    def _try(self, rung: Rung) -> bool:
        if not self._take(rung):
            return False
        self.counts[rung] = self.counts.get(rung, 0) + 1
        return True


def may_reboot(up_s: float, *, is_open: bool, has_hours: bool, local_hour: int) -> bool:
    """Whether the machine, up for `up_s` seconds, may be restarted at this hour."""
    quiet = not is_open if has_hours else _NIGHT[0] <= local_hour < _NIGHT[1]
    return quiet and up_s >= REBOOT_EVERY_S
