"""Scan: whether bytes anywhere hold a canary, an address or a name that was on the air, in any form it may be kept in.

1. `forms` lists the forms: the bytes themselves, as text, as numbers, as CPython keeps an int, and digests of the bytes
   and of their texts. Of a digest its first 8 bytes are looked for, so that one cut to 64 bits is found too.
2. They are found at any offset, exactly. Six random bytes may be an address by chance: `chance` says how often.
3. In forms of four bytes (CRC-32, digests cut to 32 bits) chance hits are certain in so much data. There as many
   decoys, never on the air, are looked for in the same places: canaries may not be found more often than those.
"""

import json
import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import blake2b, blake2s, md5, sha1, sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes
from zlib import crc32

import numpy as np
import numpy.typing as npt

CHUNK = 2 << 20
SHORTEST = 6
_DIGESTS: dict[str, Callable[[bytes], Any]] = {
    "md5": md5,
    "sha1": sha1,
    "sha256": sha256,
    "blake2s": blake2s,
    "blake2b": blake2b,
    "blake2s-64": partial(blake2s, digest_size=8),
}
_HEX = ("hex", "HEX", "colons", "COLONS")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)  # to multiply by; any odd numbers without a pattern do
_Numbers = npt.NDArray[np.uint64]
Place = tuple[str, Iterable[bytes]]


def texts(raw: bytes) -> dict[str, bytes]:
    """The ways to write bytes as hexadecimal text."""
    found = {}
    for name, mark, size in (("hex", "", 1), ("colons", ":", 1), ("dashes", "-", 1), ("dots", ".", 2)):
        text = raw.hex(mark, -size) if mark else raw.hex()
        found[name], found[name.upper()] = text.encode(), text.upper().encode()
    return found


