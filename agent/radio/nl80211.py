"""Nl80211: which Wi-Fi adapters there are, and how one is made to listen, tuned, and told which country it is in.

1. Monitor mode is set on an interface itself. No second interface is made: some drivers leave it without frames.
2. All asking is idempotent: what is already as it should be is left alone.
3. The kernel's sockets are the way (`netlink`). Where the library for them fails, the programs iw and ip are (`iw`);
   a refusal of the kernel is final, for both ask the same kernel.
4. Every refusal becomes RadioError: one sentence on what to do.
5. No frame is received here, and nothing of any network or station is asked for.

Sources: linux/nl80211.h; net/wireless/nl80211.c for what is refused with which number.
"""

import errno
import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from agent.core.adapters import Adapter
from agent.radio import RadioError, sticks
from agent.radio.iw import Programs
from agent.radio.netlink import Interface, Netlink, RefusedError, Way

log = logging.getLogger("footfall.radio")

T = TypeVar("T")
_COUNTRY_S, _LOOK_S = 2.0, 0.05

_REFUSALS = {
    errno.EPERM: "Changing {what} needs the right CAP_NET_ADMIN: start the service footfall-keep, or run this as root.",
    errno.EBUSY: "{What} is in use by another program, NetworkManager or wpa_supplicant perhaps: "
    "take it from that program, for example with 'nmcli device set {name} managed no'.",
    errno.ENODEV: "{What} went away: plug the Wi-Fi stick in again.",
    errno.ERFKILL: "{What} is switched off: lift the block with 'rfkill unblock wifi', "
    "or use the switch on the machine.",
    errno.EOPNOTSUPP: "{What} cannot do this: exchange the Wi-Fi stick for the supplied one.",
}


class _Kernel:
    """The kernel's Wi-Fi, by whichever way works. For one thread."""

    def __init__(self) -> None:
        self._netlink: Netlink | None = None

    def ask(self, step: Callable[[Way], T]) -> T:
        """What `step` gives, through sockets, or else through programs. Raises RefusedError, or RadioError."""
        if not sticks.has_wifi():
            raise RefusedError(errno.ENODEV)
        try:
            self._netlink = self._netlink or Netlink()
            return step(self._netlink)
        except RefusedError:
            raise
        except Exception as error:  # the library raises many kinds; none of them is the kernel's answer
            log.info("pyroute2 failed (%s): iw is asked instead", type(error).__name__)
            self.close()
        try:
            return step(Programs())
        except OSError as error:
            raise RadioError(
                f"The kernel's Wi-Fi cannot be asked ({error.strerror}): install the packages iw and iproute2."
            ) from None

    def close(self) -> None:
        """Close the sockets; the next question opens them anew."""
        if self._netlink is not None:
            netlink, self._netlink = self._netlink, None
            netlink.close()


class Tuner:
    """Changes channels, through one socket that stays open. For one thread."""

    def __init__(self) -> None:
        self._kernel = _Kernel()

    def tune(self, interface: str, mhz: int) -> None:
        """Set an interface that listens to a frequency in MHz, 20 MHz wide. Raises RadioError."""
        try:
            self._kernel.ask(lambda way: way.tune(interface, mhz))
        except RefusedError as refused:
            if refused.code == errno.EINVAL:
                raise RadioError(
                    f"The Wi-Fi interface {interface} may not use {mhz} MHz: set radio.wifi.country to the sensor's "
                    "country, or take that channel out of the settings."
                ) from None
            raise _error(refused, interface) from None

    def close(self) -> None:
        """Close the socket; the next change opens it anew."""
        self._kernel.close()


def adapters() -> list[Adapter]:
    """All Wi-Fi adapters, and USB devices without a driver, which may be some. Raises RadioError."""
    bare = [Adapter("", usb=ids) for ids in sticks.without_driver()]
    if not sticks.has_wifi():
        return bare
    phys, interfaces, addressed = _take(lambda way: (way.phys(), way.interfaces(), way.addressed()))
    release = os.uname().release.split(".")
    kernel = int(release[0]), int(release[1])
    found = []
    for phy in phys:
        own = [one for one in interfaces if one.phy == phy.number]
        for one, busy in zip(own, reasons(own, [_use(one, addressed) for one in own]), strict=True):
            drives, ids, up = sticks.driver(one.name), sticks.usb(one.name), sticks.is_up(one.name)
            found.append(Adapter(one.name, drives, ids, phy.monitor, phy.frequencies, one.mode, busy, up, kernel))
    return found + bare


