"""Cause: why a sensor has most likely fallen silent, from the last that it told; and what to do next.

1. What is known for certain goes first: that it was stopped in order, that the whole shop is out, that it is connected
   all the while. Then what it said itself, the gravest first. Then what is left.
2. A sensor that vanished though its uplink was good has most likely lost its power. Without a word from it nobody
   knows.
3. What it told last is told again, so that whoever goes there can judge for themselves.
"""

from typing import Literal

from msgspec import UNSET, Struct

from agent.contract.health import Machine, Uplink
from cloud.core.condition import LEFT, Condition, certificate_until
from cloud.core.saying import Saying

Cause = Literal["stopped", "shop", "stuck", "certificate", "weak-power", "card", "clock", "uplink", "power"]
WEAK_DBM = -75
SLOW_S = 1.0
FULL = 0.02  # of a disk: so little is left that soon nothing can be written
WARM_C = 70.0
ADVICE: dict[Cause | None, Saying] = {  # the likely cause, and what to do next
    "stopped": Saying("It was shut down in order: plug it in again."),
    "shop": Saying("No sensor of the shop is heard: most likely its router or its power is out. Check those first."),
    "stuck": Saying("It is connected and sends no counts: unplug it, wait ten seconds, and plug it in again."),
    "certificate": Saying("Its certificate has ended, so it may not connect: claim it anew on its page."),
    "weak-power": Saying(
        "Its power supply was too weak before that: use the supply that came with it, straight in the wall."
    ),
    "card": Saying("Its SD card was full or faulty before that: replace the card, and claim the sensor anew."),
    "clock": Saying(
        "It did not know the time, and without the time no connection is safe: let it reach a time server (NTP, UDP "
        "port 123)."
    ),
    "uplink": Saying(
        "Its network was weak before that: move it nearer to the access point, or use a network cable. What it counts "
        "meanwhile comes later."
    ),
    "power": Saying(
        "It vanished from a good connection, so most likely it has no power: check its plug. What was not counted "
        "stays a gap."
    ),
    None: Saying(
        "Most often it is without power or network: check both. What it counts without a network comes later."
    ),
}


class LastWord(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a sensor said of itself before it fell silent, at the UTC second `at`, as far as it may be a reason."""

    at: int
    under_voltage: bool = False
    cpu_c: float | None = None
    signal_dbm: int | None = None
    round_trip_s: float | None = None
    disk_free: float | None = None
    disk_errors: int | None = None


def likely(one: Condition, now: int, *, all_out: bool) -> Cause | None:
    """Why a silent sensor is so; None where nothing points anywhere. `all_out`: no sensor of its shop is heard."""
    if one.link == LEFT:
        return "stopped"
    if all_out:
        return "shop"
    if one.link == "online":
        return "stuck"
    until = certificate_until(one.health)
    if until is not None and until <= now:
        return "certificate"
    return _said(one)


def _said(one: Condition) -> Cause | None:
    if one.health is None:
        return None
    machine = one.health.machine
    if machine is UNSET:
        return "clock" if one.health.clock == "untrusted" else None
    if _under_voltage(machine):
        return "weak-power"
    if _is_ill(machine):
        return "card"
    if one.health.clock == "untrusted":
        return "clock"
    if machine.uplink is UNSET:
        return None
    return "uplink" if _is_weak(machine.uplink) else "power"


def last_word(one: Condition) -> LastWord | None:
    """What it said last, of what may be a reason; None where it said nothing of it."""
    if one.health is None or one.health_at is None or one.health.machine is UNSET:
        return None
    machine = one.health.machine
    way = Uplink(kind="other") if machine.uplink is UNSET else machine.uplink
    return LastWord(
        at=one.health_at,
        under_voltage=_under_voltage(machine),
        cpu_c=None if machine.cpu_c is UNSET else machine.cpu_c,
        signal_dbm=None if way.signal_dbm is UNSET else way.signal_dbm,
        round_trip_s=None if way.round_trip_s is UNSET else way.round_trip_s,
        disk_free=None if machine.disk_free is UNSET else machine.disk_free,
        disk_errors=None if machine.disk_errors is UNSET else machine.disk_errors,
    )


def told(word: LastWord) -> Saying | None:
    """What it said last in words; None where it said nothing that can be told."""
    parts = _parts(word)
    if not parts:
        return None
    listed = parts[0]
    for one in parts[1:]:
        listed = Saying("{one}, {rest}", one=listed, rest=one)
    return listed


def _parts(word: LastWord) -> list[Saying]:
    found = [Saying("power supply too weak")] if word.under_voltage else []
    if word.signal_dbm is not None:
        found.append(Saying("Wi-Fi at {n} dBm", n=f"\N{MINUS SIGN}{-word.signal_dbm}"))
    if word.round_trip_s is not None:
        found.append(Saying("{n} ms to the server and back", n=1000 * word.round_trip_s))
    if word.cpu_c is not None and word.cpu_c >= WARM_C:
        found.append(Saying("processor at {n} °C", n=word.cpu_c))
    if word.disk_free is not None:
        found.append(Saying("{share:percent} of the disk free", share=word.disk_free))
    if word.disk_errors:
        found.append(Saying("errors on the disk"))
    return found


def _under_voltage(machine: Machine) -> bool:
    strains = [*(machine.strained or []), *(machine.was_strained or [])]
    return "under-voltage" in strains


def _is_ill(machine: Machine) -> bool:
    free, errors = machine.disk_free, machine.disk_errors
    return (free is not UNSET and free < FULL) or (errors is not UNSET and errors > 0)


def _is_weak(way: Uplink) -> bool:
    signal, takes_s = way.signal_dbm, way.round_trip_s
    return (signal is not UNSET and signal <= WEAK_DBM) or (takes_s is not UNSET and takes_s >= SLOW_S)
