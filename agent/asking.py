"""Asking: what the command does for somebody who stands at the point and wants to be left out."""

import socket
import time
from pathlib import Path
from typing import TextIO

from agent.core.leave import LISTEN_S

_PATIENCE_S = LISTEN_S + 10.0
SENTENCES = {
    "left-out": "The phone nearest to the sensor is left out from now on, until the day's key dies and as long as it "
    "keeps its address.",
    "nobody-near": "No phone was near enough. Open its Wi-Fi settings, hold it to the sensor, and ask again.",
    "busy": "Somebody else is asking just now. Ask again in half a minute.",
}


class AskingError(Exception):
    """The sensor did not answer. The message says what to do."""


def ask(path: Path, show: TextIO | None) -> str:
    """One of the SENTENCES' names, after half a minute that is counted down on `show`. Raises AskingError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(path))
        except PermissionError:
            raise AskingError(f"You may not ask at {path}: run this as root, or join the group footfall.") from None
        except OSError:
            raise AskingError("The sensor is not running: start it with 'systemctl start footfall.target'.") from None
        return _answer(line, show)


def _answer(line: socket.socket, show: TextIO | None) -> str:
    end = time.monotonic() + _PATIENCE_S
    while (left := end - time.monotonic()) > 0:
        if show is not None:
            show.write(f"\rHold the phone to the sensor, its Wi-Fi settings open: {max(0, left - 10):3.0f} s ")
            show.flush()
        try:
            answer = line.recv(64).decode().strip()
        except TimeoutError:
            continue
        if show is not None:
            show.write("\r" + " " * 72 + "\r")
        if answer in SENTENCES:
            return answer
        break
    raise AskingError("The sensor stopped before it answered: ask again.")
