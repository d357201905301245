"""Panels: the visits that each radio hears through the hours of one epoch, and how they leave the sensor.

1. What leaves is noised, in the contract's own types: an hour's figures with the window that ends the hour, the lengths
   of stays with the window that ends the epoch. The noise is drawn here and once; the outbox lets each hour in once.
2. `Held` is the open state for the kernel's memory, over a crash and not over a restart of the machine. It holds the
   key and tags, so it is never written, sent or shown.
"""

from collections.abc import Iterable
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from agent.contract.report import Heard
from agent.core.noise import Below, Day, Hour, noised_day, noised_hour
from agent.core.visits import Panel


class Held(Struct, frozen=True, array_like=True):
    """The open epoch: its key, when it began, who is left out, and per radio what its panel packs (None: no panel)."""

    key: bytes
    utc: float
    boot: float
    left_out: list[int]
    furniture: list[int]
    panels: "HeldPanels | None"

    def __repr__(self) -> str:
        return "Held(redacted)"


class HeldPanels(Struct, frozen=True, array_like=True):
    """The panels of an epoch: since when the hour and the day run, seconds listened in the hour, and the guests."""

    hour: int
    day: int
    listened: dict[str, float]
    packed: dict[str, tuple[bytes, list[int], tuple[int, int, list[int]]]]

    def __repr__(self) -> str:
        return "HeldPanels(redacted)"


class Panels:
    """The panels of one epoch, one per radio, from `start` (UTC seconds) on. `below`: uniform randomness."""

    def __init__(self, radios: Iterable[str], start: int, below: Below) -> None:
        self._panels = {radio: Panel() for radio in radios}
        self._listened = dict.fromkeys(self._panels, 0.0)
        self._hour = self._day = start
        self._below = below

    @property
    def since(self) -> int:
        """When the hour that runs began, UTC seconds."""
        return self._hour

    def hear(self, radio: str, tag: int, at: float) -> None:
        """A device of the panel was heard inside."""
        self._panels[radio].hear(tag, at)

    def dismiss(self, radio: str, tag: int) -> None:
        """What was heard inside is no device of the panel."""
        self._panels[radio].dismiss(tag)

    def settle(self, end: float) -> set[int]:
        """A window ended: see who left. The tags of what never leaves."""
        return set(chain.from_iterable([panel.settle(end) for panel in self._panels.values()]))

    def listened(self, radio: str, seconds: float) -> None:
        """So much of the window that ends was listened to."""
        self._listened[radio] += seconds

    def tell(self, radio: str, heard: Heard, start: int, end: int, *, last: bool) -> Heard:
        """What the radio heard in the window from `start` to `end` that ends an hour, with the hour's figures, noised.

        `last`: the window ends the epoch too, so the stays of the whole epoch go with it.
        """
        panel = self._panels[radio]
        # A clock that was set back began the hour later than it is now; the day it is told of stays the panel's own.
        begun = max(self._day, min(self._hour, start))
        end = max(end, begun + 1)  # one that is set as an hour begins ends it within a second
        hour = Hour(begun, end, min(3600.0, self._listened[radio]), *panel.hour())
        told = replace(heard, visits=noised_hour(hour, self._below))
        day = Day(min(self._day, begun), end, panel.day()) if last else None
        return told if day is None else replace(told, dwell=noised_day(day, self._below))

    def next_hour(self, start: int) -> None:
        """A new hour begins at `start`."""
        self._hour = start
        self._listened = dict.fromkeys(self._panels, 0.0)

    def hold(self) -> HeldPanels:
        """The open state, for the kernel's memory."""
        packed = {radio: panel.pack() for radio, panel in self._panels.items()}
        return HeldPanels(self._hour, self._day, self._listened, packed)

    @staticmethod
    def restored(held: HeldPanels, below: Below) -> "Panels":
        """Go on from the open state."""
        made = Panels(held.packed, held.day, below)
        made._hour = held.hour
        made._listened = dict(held.listened)
        for radio, packed in held.packed.items():
            made._panels[radio].unpack(*packed)
        return made