def forms(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every form of a canary. Each holds 42 bits of it at least."""
    written = texts(raw)
    for order, one in (("", raw), ("reversed ", raw[::-1])):
        yield f"{order}raw", one
        yield from ((f"{order}{name}", text) for name, text in texts(one).items())
    yield from _encoded(raw)
    for name in _HEX:
        yield f"{name} in UTF-16", written[name].decode().encode("utf-16-le")[:-1]  # so cut it is big-endian too
    for fragment in range(0, len(raw) - 7, 8):
        yield f"octets from {fragment} on", raw[fragment : fragment + 8]
    for name, digest in _DIGESTS.items():
        for of, content in (("bytes", raw), *((of, written[of]) for of in _HEX)):
            head = digest(content).digest()[:8]
            yield f"{name} of {of}", head
            yield f"{name} of {of} as hex", head.hex().encode()
        head = digest(raw).digest()[:8]
        yield f"{name} as base64", b64encode(head)[:10]
        yield from _numbers(f"{name} as ", head)
    if len(raw) <= 8:
        yield from _numbers("", raw)
    if len(raw) == 6:
        yield from _keyless(raw)


def _encoded(raw: bytes) -> Iterator[tuple[str, bytes]]:
    for shift in range(3):  # where it stands in what is encoded
        whole = b64encode(bytes(shift) + raw + bytes(3))
        inner = whole[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]
        yield f"base64 shifted by {shift}", inner
        yield f"base64url shifted by {shift}", inner.translate(_URL_SAFE)
    yield "URL-encoded", quote_from_bytes(raw, safe="").encode()
    yield "URL-encoded throughout", b"".join(b"%%%02X" % byte for byte in raw)
    yield "JSON list", ", ".join(map(str, raw)).encode()
    yield "dense JSON list", ",".join(map(str, raw)).encode()
    yield "JSON text", json.dumps(raw.decode("latin-1"))[1:-1].encode()
    yield "escaped", b"".join(b"\\x%02x" % byte for byte in raw)
    yield "repr of bytes", repr(raw)[2:-1].encode()
    yield "bytes as UTF-8", raw.decode("latin-1").encode()
    yield "bytes as UTF-16", raw.decode("latin-1").encode("utf-16-le")[:-1]


def _numbers(prefix: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    """As a decimal, and as the digits of 30 bits each in which CPython keeps an int."""
    for order, one in (("big", raw), ("little", raw[::-1])):
        number = int.from_bytes(one, "big")
        digits = [number >> 30 * place & (1 << 30) - 1 for place in range(-(-len(raw) * 8 // 30))]
        yield f"{prefix}decimal, {order}-endian", str(number).encode()
        yield f"{prefix}Python int, {order}-endian", b"".join(digit.to_bytes(4, "little") for digit in digits)


def _keyless(address: bytes) -> Iterator[tuple[str, bytes]]:
    """Tags as the sensor makes them, but under no key, and under one that has been overwritten."""
    for purpose in (b"count", b"visit", b"leave"):
        for name, key in (("no", b""), ("an overwritten", bytes(32))):
            for kind in range(1, 7):
                tag = blake2s(bytes((7, kind)) + address, digest_size=8, key=key, person=purpose).digest()
                yield f"{purpose.decode()} tag of kind {kind} under {name} key", tag


def shorts(raw: bytes) -> Iterator[int]:
    """Forms of 32 bits: checksums, and digests cut to four bytes, in both orders of bytes."""
    for content in (raw, raw.hex(":").encode()):
        for four in (crc32(content).to_bytes(4, "little"), md5(content).digest()[:4], sha256(content).digest()[:4]):
            yield int.from_bytes(four, "little")
            yield int.from_bytes(four, "big")


class Hit(NamedTuple):
    """A canary, by its number, found in `form` at offset `at` of `place`."""

    place: str
    at: int
    canary: int
    form: str


class Findings(NamedTuple):
    """All hits; whose short forms are found, with the excess over those of the decoys; bytes and places looked at."""

    hits: list[Hit]
    short: set[int]
    excess: float
    size: int
    places: int

    def canaries(self, where: str = "") -> int:
        """How many different canaries are found in places whose name holds `where`."""
        return len({hit.canary for hit in self.hits if where in hit.place})

    def told(self) -> str:
        """In which places and forms, the first of them; empty where nothing was found."""
        pairs = sorted({(hit.place, hit.form) for hit in self.hits})
        return "".join(f", {form} in {place}" for place, form in pairs[:5]) + (", ..." if len(pairs) > 5 else "")


class Scan:
    """Looks for canaries. Without decoys there is no excess."""

    def __init__(self, canaries: Sequence[bytes], decoys: Sequence[bytes] = ()) -> None:
        names: dict[str, int] = {}
        self._known: dict[int, dict[bytes, tuple[int, int]]] = {}  # by length: whose form it is, and which
        for number, raw in enumerate(canaries):
            for name, form in forms(raw):
                which = number, names.setdefault(name, len(names))
                self._known.setdefault(len(form), {}).setdefault(form, which)
        self.forms = list(names)
        self.patterns = sum(map(len, self._known.values()))
        self._longest = max(self._known)
        self._keys = {length: _ends(list(found)) for length, found in self._known.items()}
        heads = [_six_of(form) for known in self._known.values() for form in known]
        self._heads = np.unique(np.array(heads, np.uint64))
        self._sieve = _Sieve(self._heads)
        self._shorts, self._count = _Shorts([*canaries, *decoys]), len(canaries)
        self._has_decoys = bool(decoys)
        self._addresses = sum(len(raw) == 6 for raw in canaries)

    def chance(self, size: int) -> float:
        """Addresses that `size` bytes would hold by chance, as they are or reversed, if all of them were random.

        Two bits of an address say of which kind it is, so 46 are left. Of a name chance is nothing against that.
        """
        return 2.0 * size * self._addresses / (1 << 46)

    def search(self, places: Iterable[Place]) -> Findings:
        """Look through all places."""
        hits: list[Hit] = []
        short: set[int] = set()
        excess, size, number = 0.0, 0, 0
        for place, chunks in places:
            within: set[int] = set()
            for at, whole, begins in self._overlapping(chunks):
                hits += [Hit(place, begins + start, *which) for start, which in self._in(whole, at - begins)]
                within |= self._shorts.within(whole)
                size += len(whole) - (at - begins)
            ours = {one for one in within if one < self._count}
            decoys = len(within) - len(ours)
            short |= ours
            excess = max(excess, (len(ours) - decoys) / max(1, len(within)) ** 0.5)
            number += 1
        return Findings(hits, short, excess if self._has_decoys else 0.0, size, number)

    def _overlapping(self, chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes, int]]:
        """(offset of a chunk, the chunk with the end of the one before, offset of that)."""
        at, rest = 0, b""
        for chunk in chunks:
            whole = rest + chunk
            yield at, whole, at - len(rest)
            at += len(chunk)
            rest = whole[1 - self._longest :]

    def _in(self, data: bytes, new: int) -> Iterator[tuple[int, tuple[int, str]]]:
        """(offset, (canary, form)) of what ends behind offset `new`."""
        padded = data + bytes(16)
        view = np.frombuffer(padded, np.uint8)
        passed = []
        for phase in range(min(8, len(data))):
            words = np.frombuffer(padded, "<u8", (len(data) - phase + 7) // 8, phase)
            passed.append(self._sieve.passed(words) * 8 + phase)
        at = np.concatenate(passed) if passed else np.zeros(0, np.intp)
        heads = _six(view, at)
        real = _among(heads, self._heads)
        at, heads = at[real], heads[real]
        for length, known in self._known.items():
            fits = (at + length <= len(data)) & (at + length > new)
            starts = at[fits]
            if not len(starts):
                continue
            ends = _mixed(heads[fits], _six(view, starts + (length - SHORTEST)))
            for start in starts[_among(ends, self._keys[length])].tolist():
                which = known.get(data[start : start + length])
                if which is not None:
                    yield start, (which[0], self.forms[which[1]])


class _Sieve:
    """Lets pass hardly any but the 48-bit numbers it was made for: two hashes of 24 bits."""

    def __init__(self, numbers: _Numbers) -> None:
        self._by = [np.uint64((odd << 16) % (1 << 64)) for odd in _ODD]  # what stands above the 48 bits is shifted out
        self._seen = [np.zeros(1 << 24, np.bool_) for _ in self._by]
        for by, seen in zip(self._by, self._seen, strict=True):
            seen[(numbers * by) >> np.uint64(40)] = True

    def passed(self, words: _Numbers) -> npt.NDArray[np.intp]:
        """Which words begin with a number that passes."""
        at = np.flatnonzero(self._seen[0][(words * self._by[0]) >> np.uint64(40)])
        second = self._seen[1][(words[at] * self._by[1]) >> np.uint64(40)]
        return at.compress(second)


class _Shorts:
    """The short forms of canaries, in order."""

    def __init__(self, canaries: Sequence[bytes]) -> None:
        whose: dict[int, set[int]] = {}
        for number, raw in enumerate(canaries):
            for short in shorts(raw):
                whose.setdefault(short, set()).add(number)
        self._values = np.array(sorted(whose), np.uint32)
        self._whose = [whose[value] for value in sorted(whose)]
        self._seen = np.zeros(1 << 24, np.bool_)  # by the upper 24 bits
        self._seen[self._values >> np.uint32(8)] = True

    def within(self, data: bytes) -> set[int]:
        """Whose short forms stand in the data."""
        found: set[int] = set()
        for phase in range(4) if len(data) > 7 else ():
            words = np.frombuffer(data, "<u4", (len(data) - phase) // 4, phase)
            words = words[self._seen[words >> np.uint32(8)]]
            for place in np.unique(np.searchsorted(self._values, words[_among(words, self._values)])).tolist():
                found |= self._whose[place]
        return found


def _six_of(form: bytes) -> int:
    return int.from_bytes(form[:SHORTEST], "little")


def _six(view: npt.NDArray[np.uint8], at: npt.NDArray[np.intp]) -> _Numbers:
    """The six bytes at each offset, as a number."""
    found = np.zeros(len(at), np.uint64)
    for place in range(SHORTEST):
        found |= view[at + place].astype(np.uint64) << np.uint64(8 * place)
    return found


def _ends(patterns: list[bytes]) -> _Numbers:
    """Beginnings and ends of patterns of one length, mixed to one number each, in order."""
    heads = np.array([_six_of(form) for form in patterns], np.uint64)
    return np.unique(_mixed(heads, np.array([_six_of(form[-SHORTEST:]) for form in patterns], np.uint64)))


def _mixed(heads: _Numbers, tails: _Numbers) -> _Numbers:
    return heads * np.uint64(_ODD[0]) + tails * np.uint64(_ODD[1])


def _among(numbers: npt.NDArray[Any], known: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which of the numbers are among the known ones, which are in order."""
    at = np.searchsorted(known, numbers)
    at[at == len(known)] = 0
    found: npt.NDArray[np.bool_] = np.equal(known[at], numbers)
    return found


def kept(places: Iterable[Place]) -> list[Place]:
    """The places as they are now."""
    return [(place, list(chunks)) for place, chunks in places]


def in_folder(folder: Path) -> Iterator[Place]:
    """Every file below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), in_file(path)


def in_file(path: Path) -> Iterator[bytes]:
    """A file, piece by piece."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def in_memory(name: str, pid: int) -> Iterator[Place]:
    """Everything that can be read of a process's memory. Raises OSError where it may not be."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        for line in maps.splitlines():
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+\s*(.*)", line)
            if found:
                what = found[3] or "anonymous"
                yield f"memory of {name}, {what}", _pieces(memory, int(found[1], 16), int(found[2], 16))
    finally:
        os.close(memory)


def _pieces(memory: int, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        try:
            piece = os.pread(memory, min(CHUNK, end - start), start)
        except OSError:
            return  # the kernel's own pages, which it shows to nobody here; or unmapped since
        if not piece:
            return
        yield piece
        start += len(piece)
