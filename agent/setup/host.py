"""Host: opens the setup page on this machine, at the socket systemd hands over or at one of our own.

Sources: sd_listen_fds(3).
"""

import logging
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import segno

from agent import board
from agent.config import Config, load
from agent.setup.door import Door, word_at
from agent.setup.server import serve
from agent.setup.station import OPEN_S, Refused, Station, name_of, open_for

log = logging.getLogger("footfall.setup")

PORT = 8080  # of a machine without systemd, where nobody else opens the page's own
_FIRST_HANDED = 3
_UNIT, _SYSTEMD = "footfall-setup.socket", Path("/run/systemd/system")


class Invitation(NamedTuple):
    """Where the page is, the word that lets somebody change things there, and whether systemd opens it."""

    addresses: list[str]
    word: str
    by_systemd: bool


def run(path: Path, stopping: Callable[[], bool], port: int = PORT) -> None:
    """Show the page until it is to be closed. Raises ConfigError; OSError where the port is taken."""
    station = Station(path, board.serial(), _claim)
    if not station.is_open():
        log.info("not open: 'footfall-agent setup' opens the page for an hour")
        return
    door = Door(word_at(station.config.setup_word_path))
    with handed_over() or anywhere(port) as listening:
        log.info("open on port %d", listening.getsockname()[1])
        serve(listening, station, door, stopping)
    log.info("closed")


def invite(path: Path, port: int) -> Invitation:
    """Have the page open for an hour. Raises ConfigError, OSError."""
    config = load(path)
    word = word_at(config.setup_word_path)
    open_for(config.setup_until_path, OPEN_S)
    by_systemd = _SYSTEMD.is_dir() and _systemctl("cat", _UNIT)
    if by_systemd:
        _systemctl("start", _UNIT)
    return Invitation(addresses(80 if by_systemd else port, name_of(board.serial())), word, by_systemd)


def picture(text: str) -> str:
    """The text as a QR code for a terminal."""
    rows = [list(row) for row in segno.make(text, error="l", micro=False).matrix_iter(border=2)]
    rows += [[0] * len(rows[0])] * (len(rows) % 2)
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join("█▀▄ "[2 * up + down] for up, down in zip(*pair, strict=True)) for pair in pairs)


def handed_over() -> socket.socket | None:
    """The socket that systemd listens on for us, where it does."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    return socket.socket(fileno=_FIRST_HANDED)


def anywhere(port: int) -> socket.socket:
    """A socket at every address of this machine. Raises OSError."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def addresses(port: int, name: str) -> list[str]:
    """Where the page is found: by name, and by number where this machine has a way out."""
    end = "" if port == 80 else f":{port}"
    found = [f"http://{name}.local{end}/"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 (RFC 5737): nothing is sent by this
            found.append(f"http://{probe.getsockname()[0]}{end}/")
        except OSError:
            pass
    return found


def _claim(config: Config, code: str) -> Refused | None:
    from agent import claiming  # noqa: PLC0415 - it brings the cryptography that only a claim needs

    try:
        claiming.claim(config, code)
    except claiming.ClaimingError as error:
        return Refused(str(error), guessed=not error.later)
    return None


def _systemctl(*words: str) -> bool:
    return subprocess.run(["systemctl", *words], capture_output=True, check=False).returncode == 0  # noqa: S603, S607
