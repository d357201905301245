"""A crowd for tests with real processes: known devices, and the canaries planted in what they send."""

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
