"""Information elements of a probe request: which kind of device is this (IEEE 802.11-2020, 9.4.2).

1. The signature is a hash of the *stable* elements: the ids in order, and the bytes of those that one model sends
   alike from scan to scan. It tells models apart and cannot tell two phones of one model apart.
2. The name of the network (id 0) is stepped over by its length and never read. So is the content of WPS
   (00:50:f2:04), Wi-Fi Alliance (50:6f:9a, among them P2P) and the elements that wreck a signature because they
   change on one device: 00:50:f2:08, 8c:fd:f0, FILS request parameters (255/2), DS parameter (3).
3. Elements cut off at the end of the frame are left out.
"""

from hashlib import blake2s

SSID, DS, VENDOR, EXTENSION = 0, 3, 221, 255
# Content counts for: supported rates, extended rates, HT, extended capabilities, VHT, interworking.
_STABLE = frozenset((1, 50, 45, 127, 191, 107))
_FILS_REQUEST = 2
_VOLATILE_VENDORS = (b"\x00\x50\xf2\x04", b"\x00\x50\xf2\x08", b"\x50\x6f\x9a", b"\x8c\xfd\xf0")


def read(frame: bytes | memoryview, start: int, end: int) -> tuple[int, int]:
    """(signature, channel) of the elements in `frame[start:end]`; channel is 0 without a DS parameter."""
    hashed = blake2s(digest_size=8)
    channel = 0
    while start + 2 <= end:
        ident, length = frame[start], frame[start + 1]
        content = start + 2
        start = content + length
        if start > end:
            break
        if ident == DS and length:
            channel = frame[content]
        stable = _stable_end(frame, ident, content, start)
        hashed.update(bytes((ident, stable - content)))  # with the length, so that contents cannot run together
        hashed.update(frame[content:stable])
    return int.from_bytes(hashed.digest(), "little"), channel


def _stable_end(frame: bytes | memoryview, ident: int, content: int, end: int) -> int:
    """Where the part of an element's content that counts ends."""
    if ident in _STABLE:
        return end
    if ident == EXTENSION and content < end:
        return content if frame[content] == _FILS_REQUEST else end
    if ident == VENDOR:
        volatile = any(frame[content : content + len(kind)] == kind for kind in _VOLATILE_VENDORS)
        return min(content + 4, end) if volatile else end
    return content
