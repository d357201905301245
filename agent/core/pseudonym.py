"""Pseudonym: the address goes in, a tag comes out, and only the key connects the two.

1. The tag is 64 bits of BLAKE2s keyed with 32 random bytes (RFC 7693), separated by purpose and by the kind
   of address, so that equal bytes from two radios never meet.
2. It is irreversible only once the key is destroyed: whoever has the key can try every address of a vendor in
   a second. So keys live in memory, for one window, and `Pseudonym` is dropped with its key.
"""

from hashlib import blake2s

from agent.core.sighting import Sighting

KEY_BYTES = 32


class Pseudonym:
    """Makes tags under one key. `purpose` is at most 8 bytes and keeps tags of different use apart."""

    def __init__(self, key: bytes, purpose: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        self._keyed = blake2s(digest_size=8, key=key, person=purpose)

    def tag(self, sighting: Sighting) -> int:
        """The tag of the sighting's address: 64 bits, the same for the same address under this key."""
        hashed = self._keyed.copy()
        hashed.update(_PREFIX[sighting.kind])
        hashed.update(sighting.address)
        return int.from_bytes(hashed.digest(), "little")


_PREFIX = tuple(bytes((7, kind)) for kind in range(8))  # length of what follows, then the kind
