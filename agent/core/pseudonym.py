"""Pseudonym: a sighting with its address goes in, a trace with a tag comes out; only the key connects the two.

1. The tag is 64 bits of BLAKE2s keyed with 32 random bytes (RFC 7693), separated by purpose and by the kind
   of address, so that equal bytes from two radios never meet.
2. It is irreversible only once the key is destroyed: whoever has the key can try every address of a vendor in
   a second. So keys live in memory, for one window, and a `Pseudonym` is dropped with its key.
3. Below the signal at which the shop's surroundings end no tag is made, whatever the channel.
"""

from hashlib import blake2s
from typing import NamedTuple

from agent.core.sighting import AddressKind, Sighting

KEY_BYTES = 32


class Trace(NamedTuple):
    """What is left of a sighting once its address is gone. `signal`: dBm, None unless it can be used."""

    tag: int
    stable: bool
    signal: int | None
    signature: int


class Pseudonym:
    """Makes tags under one key. `purpose` is at most 8 bytes and keeps tags of different use apart."""

    def __init__(self, key: bytes, purpose: bytes, floor_dbm: int) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        self._keyed = blake2s(digest_size=8, key=key, person=purpose)
        self._floor_dbm = floor_dbm

    def trace(self, sighting: Sighting) -> Trace | None:
        """The trace of a sighting, its tag the same for the same address under this key; None below the floor."""
        signal = sighting.signal
        if signal is not None and signal < self._floor_dbm:
            return None
        hashed = self._keyed.copy()
        hashed.update(_PREFIX[sighting.kind])
        hashed.update(sighting.address)
        tag = int.from_bytes(hashed.digest(), "little")
        return Trace(tag, sighting.kind in _STABLE, signal if sighting.on_channel else None, sighting.signature)


_PREFIX = tuple(bytes((7, kind)) for kind in range(8))  # length of what follows, then the kind
_STABLE = frozenset(kind for kind in AddressKind if kind.stable)
