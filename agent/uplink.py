"""Uplink: the way from the sensor to the broker, as the kernel sees it; nothing is sent to find out.

1. How long the way takes and how much went over it is the kernel's own count of the connection (tcp(7), TCP_INFO).
2. By which network it goes is that of the default route. No address, and no name of a network, is read: a route is
   found by its interface, and of a wireless one its signal alone.
"""

import socket
import struct
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec import UNSET

from agent.contract.health import Uplink

Kind = Literal["ethernet", "wifi", "mobile", "other"]
ROOT = Path("/")
_DAY_S = 86_400
_ETHERNET, _POINT_TO_POINT = "1", "512"  # ARPHRD_*: what /sys/class/net/*/type says
_ROUND_TRIP, _SENT = 68, 120  # offsets of tcpi_rtt (microseconds) and tcpi_bytes_acked in struct tcp_info


class Tcp(NamedTuple):
    """A connection: `round_trip_s` smoothed, and bytes that arrived at the other end, those of TLS included."""

    round_trip_s: float
    sent: int


def tcp(sock: socket.socket) -> Tcp | None:
    """How a connection is; None once it is gone, or where the kernel does not say."""
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        (microseconds,) = struct.unpack_from("=I", told, _ROUND_TRIP)
        (sent,) = struct.unpack_from("=Q", told, _SENT)
    except (OSError, struct.error):
        return None
    return Tcp(microseconds / 1e6, sent)


class Sent:
    """How many bytes were sent today, over one connection after the other. Days are those of UTC."""

    def __init__(self) -> None:
        self._day, self._today, self._counted = -1, 0, 0

    def connected(self) -> None:
        """Another connection begins, and counts from 0."""
        self._counted = 0

    def count(self, sent: int, now: float) -> int:
        """Bytes of today at UTC second `now`, when the connection has sent so many since it began."""
        day = int(now // _DAY_S)
        if day != self._day:
            self._day, self._today = day, 0
        self._today += max(0, sent - self._counted)
        self._counted = sent
        return self._today


def look(connection: Tcp | None, sent_today: int | None, root: Path = ROOT) -> Uplink:
    """How the way is."""
    interface = _interface(root)
    signal = _signal(root, interface)
    return Uplink(
        kind=_kind(root, interface),
        signal_dbm=UNSET if signal is None else signal,
        round_trip_s=UNSET if connection is None else connection.round_trip_s,
        sent_today=UNSET if sent_today is None else sent_today,
    )


def _interface(root: Path) -> str:
    """The interface of the default route with the best metric; "" where there is none."""
    four = [row for row in _rows(root, "route") if len(row) > 7 and row[1] == "00000000" and row[7] == "00000000"]
    six = [row for row in _rows(root, "ipv6_route") if len(row) > 9 and row[0] == "0" * 32 and row[1] == "00"]
    found = [(int(row[6]), row[0]) for row in four] or [(int(row[5], 16), row[9]) for row in six if row[9] != "lo"]
    return min(found)[1] if found else ""


def _rows(root: Path, name: str) -> list[list[str]]:
    try:
        return [line.split() for line in (root / "proc/self/net" / name).read_text().splitlines()]
    except OSError:
        return []


def _kind(root: Path, interface: str) -> Kind:
    here = root / "sys/class/net" / interface
    if not interface or not here.is_dir():
        return "other"
    if (here / "phy80211").exists() or (here / "wireless").exists():
        return "wifi"
    try:
        kind, told = (here / "type").read_text().strip(), (here / "uevent").read_text()
    except OSError:
        return "other"
    if "DEVTYPE=wwan" in told or kind == _POINT_TO_POINT:
        return "mobile"
    return "ethernet" if kind == _ETHERNET and (here / "device").exists() else "other"


def _signal(root: Path, interface: str) -> int | None:
    """dBm of the interface's own connection; None where it is not wireless, or not connected."""
    for row in _rows(root, "wireless"):
        if row and row[0] == f"{interface}:" and len(row) > 3:
            try:
                level = round(float(row[3].rstrip(".")))
            except ValueError:
                return None
            return level if -127 <= level < 0 else None
    return None
