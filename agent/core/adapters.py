"""Adapters: which Wi-Fi stick listens to which channels, and, where none can, one sentence on what to do.

1. An adapter that carries the sensor's own connection is never taken, nor the Pi's built-in radio, which cannot listen.
2. Each plan gets an adapter of its own, the first plan before the second, and drivers known to be good go first.
3. A plan gets only an adapter that may receive every channel of the plan in this country.
4. The same adapters and plans give the same choice, so that nothing changes hands between two looks.
5. A sentence is for the person in the shop: what is wrong and what to do, 200 characters at most.

Sources: morrownr/USB-WiFi, chipsets and recommended adapters; morrownr/mt76 issues 18 and 37 (mt7921u from kernel 6.17
on receives nothing); raspberrypi/linux issue 2307 (ath9k_htc); brcmfmac feature.c (no monitor mode on a Pi's chip).
"""

from collections.abc import Sequence
from itertools import product
from typing import Literal, NamedTuple

from agent.core.channels import frequency

AUTO = "auto"
CERTIFIED = ("mt76x2u", "mt76x0u", "rt2800usb")  # the best first

Grade = Literal["certified", "works", "unknown", "doubtful", "not usable"]
_GRADES: tuple[Grade, ...] = ("certified", "works", "unknown", "doubtful", "not usable")
_BUILT_IN = ("brcmfmac", "brcmfmac_sdio")
_TRIED_SINCE, _MT7921U_DEAF_SINCE = (6, 12), (6, 17)
_PLUG = "plug the supplied Wi-Fi stick in"
_EXCHANGE = "exchange it for the supplied one"


class Adapter(NamedTuple):
    """A Wi-Fi adapter as the kernel shows it; `interface` is "" for a USB device that no driver has taken.

    `usb`: "idVendor:idProduct", "" if it is on no USB. `monitor`: it says that it can listen. `frequencies`: those it
    may use here, in MHz. `mode`: what its interface is now, in the words of iw. `busy`: why it must not be taken, "" if
    it is free. `kernel`: the version its driver is of, (0, 0) if not known.
    """

    interface: str
    driver: str = ""
    usb: str = ""
    monitor: bool = False
    frequencies: tuple[int, ...] = ()
    mode: str = ""
    busy: str = ""
    up: bool = False
    kernel: tuple[int, int] = (0, 0)

    @property
    def bands(self) -> tuple[int, ...]:
        """The bands it may use here: 2, 5 and 6, in GHz as they are called."""
        return tuple(sorted({_band(mhz) for mhz in self.frequencies}))


class Plan(NamedTuple):
    """What one adapter is to listen to: the name of its interface, or "auto", and every channel it needs."""

    interface: str
    channels: tuple[int, ...]


class Verdict(NamedTuple):
    """How good an adapter is for a sensor, and why."""

    grade: Grade
    sentence: str


class _Objection(NamedTuple):
    """Why an adapter does not do. `nearness`: the nearer it is to doing, the more there is to be said about it."""

    nearness: int
    sentence: str


def choose(adapters: Sequence[Adapter], wanted: Sequence[Plan]) -> list[tuple[Adapter | None, str]]:
    """For each plan its adapter and "", or None and why there is none and what to do about it."""
    ranked = sorted(adapters, key=_rank)
    offers = [[*(one for one in ranked if _objection(one, plan) is None), None] for plan in wanted]
    best = min((one for one in product(*offers) if _is_each_once(one)), key=_cost)
    return [(adapter, "" if adapter else _why_none(adapters, plan)) for adapter, plan in zip(best, wanted, strict=True)]


def verdict(adapter: Adapter) -> Verdict:
    """What to think of `adapter`, busy or not."""
    flaw = _flaw(adapter)
    if flaw:
        return Verdict("not usable", flaw.sentence)
    grade, opinion = _opinion(adapter)
    return Verdict(grade, f"{opinion}; now it is not free: {adapter.busy}." if adapter.busy else f"{opinion}.")


def _band(mhz: int) -> int:
    if mhz < 3000:
        return 2
    return 5 if mhz < 5925 else 6


def _rank(adapter: Adapter) -> tuple[int, int, int, str]:
    order = CERTIFIED.index(adapter.driver) if adapter.driver in CERTIFIED else len(CERTIFIED)
    return _GRADES.index(_opinion(adapter)[0]), order, len(adapter.interface), adapter.interface


