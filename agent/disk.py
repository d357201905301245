"""Disk: a file that is replaced as a whole, and is on the disk before anybody is told.

Whatever is killed or cut off in between: there is the old file or the new one, and never a part of one. Beside it may
lie what was to take its place, under the same name with `.new`; the next one to be written takes its room.
"""

import os
from pathlib import Path


def replace(path: Path, payload: bytes, mode: int | None = None) -> None:
    """Replace the file at `path`, with the rights `mode` (those that the umask leaves, if None). Raises OSError."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    made = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
    with open(made, "wb") as file:  # noqa: PTH123 - made with its rights, not given them later
        if mode is not None:
            os.fchmod(made, mode)
        file.write(payload)
        file.flush()
        os.fsync(made)
    os.replace(fresh, path)  # noqa: PTH105 - the atomic one
    settle(path.parent)


def settle(folder: Path) -> None:
    """Have the names in a folder on the disk (fsync(2)): without it, one that is new or gone may not be after a power
    cut. Raises OSError."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
