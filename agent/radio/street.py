"""The simulated street: a shop, the people in and around it, and the probe requests of their phones.

1. It is a simulation with a known truth, for trying the product and testing it. It measures nothing about how
   well real phones are counted: that takes real captures.
2. The seed decides everything. The same profile and day give the same people and the same bytes.
3. Frames are real: radiotap and 802.11 as a receiver parked on channel 6 gives them, neighbouring channels
   included, so the whole path from decoder to page is walked.
4. Phones behave as measured ones do: the kinds in `MODELS` are those found among eleven phones of 2013 to 2021, with
   their gaps between scans, frames per scan, lives of addresses and spread of levels.
5. Who comes: visitors through the opening hours with a noon and an evening peak, passers-by past the window, staff
   all day, and neighbours' devices that never leave.
"""

import struct
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from enum import Enum
from heapq import merge
from math import exp
from operator import attrgetter
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agent.core.frame import Frame, Link

CHANNEL = 6
_FADING_DB, _FADING_S = 4.0, 20.0  # of a phone that lies still, and how fast that changes
_NEIGHBOUR_DB = (8.0, 25.0)  # how much weaker frames from the next channel are heard
_FLOOR_DBM = -93.0
_HOURLY = (1, 1, 1, 1, 1, 1, 2, 4, 6, 8, 10, 13, 15, 13, 11, 11, 13, 16, 14, 9, 6, 4, 2, 1)
_RADIOTAP = struct.Struct("<BBHIBBHHb")
_PRESENT = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5  # flags, rate, channel, signal
_NAMES = (b"", b"", b"", b"Guest", b"Home-2.4")


class Profile(NamedTuple):
    """A shop on the street. People per day, staff and neighbours in numbers; hours in the shop's `time_zone`."""

    seed: int = 1
    visitors_per_day: int = 300
    passers_per_visitor: float = 4.0
    staff: int = 3
    neighbours: int = 4
    opens_hour: int = 9
    closes_hour: int = 20
    time_zone: str = "Europe/Berlin"


class Keeps(Enum):
    """How long a phone keeps an address."""

    FOR_GOOD = 1  # given by the maker
    A_VISIT = 2  # drawn when it came
    A_SWEEP = 3  # drawn for every scan
    A_FRAME = 4  # drawn for every frame


class Model(NamedTuple):
    """A kind of phone: its share of the street, seconds from sweep to sweep, frames heard of a sweep and the seconds
    it takes, which share of those is sent on the channel listened to, how its level varies, and what it sends."""

    share: float
    gap_s: tuple[float, float]
    frames: tuple[int, int]
    sweep_s: float
    keeps: Keeps
    on_channel: float
    wobble_db: float
    elements: tuple[bytes, ...]


class Person(NamedTuple):
    """Somebody with a phone, near from `arrives` to `leaves` (UTC seconds), heard at `level` dBm on average."""

    arrives: float
    leaves: float
    level: float
    inside: bool
    number: int


def frames(profile: Profile, start: float) -> Iterator[Frame]:
    """Everything the shop's sensor hears from `start` (UTC seconds) on, for ever."""
    zone = ZoneInfo(profile.time_zone)
    today = datetime.fromtimestamp(start, zone).date()
    while True:
        speaking = [_phone(profile, today, person) for person in people(profile, today)]
        for frame in merge(*speaking, key=attrgetter("at")):
            if frame.at >= start:
                yield frame
        today += timedelta(days=1)


def truth(profile: Profile, at: float) -> int:
    """How many devices are inside the shop at `at` (UTC seconds)."""
    today = datetime.fromtimestamp(at, ZoneInfo(profile.time_zone)).date()
    return sum(p.inside and p.arrives <= at < p.leaves for p in people(profile, today))


def people(profile: Profile, day: date) -> list[Person]:
    """Everyone with a phone on the shop-local `day`."""
    rng = Random(f"{profile.seed}/{day}")
    zone = ZoneInfo(profile.time_zone)
    midnight = datetime.combine(day, time(), zone).timestamp()
    end = datetime.combine(day + timedelta(days=1), time(), zone).timestamp()
    opens, closes = (midnight + 3600 * hour for hour in (profile.opens_hour, profile.closes_hour))
    found = [Person(midnight, end, rng.uniform(-88, -76), False, n) for n in range(profile.neighbours)]
    for _ in range(profile.staff):
        arrives = opens - rng.uniform(300, 1800)
        found.append(Person(arrives, closes + rng.uniform(300, 1200), rng.uniform(-60, -48), True, len(found)))
    for _ in range(_around(rng, profile.visitors_per_day)):
        arrives = _moment(rng, midnight, profile.opens_hour, profile.closes_hour)
        stays = min(rng.lognormvariate(6.3, 0.8), 5400.0)
        leaves = min(arrives + stays, closes + 300)
        found.append(Person(arrives, leaves, rng.uniform(-66, -45), True, len(found)))
    for _ in range(_around(rng, profile.visitors_per_day * profile.passers_per_visitor)):
        arrives = _moment(rng, midnight, 0, 24)
        found.append(Person(arrives, arrives + rng.uniform(20, 90), rng.uniform(-88, -74), False, len(found)))
    return found


def _around(rng: Random, mean: float) -> int:
    return max(0, round(rng.gauss(mean, mean**0.5)))


