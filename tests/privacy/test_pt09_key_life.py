"""PT-9: no key outlives its life, whatever the clocks do. Random histories of the time of day and of sleep.

A history is a day or two of polls, at most two minutes apart while awake, and a time of day that jumps by seconds,
hours, days or years, stands still, or runs backwards. Between two polls a key may be two minutes older than its life.
"""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agent.core.epoch import LONGEST_EPOCH_S, LONGEST_WINDOW_S, Keys, Moment
from agent.core.memory import Place, Visits
from agent.core.sensor import Sensor
from tests.privacy.proof import Proof, check

SLACK_S = 120.0
ZONES = tuple(map(ZoneInfo, ("UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns")))
JUMPS = (0.0, 1.0, -1.0, 60.0, -300.0, 3599.0, -3601.0, 90_000.0, -90_000.0, 3.2e7, -3.2e7, -1.7e9)


class Longest(NamedTuple):
    """The longest lives seen, in seconds beyond what is allowed (negative: within)."""

    count: float
    epoch: float


def steps(dice: Random, number: int) -> list[tuple[float, float]]:
    """(seconds on the clock that nobody sets, seconds on the time of day) from poll to poll."""
    still = dice.random() < 0.2
    found = []
    for _ in range(number):
        real = dice.uniform(0, SLACK_S) if dice.random() < 0.7 else dice.choice((600.0, 3600.0, 40_000.0, 86_400.0))
        jump = dice.choice(JUMPS) if dice.random() < 0.2 else 0.0
        found.append((real, 0.0 if still else max(real + jump, -1e12)))
    return found


class Model:
    """Keys driven as `Sensor` drives them, without the counting: fast enough for a million histories."""

    def __init__(self, zone: ZoneInfo, utc: float, *, by_time_of_day: bool) -> None:
        self.keys = Keys(lambda: bytes(32), 300, zone, with_epoch=True)
        self.end = utc // 300 * 300 + 300
        self._wrong = by_time_of_day
        self._open(Moment(utc, 0.0), 0.0)

    def poll(self, now: Moment) -> None:
        told = Moment(now.utc, now.utc) if self._wrong else now
        if self.keys.expired(told.boot) or now.utc >= self.end or now.utc < self.end - 3900:
            self.keys.close()
            if self.keys.outlasted(told):
                self.keys.end()
            self._open(told, now.boot)

    def _open(self, now: Moment, boot: float) -> None:
        self.end = now.utc // 300 * 300 + 300
        if self.keys.open(now):
            self.epoch_from = boot
        self.count_from = boot


def model_history(dice: Random, *, by_time_of_day: bool) -> Longest:
    utc, boot = dice.uniform(1.6e9, 1.8e9), 0.0
    model = Model(dice.choice(ZONES), utc, by_time_of_day=by_time_of_day)
    longest = Longest(-1e9, -1e9)
    for real, passed in steps(dice, 12):
        boot, utc = boot + real, max(0.0, utc + passed)
        model.poll(Moment(utc, boot))
        longest = Longest(
            max(longest.count, boot - model.count_from - LONGEST_WINDOW_S),
            max(longest.epoch, boot - model.epoch_from - LONGEST_EPOCH_S),
        )
    return longest


def sensor_history(dice: Random) -> Longest:
    """The same on the whole sensor: keys are watched where they are drawn and where they are overwritten."""
    drawn: list[tuple[bytearray, float]] = []
    utc, boot = dice.uniform(1.6e9, 1.8e9), 0.0

    def draw() -> bytearray:
        key = bytearray(dice.randbytes(32))
        drawn.append((key, boot))
        return key

    place = Place(zone=dice.choice(ZONES), visits=Visits(dice.randrange, lambda _day: True))
    sensor = Sensor(("wifi",), draw, 300, place)
    oldest = -1e9
    for real, passed in steps(dice, 25):
        boot, utc = boot + real, max(0.0, utc + passed)
        sensor.poll(utc, boot=boot)
        drawn = [(key, since) for key, since in drawn if any(key)]
        assert len(drawn) <= 2
        ages = sorted(boot - since for _, since in drawn)
        count_age = ages[0] - LONGEST_WINDOW_S if len(ages) == 2 else -1e9
        oldest = max(oldest, ages[-1] - LONGEST_EPOCH_S if ages else -1e9, count_age)
    return Longest(oldest, oldest)


def histories(seed: int, number: int, kind: str) -> Longest:
    """The longest lives of many histories: of the model, of the sensor, or of keys that believe the time of day."""
    dice, longest = Random(seed), Longest(-1e9, -1e9)
    for _ in range(number):
        one = sensor_history(dice) if kind == "sensor" else model_history(dice, by_time_of_day=kind == "wrong")
        longest = Longest(max(longest.count, one.count), max(longest.epoch, one.epoch))
    return longest


def prove(folder: Path, *, full: bool) -> Proof:
    model, whole = (1_000_000, 4000) if full else (4000, 60)
    parts = 16 if full else 2
    with ProcessPoolExecutor(2) as pool:
        models = list(pool.map(histories, range(parts), [model // parts] * parts, ["model"] * parts))
        sensors = list(pool.map(histories, range(parts), [whole // parts] * parts, ["sensor"] * parts))
    wrong = histories(1, 2000, "wrong")
    count = max(one.count for one in models)
    epoch = max(one.epoch for one in models)
    on_sensor = max(one.epoch for one in sensors)
    return Proof(
        "PT-9",
        "no key outlives its life: 10 minutes, 24 hours",
        f"{model:,} clock histories, {whole:,} of them again on the whole sensor: oldest keys {count:+.0f} s and "
        f"{max(epoch, on_sensor):+.0f} s beyond their lives (allowed {SLACK_S:+.0f} s, the time between two looks)",
        max(count, epoch, on_sensor) <= SLACK_S,
        f"keys that believe the time of day live {max(wrong) / 3600:.0f} h too long",
        max(wrong) > SLACK_S,
    )


def test_no_key_outlives_its_life(tmp_path: Path) -> None:
    check(prove(tmp_path, full=False))
