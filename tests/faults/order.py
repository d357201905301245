"""Order: the same reports delivered once and in order, and as a bad week would deliver them, must give the same bytes.

A tale is what the sensors of two shops told over some days: visits and lengths of stay, rests, windows of which two
epochs tell, clocks that were not set, damaged reports, reports that were given up, and a night that comes 30 days
late, long after the days it is the background of were rolled up. It is delivered in order, and then in other batches,
each repeated, shuffled, with hellos and roll-ups at any moment between them. Compared are all bytes of the rollups, the
reports, what has come of every epoch, and what the API answers.

The controls are two naive clouds: one that closes its hours once they are rolled up, and one that keeps what comes
under a number of its own.
"""

import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from msgspec.structs import replace

from agent.contract import DwellDay, Hello, Report, VisitsHour, encode, topics
from cloud.api.bodies import Json
from cloud.core.coverage import PlacedShop, Placement
from cloud.desk import Reader
from cloud.store import Delivery, Store, migrate, receive
from cloud.store.engine import open_engine, reading
from tests import fleet
from tests.faults.table import Line

Tables = dict[str, list[tuple[object, ...]]]
DAY, WINDOW_S = 86_400, 600
MIDNIGHT = fleet.NOON - DAY // 2  # of Berlin
NOW = MIDNIGHT + 32 * DAY
FIRST, LAST = date(2026, 6, 30), date(2026, 7, 3)
REPEATED = 10
QUERIES = {
    "hours and days": "SELECT tenant, shop, grain, start, body FROM period",
    "epochs": "SELECT tenant, sensor, epoch, sequence, highest, missing, untrusted, gaps FROM watermark",
    "reports": "SELECT tenant, sensor, epoch, sequence, window_start, body FROM report",
    "quarantine": "SELECT id, reason, payload FROM quarantine",
}


class Outbox(NamedTuple):
    """One epoch of a sensor: its reports from sequence 1 on, None for one given up; and its hellos."""

    sensor: str
    epoch: str
    reports: list[bytes | None]
    hellos: list[Hello]


class Tale(NamedTuple):
    shops: list[PlacedShop]
    outboxes: list[Outbox]


def tale(dice: random.Random, days: int = 3) -> Tale:
    """Some days of four sensors in two shops; one of the sensors moves from one to the other."""
    hours = [fleet.opens("mon tue wed thu fri sat sun", "09:00", "18:00")]
    moves = MIDNIGHT + DAY + dice.randrange(8, 20) * 3600
    before = Placement(sensor="demo:side", zone="side", valid_to=moves)
    after = Placement(sensor="demo:side", zone="gate", valid_from=moves)
    shops = [
        fleet.placed("demo:door", "demo:back", before, of=fleet.shop(hours=hours)),
        fleet.placed("demo:lane", after, of=fleet.shop(name="station", zone="Asia/Kolkata")),
    ]
    found = [_outbox(dice, sensor, 1, MIDNIGHT, MIDNIGHT + days * DAY) for sensor in ("door", "back", "side", "lane")]
    # A second life of a sensor, which tells of windows that the first has told of too.
    found.append(_outbox(dice, "door", 2, MIDNIGHT + DAY - 3 * 3600, MIDNIGHT + DAY + 3 * 3600))
    # The night that comes 30 days late; of windows of which the background of the days after is learnt.
    found.append(_outbox(dice, "back", 3, MIDNIGHT - 8 * 3600, MIDNIGHT - 3600))
    return Tale(shops, found)


def _outbox(dice: random.Random, sensor: str, epoch: int, start: int, end: int) -> Outbox:
    reports: list[bytes | None] = [_report(dice, window) for window in range(start, end, WINDOW_S)]
    lost = dice.randrange(2, len(reports) - 8)
    reports[lost : lost + dice.randrange(1, 6)] = [None] * 3
    known, name = f"demo:{sensor}", f"{epoch:016x}"
    firsts = sorted({1, lost + 1, *(dice.randrange(lost + 1, len(reports)) for _ in range(2))})
    hellos = [Hello(sensor=known, epoch=name, first=one, last=len(reports), evicted=0, software="x") for one in firsts]
    return Outbox(known, name, reports, hellos)


