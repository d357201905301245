"""Reading two years of a thousand shops: Today of one, the list of all, a month's ranking. Prints a table.

The database is made by the script and deleted after: hour and day rows from 8 to 21 o'clock (whole days would be 17.5
million hours, half as large again, and are looked up alike), written in the order of time as they come, and for a tenth
of the shops the raw reports of three weeks, rolled up by the roller.
"""

import argparse
import asyncio
import gc
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct
from msgspec.structs import replace

from agent.contract import Health, RadioHealth, encode
from cloud.api import Live, routes
from cloud.core import calendar, ledger, rollup
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import Shop
from cloud.core.ledger import Line
from cloud.core.rollup import Reading
from cloud.desk import Desk
from cloud.store import Store, migrate
from tests.shops import ZONE, a_shop, an_hour, at, busy, with_wifi

TENANT, EPOCH = "acme", "0" * 16
TODAY = date(2026, 11, 24)
NOW = at("2026-11-24 14:12")
HOURS = range(8, 21)
LEVELS, VARIANTS = 20, 10
OF_ONE, OF_ALL = "(goal p95 20)", "(goal 400)"
RAW_DAYS = 22  # a week ago is compared with, and its background was learnt in the two weeks before


class Day(Struct, frozen=True):
    """A day as some shop may have it: the bodies of its hours, its own and its line, all without their times."""

    hours: list[bytes]
    body: bytes
    line: Line


def shops(count: int) -> list[PlacedShop]:
    made = [a_shop(f"shop-{n:04}", name=f"Shop {n:04}", region=f"region {n % 25:02}") for n in range(count)]
    return [PlacedShop(shop=one, placements=[Placement(sensor=f"{TENANT}:{one.shop}", zone="door")]) for one in made]


def a_day(shop: Shop, day: date, readings: Sequence[Reading]) -> Day:
    span, placed = calendar.day_of(ZONE, day), [Placement(sensor="acme:door", zone="door")]
    spans = [one for one in calendar.hours_of(ZONE, span) if hour_of(one[0]) in HOURS]
    hours = [
        rollup.period(shop, *one, placed, [x for x in readings if one[0] <= x.report.window_start < one[1]])
        for one in spans
    ]
    whole = rollup.total(shop, *span, hours)
    whole = replace(whole, coverage=1.0, visitors=replace(whole.visitors, coverage=1.0))  # the nights are left out
    return Day([untimed(one) for one in hours], untimed(whole), ledger.line(shop, whole, hours))


def hour_of(second: int) -> int:
    return int((second - calendar.day_at(ZONE, second)[0]) / 3600)


def untimed(body: Struct) -> bytes:
    """The JSON after "start" and "end", which come first."""
    return encode(body).split(b",", 2)[2]


def timed(body: bytes, start: int, end: int) -> bytes:
    return b'{"start":%d,"end":%d,%b' % (start, end, body)


def patterns(chance: random.Random) -> dict[bool, list[Day]]:
    """Days by whether the shop is open, the emptiest shops' first."""
    shop, open_day, closed_day = a_shop(), date(2026, 11, 17), date(2026, 11, 22)
    found: dict[bool, list[Day]] = {True: [], False: []}
    for level in range(LEVELS):
        for _ in range(VARIANTS):
            scale = 0.2 * 1.15**level * chance.uniform(0.85, 1.15)
            span = calendar.day_of(ZONE, open_day)
            found[True].append(a_day(shop, open_day, busy(*span, scale=scale)))
            span = calendar.day_of(ZONE, closed_day)
            found[False].append(a_day(shop, closed_day, busy(*span, scale=0.0)))
    return found


