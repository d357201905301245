"""Line: a report as it lies on the disk, so that it is found again whatever becomes of the file around it.

1. A line is one run of bytes: the word, the report's name (epoch and sequence), a CRC-32 of name and content, the
   content's length, the content. It counts if the check holds; then it is the report, byte for byte.
2. It is short enough to lie within one page of an SQLite file: a report that is too long for that is packed (zlib).
   The longest that a sensor makes has room; what had none would go on in another page, where only SQLite finds it.
3. A line without content says that the cloud has everything up to its name.
4. Names are in order: an epoch begins with the number of the life it stands for.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

PAGE = 1024
# What a page holds of a record (https://www.sqlite.org/fileformat2.html, 1.6), less the record's header, the boot
# beside the line and the line's own head.
_LONGEST = PAGE - 35 - 6 - 36 - 49
_HEAD = re.compile(rb"footfall ([0-9a-f]{16}) (\d{1,9}) ([0-9a-f]{8}) (\d{1,5}) ")
_REACH = 4096  # no line is longer
_PACKED = b"x"  # so zlib's format begins (RFC 1950, 2.2), and no JSON


class Line(NamedTuple):
    """A report by its name; with an empty body the mark that the cloud has everything up to it."""

    epoch: str
    sequence: int
    body: bytes

    @property
    def place(self) -> int:
        """Where it belongs: grows with time."""
        return place(self.epoch, self.sequence)


def place(epoch: str, sequence: int) -> int:
    """A number for a name: of an earlier life, then of an earlier sequence, a smaller one."""
    return int(epoch[:8], 16) << 32 | sequence


def end(place: int) -> int:
    """The last place of the same epoch."""
    return place | (1 << 32) - 1


def write(line: Line) -> bytes:
    """The bytes of a line."""
    content = line.body
    if len(content) > _LONGEST or content.startswith(_PACKED):
        content = zlib.compress(content, 9)
    check = _check(line.epoch.encode(), line.sequence, content)
    return b"footfall %b %d %08x %d %b" % (line.epoch.encode(), line.sequence, check, len(content), content)


def read(raw: bytes) -> Line | None:
    """The line these bytes are, or None."""
    head = _HEAD.match(raw)
    if head is None or len(raw) != head.end() + int(head[4]):
        return None
    return _line(head, raw)


def search(pieces: Iterable[bytes]) -> Iterator[Line]:
    """Every line in a file that comes in pieces of any length; some may be found twice."""
    before = b""
    for piece in pieces:
        raw = before + piece
        for head in _HEAD.finditer(raw):
            if line := _line(head, raw):
                yield line
        before = raw[-_REACH:]


def _line(head: re.Match[bytes], raw: bytes) -> Line | None:
    epoch, sequence, check, length = head.groups()
    content = raw[head.end() : head.end() + int(length)]
    if len(content) != int(length) or int(check, 16) != _check(epoch, int(sequence), content):
        return None
    body = zlib.decompress(content) if content.startswith(_PACKED) else content
    return Line(epoch.decode(), int(sequence), body)


def _check(epoch: bytes, sequence: int, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(b"%b %d" % (epoch, sequence)))