def _cost(choice: Sequence[Adapter | None]) -> tuple[tuple[bool, ...], int, int]:
    """First who goes without, the first plan before all; then how good the drivers are."""
    ranks = [_rank(one) for one in choice if one]
    return tuple(one is None for one in choice), sum(rank[0] for rank in ranks), sum(rank[1] for rank in ranks)


def _is_each_once(choice: Sequence[Adapter | None]) -> bool:
    names = [one.interface for one in choice if one]
    return len(names) == len(set(names))


def _opinion(adapter: Adapter) -> tuple[Grade, str]:
    """Of one that can listen, by its driver."""
    driver, is_tried = adapter.driver, adapter.kernel >= _TRIED_SINCE
    if driver in CERTIFIED:
        return "certified", "Certified for the sensor"
    if (driver == "mt7925u" and is_tried) or (driver == "mt7921u" and adapter.kernel[:2] == _TRIED_SINCE):
        return "works", "Others use it to listen without trouble, but it is not certified"
    if driver == "ath9k_htc":
        return "doubtful", "Others saw it stop after minutes or days of listening"
    if driver == "mt7601u":
        return "doubtful", "Its driver listens in a limited way only"
    return "unknown", "It says that it can listen, but nobody has tried it with the sensor"


def _flaw(adapter: Adapter) -> _Objection | None:
    """What makes it useless for listening, whoever uses it."""
    name = adapter.interface
    if adapter.driver in _BUILT_IN:
        return _Objection(0, f"The Pi's own radio ({name}) cannot listen to phones: {_PLUG}.")
    if not name:
        return _Objection(
            1, f"The USB device {adapter.usb} has no driver here: if it is a Wi-Fi stick, {_EXCHANGE}; if not, {_PLUG}."
        )
    if adapter.driver == "mt7921u" and adapter.kernel >= _MT7921U_DEAF_SINCE:
        version = ".".join(map(str, adapter.kernel))
        return _Objection(2, f"The Wi-Fi stick {name} (mt7921u) hears nothing with Linux {version}: {_EXCHANGE}.")
    if not adapter.monitor:
        return _Objection(2, f"The Wi-Fi stick {name} ({adapter.driver}) cannot listen to phones: {_EXCHANGE}.")
    return None


def _objection(adapter: Adapter, plan: Plan) -> _Objection | None:
    """Why `adapter` does not do for `plan`, others aside."""
    if plan.interface not in (AUTO, adapter.interface):
        return _Objection(-1, "")
    if flaw := _flaw(adapter):
        return flaw
    name = adapter.interface
    if adapter.busy:
        return _Objection(3, f"The Wi-Fi adapter {name} is not free, {adapter.busy}: {_PLUG} as well.")
    lacking = [one for one in plan.channels if _band(frequency(one)) not in adapter.bands]
    if lacking:
        band = {2: "2.4", 5: "5"}[_band(frequency(lacking[0]))]
        return _Objection(
            4,
            f"The Wi-Fi stick {name} has no {band} GHz for {_channels(lacking)}: plug one in that has, or take that "
            "out of the settings.",
        )
    barred = [one for one in plan.channels if frequency(one) not in adapter.frequencies]
    if barred:
        return _Objection(
            5,
            f"The Wi-Fi stick {name} may not use {_channels(barred)} here: set radio.wifi.country to the sensor's "
            "country, or take that out of the settings.",
        )
    return None


def _why_none(adapters: Sequence[Adapter], plan: Plan) -> str:
    seen = [one for one in adapters if plan.interface in (AUTO, one.interface)]
    if not seen and plan.interface == AUTO:
        return f"No Wi-Fi stick is there: {_PLUG}."
    if not seen:
        return (
            f'The Wi-Fi interface {plan.interface} of the settings is not there: plug its stick in, or write "{AUTO}" '
            "instead of the name."
        )
    objections = [objection for one in seen if (objection := _objection(one, plan))]
    if len(objections) == len(seen):
        return max(objections).sentence
    return (
        f"Every Wi-Fi stick that can receive {_channels(plan.channels)} listens already: plug another one in, or write "
        'radio.wifi.second_interface = "none".'
    )


def _channels(numbers: Sequence[int]) -> str:
    """In words, however many there are."""
    if len(numbers) > 6:
        return f"{len(numbers)} of the channels asked for"
    *others, last = map(str, numbers)
    return f"channels {', '.join(others)} and {last}" if others else f"channel {last}"
