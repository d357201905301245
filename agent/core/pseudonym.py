"""Pseudonym: a sighting with its address goes in, a trace with tags comes out; only a key connects the two.

1. A tag is 64 bits of BLAKE2s keyed with 32 random bytes (RFC 7693), separated by purpose and by the kind
   of address, so that equal bytes from two radios never meet.
2. It is irreversible only once the key is destroyed: whoever has the key can try every address of a vendor in
   a second. So keys live in memory and die (`epoch`), and a `Pseudonym` is dropped with its keys.
3. Who is left out is left out before any tag is made: on the opt-out list, below the signal at which the shop's
   surroundings end, or at their own wish. For the last, the tag they are known again by is the one exception.
4. A visit tag, which outlives the window, is made for stable addresses heard inside the shop only.
"""

from collections.abc import Callable
from hashlib import blake2s
from typing import Final, NamedTuple

from agent.core.leave import Leave
from agent.core.nature import Nature
from agent.core.sighting import AddressKind, Sighting

Tag = Callable[[Sighting], int]


class Trace(NamedTuple):
    """What is left of a sighting once its address is gone. `signal`: dBm, None unless it can be used.

    `tag` is comparable within the window, `visit` within the epoch; None where no visit tag is made. `nature`: what
    kind of thing it is, as far as it says so.
    """

    tag: int
    stable: bool
    signal: int | None
    signature: int
    visit: int | None = None
    nature: Nature = Nature.UNKNOWN


LEFT_OUT: Final = Trace(0, False, None, 0)  # what becomes of a device that is left out: as if nothing had been heard


def tagger(key: bytes | bytearray, purpose: bytes) -> Tag:
    """The function that gives an address its 64-bit tag under a key. `purpose`, at most 8 bytes, keeps uses apart."""
    keyed = blake2s(digest_size=8, key=key, person=purpose)

    def tag(sighting: Sighting) -> int:
        hashed = keyed.copy()
        hashed.update(_PREFIX[sighting.kind])
        hashed.update(sighting.address)
        return int.from_bytes(hashed.digest(), "little")

    return tag


class Pseudonym:
    """Makes traces while its keys live. `epoch_key` is empty where nothing may outlive the window.

    Signals in dBm. `inside_dbm`: from where on visit tags are made; None where none are.
    `listed(kind, address)`: whether an address is on the opt-out list.
    """

    def __init__(
        self,
        count_key: bytes | bytearray,
        floor_dbm: int,
        *,
        epoch_key: bytes | bytearray = b"",
        inside_dbm: int | None = None,
        leave: Leave | None = None,
        listed: Callable[[int, bytes | memoryview], bool] | None = None,
    ) -> None:
        self._tag = tagger(count_key, b"count")
        self._visit = tagger(epoch_key, b"visit") if epoch_key and inside_dbm is not None else None
        self._leave_tag = tagger(epoch_key or count_key, b"leave")
        self._floor_dbm, self._inside_dbm = floor_dbm, inside_dbm or 0
        self._leave, self._listed = leave or Leave(), listed

    def trace(self, sighting: Sighting) -> Trace | None:
        """The trace of a sighting; None below the floor, and LEFT_OUT of who is left out."""
        if self._listed is not None and self._listed(sighting.kind, sighting.address):
            return LEFT_OUT
        signal = sighting.signal
        if signal is not None and signal < self._floor_dbm:
            return None
        usable = signal if sighting.on_channel else None
        if self._leave.watching:
            near = usable if sighting.nature.counts else None  # who asks holds a phone to the point
            if self._leave.leaves(self._leave_tag(sighting), near):
                return LEFT_OUT
        stable = sighting.kind in _STABLE
        visit = None
        if self._visit is not None and stable and usable is not None and usable >= self._inside_dbm:
            visit = self._visit(sighting)
            if visit in self._leave.furniture:
                return LEFT_OUT
        return Trace(self._tag(sighting), stable, usable, sighting.signature, visit, sighting.nature)


def level(sighting: Sighting) -> int | None:
    """dBm of a frame from an address drawn at random, on the channel listened to; None of any other."""
    return sighting.signal if sighting.on_channel and sighting.kind == AddressKind.WIFI_LOCAL else None


_PREFIX = tuple(bytes((7, kind)) for kind in range(8))  # length of what follows, then the kind
_STABLE = frozenset(kind for kind in AddressKind if kind.stable)