def periods(placed: Sequence[PlacedShop], days: int, chance: random.Random) -> Iterator[tuple[Any, ...]]:
    """Rows of `period`, hour by hour of all shops, as they come."""
    known = patterns(chance)
    names = [one.shop.shop for one in placed]
    pages: dict[str, list[Line]] = {}
    for back in range(days, -1, -1):
        day = TODAY - timedelta(days=back)
        span = calendar.day_of(ZONE, day)
        spans = [one for one in calendar.hours_of(ZONE, span) if hour_of(one[0]) in HOURS]
        of_day = known[day.weekday() < 6]
        chosen = [of_day[n % LEVELS * VARIANTS + chance.randrange(VARIANTS)] for n in range(len(names))]
        for number, (start, end) in enumerate(spans):
            if start < NOW:
                for name, one in zip(names, chosen, strict=True):
                    yield TENANT, name, "hour", start, timed(one.hours[number], start, end)
        for name, one in zip(names, chosen, strict=True):
            yield TENANT, name, "day", span[0], timed(one.body, *span)
            pages.setdefault(name, []).append(replace(one.line, start=span[0], end=span[1]))
        if back == 0 or (day + timedelta(days=1)).day == 1:
            month = ledger.month_at(ZONE, span[0])[0]
            for name, lines in pages.items():
                yield TENANT, name, "page", month, encode(ledger.page(lines))
            pages = {}
    start = NOW // 300 * 300 - 300
    for name in names:
        yield TENANT, name, "last", 0, timed(known[True][0].hours[0], start, start + 300)