def listen_on(interface: str) -> None:
    """Put an interface into monitor mode and switch it on, if it is not so already. Raises RadioError."""

    def listen(way: Way) -> None:
        mode = next((one.mode for one in way.interfaces() if one.name == interface), None)
        if mode is None:
            raise RefusedError(errno.ENODEV)
        was_up = sticks.is_up(interface)
        if mode != "monitor":
            _change(way, interface, was_up=was_up)
        if mode != "monitor" or not was_up:
            way.set_up(interface, up=True)

    _take(listen, interface)


def power_cycle(interface: str) -> bool:
    """Switch an interface off and on; whether both could be done."""

    def cycle(way: Way) -> None:
        way.set_up(interface, up=False)
        way.set_up(interface, up=True)

    try:
        _take(cycle, interface)
    except RadioError:
        return False
    return True


def country() -> str:
    """The country whose rules hold (ISO 3166-1); "00" where none was set, "98" or "99" a mixture. Raises RadioError."""
    return _take(lambda way: way.country()) if sticks.has_wifi() else "00"


def set_country(wanted: str) -> None:
    """Make the rules of a country hold (ISO 3166-1, two capitals), if they do not yet. Raises RadioError.

    The kernel takes them up a little later, which is waited for, 2 seconds at most.
    """
    if not sticks.has_wifi():
        raise RadioError("The country cannot be set without any Wi-Fi adapter: plug the supplied Wi-Fi stick in.")
    if country() == wanted:
        return
    _take(lambda way: way.set_country(wanted))
    until = time.monotonic() + _COUNTRY_S
    while (now := country()) != wanted:
        if time.monotonic() > until:
            raise RadioError(
                f"The country {wanted} is not in force but {now}: check the two letters in radio.wifi.country and "
                "that the package wireless-regdb is installed."
            )
        time.sleep(_LOOK_S)


def reasons(interfaces: Sequence[Interface], uses: Sequence[str]) -> list[str]:
    """Why each of one radio's interfaces must not be taken ("" if it may), from what each is used for ("" nothing).

    A radio has one channel at a time: whatever one of its interfaces is used for keeps all of them, and only the first
    can be taken.
    """
    used = next(filter(None, uses), "")
    return [
        use or used or (f"it shares its stick with {interfaces[0].name}" if number else "")
        for number, use in enumerate(uses)
    ]


def _use(one: Interface, addressed: set[int]) -> str:
    if one.mode in ("AP", "AP/VLAN", "P2P-GO"):
        return "it is an access point"
    connected = one.mode != "monitor" and sticks.has_carrier(one.name)
    if connected or one.ifindex in addressed or sticks.is_bridged(one.name):
        return "it carries the sensor's own connection"
    return ""


def _change(way: Way, interface: str, *, was_up: bool) -> None:
    """Set the mode, for which it must be off; where that is refused, leave it as it was."""
    way.set_up(interface, up=False)
    try:
        way.set_monitor(interface)
    except RefusedError:
        if was_up:
            way.set_up(interface, up=True)
        raise


def _take(step: Callable[[Way], T], interface: str = "") -> T:
    kernel = _Kernel()
    try:
        return kernel.ask(step)
    except RefusedError as refused:
        raise _error(refused, interface) from None
    finally:
        kernel.close()


def _error(refused: RefusedError, interface: str) -> RadioError:
    what = f"the Wi-Fi interface {interface}" if interface else "the kernel's Wi-Fi"
    words = _REFUSALS.get(refused.code, "{What} refuses ({reason}): pull the Wi-Fi stick out and plug it in again.")
    reason = errno.errorcode.get(refused.code, "unknown error")
    return RadioError(words.format(what=what, What=what[0].upper() + what[1:], name=interface, reason=reason))
