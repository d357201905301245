"""Iw: the kernel's Wi-Fi through the programs iw and ip, for where the library for its sockets fails.

1. Their words are read as they are today; what is not understood is left out, never guessed.
2. What the kernel refuses is `RefusedError`, as with the sockets. A program that is missing or hangs is OSError.

Sources: iw(8), ip(8); the text is that of iw 5.19 and 6.9.
"""

import errno
import os
import re
import shutil
import subprocess

from agent.radio.netlink import Interface, Phy, RefusedError

_PATIENCE_S = 5.0
_PLACES = "/usr/sbin:/sbin:/usr/bin:/bin"
_NUMBERS = {os.strerror(code): code for code in errno.errorcode}
_FREQUENCY = re.compile(r"^\s*\* (\d{4})(?:\.0)? MHz \[\d+\](?! \(disabled\))", re.MULTILINE)
_INTERFACE = re.compile(r"Interface (\S+)\s+ifindex (\d+).*?\btype ([^\n]+)", re.DOTALL)


class Programs:
    """The way through programs."""

    def phys(self) -> list[Phy]:
        """All radios."""
        return read_phys(_run("iw", "phy"))

    def interfaces(self) -> list[Interface]:
        """All interfaces of radios, those made first first."""
        return read_interfaces(_run("iw", "dev"))

    def addressed(self) -> set[int]:
        """The indices of interfaces that have an IP address."""
        return {int(line.split(":", 1)[0]) for line in _run("ip", "-oneline", "address").splitlines()}

    def set_up(self, interface: str, *, up: bool) -> None:
        """Switch an interface on or off."""
        _run("ip", "link", "set", "dev", interface, "up" if up else "down")

    def set_monitor(self, interface: str) -> None:
        """Make an interface that is off one that listens."""
        _run("iw", "dev", interface, "set", "type", "monitor")

    def tune(self, interface: str, mhz: int) -> None:
        """Set the channel."""
        _run("iw", "dev", interface, "set", "freq", str(mhz))

    def country(self) -> str:
        """The country whose rules hold."""
        return read_country(_run("iw", "reg", "get"))

    def set_country(self, country: str) -> None:
        """Ask for a country's rules."""
        _run("iw", "reg", "set", country)


def read_phys(text: str) -> list[Phy]:
    """What `iw phy` says."""
    found = []
    for part in re.split(r"^Wiphy ", text, flags=re.MULTILINE)[1:]:
        number = re.search(r"wiphy index: (\d+)", part)
        modes = re.search(r"Supported interface modes:((?:\s+\* [^\n]+)+)", part)
        frequencies = sorted(int(mhz) for mhz in _FREQUENCY.findall(part))
        if number:
            monitor = modes is not None and "* monitor" in modes[1]
            found.append(Phy(int(number[1]), monitor, tuple(frequencies)))
    return sorted(found)


def read_interfaces(text: str) -> list[Interface]:
    """What `iw dev` says."""
    found = []
    for part in re.split(r"^phy#", text, flags=re.MULTILINE)[1:]:
        phy = int(part.split("\n", 1)[0])
        for one in re.split(r"^\t(?=Interface|Unnamed)", part, flags=re.MULTILINE)[1:]:
            if shown := _INTERFACE.match(one):
                found.append(Interface(shown[1], int(shown[2]), phy, shown[3].strip()))
    return sorted(found, key=lambda one: one.ifindex)


def read_country(text: str) -> str:
    """What `iw reg get` says of the kernel as a whole, which comes first."""
    shown = re.search(r"^country (\w\w):", text, re.MULTILINE)
    return shown[1] if shown else "00"


def refusal(words: str) -> int | None:
    """The kernel's number in what a program complains of; None if the complaint is its own."""
    if number := re.search(r"\(-(\d+)\)\s*$", words):
        return int(number[1])
    if "Cannot find device" in words:
        return errno.ENODEV
    return next((code for text, code in _NUMBERS.items() if words.strip().endswith(text)), None)


def _run(program: str, *words: str) -> str:
    """What the program prints. Raises RefusedError, or OSError where it cannot do its work."""
    path = shutil.which(program, path=_PLACES)
    if path is None:
        raise FileNotFoundError(errno.ENOENT, f"{program} is missing", program)
    try:
        done = subprocess.run(  # noqa: S603
            [path, *words], capture_output=True, encoding="utf-8", timeout=_PATIENCE_S, check=False, env={"LC_ALL": "C"}
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(errno.ETIMEDOUT, f"{program} does not answer") from None
    if done.returncode == 0:
        return done.stdout
    code = refusal(done.stderr)
    if code is None:
        raise OSError(errno.EPROTO, f"{program} did not understand")
    raise RefusedError(code)
