"""Lamps: power, internet, Wi-Fi radio and Bluetooth of one sensor, as those who set it up see them: with what to do.

What a sensor has not told yet is awaited, and is neither good nor bad.
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import UNSET, Struct

from agent.contract import Health
from cloud.core.saying import Saying

State = Literal["good", "wait", "bad", "off"]
STALE_S = 180  # of a health that comes every minute
WORDS: dict[State, Saying] = {
    "good": Saying("good"),
    "wait": Saying("wait"),
    "bad": Saying("needs you"),
    "off": Saying("not used"),
}
_HEARS = Saying("It hears its surroundings.")
_DEAF = {
    "wifi": Saying("It hears nothing: unplug the Wi-Fi stick and plug it in again."),
    "ble": Saying("It hears nothing: switch the sensor off and on again."),
}
_MISSING = {
    "wifi": Saying("There is no Wi-Fi stick: plug the supplied one in."),
    "ble": Saying("It cannot be opened: switch the sensor off and on again."),
}


class Lamp(Struct, frozen=True):
    """One of the four: how it is, and one sentence."""

    name: Saying
    state: State
    sentence: Saying

    @property
    def word(self) -> Saying:
        """The state in a word."""
        return WORDS[self.state]


def lamps(health: Health | None, health_at: int | None, *, online: bool, now: int) -> list[Lamp]:
    """The four of a sensor whose last health came at `health_at`; times are UTC seconds."""
    said = health if health_at is not None and now - health_at <= STALE_S else None
    return [_power(said), _internet(online=online), *_radios(said)]


def _power(health: Health | None) -> Lamp:
    name = Saying("Power")
    if health is None:
        return Lamp(name, "wait", Saying("The sensor has not told yet."))
    strained = UNSET if health.machine is UNSET else health.machine.strained
    if strained is not UNSET and "under-voltage" in strained:
        return Lamp(name, "bad", Saying("The power supply is too weak: use the one that came with the sensor."))
    return Lamp(name, "good", Saying("Power is on."))


def _internet(*, online: bool) -> Lamp:
    name = Saying("Internet")
    if online:
        return Lamp(name, "good", Saying("Connected: what is counted is handed over."))
    return Lamp(name, "wait", Saying("It connects within a minute. If not, look at its network cable."))


def _radios(health: Health | None) -> Iterator[Lamp]:
    for kind, name in (("wifi", Saying("Wi-Fi radio")), ("ble", Saying("Bluetooth"))):
        found = None if health is None else next((one for one in health.radios if one.radio == kind), None)
        if health is None:
            yield Lamp(name, "wait", Saying("The sensor has not told yet."))
        elif found is None:
            yield Lamp(name, "off", Saying("This sensor counts without it."))
        elif found.state == "listening":
            yield Lamp(name, "good", _HEARS)
        else:
            yield Lamp(name, "bad", (_DEAF if found.state == "deaf" else _MISSING)[kind])
