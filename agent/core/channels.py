"""Channels: which one a receiver is on, and for how much of its time. It hears one at a time and is deaf to the others.

1. Only 2.4 and 5 GHz. In 6 GHz phones learn of networks from the other two bands and hardly ask.
2. A plan goes round its channels, each round in a random order, and each stay is a fifth longer or shorter at random.
   With stays of 5 s in a fixed order, a quarter of the phones that ask every 15 s on one of three channels would go
   unheard for five minutes; so slowly does a fifth move a plan away from them.
3. A channel that could not be tuned to is passed over: the plan goes on with the next, and at once.
4. Time counts for a channel from when it was tuned to until the next change, and for none while it was not tuned.

Sources: IEEE Std 802.11-2016, 16.3.6.3 and 17.3.8.4.2 (channel numbers); docs/radios.md for stays measured.
"""

from collections.abc import Callable, Sequence

JITTER = 0.2
_SLOT_S = 60.0
_SLOTS = 60


def frequency(channel: int) -> int:
    """Centre of a channel of 20 MHz in MHz. ValueError, in a sentence, for a number outside 2.4 and 5 GHz."""
    if 1 <= channel <= 13:
        return 2407 + 5 * channel
    if channel == 14:
        return 2484
    if 32 <= channel <= 177:
        return 5000 + 5 * channel
    raise ValueError(f"there is no channel {channel} in 2.4 and 5 GHz: write one of 1 to 14 or 32 to 177.")


def channel(mhz: int) -> int:
    """The channel with this centre. ValueError, in a sentence, where 2.4 and 5 GHz have none."""
    number = 14 if mhz == 2484 else (mhz - (2407 if mhz < 5000 else 5000)) // 5
    if number < 1 or not (number <= 14 or 32 <= number <= 177) or frequency(number) != mhz:
        raise ValueError(f"no channel of 2.4 and 5 GHz is at {mhz} MHz.")
    return number


class Hops:
    """A plan for one receiver: its channels, and seconds on each. `draw` gives numbers in [0, 1).

    All times are seconds of one clock that runs evenly.
    """

    def __init__(self, channels: Sequence[int], stay_s: float, draw: Callable[[], float]) -> None:
        """ValueError, in a sentence, for a plan without channels or with one that does not exist."""
        if not channels:
            raise ValueError("a plan needs a channel: write one or more.")
        for one in channels:
            frequency(one)
        self._channels, self._stay_s, self._draw = tuple(channels), stay_s, draw
        self._moves = len(set(channels)) > 1
        self._round: list[int] = []
        self._due_at = float("-inf")
        self._on: int | None = None
        self._since, self._begun_at = 0.0, float("inf")
        self._slots: dict[int, dict[int, float]] = {}  # seconds on each channel, by minute of the clock

    def due(self, at: float) -> int | None:
        """The channel to tune to now, None while there is none. Says each only once; a single channel is for good."""
        self._begin(at)
        if at < self._due_at:
            return None
        if not self._round:
            self._round = sorted(self._channels, key=lambda _: self._draw())
        stay_s = self._stay_s * (1 + JITTER * (2 * self._draw() - 1))
        self._due_at = at + stay_s if self._moves else float("inf")
        return self._round.pop(0)

    @property
    def due_at(self) -> float:
        """When the next channel is due: minus infinity for at once, infinity for never."""
        return self._due_at

    def parked(self, channel: int, at: float) -> None:
        """The receiver is on `channel` from `at` on."""
        self._settle(at)
        self._on = channel

    def lost(self, at: float) -> None:
        """The receiver is on no channel from `at` on; the next one is due at once."""
        self._settle(at)
        self._on, self._due_at = None, float("-inf")

    def shares(self, at: float) -> dict[int, float]:
        """The share of the last hour spent on each channel, 0 to 1; of the time since the first call if that is less.

        The hour is that of whole minutes: the current one and the 59 before it.
        """
        self._settle(at)
        spent: dict[int, float] = {}
        for slot in self._slots.values():
            for one, seconds in slot.items():
                spent[one] = spent.get(one, 0.0) + seconds
        whole = max(at - max(self._begun_at, self._oldest(at) * _SLOT_S), sum(spent.values()))
        return {one: seconds / whole for one, seconds in sorted(spent.items())}

    def _begin(self, at: float) -> None:
        self._begun_at = min(self._begun_at, at)

    def _settle(self, at: float) -> None:
        """Book the time since the last change, and forget what is older than an hour."""
        self._begin(at)
        oldest = self._oldest(at)
        self._slots = {slot: spent for slot, spent in self._slots.items() if slot >= oldest}
        since = max(self._since, oldest * _SLOT_S)
        while self._on is not None and since < at:
            slot = int(since // _SLOT_S)
            until = min(at, (slot + 1) * _SLOT_S)
            spent = self._slots.setdefault(slot, {})
            spent[self._on] = spent.get(self._on, 0.0) + until - since
            since = until
        self._since = at

    @staticmethod
    def _oldest(at: float) -> int:
        """The first minute of the hour that ends with the one of `at`."""
        return int(at // _SLOT_S) - _SLOTS + 1