def reports(names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Rows of `report` of three weeks, window by window of all sensors, visits of the panel in each hour's last."""
    begins = calendar.day_of(ZONE, TODAY - timedelta(days=RAW_DAYS))[0]
    readings = busy(begins, NOW // 300 * 300)
    for number, one in enumerate(readings):
        start = one.report.window_start
        if (start + 300) % 3600 == 0:
            one = with_wifi(one, visits=an_hour(start - 3300, 4, 7))  # noqa: PLW2901 - the same window, told in full
        body = encode(one.report)
        for name in names:
            yield TENANT, name, EPOCH, number + 1, start, 300, start + 301, body


def written(db: sqlite3.Connection, table: str, rows: Iterator[tuple[Any, ...]]) -> int:
    count = 0
    while some := list(islice(rows, 100_000)):
        slots = ", ".join("?" * len(some[0]))
        db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({slots})", some)
        count += len(some)
    db.commit()
    return count


def built(database: str, count: int, days: int, raw: int, chance: random.Random) -> list[str]:
    """Makes the database; returns the shops with raw reports."""
    migrate(database)
    store, placed = Store(database), shops(count)
    store.apply_shops(placed)
    store.close()
    sample = sorted(chance.sample([one.shop.shop for one in placed], raw))
    with sqlite3.connect(database) as db:
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -1000000")
        kept = written(db, "period", periods(placed, days, chance))
        told = written(db, "report", reports(sample))
        for one in placed:
            db.execute(
                "INSERT INTO sensor_state (tenant, sensor, status, status_at, health, health_at) VALUES (?,?,?,?,?,?)",
                (TENANT, one.shop.shop, "online", NOW - 9000, encode(a_health(one.shop.shop)), NOW - 60),
            )
            db.execute(
                "INSERT INTO watermark (tenant, sensor, epoch, sequence, highest, missing, last_report_at) "
                "VALUES (?,?,?,?,?,?,?)",
                (TENANT, one.shop.shop, EPOCH, 6500, 6500, 0, NOW - 100),
            )
        marked = [(TENANT, one, hour) for one in sample for day in (0, 7) for hour in begun(day)]
        db.executemany("INSERT INTO dirty VALUES (?, ?, ?)", marked)
        db.commit()
        db.execute("PRAGMA journal_mode = WAL")
    store, begins = Store(database), time.perf_counter()
    while store.recompute():
        pass
    each_ms = (time.perf_counter() - begins) * 1000 / max(1, len(marked))
    store.close()
    size = Path(database).stat().st_size / 1e9
    print(
        f"{kept:,} periods, {told:,} reports, {size:.1f} GB; {len(marked):,} hours rolled up in {each_ms:.1f} ms each"
    )
    return sample


def a_health(sensor: str) -> Health:
    radio = RadioHealth(radio="wifi", state="listening", source="mt76", frames=9, dropped=0, last_frame_age_s=0.1)
    return Health(
        sensor=f"{TENANT}:{sensor}",
        at=NOW - 60,
        uptime_s=1e6,
        software="1",
        clock="trusted",
        profile="D24",
        radios=[radio],
    )


def begun(days_ago: int) -> list[int]:
    span = calendar.day_of(ZONE, TODAY - timedelta(days=days_ago))
    return [start for start, _ in calendar.hours_of(ZONE, span) if start < NOW]


def forgotten(database: str) -> None:
    """The kernel's cache of the file, dropped."""
    for path in (database, f"{database}-wal"):
        if Path(path).exists():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


class Times(Struct, frozen=True):
    """What some requests took, in ms: as a clock shows it, and of the processor."""

    wall: list[float]
    cpu: list[float]


def told(what: str, times: Times, goal: str) -> None:
    ends = [(statistics.median(some), p95(some)) for some in (times.wall, times.cpu)]
    shown = "   ".join(f"{middle:7.1f} {high:7.1f}" for middle, high in ends)
    print(f"{what:62} {shown}   {goal}", flush=True)


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[18] if len(times) > 1 else times[0]


def measured(database: str, sample: list[str], chance: random.Random) -> None:
    print(f"{'ms':62} {'clock: p50':>11} {'p95':>4} {'CPU: p50':>11} {'p95':>4}")
    chance.shuffle(sample)
    again = chance.choices(sample, k=500)
    forgotten(database)
    gc.collect()
    gc.freeze()  # as `cloud.app` does
    with opened(database) as desk:
        told("Today of a shop, nothing cached anywhere", took(desk.reader.today, sample), OF_ONE)
    with opened(database) as desk:
        told("Today of a shop, for the first time in this process", took(desk.reader.today, sample), OF_ONE)
        told("Today of a shop, again", took(desk.reader.today, again), OF_ONE)
        asyncio.run(over_http(desk, database, again))


@contextmanager
def opened(database: str) -> Iterator[Desk]:
    store = Store(database)
    yield Desk(store, TENANT, lambda: NOW)
    store.close()


def took(asked: Callable[[str], object], each: Sequence[str]) -> Times:
    times = Times([], [])
    for one in each:
        begins = time.perf_counter(), time.process_time()
        asked(one)
        times.wall.append((time.perf_counter() - begins[0]) * 1000)
        times.cpu.append((time.process_time() - begins[1]) * 1000)
    return times


async def over_http(desk: Desk, database: str, again: Sequence[str]) -> None:
    transport = httpx.ASGITransport(app=routes(desk, Live()))
    async with httpx.AsyncClient(transport=transport, base_url="http://estate") as client:

        async def got(paths: Sequence[str]) -> Times:
            times = Times([], [])
            for one in paths:
                begins = time.perf_counter(), time.process_time()
                (await client.get(one)).raise_for_status()
                times.wall.append((time.perf_counter() - begins[0]) * 1000)
                times.cpu.append((time.process_time() - begins[1]) * 1000)
            return times

        told("Today of a shop, over HTTP", await got([f"/shops/{one}/today" for one in again]), OF_ONE)
        for what, path in PATHS:
            forgotten(database)
            told(f"{what}, from the disk", await got([path]), OF_ALL)
            told(what, await got([path] * 20), OF_ALL)


PATHS = (
    ("the list of 1,000 shops", "/shops"),
    ("the ranking of 1,000 shops over a month", "/ranking?span=month&by=visitors"),
    ("the same by capture rate", "/ranking?span=month&by=capture-rate"),
    ("104 weeks of a shop, the year before beside each", "/shops/shop-0003/trends?weeks=104"),
    ("a week of a shop by hours, beside the usual one", "/shops/shop-0003/week"),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shops", type=int, default=1000)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--keep", type=Path, help="a folder to make the database in, and to find it again")
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.2f} at the start")
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        database = str(folder / "estate.db")
        if Path(database).exists():
            sample = [one for (one,) in sqlite3.connect(database).execute("SELECT DISTINCT sensor FROM report")]
        else:
            sample = built(database, asked.shops, asked.days, max(1, asked.shops // 10), chance)
        measured(database, sample, chance)


if __name__ == "__main__":
    main()
