"""Learnt: what the sensor knows of classes of devices, kept over a restart so that it does not start cold.

One small file in the state directory, replaced as a whole. Its keys are hashes of what all devices of a model have in
common, with the number of scans such a device makes in a window; nothing in it comes from an address, and a class is
written only once at least eight devices in as many windows stand behind it.
"""

import logging
import os
from pathlib import Path

import msgspec

from agent.core.rates import Learnt

log = logging.getLogger("footfall.learnt")


def read(path: Path) -> dict[str, Learnt]:
    """What was learnt, per radio. A file that is missing or cannot be read is a cold start, not an error."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Learnt])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("%s cannot be used (%s): counting starts without it", path, error)
        return {}


def write(path: Path, learnt: dict[str, Learnt]) -> None:
    """Replace the file. A disk that refuses is logged: it costs a cold start, no count."""
    fresh = path.with_suffix(".new")
    try:
        fresh.write_bytes(msgspec.json.encode(learnt))
        os.replace(fresh, path)  # noqa: PTH105 - the atomic one
    except OSError as error:
        log.warning("%s cannot be written (%s): after a restart counting starts without it", path, error.strerror)