def _moment(rng: Random, midnight: float, first_hour: int, end_hour: int) -> float:
    hours = range(first_hour, max(end_hour, first_hour + 1))
    hour = rng.choices(hours, [_HOURLY[h] for h in hours])[0]
    return midnight + 3600 * (hour + rng.random())


def _phone(profile: Profile, day: date, person: Person) -> Iterator[Frame]:
    rng = Random(f"{profile.seed}/{day}/{person.number}")
    model = rng.choices(MODELS, [model.share for model in MODELS])[0]
    gap = rng.uniform(*model.gap_s)  # a timer of its own; it keeps it
    at = person.arrives + rng.uniform(0, gap)
    address, fading = _address(rng, model), rng.gauss(0, _FADING_DB)
    while at < person.leaves:
        if model.keeps in (Keeps.A_SWEEP, Keeps.A_FRAME):
            address = _address(rng, model)
        kept = exp(-gap / _FADING_S)
        fading = kept * fading + rng.gauss(0, _FADING_DB * (1 - kept * kept) ** 0.5)
        level = person.level + fading + rng.gauss(0, model.wobble_db)
        yield from _sweep(rng, model, address, at, level)
        at += gap * rng.gauss(1.0, 0.01)


def _sweep(rng: Random, model: Model, address: bytes, at: float, level: float) -> Iterator[Frame]:
    """One scan: frames over its length, the strongest where it passes the channel listened to."""
    elements, count = rng.choice(model.elements), rng.randint(*model.frames)
    for number in range(count):
        if model.keeps is Keeps.A_FRAME:
            address = _address(rng, model)
        on_channel = number == count // 2 or rng.random() < model.on_channel
        channel = CHANNEL if on_channel else rng.choice((CHANNEL - 1, CHANNEL + 1))
        signal = level if on_channel else level - rng.uniform(*_NEIGHBOUR_DB)
        if signal > _FLOOR_DBM:
            when = at + model.sweep_s * number / count
            yield Frame(when, Link.RADIOTAP, _packet(rng, elements, address, channel, signal))


def _address(rng: Random, model: Model) -> bytes:
    drawn = rng.randbytes(5)
    local = 0 if model.keeps is Keeps.FOR_GOOD else 2  # the U/L bit says whether the maker gave it
    return bytes((rng.randrange(64) << 2 | local,)) + drawn


def _packet(rng: Random, elements: bytes, address: bytes, channel: int, level: float) -> bytes:
    signal = max(-100, min(-20, round(level)))
    head = _RADIOTAP.pack(0, 0, _RADIOTAP.size, _PRESENT, 0, 2, 2407 + 5 * CHANNEL, 0x00A0, signal)
    name = rng.choice(_NAMES)
    frame = struct.pack("<HH6s6s6sH", 0x0040, 0, b"\xff" * 6, address, b"\xff" * 6, rng.randrange(4096) << 4)
    return head + frame + _element(0, name) + elements.replace(_DS, bytes((3, 1, channel)))


def _element(ident: int, content: bytes) -> bytes:
    return bytes((ident, len(content))) + content


_DS = b"\x03\x01\x00"


def _elements(kind: int, *, modern: bool) -> bytes:
    """A plausible list of elements, the same for every phone of the kind."""
    rng = Random(kind)
    found = _element(1, bytes((2, 4, 11, 22))) + _element(50, bytes((12, 18, 24, 36, 48, 72, 96, 108))) + _DS
    found += _element(45, rng.randbytes(1) + b"\x00\x1b\xff\xff" + bytes(21)) + _element(127, rng.randbytes(8))
    if modern:
        found += _element(191, rng.randbytes(12)) + _element(255, b"\x23" + rng.randbytes(20))
    return found + _element(221, b"\x00\x10\x18" + rng.randbytes(6))


MODELS = (
    Model(0.04, (5.0, 15.0), (8, 13), 0.4, Keeps.FOR_GOOD, 0.2, 1.0, (_elements(1, modern=False),)),
    Model(0.08, (30.0, 120.0), (11, 20), 0.7, Keeps.FOR_GOOD, 0.15, 0.8, (_elements(2, modern=False),)),
    Model(0.14, (160.0, 164.0), (6, 14), 0.5, Keeps.A_SWEEP, 0.2, 1.3, (_elements(3, modern=True),)),
    Model(0.14, (110.0, 300.0), (6, 18), 0.8, Keeps.A_SWEEP, 0.2, 2.6, (_elements(4, modern=True),)),
    Model(0.12, (127.0, 129.0), (8, 16), 1.0, Keeps.A_SWEEP, 0.2, 1.3, (_elements(5, modern=True),)),
    Model(0.14, (60.0, 180.0), (1, 5), 0.2, Keeps.A_SWEEP, 0.7, 1.3, (_elements(6, modern=True),)),
    Model(0.12, (75.0, 160.0), (2, 8), 0.3, Keeps.A_SWEEP, 0.4, 1.0, (_elements(7, modern=True),)),
    Model(0.08, (63.2, 63.8), (6, 10), 0.9, Keeps.A_FRAME, 1.0, 0.6, (_elements(8, modern=True),)),
    Model(
        0.06,
        (45.0, 90.0),
        (1, 8),
        0.3,
        Keeps.A_SWEEP,
        0.5,
        1.0,
        (_elements(9, modern=True), _elements(10, modern=True)),
    ),
    Model(0.08, (160.0, 270.0), (8, 11), 0.6, Keeps.A_VISIT, 0.2, 0.8, (_elements(11, modern=True),)),
)
