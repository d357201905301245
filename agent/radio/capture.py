"""Capture files: pcap and pcapng, Wi-Fi (radiotap and plain 802.11) and Bluetooth LE.

1. A file that ends in the middle of a frame gives every frame before that, and says what happened.
2. A file that is empty, no capture, or of a link type we cannot read is refused with one sentence.
3. scapy reads the container and nothing else; our own decoders read the frames.
"""

import logging
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from agent.core.frame import Frame, Link
from agent.radio import RadioError

BLUETOOTH = frozenset((Link.HCI, Link.HCI_WITH_DIRECTION, Link.BLE, Link.BLE_WITH_RADIO))


class CaptureCutError(RadioError):
    """The file ends early or is damaged; the frames before that have been given."""


def read(path: Path) -> Iterator[Frame]:
    """Frames of a capture in file order, `at` as recorded. Raises RadioError, or CaptureCutError at a damaged end."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise RadioError(f"{path}: cannot be read ({error.strerror}).") from None
    with file:
        yield from _frames(path, _reader(path, file))


def first_link(path: Path) -> Link:
    """The link type of the first frame. Raises RadioError where there is none."""
    for frame in read(path):
        return frame.link
    raise RadioError(f"{path}: the capture holds no frame.")


def _reader(path: Path, file: BinaryIO) -> Any:
    from scapy.error import Scapy_Exception  # noqa: PLC0415 - tens of MB that only replay pays
    from scapy.utils import RawPcapReader  # noqa: PLC0415

    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)  # what it warns of, we say in our own words
    try:
        return RawPcapReader(file)  # type: ignore[arg-type]  # it takes an open file too
    except (Scapy_Exception, OSError, EOFError, struct.error, ValueError, IndexError):
        raise RadioError(f"{path}: not a capture file; pcap and pcapng can be replayed.") from None


def _frames(path: Path, reader: Any) -> Iterator[Frame]:
    nano = bool(getattr(reader, "nano", False))
    given, end = 0, reader.f.tell()
    while True:
        try:
            packet, metadata = next(reader)
        except StopIteration:
            if _is_cut(reader, end):
                raise CaptureCutError(f"{path}: cut off or damaged after {given} frames; those were read.") from None
            return
        except Exception as error:  # scapy raises many kinds at a damaged block; all mean the same to us
            raise CaptureCutError(f"{path}: damaged after {given} frames ({type(error).__name__}).") from None
        if len(packet) < (getattr(metadata, "caplen", None) or 0):
            raise CaptureCutError(f"{path}: cut off after {given} frames; those were read.")
        number = getattr(metadata, "linktype", None)
        link = _link(path, reader.linktype if number is None else number)
        yield Frame(_time(metadata, nano=nano), link, packet)
        given, end = given + 1, reader.f.tell()


def _is_cut(reader: Any, end: int) -> bool:
    """Whether more than whole frames was read, which scapy does not tell. `end`: where the last whole one ended."""
    file, size = reader.f, reader.f.tell()
    if hasattr(reader, "nano"):  # pcap
        return bool(size != end)
    if file.read(1):  # it gave up before the end
        return True
    file.seek(size - 4)  # a whole pcapng ends with a block that begins and ends with its own length
    length = file.read(4)
    file.seek(max(0, size - int.from_bytes(length, "little" if reader.endian == "<" else "big") + 4))
    return bool(file.read(4) != length)


def _link(path: Path, number: int) -> Link:
    try:
        return Link(number)
    except ValueError:
        readable = ", ".join(f"{link.value} ({link.name})" for link in Link)
        raise RadioError(f"{path}: link type {number} cannot be read; those that can are {readable}.") from None


def _time(metadata: Any, *, nano: bool) -> float:
    if hasattr(metadata, "tshigh"):
        ticks = (metadata.tshigh or 0) << 32 | (metadata.tslow or 0)
        return float(ticks / (metadata.tsresol or 1_000_000))
    return float(metadata.sec + metadata.usec / (1e9 if nano else 1e6))
