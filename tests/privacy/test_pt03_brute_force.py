"""PT-3: who has 200 tags, every file and all addresses there can be learns no address, once the epoch is over.

The tags are real ones: what the sensing process would keep in the kernel's keyring is taken from it while it runs.
After the epoch comes the brute force: all 2^24 addresses of each maker that was heard are tagged as the sensor does it,
under no key, under one overwritten with zeros, and under whatever in the files could be one. The last are tried on a
sixteenth of each block first, where a right key shows a dozen of the tags, and on the rest where it shows one.

There are two controls. Under the key that was in force, which is gone, the same attack finds every address: that is
what its death is for. And a copy of the agent that stores salted hashes, with the salt in a file, is broken.
"""

import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from hashlib import blake2s, sha256
from pathlib import Path
from random import Random
from struct import iter_unpack
from typing import NamedTuple

import msgspec

from agent.core.panels import Held
from tests.privacy.planted import SALTED, built
from tests.privacy.proof import Proof, check
from tests.privacy.scan import Scan, in_memory
from tests.privacy.scan import kept as snapshot
from tests.privacy.system import Crowd, Pace, TooSlowError, alone, disk, patiently
from tests.privacy.thief import KEY_BYTES, keys_in, material

CLAIM = "tags taken from a running sensor, with all files of it, give no address once the epoch is over"
LONGEST_S = 60.0  # in which the control has to be broken
DEVICES = 200
SCREENED = 16
MAKERS = [bytes.fromhex(three) for three in ("3c22fb", "a4c639", "f0d5bf")]
PACE = Pace(speed=80.0)
_WIFI_GLOBAL = b"\x07\x01"  # length and kind: what is tagged begins with them
_TAILS = [bytes((high, low)) for high in range(256) for low in range(256)]

Try = Callable[[frozenset[bytes], bytes, bytes], list[bytes]]


def tagged(wanted: frozenset[bytes], key: bytes, prefix: bytes) -> list[bytes]:
    """Addresses of four known octets whose visit tag under the key is wanted."""
    begun = blake2s(_WIFI_GLOBAL + prefix, digest_size=8, key=key, person=b"visit").copy
    found = []
    for tail in _TAILS:
        hashed = begun()
        hashed.update(tail)
        if hashed.digest() in wanted:
            found.append(prefix + tail)
    return found


def salted(wanted: frozenset[bytes], salt: bytes, prefix: bytes) -> list[bytes]:
    """Addresses of four known octets whose salted hash is wanted."""
    begun = salt + prefix
    return [prefix + tail for tail in _TAILS if sha256(begun + tail).digest()[:8] in wanted]