def _report(dice: random.Random, window: int) -> bytes:
    chance = dice.random()
    if chance < 0.03:
        return b'{"no":"report %d"}' % window
    if chance < 0.06:
        return encode(Report(window_start=dice.randrange(10**9), window_s=1, clock="untrusted", boot_s=9.0))
    rested = dice.choice((0.0, 0.0, 0.0, 0.0, 1 / 3, 1.0))
    listened_s = WINDOW_S * (1 - rested) * dice.choice((1.0, 1.0, 0.1, 0.7))
    inside = dice.uniform(0, 40) if listened_s else None
    wifi = fleet.heard(inside, dice.uniform(0, 90), listened_s, flooded=chance > 0.99, spread=dice.random())
    if rested:
        wifi = replace(wifi, rested_s=WINDOW_S * rested)
    end = window + WINDOW_S
    if end % 3600 == 0:
        wifi = replace(wifi, visits=_visits(dice, end))
    if end % DAY == 2 * 3600:  # 04:00 in Berlin
        stays = [dice.randrange(-3, 60) for _ in range(4)]
        wifi = replace(wifi, dwell=DwellDay(start=end - DAY, end=end, edges_s=[300, 900, 3600], devices=stays, scale=2))
    report = fleet.report(window, WINDOW_S, wifi, dice.choice((None, None, fleet.heard(listened_s=500.0))))
    return encode(replace(report, clock="redated") if chance > 0.9 else report)


def _visits(dice: random.Random, end: int) -> VisitsHour:
    return VisitsHour(
        start=end - 3600,
        end=end,
        listened_s=dice.uniform(0, 3600),
        arrivals=dice.randrange(-2, 50),
        arrivals_scale=1,
        visits=dice.randrange(-5, 90),
        visits_scale=3,
    )


def in_order(told: Tale) -> list[Delivery]:
    """Everything once, in order, in batches as a sensor makes them."""
    found = []
    for box in told.outboxes:
        known = [one for one in runs(box) if one[0] > 0]
        found += [batch(box, first + at, some[at : at + 50]) for first, some in known for at in range(0, len(some), 50)]
        found += [hello(one) for one in box.hellos]
    return found


def as_it_comes(told: Tale, dice: random.Random, repeated: int) -> list[Delivery]:
    """Everything up to `repeated` times, in other batches, shuffled; the late night last of all."""
    soon, late = [], []
    for box in told.outboxes:
        to = late if box is told.outboxes[-1] else soon
        for first, some in runs(box):
            at = 0
            while at < len(some):
                many = dice.randrange(1, 60)
                to += [batch(box, first + at, some[at : at + many])] * dice.randrange(1, repeated + 1)
                at += many
        to += [hello(one) for one in box.hellos] * dice.randrange(1, 3)
    dice.shuffle(soon)
    dice.shuffle(late)
    return soon + late


def runs(box: Outbox) -> Iterator[tuple[int, list[bytes]]]:
    """(first sequence, reports) of every run between reports that were given up."""
    run: list[bytes] = []
    for sequence, one in enumerate([*box.reports, None], 1):
        if one is not None:
            run.append(one)
        elif run:
            yield sequence - len(run), run
            run = []


def batch(box: Outbox, first: int, reports: list[bytes]) -> Delivery:
    return receive(topics.up(box.sensor, "report"), fleet.payload(first, reports, box.sensor, box.epoch), NOW)


def hello(one: Hello) -> Delivery:
    return receive(topics.up(one.sensor, "hello"), encode(one), NOW)


@contextmanager
def opened(told: Tale) -> Iterator[Store]:
    with TemporaryDirectory() as folder:
        database = f"{folder}/cloud.db"
        migrate(database)
        with closing(Store(database)) as store:
            store.apply_shops(told.shops)
            yield store


def deliver(store: Store, commits: Iterable[list[Delivery]], rolls: Callable[[], bool]) -> None:
    """Commit after commit, rolling up some of what is dirty whenever `rolls` says so."""
    for some in commits:
        store.commit(some, NOW)
        if rolls():
            store.recompute(5)


def told_by(store: Store) -> Tables:
    """What the cloud holds and answers, once it has nothing left to do."""
    while store.recompute():
        pass
    return as_it_is(store)


def as_it_is(store: Store) -> Tables:
    database = open_engine(store.database)
    with reading(database) as db:
        found = {name: sorted(map(tuple, db.exec_driver_sql(query).all()), key=repr) for name, query in QUERIES.items()}
    database.dispose()
    reader = Reader(store, "demo", lambda: NOW)
    found["API of the list"] = [(0, Json(reader.lines()).body)]
    for one in reader.names():
        shop = reader.shop(one)
        answers = (
            *reader.hours(shop, FIRST, LAST),
            *reader.days(shop, FIRST, LAST),
            *(window for day in (FIRST, LAST) for window in reader.windows(shop, day)),
            reader.visits(shop, FIRST, LAST),
            reader.today(one),
        )
        found[f"API of {one}"] = [(number, Json(answer).body) for number, answer in enumerate(answers)]
    return found


def cut(dice: random.Random, deliveries: list[Delivery]) -> Iterator[list[Delivery]]:
    """Deliveries as they come together in one commit."""
    at = 0
    while at < len(deliveries):
        many = dice.choice((1, 1, 2, 5, 30))
        yield deliveries[at : at + many]
        at += many


def compared(wanted: Tables, found: Tables) -> tuple[int, int]:
    """(rows that are not there as they should be, rows that should not be there) of all tables."""
    lost = sum(len(set(wanted[name]) - set(found[name])) for name in wanted)
    more = sum(len(set(found[name]) - set(wanted[name])) for name in wanted)
    return lost, more


def torture(folder: Path, *, full: bool) -> list[Line]:
    """Tales, each delivered in order and as it comes; and what the two naive clouds make of the last one."""
    begun, said = time.monotonic(), time.monotonic()
    lost = doubled = deliveries = rows = 0
    tales = 100 if full else 1
    for seed in range(tales):
        dice = random.Random(seed)
        told = tale(dice, 3 if full else 2)
        with opened(told) as orderly:
            deliver(orderly, ([one] for one in in_order(told)), lambda: False)
            wanted = told_by(orderly)
        coming = as_it_comes(told, dice, REPEATED if full else 3)
        with opened(told) as store:
            deliver(store, cut(dice, coming), lambda dice=dice: dice.random() < 0.3)
            found = told_by(store)
        less, more = compared(wanted, found)
        lost, doubled = lost + less, doubled + more
        deliveries, rows = deliveries + len(coming), rows + sum(map(len, wanted.values()))
        if time.monotonic() - said > 30:
            said = time.monotonic()
            print(f"order: {seed + 1} of {tales} tales", file=sys.stderr)
    note = f"{tales} tales, {deliveries} batches and hellos, {rows} rows compared, {time.monotonic() - begun:.0f} s"
    closed, numbered = hours_that_close(told, wanted), numbers_of_its_own(told, wanted)
    return [
        Line("any order", deliveries, lost, doubled, 0.0, note, not lost and not doubled),
        Line("  control: hours close", 1, *closed, 0.0, "a cloud that never rolls up an hour twice", closed[0] > 0),
        Line("  control: no key", 1, *numbered, 0.0, "a cloud that keeps what comes again", numbered[1] > 0),
    ]


def hours_that_close(told: Tale, wanted: Tables) -> tuple[int, int]:
    """A cloud that has rolled up its hours before the late night comes."""
    with opened(told) as store:
        *soon, late = told.outboxes
        deliver(store, ([one] for one in in_order(told._replace(outboxes=soon))), lambda: False)
        told_by(store)
        deliver(store, ([one] for one in in_order(told._replace(outboxes=[late]))), lambda: False)
        return compared(wanted, as_it_is(store))


def numbers_of_its_own(told: Tale, wanted: Tables) -> tuple[int, int]:
    """A cloud that gives what comes a second time another key: another epoch."""
    again = [box._replace(epoch=f"ff{box.epoch[2:]}", hellos=[]) for box in told.outboxes]
    with opened(told) as store:
        twice = told._replace(outboxes=[*told.outboxes, *again])
        deliver(store, ([one] for one in in_order(twice)), lambda: False)
        return compared(wanted, told_by(store))
