"""Visits: the panel - devices whose address stays the same by itself - as they come, stay and go in one epoch.

1. Only tags under the epoch key come in, of devices heard inside the shop. Nothing of a tag comes out: `hour` and
   `day` are counts, and they leave the sensor noised only (`noise`).
2. A visit is recognised at its second burst, and ends with `GAP_S` of silence. Of one device at most VISITS_CAP
   visits count in an epoch, and the length of its first visit only: that bounds what it can change.
3. Who stays without such a silence for STATIONARY_S is furniture or a neighbour, and is left out from then on. So is
   what was taken for a phone until it said that it is none; what it did before stays, so that it never counts twice.
4. Bounded by MAX_GUESTS, those left out included. When it is full, who comes new is not in the panel: one device then
   keeps at most one other out.
"""

from struct import Struct

from agent.core.bursts import BURST_GAP_S
from agent.core.noise import EDGES_S, VISITS_CAP

GAP_S = 900.0
STATIONARY_S = 8 * 3600.0
MAX_GUESTS = 16_384  # as many as addresses in a window; a busy day of one shop has some hundreds
_PACKED = Struct("<QddBBB")


class Guest:
    """One device of the panel: its present or last visit, from `begun` to `last` (UTC seconds)."""

    __slots__ = ("begun", "last", "measured", "recognised", "visits")

    def __init__(self, begun: float) -> None:
        self.begun = self.last = begun
        self.recognised = False  # this visit has had its second burst
        self.visits = 0  # that counted in this epoch
        self.measured = False  # the length of its first visit has been counted


class Panel:
    """The devices of one epoch. Times are UTC seconds in rising order; a step back only shortens."""

    def __init__(self) -> None:
        self._guests: dict[int, Guest] = {}
        self._stationary: set[int] = set()
        self._arrivals = self._visits = 0
        self._stays = [0] * (len(EDGES_S) + 1)

    def hear(self, tag: int, at: float) -> None:
        """A device was heard inside."""
        guest = self._guests.get(tag)
        if guest is None:
            room = len(self._guests) + len(self._stationary) < MAX_GUESTS
            if room and tag not in self._stationary:
                self._guests[tag] = Guest(at)
            return
        silence = at - guest.last
        if silence > GAP_S:
            self._leave(guest)
            guest.begun, guest.recognised = at, False
        elif silence > BURST_GAP_S and not guest.recognised:
            self._recognise(guest)
        guest.last = max(guest.last, at)

    def dismiss(self, tag: int) -> None:
        """A device is no phone: if it was taken for one it is left out from now on."""
        if self._guests.pop(tag, None) is not None:
            self._stationary.add(tag)

    def settle(self, now: float) -> set[int]:
        """See who has left by `now`, and who never does: the tags that are left out from now on."""
        found = set()
        for tag, guest in self._guests.items():
            if guest.last - guest.begun >= STATIONARY_S:
                found.add(tag)
            elif now - guest.last > GAP_S:
                self._leave(guest)
        for tag in found:
            del self._guests[tag]
        self._stationary |= found
        return found

    def hour(self) -> tuple[int, int]:
        """(first arrivals, visits) recognised since this was last asked."""
        told = self._arrivals, self._visits
        self._arrivals = self._visits = 0
        return told

    def day(self) -> tuple[int, ...]:
        """Devices by the length of their first visit, at the end of the epoch: the panel is done with."""
        for guest in self._guests.values():
            self._leave(guest)
        return tuple(self._stays)

    def pack(self) -> tuple[bytes, list[int], tuple[int, int, list[int]]]:
        """All of it, for the kernel's memory over a crash: guests, stationary tags, and counts so far."""
        guests = b"".join(
            _PACKED.pack(tag, one.begun, one.last, one.recognised, one.visits, one.measured)
            for tag, one in self._guests.items()
        )
        return guests, sorted(self._stationary), (self._arrivals, self._visits, list(self._stays))

    def unpack(self, guests: bytes, stationary: list[int], counts: tuple[int, int, list[int]]) -> None:
        """Go on from what `pack` gave."""
        for tag, begun, last, recognised, visits, measured in _PACKED.iter_unpack(guests):
            guest = self._guests[tag] = Guest(begun)
            guest.last, guest.visits = last, visits
            guest.recognised, guest.measured = bool(recognised), bool(measured)
        self._stationary = set(stationary)
        self._arrivals, self._visits, stays = counts
        self._stays = list(stays)

    def _recognise(self, guest: Guest) -> None:
        guest.recognised = True
        if guest.visits < VISITS_CAP:
            self._visits += 1
            self._arrivals += guest.visits == 0
            guest.visits += 1

    def _leave(self, guest: Guest) -> None:
        if guest.recognised and not guest.measured:
            guest.measured = True
            length = guest.last - guest.begun
            self._stays[sum(length >= edge for edge in EDGES_S)] += 1
