"""A crowd for tests with real processes: a capture of known devices, and the canaries planted in it."""

import struct
from pathlib import Path
from random import Random

from agent.core.frame import Frame
from tests.air import heard

START = 1_700_000_100  # on the grid of 60 s windows
NAME = b"canary-network-name"


def addresses(count: int = 40) -> list[str]:
    """Half given by a maker, half drawn at random by the phone."""
    rng = Random(7)
    return [bytes((0x5A if n % 2 else 0x5C, *rng.randbytes(5))).hex(":") for n in range(count)]


def frames(seconds: int = 300) -> list[Frame]:
    """Every device sends three frames a minute for as long as it is there, on the channel listened to."""
    rng = Random(8)
    found = []
    for address in addresses():
        begins, ends = sorted(rng.uniform(0, seconds) for _ in range(2))
        signal = rng.randint(-85, -40)
        at = begins
        while at < ends:
            found.append(heard(START + at, address, signal, name=NAME, channel=6))
            at += rng.uniform(15, 25)
    return sorted(found)


def write(path: Path, crowd: list[Frame]) -> Path:
    """The crowd as a capture file with radiotap."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 127))
        for frame in crowd:
            size = len(frame.payload)
            file.write(struct.pack("<IIII", int(frame.at), int(frame.at % 1 * 1e6), size, size) + bytes(frame.payload))
    return path
