"""Netlink: the kernel's Wi-Fi through its own sockets, nl80211 for the radios and rtnetlink for interfaces.

1. It only says and does what it is asked; what that means for a person, `nl80211` knows.
2. What the kernel refuses is `RefusedError`, with the kernel's number. Whatever else goes wrong in the library is
   raised as it comes, and `nl80211` takes the programs instead (`iw`).
3. pyroute2 is 25 MB of memory, whichever part of it is imported, so only who asks for Wi-Fi pays for it.
4. A radio's description is asked for in parts (SPLIT_WIPHY_DUMP): in one piece it leaves channels out.

Sources: linux/nl80211.h; netlink(7), rtnetlink(7).
"""

import errno
import logging
import socket
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

_GET_WIPHY, _SET_WIPHY, _GET_INTERFACE, _SET_INTERFACE, _REQ_SET_REG, _GET_REG = 1, 2, 5, 6, 27, 31
_IFTYPE_MONITOR, _WIDTH_20_NO_HT = 6, 0
_MODES = {1: "IBSS", 2: "managed", 3: "AP", 4: "AP/VLAN", 6: "monitor", 7: "mesh point", 8: "P2P-client", 9: "P2P-GO"}
_REQUEST, _ACKNOWLEDGE, _DUMP = 0x1, 0x4, 0x300
_LOWEST_MHZ = 2400  # below are sub-gigahertz channels, whose numbers mean something else


class RefusedError(Exception):
    """The kernel said no; `code` is its errno."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Phy(NamedTuple):
    """A radio: whether it can listen, and what it may use, in MHz."""

    number: int
    monitor: bool
    frequencies: tuple[int, ...]


class Interface(NamedTuple):
    """A network interface of a radio. `mode`: in the words of iw."""

    name: str
    ifindex: int
    phy: int
    mode: str


class Way(Protocol):
    """A way to the kernel's Wi-Fi. Everything raises RefusedError where the kernel says no."""

    def phys(self) -> list[Phy]:
        """All radios."""

    def interfaces(self) -> list[Interface]:
        """All interfaces of radios, those made first first."""

    def addressed(self) -> set[int]:
        """The indices of interfaces that have an IP address."""

    def set_up(self, interface: str, *, up: bool) -> None:
        """Switch an interface on or off."""

    def set_monitor(self, interface: str) -> None:
        """Make an interface that is off one that listens."""

    def tune(self, interface: str, mhz: int) -> None:
        """Set the channel, 20 MHz wide, of an interface that listens."""

    def country(self) -> str:
        """The country whose rules hold; "00" for none, "98" and "99" for a mixture."""

    def set_country(self, country: str) -> None:
        """Ask for a country's rules, which hold a little later."""


class Netlink:
    """The way through sockets, kept open until `close`."""

    def __init__(self) -> None:
        logging.getLogger("pyroute2").setLevel(logging.ERROR)  # it warns of traffic shaping that nobody asked for
        from pyroute2 import IW, IPRoute  # noqa: PLC0415 - see rule 3
        from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415
        from pyroute2.netlink.nl80211 import nl80211cmd  # noqa: PLC0415

        self._message, self._refusal, self._open_links = nl80211cmd, NetlinkError, IPRoute
        self._radios = IW()
        self._links: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the sockets."""
        self._radios.close()
        if self._links is not None:
            self._links.close()

    def phys(self) -> list[Phy]:
        """All radios, whose descriptions come in many messages each."""
        can_listen: dict[int, bool] = {}
        allowed: dict[int, list[int]] = {}
        for message in self._ask(_GET_WIPHY, _DUMP, SPLIT_WIPHY_DUMP=""):
            number = message.get_attr("NL80211_ATTR_WIPHY")
            modes = message.get_attr("NL80211_ATTR_SUPPORTED_IFTYPES") or ()
            can_listen[number] = can_listen.get(number, False) or "monitor" in modes
            allowed.setdefault(number, []).extend(_allowed(message))
        return [Phy(number, can_listen[number], tuple(sorted(allowed[number]))) for number in sorted(allowed)]

    def interfaces(self) -> list[Interface]:
        """All interfaces that have a name; a radio's inner ones, for P2P, have none."""
        found = [
            Interface(
                name,
                message.get_attr("NL80211_ATTR_IFINDEX"),
                message.get_attr("NL80211_ATTR_WIPHY"),
                _MODES.get(message.get_attr("NL80211_ATTR_IFTYPE"), "other"),
            )
            for message in self._ask(_GET_INTERFACE, _DUMP)
            if (name := message.get_attr("NL80211_ATTR_IFNAME"))
        ]
        return sorted(found, key=lambda one: one.ifindex)

    def addressed(self) -> set[int]:
        """The indices of interfaces that have an IP address."""
        return {message["index"] for message in self._asked_links("addr", "dump")}

    def set_up(self, interface: str, *, up: bool) -> None:
        """Switch an interface on or off."""
        self._asked_links("link", "set", index=_index(interface), state="up" if up else "down")

    def set_monitor(self, interface: str) -> None:
        """Make an interface that is off one that listens."""
        self._ask(_SET_INTERFACE, _ACKNOWLEDGE, IFINDEX=_index(interface), IFTYPE=_IFTYPE_MONITOR)

    def tune(self, interface: str, mhz: int) -> None:
        """Set the channel: one message of 44 bytes, which the library has no call for."""
        channel = {"WIPHY_FREQ": mhz, "CHANNEL_WIDTH": _WIDTH_20_NO_HT}
        self._ask(_SET_WIPHY, _ACKNOWLEDGE, IFINDEX=_index(interface), **channel)

    def country(self) -> str:
        """That of the kernel as a whole; some radios keep one of their own besides."""
        rules = self._ask(_GET_REG, _DUMP)
        general = [one for one in rules if one.get_attr("NL80211_ATTR_WIPHY") is None]
        return str(general[0].get_attr("NL80211_ATTR_REG_ALPHA2")) if general else "00"

    def set_country(self, country: str) -> None:
        """Ask for a country's rules."""
        self._ask(_REQ_SET_REG, _ACKNOWLEDGE, REG_ALPHA2=country)

    def _ask(self, command: int, flags: int, **attributes: int | str) -> list[Any]:
        message = self._message()
        message["cmd"] = command
        message["attrs"] = [[f"NL80211_ATTR_{name}", value] for name, value in attributes.items()]
        try:
            return list(self._radios.nlm_request(message, msg_type=self._radios.prid, msg_flags=_REQUEST | flags))
        except self._refusal as error:
            raise RefusedError(error.code) from None

    def _asked_links(self, call: str, *words: str, **values: int | str) -> list[Any]:
        self._links = self._links or self._open_links()
        try:
            return list(getattr(self._links, call)(*words, **values))
        except self._refusal as error:
            raise RefusedError(error.code) from None


def _allowed(message: Any) -> list[int]:
    """The frequencies in one part of a radio's description that are not forbidden, in MHz."""
    channels = [
        channel
        for band in message.get_attr("NL80211_ATTR_WIPHY_BANDS") or ()
        for channel in band.get_attr("NL80211_BAND_ATTR_FREQS") or ()
        if not channel.get_attr("NL80211_FREQUENCY_ATTR_DISABLED")
    ]
    found = [channel.get_attr("NL80211_FREQUENCY_ATTR_FREQ") for channel in channels]
    return [mhz for mhz in found if mhz >= _LOWEST_MHZ]


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        raise RefusedError(errno.ENODEV) from None
