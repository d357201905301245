"""Background and factor on a real store: what is taken off and multiplied, and that order does not matter."""

import json
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud.core import doorcount
from cloud.core.calibration import Span, fit
from cloud.core.doorcount import Counted, DoorCountError
from cloud.core.figures import Figure
from cloud.store import Store, StoreError, migrate
from tests import fleet
from tests.fleet import delivery, heard, opens, placed, report

SHOP = ("demo", "high-street")
DAY = 1_782_864_000  # 2026-07-01 00:00 UTC
HOURS = [opens("mon tue wed thu fri sat sun", "09:00", "18:00")]


def made(folder: Path, hours=HOURS) -> Store:
    migrate(str(folder / "cloud.db"))
    store = Store(str(folder / "cloud.db"))
    store.apply_shops([placed("demo:door", of=fleet.shop(zone="Etc/UTC", hours=hours))])
    return store


def two_days():
    """Windows of five minutes: three devices of the neighbours for ever, ten more while the shop is open."""
    found = []
    for start in range(DAY, DAY + 2 * 86_400, 300):
        hour = start % 86_400 // 3600
        inside = 13.0 if 9 <= hour < 18 else 3.0
        found.append(report(start, 300, heard(inside, 2.0, 300.0, spread=0.0)))
    return found


def committed(store: Store, reports) -> Store:
    for at in range(0, len(reports), 96):
        store.commit([delivery(at + 1, reports[at : at + 96])], DAY)
    return store


def rolled(store: Store):
    while store.recompute():
        pass
    return [store.periods(*SHOP, grain, 0, 2**40) for grain in ("hour", "day")]


def test_the_night_before_is_taken_off_the_day(tmp_path):
    store = committed(made(tmp_path), two_days())
    hours, _ = rolled(store)
    by_hour = {one.start: one for one in hours}
    assert by_hour[DAY + 12 * 3600].occupancy.value == 13.0  # nothing was known on the first day
    assert by_hour[DAY + 86_400 + 12 * 3600].occupancy.value == 10.0
    assert by_hour[DAY + 86_400 + 3 * 3600].occupancy.value == 0.0
    assert by_hour[DAY + 86_400 + 12 * 3600].passers_by.value == 0.0


def test_a_shop_that_never_closes_has_no_background(tmp_path):
    store = committed(made(tmp_path, hours=[]), two_days())
    hours, _ = rolled(store)
    assert {one.start: one for one in hours}[DAY + 86_400 + 12 * 3600].occupancy.value == 13.0


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_order_the_rows_are_the_same(tmp_path, seed):
    reports = two_days()
    straight = committed(made(tmp_path), reports)
    expected = rolled(straight)
    (tmp_path / "other").mkdir()
    mixed = made(tmp_path / "other")
    batches = [(at + 1, reports[at : at + 24]) for at in range(0, len(reports), 24)]
    random.Random(seed).shuffle(batches)
    for first, some in [*batches, batches[0]]:
        mixed.commit([delivery(first, some)], DAY)
        if random.Random(first).random() < 0.5:
            rolled(mixed)
    assert rolled(mixed) == expected


def factor(valid_from: int, people: int):
    visits = Figure(value=20.0, low=18.0, high=22.0, coverage=1.0, definition="visitors/2")
    return fit([Span(start=0, end=3600, people=people, devices=visits)], 1.0, valid_from, "taps")


def test_a_factor_applies_forward_and_history_keeps_its_own(tmp_path):
    store = committed(made(tmp_path, hours=[]), two_days()[:288])
    rolled(store)
    store.calibrate(*SHOP, factor(DAY + 12 * 3600, 40))
    by_hour = {one.start: one for one in rolled(store)[0]}
    assert by_hour[DAY + 11 * 3600].occupancy.value == 13.0
    assert by_hour[DAY + 12 * 3600].occupancy.value == 26.0
    shop = store.shop(*SHOP)
    assert shop is not None
    assert (shop.calibrated, shop.people_per_device) == (True, 2.0)
    assert shop.people_per_device_low < 2.0 < shop.people_per_device_high
    assert [one.value for one in store.factors(*SHOP)] == [2.0]
    assert (
        store.visits_of_devices(*SHOP, DAY + 12 * 3600, DAY + 13 * 3600).value
        == by_hour[DAY + 11 * 3600].visitors.value
    )


def test_a_factor_for_nobodys_shop_is_refused(tmp_path):
    with pytest.raises(StoreError, match="There is no shop demo/absent"):
        made(tmp_path).calibrate("demo", "absent", factor(0, 20))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Line 1: write the header"),
        ("when,who\n", "Line 1: write the header"),
        ("hour,people\n", "no count below the header"),
        ("hour,people\nnoon,5\n", "Line 2.*no time"),
        ("hour,people\n2026-07-01T12:00,many\n", "Line 2.*no number of people"),
        ("hour,people\n2026-07-01T12:00\n", "Line 2: write an hour and a number"),
        ("hour,people\n2026-07-01T12:00,5\n2026-07-01T12:00,6\n", "Line 3: this hour is there twice"),
        ("hour,people\n2026-07-01T12:00,-5\n", "Line 2"),
    ],
)
def test_a_file_of_counts_that_is_wrong_names_the_line(text, says):
    with pytest.raises(DoorCountError, match=says):
        doorcount.from_hours(text, "Etc/UTC")


def test_counts_by_the_hour_are_the_shops_time():
    (one,) = doorcount.from_hours("\ufeffHour,People\n2026-07-01T14:00,31\n\n", "Europe/Berlin")
    assert one == Counted(DAY + 12 * 3600, DAY + 13 * 3600, 31)


def test_taps_count_in_whole_windows():
    def clock(second: int) -> str:
        return datetime.fromtimestamp(DAY + second, UTC).isoformat()

    taps = "\n".join(clock(second) for second in (200, 310, 400, 899, 910))
    assert doorcount.from_taps(taps, DAY + 100, DAY + 1000, "Etc/UTC", 300) == [Counted(DAY + 300, DAY + 900, 3)]
    with pytest.raises(DoorCountError, match="Count for longer"):
        doorcount.from_taps(taps, DAY + 100, DAY + 300, "Etc/UTC", 300)
    with pytest.raises(DoorCountError, match="outside the time"):
        doorcount.from_taps(taps, DAY + 300, DAY + 900, "Etc/UTC", 300)


def test_the_command_fits_shows_and_keeps(tmp_path):
    committed(made(tmp_path, hours=[]), two_days()[:288])
    config = tmp_path / "cloud.toml"
    config.write_text(f'database = "{tmp_path}/cloud.db"\n')
    counts = tmp_path / "counts.csv"
    counts.write_text("hour,people\n" + "".join(f"2026-07-01T{hour}:00,90\n" for hour in (10, 11, 12, 13)))

    def calibrate(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cloud", "calibrate", "-c", str(config), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    dry = calibrate("high-street", "--hours", str(counts), "--dry-run")
    assert "100 devices stand for" in dry.stdout, dry.stderr
    assert Store(f"{tmp_path}/cloud.db").factors(*SHOP) == []
    kept = json.loads(calibrate("high-street", "--hours", str(counts), "--json").stdout)
    assert kept["low"] < kept["value"] < kept["high"]
    assert kept["error_after"] < kept["error_before"]
    assert [one.value for one in Store(f"{tmp_path}/cloud.db").factors(*SHOP)] == [kept["value"]]
    wrong = calibrate("absent", "--hours", str(counts))
    assert (wrong.returncode, wrong.stderr) == (1, "There is no shop absent: there are high-street.\n")
