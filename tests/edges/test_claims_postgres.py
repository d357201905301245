"""Claims on PostgreSQL, where they are really taken at once, beside reports: every code once, and no name twice."""

import threading

from agent.contract import topics
from cloud.core.coverage import PlacedShop
from cloud.core.refusal import Refusal
from cloud.desk import Desk
from cloud.store import Store, receive
from tests import fleet
from tests.edges.test_postgres import cluster, database
from tests.identities import World, a_claim
from tests.shops import Clock, a_shop

__all__ = ["cluster", "database"]
NOW = fleet.NOON
CODES, AT_ONCE = 8, 6


def test_every_code_is_taken_once_and_no_name_is_given_twice(database: str) -> None:
    store = Store(database)
    store.apply_shops([PlacedShop(shop=a_shop(), placements=[])])
    desk = Desk(store, "acme", Clock(float(NOW)), issuing=World(NOW).issuing)
    codes = {f"beef{n:04}": desk.claims.open("corner", "door", f"beef{n:04}").code for n in range(CODES)}
    took: list[str] = []
    refused: list[str] = []
    ready, done = threading.Barrier(AT_ONCE + 1), threading.Event()

    def board() -> None:
        ready.wait()
        for serial, code in codes.items():
            try:
                took.append(desk.claims.take(a_claim(code, serial)).sensor)
            except Refusal as refusal:
                refused.append(str(refusal))

    def reports() -> None:
        ready.wait()
        for sequence in range(1, 200):
            sent = fleet.payload(sequence, [fleet.report(NOW - 60 * sequence)], "acme:old")
            store.commit([receive(topics.up("acme:old", "report"), sent, NOW)], NOW)
            if done.is_set():
                break

    threads = [threading.Thread(target=board) for _ in range(AT_ONCE)]
    counting = threading.Thread(target=reports)
    for thread in (*threads, counting):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    counting.join()
    assert sorted(took) == sorted(["acme:door", *(f"acme:door-{n}" for n in range(2, CODES + 1))])
    assert len(refused) == CODES * (AT_ONCE - 1)
    assert len(store.placements("acme", "corner")) == CODES
    store.close()
