"""PT-12: who is on the opt-out list changes nothing. The same street with and without that device: the same bytes.

A crowd walks by and comes in; one of its stable addresses is on the list. Runs in pairs, same seeds: with the device
heard and listed, and with it never there. Everything that leaves the core is compared byte for byte, noise included.
"""

import secrets
from pathlib import Path
from random import Random

from agent.contract import encode
from agent.contract.optout import Filter, make_list
from agent.core.frame import Frame
from agent.core.memory import Place, Visits
from agent.core.sensor import Sensor
from agent.core.sighting import AddressKind
from tests.air import heard
from tests.privacy.proof import Proof, check

T = 1_699_923_600
ELEMENTS = (b"\x01\x02\x82\x84", b"\x01\x02\x82\x84\x2d\x01\x07", b"\x01\x01\x8c")


def crowd(dice: Random) -> dict[str, list[Frame]]:
    """Frames by address: 40 devices, random and stable ones, near and far."""
    found: dict[str, list[Frame]] = {}
    for number in range(40):
        address = f"{0 if number % 2 else 2:02x}:{dice.randbytes(5).hex(':')}"
        elements, level, begins = dice.choice(ELEMENTS), dice.randrange(-95, -40), dice.uniform(0, 5000)
        times = [begins + 60 * sweep + dice.random() for sweep in range(dice.randrange(1, 30))]
        found[address] = [
            heard(T + at + 0.1 * k, address, level + dice.randrange(-5, 5), elements=elements)
            for at in times
            for k in range(3)
        ]
    return found


def leaves(frames: list[Frame], seed: int, listed: Filter | None) -> bytes:
    """All that a sensor says of two hours."""
    dice = Random(seed)
    place = Place(visits=Visits(dice.randrange, lambda _day: True))
    sensor = Sensor(("wifi",), lambda: dice.randbytes(32), 300, place)
    sensor.memory.leave_out(listed and listed.holds)
    said = []
    sensor.listen("wifi", T)
    waiting = sorted(frames, key=lambda frame: frame.at)
    for second in range(0, 7500, 60):
        said += sensor.poll(T + second)
        while waiting and waiting[0].at < T + second + 60:
            sensor.feed(waiting.pop(0))
    return b"\n".join(map(encode, said))


def pair(seed: int, *, honoured: bool) -> bool:
    """Whether the two runs are alike. `honoured`: whether the sensor uses the list at all."""
    dice = Random(seed)
    frames = crowd(dice)
    address = dice.choice([one for one in frames if one.startswith("00") and len(frames[one]) > 9])
    raw = bytes.fromhex(address.replace(":", ""))
    listed = Filter(make_list([(AddressKind.WIFI_GLOBAL, raw)], dice.randbytes(32), T, secrets.randbelow))
    others = [frame for one, some in frames.items() if one != address for frame in some]
    # The list leaves out one stranger in 1024 by chance, so the run without the device has the list too.
    return leaves(others + frames[address], seed, listed if honoured else None) == leaves(others, seed, listed)


def prove(folder: Path, *, full: bool) -> Proof:
    pairs = 300 if full else 6
    alike = sum(pair(seed, honoured=True) for seed in range(pairs))
    ignored = sum(pair(seed, honoured=False) for seed in range(6))
    return Proof(
        "PT-12",
        "who is on the opt-out list changes no byte of what leaves the sensor",
        f"{alike} of {pairs} pairs of runs alike, byte for byte",
        alike == pairs,
        f"a sensor that ignores the list: {6 - ignored} of 6 pairs differ",
        ignored == 0,
    )


def test_who_is_on_the_list_changes_nothing(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))
