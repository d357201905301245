"""PT-2: who has all files and messages cannot tell, after the epoch, whether an address they know was there.

Known addresses, half of which were on the air and half not, all of the same makers and kinds, get a score each: how
much of all that an attacker can make of the address is found in the files. That is all forms of `scan`; tags and hashes
under whatever in the files could be a key or a salt (`thief`); and, with little weight, since they are found by chance
too, hashes cut to 32 bits and the last three octets. The area under the curve (AUC) of that score is the chance that
one who was there scores higher than one who was not: 0.5 is a coin. A score that finds nothing gives exactly that.

The control is a copy of the agent that stores salted hashes, with the salt in a file.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2s, sha256
from hmac import digest as hmac
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tests.conftest import need
from tests.privacy.planted import SALTED, SIMULATED, Change, built
from tests.privacy.proof import Proof, check
from tests.privacy.scan import Scan
from tests.privacy.system import Crowd, Pace, alone, crowd, disk, patiently, whole
from tests.privacy.thief import KEY_BYTES, decoded, keys_in, material

CLAIM = "all files and messages together do not tell whether a known address was there"
TOLERANCE = 0.02
SCREENED = 200  # addresses tried under every possible key; the others, under those that showed something
MAKERS = [bytes((4 * number, 7 * number % 256, 11 * number % 256)) for number in range(1, 21)]
Hashed = Callable[[bytes, bytes], bytes]  # 8 bytes of a key and an address


class Known(NamedTuple):
    """Addresses the attacker asks about: those that were there, then those that were not."""

    there: list[bytes]
    elsewhere: list[bytes]

    @property
    def all(self) -> list[bytes]:
        return [*self.there, *self.elsewhere]


def tag(purpose: bytes, kind: int, key: bytes, address: bytes) -> bytes:
    return blake2s(bytes((7, kind)) + address, digest_size=8, key=key[:KEY_BYTES], person=purpose).digest()


def salted(before: bool, text: bool, key: bytes, address: bytes) -> bytes:
    written = address.hex(":").encode() if text else address
    return sha256(key + written if before else written + key).digest()[:8]


HASHED: tuple[Hashed, ...] = (
    *(partial(tag, purpose, kind) for purpose in (b"count", b"visit", b"leave") for kind in range(1, 7)),
    *(partial(salted, before, text) for before in (True, False) for text in (True, False)),
    lambda key, address: hmac(key, address, "sha256")[:8],
    lambda key, address: blake2s(address, key=key[:KEY_BYTES]).digest()[:8],
    lambda key, address: blake2s(address, digest_size=8, key=key[:KEY_BYTES]).digest(),
)


class Numbers:
    """All numbers of 64 bits in the files, at any offset and in both orders of bytes, and of 24 bits."""

    def __init__(self, contents: Iterable[bytes]) -> None:
        parts = [
            np.frombuffer(content, "<u8", (len(content) - at) // 8, at)
            for content in contents
            for at in range(8)
            if len(content) - at >= 8
        ]
        words = np.unique(np.concatenate(parts))
        self._known = np.unique(np.concatenate([words, words.byteswap()]))
        self._threes = np.zeros(1 << 24, np.bool_)
        self._threes[self._known & np.uint64(0xFFFFFF)] = True

    def hold(self, hashes: Sequence[bytes]) -> npt.NDArray[np.bool_]:
        """Which hashes are there."""
        wanted = np.frombuffer(b"".join(hashes), "<u8")
        at = np.searchsorted(self._known, wanted)
        at[at == len(self._known)] = 0
        held: npt.NDArray[np.bool_] = np.equal(self._known[at], wanted)
        return held

    def hold_octets(self, three: bytes) -> bool:
        return bool(self._threes[int.from_bytes(three, "little")])


class Attack(NamedTuple):
    """The area under the curve, what was looked at, and how many keys and kinds of hashes showed something."""

    auc: float
    size: int
    keys: int
    showed: int

    @property
    def told(self) -> str:
        return f"AUC {self.auc:.3f} from {self.size:,} bytes and {self.keys} possible keys"


def attack(contents: list[bytes], known: Known) -> Attack:
    dice = Random(os.urandom(16))
    order = dice.sample(range(len(known.all)), len(known.all))  # the attacker does not know who is who
    addresses = [known.all[number] for number in order]
    found = Scan(addresses).search((str(number), [content]) for number, content in enumerate(contents))
    forms = Counter(canary for canary, _form in {(hit.canary, hit.form) for hit in found.hits})
    numbers, keys = Numbers([*contents, *decoded(contents)]), keys_in(contents)
    tags, showed = keyed(numbers, keys, addresses)
    scores = np.array(
        [
            forms[number] + tags[number] + 1e-3 * (number in found.short) + 1e-6 * numbers.hold_octets(address[3:])
            for number, address in enumerate(addresses)
        ]
    )
    there = np.array(order) < len(known.there)
    return Attack(area(scores[there], scores[~there]), sum(map(len, contents)), len(keys), showed)


def keyed(numbers: Numbers, keys: Sequence[bytes], addresses: Sequence[bytes]) -> tuple[npt.NDArray[Any], int]:
    """How many hashes of each address are there under any key; how many keys, each with one way to hash, showed some.

    The attacker is content with a key that shows a quarter of the addresses.
    """
    scores, showed = np.zeros(len(addresses)), 0
    for key, hashed in product(keys, HASHED):
        if numbers.hold([hashed(key, address) for address in addresses[:SCREENED]]).any():
            held = numbers.hold([hashed(key, address) for address in addresses])
            scores += held
            showed += 1
            if held.mean() > 0.25:
                break
    return scores, showed


def area(there: npt.NDArray[Any], elsewhere: npt.NDArray[Any]) -> float:
    """The chance that one who was there scores higher, a tie counting half (Mann and Whitney)."""
    below = np.sort(elsewhere)
    less, not_more = (np.searchsorted(below, there, side) for side in ("left", "right"))
    return float((less + not_more).sum() / 2 / len(there) / len(below))


def known(wifi: int, ble: int) -> tuple[Crowd, Known]:
    """Who will be there, and as many of the same makers and kinds who will not."""
    there, elsewhere = (crowd(Random(os.urandom(16)), wifi, ble, 20, MAKERS) for _ in range(2))
    return there, Known([*there.wifi, *there.ble], [*elsewhere.wifi, *elsewhere.ble])


def behind_sockets(folder: Path, wifi: int, ble: int, *changes: Change) -> Attack:
    there, asked = known(wifi, ble)
    agent = built(folder, *changes)

    def files(folder: Path, pace: Pace) -> list[bytes]:
        with alone(folder, pace, agent) as (stage, _kept):
            sent = stage.play(there)
            assert stage.pass_the_epoch() == sent
        return material(folder)

    return attack(patiently(folder, Pace(speed=80.0), files), asked)


def in_the_shop(folder: Path, wifi: int) -> Attack:
    there, asked = known(wifi, 0)
    agent = built(folder, SIMULATED)

    def files(folder: Path, pace: Pace) -> list[bytes]:
        with disk(folder) as (place, image):
            with whole(place, pace, f"ff{os.getpid()}", agent) as stage:
                sent = stage.play(there)
                assert stage.pass_the_epoch() == sent
            os.sync()
            return material(place, image)

    return attack(patiently(folder, Pace(speed=20.0), files), asked)


def prove(folder: Path, *, full: bool) -> Proof:
    if full:
        need("mosquitto")
    with ThreadPoolExecutor(2) as pool:
        leaky = pool.submit(behind_sockets, folder / "control", 50, 50, SALTED)
        ours = in_the_shop(folder / "shop", 4_000) if full else behind_sockets(folder / "alone", 500, 500)
        control = leaky.result()
    number = 4_000 if full else 1_000
    return Proof(
        "PT-2",
        CLAIM,
        f"{number:,} addresses that were there and {number:,} that were not: {ours.told}, none of which showed anything"
        if not ours.showed
        else f"{ours.told}, {ours.showed} of which showed something",
        abs(ours.auc - 0.5) <= TOLERANCE and not ours.showed,
        f"salted hashes with the salt in a file: {control.told}",
        control.auc > 1 - TOLERANCE,
    )


def test_files_do_not_tell_who_was_there(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))


def test_the_area_under_the_curve_is_that_of_all_pairs() -> None:
    dice = Random(3)
    there, elsewhere = ([float(dice.randrange(9)) for _ in range(number)] for number in (70, 50))
    pairs = [(one > other) + (one == other) / 2 for one in there for other in elsewhere]
    assert abs(area(np.array(there), np.array(elsewhere)) - sum(pairs) / len(pairs)) < 1e-12
    assert area(np.zeros(7), np.zeros(9)) == 0.5
