"""Trial: one fault tried in full, in a process of its own."""

import importlib
import tempfile
import time
from pathlib import Path

import pytest

from tests.faults.table import Line

# The longest first.
FAULTS = (
    "kills", "restarts", "offline", "line", "hostile", "netns", "certificates", "corruption", "disks", "histories",
    "order", "rollout", "matrix",
)  # fmt: skip


def tried(name: str) -> tuple[list[Line], float]:
    """The lines of one fault, and how long it took; a fault that cannot be tried is a line that does not hold."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"footfall-{name}-") as folder:
        try:
            lines = importlib.import_module(f"tests.faults.{name}").torture(Path(folder), full=True)
        except pytest.skip.Exception as why:
            lines = [Line(name, 0, 0, 0, 0.0, f"not tried: {why}", held=False)]
        except Exception as error:  # what falls over proves nothing, and must not take the others with it
            lines = [Line(name, 0, 0, 0, 0.0, f"fell over: {error!r:.300}", held=False)]
    return lines, time.monotonic() - began
