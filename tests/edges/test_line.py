"""A line is believed only as it was written, and is found wherever its bytes lie."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent import line
from agent.contract import DwellDay, Estimate, Heard, Report, VisitsHour, encode
from agent.core.noise import EDGES_S
from agent.line import Line
from agent.outbox import Outbox

EPOCHS = st.from_regex(r"[0-7][0-9a-f]{15}", fullmatch=True)
LINES = st.builds(Line, EPOCHS, st.integers(1, 10**9 - 1), st.binary(max_size=3000))


def greatest(seed: int) -> Report:
    """As long a report as a sensor makes: two radios that tell an hour and a day, every figure of all its digits."""
    dice = random.Random(seed)

    def seconds() -> float:
        return round(dice.uniform(1000, 3600), 3)

    def estimate() -> Estimate:
        return Estimate(*(round(dice.uniform(1e5, 1e6), 2) for _ in range(3)))

    def noised() -> int:
        return dice.randrange(-(2**31), -(10**9))

    def heard() -> Heard:
        start, counts = 2**39 + 86_400 * seed, dice.choices(range(2**52, 2**53), k=4)
        return Heard(
            listened_s=seconds(), frames=counts[0], ignored=counts[1], damaged=counts[2], dropped=counts[3],
            estimator="classes-and-tags/1", flooded=False, present=estimate(), inside=estimate(), outside=estimate(),
            rested_s=seconds(),
            visits=VisitsHour(
                start=start, end=start + 3600, listened_s=seconds(),
                arrivals=noised(), arrivals_scale=999, visits=noised(), visits_scale=998,
            ),
            dwell=DwellDay(
                start=start, end=start + 86_400, edges_s=list(EDGES_S),
                devices=[noised() for _ in range(len(EDGES_S) + 1)], scale=997,
            ),
        )  # fmt: skip

    boot_s = round(dice.uniform(1e8, 1e9), 3)
    return Report(
        window_start=2**40 - seed, window_s=300, clock="untrusted", wifi=heard(), ble=heard(), boot_s=boot_s,
        key_reset=True,
    )  # fmt: skip


@given(LINES)
def test_what_is_written_is_read(one: Line) -> None:
    assert line.read(line.write(one)) == one


@given(LINES, st.randoms(use_true_random=False))
def test_what_was_altered_is_not_believed(one: Line, dice: random.Random) -> None:
    raw = bytearray(line.write(one))
    at = dice.randrange(len(raw))
    match dice.randrange(4):
        case 0:
            raw[at] ^= 1 << dice.randrange(8)
        case 1:
            del raw[at:]
        case 2:
            raw[at:at] = dice.randbytes(dice.randint(1, 4))
        case _:
            raw[at : at + 16] = bytes(16)
    assert line.read(bytes(raw)) in (None, one)


@settings(max_examples=50)
@given(st.lists(LINES, max_size=6), st.randoms(use_true_random=False))
def test_lines_are_found_in_rubble(some: list[Line], dice: random.Random) -> None:
    raw = dice.randbytes(dice.randrange(3000))
    for one in some:
        raw += line.write(one) + dice.randbytes(dice.randrange(300))
    assert set(line.search(pieces(raw, dice))) == set(some)


def pieces(raw: bytes, dice: random.Random) -> Iterator[bytes]:
    while raw:
        length = dice.randint(500, 5000)
        yield raw[:length]
        raw = raw[length:]


def test_names_are_in_the_order_of_time() -> None:
    assert line.place("0a000000ffffffff", 2**30) < line.place("0a00000100000000", 1) < line.place("0a00000100000000", 2)


def test_the_longest_report_of_a_sensor_lies_within_one_page(tmp_path: Path) -> None:
    """So that a search finds it without the pages that lead to it; with its boot beside it, as it waits for time."""
    path, count = tmp_path / "outbox.db", 60
    with closing(Outbox(path, boot="01234567-89ab-cdef-0123-456789abcdef")) as outbox:
        for seed in range(count):
            outbox.append(greatest(seed))
    raw = path.read_bytes()
    pages = (raw[at : at + line.PAGE] for at in range(0, len(raw), line.PAGE))
    found = {one.body for page in pages for one in line.search([page])}
    written = {encode(greatest(seed)) for seed in range(count)}
    assert min(map(len, written)) > line.PAGE, "so long that they are packed"
    assert found == written
