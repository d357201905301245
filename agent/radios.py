"""Radios, for the person beside the sensor: which there are, what each can do, and what it hears at this moment.

1. Every line says in plain words how it is; every refusal says what to do.
2. Listening here disturbs nothing: another socket on the interface, another reader at the hci. Where the keeping
   process runs it has the radios ready; where it does not, they are made ready here, as root.
3. Numbers a second are shown and no more: nothing of any device, and no address, is looked at.
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from agent import status
from agent.clock import SystemClock
from agent.config import Bluetooth, Config, Monitor
from agent.core.adapters import Plan, choose, verdict
from agent.core.channels import frequency
from agent.radio import Radio, RadioError, hci, nl80211
from agent.radio.wifi import Wifi

_SLICE_S = 0.1
_STALE_S = 15.0
_NAMES = {"wifi": "Wi-Fi", "ble": "Bluetooth"}
_WHAT_TO_DO = {
    "wifi": "pull the stick out, wait ten seconds, plug it into another socket, and try again.",
    "ble": "restart the machine; if it stays so, plug a Bluetooth stick in.",
}


class Row(NamedTuple):
    """One adapter: what it is called, how good it is for a sensor, why, and whether it is the one that listens."""

    radio: str
    name: str
    grade: str
    sentence: str
    chosen: bool


class Second(NamedTuple):
    """What one radio heard in one second: everything, and what counts (probe requests, advertisements)."""

    radio: str
    name: str
    second: int
    received: int
    counted: int


class Told(NamedTuple):
    """How a radio is, in a sentence."""

    radio: str
    ok: bool
    sentence: str


def listed(config: Config | None) -> list[Row]:
    """All adapters of the machine, Wi-Fi first. Raises RadioError."""
    chosen = {one.name for one in _kept(config)}
    rows = []
    for one in nl80211.adapters():
        grade, sentence = verdict(one)
        bands = ", ".join({2: "2.4", 5: "5", 6: "6"}[band] for band in one.bands)
        what = " ".join(filter(None, (one.driver, one.usb, f"{bands} GHz" if bands else "")))
        rows.append(Row("Wi-Fi", one.interface or "-", grade, f"{sentence} ({what})", one.interface in chosen))
    rows += [Row("Bluetooth", name, "works", "It can listen.", name in chosen) for name in hci.adapters()]
    return rows


def heard(config: Config, seconds: int) -> Iterator[Second | Told]:
    """Listen with every radio the settings ask for: what each hears second by second, then how each is."""
    radios: dict[str, Radio] = {}
    for kind, opens in _wanted(config).items():
        try:
            radios[kind] = opens()
        except RadioError as error:
            yield Told(_NAMES[kind], False, str(error))
    told: dict[str, list[Second]] = {kind: [] for kind in radios}
    try:
        for second in range(1, seconds + 1):
            for kind, one in _one_second(radios, second).items():
                told[kind].append(one)
                yield one
        for kind, radio in radios.items():
            yield _told(kind, told[kind], getattr(radio, "detail", ""))
    except RadioError as error:
        yield Told(_NAMES[kind], False, str(error))
    finally:
        for radio in radios.values():
            radio.close()


def _one_second(radios: dict[str, Radio], second: int) -> dict[str, Second]:
    before = {kind: radio.signs() or 0 for kind, radio in radios.items()}
    counted = dict.fromkeys(radios, 0)
    until = time.monotonic() + 1
    while time.monotonic() < until:
        for kind, radio in radios.items():
            counted[kind] += sum(1 for _ in radio.frames(_SLICE_S))
    return {
        kind: Second(_NAMES[kind], radio.source, second, (radio.signs() or 0) - before[kind], counted[kind])
        for kind, radio in radios.items()
    }


def _told(kind: str, seconds: list[Second], detail: str) -> Told:
    received, counted = sum(one.received for one in seconds), sum(one.counted for one in seconds)
    name, each = f"{_NAMES[kind]} ({seconds[-1].name})", max(1, len(seconds))
    if not received and not counted:
        return Told(_NAMES[kind], False, f"{name} heard nothing at all in {each} s: {_WHAT_TO_DO[kind]}")
    if kind == "ble":
        return Told(_NAMES[kind], True, f"{name} hears: {counted / each:.0f} advertisements a second. {detail}".strip())
    if not counted:
        return Told(
            _NAMES[kind],
            True,
            f"{name} hears: {received / each:.0f} frames a second, none from a phone just now. Open the Wi-Fi settings "
            "of a phone beside it: that makes it send.",
        )
    return Told(
        _NAMES[kind], True, f"{name} hears: {received / each:.0f} frames a second, {counted / each:.1f} from phones."
    )


def _wanted(config: Config) -> dict[str, Callable[[], Radio]]:
    """How to open each radio that the settings ask for."""
    clock, wifi, ble = SystemClock(), config.radio.wifi, config.radio.ble
    kept = next((one for one in _kept(config) if one.radio == "wifi"), None)
    wanted: dict[str, Callable[[], Radio]] = {}
    if isinstance(wifi, Monitor):
        wanted["wifi"] = lambda: Wifi(_ready(wifi, kept), clock.now)
    if isinstance(ble, Bluetooth):
        from agent.radio.ble import Ble  # noqa: PLC0415 - not every sensor has it

        wanted["ble"] = lambda: Ble(ble.adapter, ble.mode, clock.now)
    return wanted


def _kept(config: Config | None) -> list[status.Kept]:
    """What the keeping process says, if it runs; the first of a kind first."""
    said = status.read_radios(config.radios_path) if config else None
    return said.radios if said and time.clock_gettime(time.CLOCK_BOOTTIME) - said.at < _STALE_S else []


def _ready(wifi: Monitor, kept: status.Kept | None) -> str:
    """The name of a Wi-Fi interface that listens and is on a channel. Raises RadioError."""
    if kept is not None:
        if not kept.ready:
            raise RadioError(kept.sentence)
        return kept.name
    ((adapter, sentence),) = choose(nl80211.adapters(), [Plan(wifi.interface, wifi.channels)])
    if adapter is None:
        raise RadioError(sentence)
    nl80211.listen_on(adapter.interface)
    tuner = nl80211.Tuner()
    tuner.tune(adapter.interface, frequency(wifi.channels[0]))
    tuner.close()
    return adapter.interface


def line(one: Second) -> str:
    """A second as a line with a bar, for a person."""
    bar = "#" * min(40, round(3 * math.log2(1 + one.received)))
    what = "frames" if one.radio == "Wi-Fi" else "advertisements"
    phones = f", {one.counted} from phones" if one.radio == "Wi-Fi" else ""
    return f"{one.second:4} s  {one.radio:9}  {one.name:8}  {one.received:5} {what}{phones}  {bar}"