class Search(NamedTuple):
    """The makers whose blocks are searched, the first `pieces` of 256 of each, on the processes of a pool."""

    pool: ProcessPoolExecutor
    makers: Sequence[bytes]
    pieces: int

    def whole(self, attempt: Try, wanted: frozenset[bytes], keys: Iterable[bytes]) -> set[bytes]:
        return self._part(attempt, wanted, keys, 0, self.pieces)

    def screened(self, attempt: Try, wanted: frozenset[bytes], keys: Iterable[bytes]) -> set[bytes]:
        """The first sixteenth under every key, and the rest under those that showed something, until all is found."""
        first, found = -(-self.pieces // SCREENED), set[bytes]()
        for key in keys:
            if len(found) >= len(wanted):
                break
            if some := self._part(attempt, wanted, [key], 0, first):
                found |= some | self._part(attempt, wanted, [key], first, self.pieces)
        return found

    def _part(self, attempt: Try, wanted: frozenset[bytes], keys: Iterable[bytes], begin: int, end: int) -> set[bytes]:
        jobs = [(key, maker + bytes((third,))) for key in keys for maker in self.makers for third in range(begin, end)]
        parts = self.pool.map(partial(attempt, wanted), *zip(*jobs, strict=True), chunksize=8) if jobs else ()
        return {address for part in parts for address in part}

    def drawn(self) -> Crowd:
        """Devices of the makers, all different."""
        dice, found = Random(os.urandom(16)), set[bytes]()
        while len(found) < DEVICES:
            found.add(dice.choice(self.makers) + dice.randrange(self.pieces << 16).to_bytes(3, "big"))
        return Crowd(sorted(found), [], [])


class Taken(NamedTuple):
    """What the thief has: tags from the open epoch, and all that could be a key in the files after it.

    `key` is the one that was in force, which a thief does not have. `before` and `after`: how many of the key and the
    tags are found in the process's memory while the epoch is open, and in memory or on disk when it is over.
    """

    tags: frozenset[bytes]
    key: bytes
    keys: list[bytes]
    size: int
    before: int
    after: int


def taken(devices: Crowd, folder: Path, pace: Pace) -> Taken:
    with disk(folder) as (place, image), alone(place / "alone", pace) as (stage, kept):
        stage.play(devices)
        held, before = latest(kept, stage.ends - 0.3), snapshot(in_memory("sense", stage.processes()["sense"]))
        assert held.panels is not None
        guests = iter_unpack("<QddBBB", held.panels.packed["wifi"][0])
        tags = [tag.to_bytes(8, "little") for tag, *_ in guests]
        counted = stage.pass_the_epoch()
        after = snapshot(in_memory("sense", stage.processes()["sense"]))
        os.sync()
        contents = material(place, image)
    assert counted == 3 * DEVICES
    scan = Scan([held.key, *tags])
    seen = [scan.search(places).canaries() for places in (before, [*after, ("disk", contents)])]
    return Taken(frozenset(tags), held.key, keys_in(contents), sum(map(len, contents)), *seen)


def latest(kept: socket.socket, until: float) -> Held:
    """What was last kept of the open epoch by the time `until`."""
    said = b""
    while (left := until - time.time()) > 0:
        kept.settimeout(left)
        with suppress(TimeoutError):
            said = kept.recv(1 << 20)
    if not said:
        raise TooSlowError("This machine is too slow: no window closed before the epoch ended.")
    return msgspec.msgpack.decode(said, type=Held)


def leaked(agent: Path, devices: Crowd, folder: Path, pace: Pace) -> Path:
    """The files of an agent that stores salted hashes."""
    with alone(folder, pace, agent) as (stage, _kept):
        stage.play(devices)
        stage.pass_the_epoch()
    return folder


def broken(files: Path, search: Search) -> tuple[int, float]:
    """How many addresses are found in the files of the control, and in how many seconds."""
    begun = time.monotonic()
    with closing(sqlite3.connect(files / "state/devices.db")) as devices:
        wanted = frozenset(hashed for (hashed,) in devices.execute("SELECT hashed FROM device"))
    found = search.screened(salted, wanted, keys_in(material(files)))
    return len(found), time.monotonic() - begun


def prove(folder: Path, *, full: bool) -> Proof:
    pieces = 256 if full else 1
    with ProcessPoolExecutor(2) as pool, ThreadPoolExecutor(2) as threads:
        pool.submit(bool).result()  # its processes begin before any thread does
        search, one_maker = Search(pool, MAKERS, pieces), Search(pool, MAKERS[:1], pieces)
        devices = search.drawn()
        salting = partial(leaked, built(folder / "control", SALTED), one_maker.drawn())
        files = threads.submit(patiently, folder / "control", PACE, salting)
        has = patiently(folder, PACE, partial(taken, devices))
        recovered = search.whole(tagged, has.tags, [b"", bytes(KEY_BYTES)])
        recovered |= search.screened(tagged, has.tags, [key for key in has.keys[2:] if len(key) <= KEY_BYTES])
        alive = search.whole(tagged, has.tags, [has.key]) & set(devices.wifi)
        salty, seconds = broken(files.result(), one_maker)
    return Proof(
        "PT-3",
        CLAIM,
        f"{len(has.tags)} tags; {len(MAKERS) * pieces << 16:,} addresses of {len(MAKERS)} makers under no key, an "
        f"overwritten one and {len(has.keys) - 2} pieces of {has.size:,} bytes of disk that could be keys: "
        f"{len(recovered)} recovered; of key and tags {has.after} are left",
        not recovered and not has.after and len(has.tags) == DEVICES,
        f"under the key in force then: {len(alive)}, when {has.before} of key and tags were in memory; "
        f"a salt in a file: {salty} of {DEVICES} in {seconds:.0f} s",
        len(alive) == DEVICES == salty == has.before - 1 and seconds < LONGEST_S,
    )


def test_no_address_is_found_for_a_tag_whose_key_is_gone(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))
