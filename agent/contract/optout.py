"""Opt-out list: who asked to be left out, in a form that tells a sensor whom to pass over and a thief next to nothing.

1. An address becomes an entry: its keyed BLAKE2s (RFC 7693) modulo `modulus`. The key travels with the list, so the
   hash hides nothing by itself; what hides an address is that it shares its entry with others.
2. `modulus` is 1024 times the number of entries, so one address in 1024 matches some entry by chance. Whoever has the
   list and its key and tries a vendor's block of 2^24 addresses finds 16,384 that match, whether or not anybody of
   that block is on it; of all 2^46 addresses that makers may give, at least 2^23 share each entry.
3. The price: one device in 1024 is left out without having asked.
4. A list has 64, 128, ... or 8192 entries, the rest drawn at random: one list shows neither how many asked nor whether
   any did. Sizes double so that the modulus of a longer list says of an entry little that a shorter one did not.
5. What it does not hide: an address somebody knows already and that matches is 1024 times likelier to be on it. Who
   sees two lists sees which entry is new; 256 addresses of each block share it, in the longest list two. And two lists
   of the same people under different keys leave 16 addresses of a block, three leave none but theirs. So the fleet
   has one key and one list for all its sensors, and a sensor keeps one, replaced as a whole.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2s
from itertools import pairwise
from typing import Annotated

from msgspec import Meta, Struct

ADDRESSES_PER_ENTRY = 1024
FEWEST_ENTRIES = 64
MOST_ENTRIES = 8192  # what a signed message of 128 KiB has room for
KEY_BYTES = 32
# The kinds of address that stay the same by themselves, as sightings number them. No list can hold any other.
KINDS = {"wifi": 1, "ble-public": 3, "ble-static": 4}

Modulus = Annotated[int, Meta(ge=ADDRESSES_PER_ENTRY, le=ADDRESSES_PER_ENTRY * MOST_ENTRIES)]
Entry = Annotated[int, Meta(ge=0, lt=ADDRESSES_PER_ENTRY * MOST_ENTRIES)]


class OptOuts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A list made at `made_at` (UTC seconds). `entries` ascend, each below `modulus`; `key`: 32 bytes, hex."""

    made_at: Annotated[int, Meta(ge=0, le=2**40)]
    key: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    modulus: Modulus
    entries: Annotated[list[Entry], Meta(max_length=MOST_ENTRIES)]

    def __post_init__(self) -> None:
        """A list that would leave out more than one device in 1024 is none: it would silence the sensor."""
        if self.modulus != ADDRESSES_PER_ENTRY * max(1, len(self.entries)):
            raise ValueError(f"modulus must be {ADDRESSES_PER_ENTRY} times the number of entries")
        if any(one >= other for one, other in pairwise([-1, *self.entries, self.modulus])):
            raise ValueError("entries must ascend, each once and below modulus")


class Filter:
    """Whether an address is on a list, as fast as the air needs it."""

    def __init__(self, listed: OptOuts) -> None:
        self._keyed, self._modulus = _keyed(bytes.fromhex(listed.key)), listed.modulus
        self._entries = frozenset(listed.entries)

    def holds(self, kind: int, address: bytes | memoryview) -> bool:
        """Whether the address (6 bytes as on the air) is on the list; of those that are not, one in 1024 is."""
        return _entry(self._keyed, self._modulus, kind, address) in self._entries


def entry(key: bytes, modulus: int, kind: int, address: bytes | memoryview) -> int:
    """The entry of an address, 6 bytes as on the air (Bluetooth sends the lowest byte first). `kind`: see KINDS."""
    return _entry(_keyed(key), modulus, kind, address)


def make_list(addresses: Iterable[tuple[int, bytes]], key: bytes, made_at: int, draw: Callable[[int], int]) -> OptOuts:
    """The list of (kind, address), each taken once; `draw(n)` gives a random number below n for what fills it up.

    Raises ValueError if there are more than 8192, or the key has not 32 bytes.
    """
    listed = set(addresses)
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    if len(listed) > MOST_ENTRIES:
        raise ValueError(f"an opt-out list holds at most {MOST_ENTRIES} addresses, not {len(listed)}")
    size = FEWEST_ENTRIES
    while size < len(listed):
        size *= 2
    modulus = ADDRESSES_PER_ENTRY * size
    entries = {entry(key, modulus, kind, address) for kind, address in listed}
    while len(entries) < size:
        entries.add(draw(modulus))
    return OptOuts(made_at=made_at, key=key.hex(), modulus=modulus, entries=sorted(entries))


def _keyed(key: bytes) -> blake2s:
    return blake2s(digest_size=8, key=key, person=b"opt-out")


def _entry(keyed: blake2s, modulus: int, kind: int, address: bytes | memoryview) -> int:
    hashed = keyed.copy()
    hashed.update(bytes((7, kind)))  # length of what follows, then the kind: as in every tag
    hashed.update(address)
    return int.from_bytes(hashed.digest(), "little") % modulus
