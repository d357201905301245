"""The same code on PostgreSQL, where writers really work at once: no deadlock, and the same bytes as on SQLite."""

import os
import pwd
import random
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from msgspec.structs import replace

from agent.contract import TillHour, TillHours, encode, topics
from cloud.store import Delivery, Limits, Store, Till, intake, migrate, places, receive
from cloud.store.engine import open_engine, writing
from cloud.store.places import Places
from cloud.store.statements import compiled
from tests import fleet
from tests.faults import order
from tests.faults.order import DAY

WRITERS, ROLLERS = 4, 2


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A cluster of its own behind a socket in a folder of its own; gives its URL, or skips the test."""
    pytest.importorskip("psycopg", reason="psycopg is missing: pip install 'psycopg[binary]'")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is missing: install it with 'sudo apt-get install postgresql'")
    # It refuses to run as root, and comes with a user of its own.
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    with TemporaryDirectory() as folder:
        shutil.chown(folder, user)
        data = f"{folder}/data"
        program = [str(found[-1].with_name("postgres")), "-D", data, "-k", folder, "-c", "listen_addresses="]
        subprocess.run([found[-1], "-D", data, "-A", "trust", "-U", "footfall"], check=True, user=user, stdout=-3)
        with subprocess.Popen(program, user=user, stderr=subprocess.DEVNULL) as server:
            try:
                ready = [found[-1].with_name("pg_isready"), "-h", folder, "-t", "10"]
                while subprocess.run(ready, stdout=-3).returncode:
                    assert server.poll() is None, "PostgreSQL ended"
                yield f"postgresql+psycopg://footfall@/postgres?host={folder}"
            finally:
                server.terminate()


@pytest.fixture
def database(cluster: str) -> Iterator[str]:
    """An empty database of this version."""
    migrate(cluster)
    yield cluster
    engine = open_engine(cluster)
    with writing(engine) as db:
        db.exec_driver_sql("DROP SCHEMA public CASCADE")
        db.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


@contextmanager
def under_way(database: str, some: list[Delivery]) -> Iterator[None]:
    """A worker that has written `some`, and commits as the block ends."""
    engine = open_engine(database)
    with writing(engine) as db:
        intake.take(db, compiled(engine), places.current(db, Places(), "as it is"), some, order.NOW, Limits())
        yield
    engine.dispose()


def test_writers_and_rollers_at_once_give_the_bytes_of_one_writer_on_sqlite(database: str) -> None:
    """Takes some seconds: a cluster is made, and a day is told ten times by four writers."""
    dice = random.Random(5)
    told = order.tale(dice, days=1)
    with order.opened(told) as alone:
        order.deliver(alone, ([one] for one in order.in_order(told)), lambda: False)
        wanted = order.told_by(alone)
    coming = list(order.cut(dice, order.as_it_comes(told, dice, order.REPEATED)))
    with closing(Store(database)) as store:
        store.apply_shops(told.shops)
        failures = at_once(database, coming)
        found = order.told_by(store)
    assert failures == []
    assert order.compared(wanted, found) == (0, 0)


def test_an_hour_is_not_rolled_up_without_the_report_that_is_being_committed(database: str) -> None:
    with closing(Store(database)) as store:
        store.apply_shops([fleet.placed("demo:door")])
        store.commit([fleet.delivery(1, [fleet.report()])], order.NOW)
        with under_way(database, [fleet.delivery(2, [fleet.report(fleet.NOON + 60)])]):
            assert store.recompute() == [], "the hour is in use"
        store.recompute()
        (hour,) = store.periods("demo", "high-street", "hour", 0, order.NOW)
    assert hour.coverage == pytest.approx(2 / 60, abs=1e-3)


def test_a_day_is_not_rolled_up_without_the_night_that_is_being_committed(database: str) -> None:
    hours = [fleet.opens("mon tue wed thu fri sat sun", "09:00", "18:00")]
    night = [fleet.report(order.MIDNIGHT - DAY + 300 * n, 300, fleet.heard(3.0, 2.0, 300.0)) for n in range(40)]
    with closing(Store(database)) as store:
        store.apply_shops([fleet.placed("demo:door", of=fleet.shop(hours=hours))])
        store.commit([fleet.delivery(1, [fleet.report(wifi=fleet.heard(10.0))])], order.NOW)
        with under_way(database, [fleet.delivery(2, night)]):
            store.recompute()
        while store.recompute():
            pass
        (hour,) = store.periods("demo", "high-street", "hour", fleet.NOON, order.NOW)
    assert hour.occupancy.value == pytest.approx(7.0)


def test_hours_of_a_till_told_by_several_workers_at_once_are_there_once(database: str) -> None:
    rows = [TillHour(hour=fleet.NOON - 3600 * at, transactions=at) for at in range(30)]
    said = receive(topics.till("demo", "high-street"), encode(TillHours(source="till-1", rows=rows)), order.NOW)
    with closing(Store(database)) as store:
        store.apply_shops([fleet.placed("demo:door")])
        reports = [fleet.delivery(n, [fleet.report(fleet.NOON + 60 * n)]) for n in range(1, 21)]
        assert at_once(database, [[one, said] for one in reports]) == []
        till = Till(store)
        sales = till.sales("demo", "high-street")
        assert [one.transactions for one in sales] == list(range(29, -1, -1))
        changed = [replace(sales[0], transactions=7), *sales[1:]]
        assert till.put("demo", "high-street", changed) == (0, 1, 29)
        assert till.by_shop("demo", 0, order.NOW) == {"high-street": changed}
        assert [till.forget("demo", "high-street", "till-1") for _ in range(2)] == [30, 0]


def at_once(database: str, coming: list[list[Delivery]]) -> list[Exception]:
    """Deliver by several writers, while others roll up; gives what failed, a deadlock for one."""
    taking, done, failures = threading.Lock(), threading.Event(), list[Exception]()

    def next_of() -> list[Delivery] | None:
        with taking:
            return coming.pop() if coming else None

    def write(store: Store) -> None:
        while some := next_of():
            store.commit(some, order.NOW)

    def roll(store: Store) -> None:
        while not done.is_set():
            store.recompute(3)

    writers = [working(database, write, failures) for _ in range(WRITERS)]
    rollers = [working(database, roll, failures) for _ in range(ROLLERS)]
    for one in writers:
        one.join()
    done.set()
    for one in rollers:
        one.join()
    return failures


def working(database: str, work: Callable[[Store], None], failures: list[Exception]) -> threading.Thread:
    def run() -> None:
        with closing(Store(database)) as store:
            try:
                work(store)
            except Exception as error:
                failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread
