"""Thief: who has every file of a sensor and its cloud, and looks in them for what could be a key or a salt.

1. A key is 32 bytes of randomness. At any offset of any file, 32 bytes that look random enough are one. A real key
   looks so 9,996 times in 10,000; pieces of checksums and packed numbers do too, which costs time and misses nothing.
2. So is what is written as 16 to 128 hexadecimal digits or as 8 or 32 bytes in base64, and a file of at most 64 bytes.
3. Two keys need no finding: none at all, and one that was overwritten with zeros.
"""

import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.privacy.scan import in_folder

KEY_BYTES = 32
_LEAST_HIGH, _LEAST_DIFFERENT, _MOST_EQUAL = 7, 24, 4  # bytes of 128 and more: a key has 16 and 30 on average
_TEXT = re.compile(rb"[ -~]{12}")
_BLOCK = 4096
_DIGITS = re.compile(rb"(?:[0-9a-f]{2}){8,64}|(?:[0-9A-F]{2}){8,64}")
_DECIMAL = re.compile(rb"[0-9]{15,20}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{43}=|[A-Za-z0-9+/_-]{11}=")


def material(folder: Path, image: Path | None = None) -> list[bytes]:
    """The content of every file, and of each block of a disk that holds anything."""
    contents = [b"".join(chunks) for _, chunks in in_folder(folder)]
    if image is not None:
        disk = image.read_bytes()
        blocks = (disk[at : at + _BLOCK] for at in range(0, len(disk), _BLOCK))
        contents.append(b"".join(block for block in blocks if block.count(0) < _BLOCK))
    return [content for content in contents if content]


def keys_in(contents: Sequence[bytes]) -> list[bytes]:
    """All that could be a key or a salt, the likely ones first, beginning with none and with zeros."""
    found = dict.fromkeys((b"", bytes(KEY_BYTES)))
    for look in (_files, _texts, _random_looking):
        for content in contents:
            found |= dict.fromkeys(look(content))
    return list(found)


def _files(content: bytes) -> Iterator[bytes]:
    if len(content) <= 2 * KEY_BYTES:
        yield content
        yield content.strip()


def _texts(content: bytes) -> Iterator[bytes]:
    for digits in _DIGITS.findall(content):
        yield digits
        yield bytes.fromhex(digits.decode())
    for text in _BASE64.findall(content):
        yield b64decode(text.translate(bytes.maketrans(b"-_", b"+/")))


def decoded(contents: Sequence[bytes]) -> list[bytes]:
    """What is written in the files as text, as bytes: hexadecimal, base64, and decimals of 15 to 20 digits."""
    found = [one for content in contents for one in _texts(content)]
    numbers = (int(digits) for content in contents for digits in _DECIMAL.findall(content))
    return found + [(number % (1 << 64)).to_bytes(8, "little") for number in numbers]


def _random_looking(content: bytes) -> Iterator[bytes]:
    if len(content) < KEY_BYTES:
        return
    high = np.cumsum(np.frombuffer(b"\0" + content, np.uint8) > 127, dtype=np.int32)
    for at in np.flatnonzero(high[KEY_BYTES:] - high[:-KEY_BYTES] >= _LEAST_HIGH).tolist():
        window = content[at : at + KEY_BYTES]
        counts = Counter(window).values()
        if len(counts) >= _LEAST_DIFFERENT and max(counts) <= _MOST_EQUAL and not _TEXT.search(window):
            yield window
