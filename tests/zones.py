"""Zones: a time zone made so that in it a day ends soon, for a real clock that nobody can hurry.

The file is TZif version 1 with one offset and no transition (RFC 8536, 3). `PYTHONTZPATH` names its folder.
"""

import struct
import time
from pathlib import Path

FOUR = 4 * 3600


def ending_soon(folder: Path, in_s: float, aligned_s: int = 60) -> tuple[str, float]:
    """(name of a zone under `folder`, the moment it is 04:00 there): at least `in_s` seconds from now, UTC seconds.

    That moment is a whole multiple of `aligned_s`, so that it is the end of a window too.
    """
    ends = (time.time() + in_s) // aligned_s * aligned_s + aligned_s
    offset = int(FOUR - ends % 86_400)
    header = struct.pack(">4sc15x6I", b"TZif", b"\0", 0, 0, 0, 0, 1, 4)
    place = folder / "Test"
    place.mkdir(parents=True, exist_ok=True)
    (place / "Soon").write_bytes(header + struct.pack(">iBB", offset, 0, 0) + b"TST\0")
    return "Test/Soon", ends
