"""Ailment: what may be the matter with a shop's sensors, in words: what it is, since when, why, and what to do next."""

from typing import NamedTuple

from cloud.core import cause
from cloud.core.cause import Cause
from cloud.core.saying import Saying


class Words(NamedTuple):
    """Titles while it is so and once it has ended, and the next step (of silence it depends on the cause)."""

    title: Saying
    ended: Saying
    why: Saying


AILMENTS: dict[str, Words] = {
    "sensor-silent": Words(
        Saying("A sensor is silent"),
        Saying("No sensor is silent any longer"),
        cause.ADVICE[None],
    ),
    "sensor-deaf": Words(
        Saying("A sensor hears nothing"),
        Saying("Every sensor hears again"),
        Saying("It counts nobody until then: plug its adapter in again; if that does not help, replace it."),
    ),
    "sensor-clock": Words(
        Saying("A sensor does not know the time"),
        Saying("Every sensor knows the time again"),
        Saying("What it counts is in no figure until then: let it reach a time server (NTP, UDP port 123)."),
    ),
    "sensor-ble": Words(
        Saying("A sensor hears no Bluetooth"),
        Saying("Every sensor hears Bluetooth again"),
        Saying(
            "Its Wi-Fi still counts: unplug it, wait ten seconds, and plug it in again; if that does not help, plug in "
            "a Bluetooth stick."
        ),
    ),
    "sensor-copied": Words(
        Saying("A sensor is there twice"),
        Saying("No sensor is there twice any longer"),
        Saying("Its figures are of two places: switch one of the two off, reset it, and claim it under its own name."),
    ),
    "sensor-settings": Words(
        Saying("A sensor undid its new settings"),
        Saying("No sensor has undone its settings any longer"),
        Saying("It counts as before. See what the new settings changed before they are sent again."),
    ),
    "sensor-certificate": Words(
        Saying("A sensor's certificate ends soon"),
        Saying("Every certificate was renewed"),
        Saying(
            "It should have been renewed by itself, and without it the sensor cannot connect: see that it is online, "
            "else claim it anew on its page."
        ),
    ),
}


def what(kind: str, zones: str, since: Saying, reason: str) -> Saying:
    """What it is and since when, of the sensors in `zones`; `reason` is what a sensor said itself."""
    match kind:
        case "sensor-deaf":
            return Saying("The sensor ({zone}) has heard no Wi-Fi since {since}.", zone=zones, since=since)
        case "sensor-clock":
            return Saying("The sensor ({zone}) has not known the time since {since}.", zone=zones, since=since)
        case "sensor-ble":
            return Saying(
                "The sensor ({zone}) has heard no Bluetooth since {since}, whatever it tried.", zone=zones, since=since
            )
        case "sensor-copied":
            return Saying(
                "Two machines have spoken as the sensor ({zone}) by turns since {since}: its card was copied.",
                zone=zones,
                since=since,
            )
        case "sensor-settings":
            told = reason or Saying("it did not say why.")
            return Saying("The sensor ({zone}) tried new settings, and undid them: {reason}", zone=zones, reason=told)
        case "sensor-certificate":
            return Saying("The certificate of the sensor ({zone}) ends within a week.", zone=zones)
        case _:
            return Saying("Nothing has come from the sensor ({zone}) since {since}.", zone=zones, since=since)


def why(kind: str, of: Cause | None) -> Saying:
    """The likely cause and the next step."""
    return cause.ADVICE[of] if kind == "sensor-silent" else AILMENTS[kind].why


def of_many(kind: str, n: int) -> Saying:
    """The title where `n` shops have it together."""
    match kind:
        case "sensor-silent":
            return Saying("{n} shops fell silent together", n=n)
        case "sensor-deaf":
            return Saying("{n} shops lost their radios together", n=n)
        case "sensor-clock":
            return Saying("{n} shops lost the time together", n=n)
        case "sensor-ble":
            return Saying("{n} shops lost Bluetooth together", n=n)
        case "sensor-copied":
            return Saying("{n} shops have sensors that are there twice", n=n)
        case "sensor-settings":
            return Saying("{n} shops undid their new settings together", n=n)
        case "sensor-certificate":
            return Saying("The certificates of {n} shops end soon", n=n)
        case _:
            return Saying("{n} shops were listened to too little together", n=n)


def why_many(kind: str) -> Saying:
    """What to look at first where many shops have it together."""
    match kind:
        case "sensor-silent":
            return Saying(
                "So many at once have one cause: check the network they share, the broker and this server first."
            )
        case "sensor-clock":
            return Saying("So many at once have one cause: check the time server they share first.")
        case "sensor-settings":
            return Saying("So many at once have one cause: stop the change of settings, and put back what was before.")
        case "sensor-certificate":
            return Saying("So many at once have one cause: check that this server still renews certificates.")
        case _:
            return Saying("So many at once have one cause: check what was changed on all of them last.")
