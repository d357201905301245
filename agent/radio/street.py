"""The simulated street: a shop, the people in and around it, and the probe requests of their phones.

1. It is a simulation with a known truth, for trying the product and testing it. It measures nothing about how
   well real phones are counted: that takes real captures.
2. The seed decides everything. The same profile and day give the same people and the same bytes.
3. Frames are real: radiotap and 802.11 as a receiver parked on channel 6 gives them, neighbouring channels
   included, so the whole path from decoder to page is walked.
4. Who comes: visitors through the opening hours with a noon and an evening peak, passers-by past the window, staff
   all day, and neighbours' devices that never leave.
"""

import struct
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from heapq import merge
from operator import attrgetter
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agent.core.frame import Frame, Link

CHANNEL = 6
_FADING_DB = 3.0
_NEIGHBOUR_CHANNEL_DB = 17  # how much weaker a frame from the next channel is heard
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


class Model(NamedTuple):
    """How a kind of phone behaves: seconds between scans, frames a scan is heard by, and for how many seconds an
    address is kept (0: for one scan; None: for good)."""

    share: float
    scan_s: float
    frames: int
    address_s: float | None
    elements: bytes


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
    at = person.arrives + rng.uniform(0, min(model.scan_s, 20.0))
    address, drawn_at, fading = _address(rng, model), at, rng.gauss(0, _FADING_DB)
    while at < person.leaves:
        if model.address_s is not None and at - drawn_at >= model.address_s:
            address, drawn_at = _address(rng, model), at
        fading = 0.5 * fading + rng.gauss(0, 0.87 * _FADING_DB)
        for number in range(rng.randint(1, model.frames)):
            channel = CHANNEL if number == 0 or rng.random() < 0.7 else rng.choice((CHANNEL - 1, CHANNEL + 1))
            level = person.level + fading - (channel != CHANNEL) * _NEIGHBOUR_CHANNEL_DB
            yield Frame(at + 0.02 * number, Link.RADIOTAP, _packet(rng, model, address, channel, level))
        at += model.scan_s * rng.uniform(0.85, 1.15)


def _address(rng: Random, model: Model) -> bytes:
    drawn = rng.randbytes(5)
    if model.address_s is None:
        return bytes((rng.randrange(64) << 2,)) + drawn  # as if given by the maker: U/L and I/G bits clear
    return bytes((rng.randrange(64) << 2 | 2,)) + drawn


def _packet(rng: Random, model: Model, address: bytes, channel: int, level: float) -> bytes:
    signal = max(-100, min(-20, round(level)))
    head = _RADIOTAP.pack(0, 0, _RADIOTAP.size, _PRESENT, 0, 2, 2407 + 5 * CHANNEL, 0x00A0, signal)
    name = rng.choice(_NAMES)
    frame = struct.pack("<HH6s6s6sH", 0x0040, 0, b"\xff" * 6, address, b"\xff" * 6, rng.randrange(4096) << 4)
    return head + frame + _element(0, name) + model.elements.replace(_DS, bytes((3, 1, channel)))


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
    Model(0.18, 20.0, 3, 0, _elements(1, modern=True)),
    Model(0.22, 60.0, 3, 0, _elements(2, modern=True)),
    Model(0.16, 60.0, 4, 240.0, _elements(3, modern=True)),
    Model(0.14, 120.0, 3, 0, _elements(4, modern=True)),
    Model(0.10, 128.0, 4, 1200.0, _elements(5, modern=False)),
    Model(0.08, 75.0, 2, 600.0, _elements(6, modern=False)),
    Model(0.12, 60.0, 4, None, _elements(7, modern=False)),
)
