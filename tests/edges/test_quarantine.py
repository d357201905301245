"""The quarantine is bounded: what is given up is counted, and no watermark depends on what is kept."""

from cloud.store import Limits, receive
from tests.edges.test_store import SHOP, hello, mark, opened, rows, sent
from tests.fleet import NOON, delivery

LIMITS = Limits(per_sensor=5, per_sensor_bytes=400, in_all=8, in_all_bytes=10_000)


def bad(sequence, size=20):
    return b'{"n":%d,"x":"%s"}' % (sequence, b"x" * size)


def refused(store):
    return {tuple(key): (kept, size, lost) for *key, kept, size, lost in rows(store, "refused")}


def test_the_quarantine_of_a_sensor_is_bounded_and_what_is_given_up_counted(tmp_path):
    with opened(tmp_path, limits=LIMITS) as store:
        for n in range(1, 21):
            done = store.commit([delivery(n, [bad(n)])], NOON + n)
        assert mark(done) == 20  # the watermark passes its own bad reports, kept or not
        kept = [one.sequence for one in store.quarantined()]
        assert kept == [20, 19, 18, 17, 16]
        assert store.sensors(*SHOP, NOON + 20)[0].quarantined == 20
        assert refused(store)["demo", "door"] == (5, sum(len(bad(n)) for n in range(16, 21)), 15)
        # What was given up comes again: nothing is missing, nothing is new, and the watermark stays.
        again = store.commit([delivery(1, [bad(n) for n in range(1, 4)])], NOON + 30)
        assert mark(again) == 20 and store.sensors(*SHOP, NOON)[0].missing_reports == 0
        assert len(store.quarantined()) == 5


def test_the_bytes_of_a_sensor_are_bounded_too(tmp_path):
    with opened(tmp_path, limits=LIMITS) as store:
        for n in range(1, 5):
            store.commit([delivery(n, [bad(n, 150)])], NOON + n)
        assert [one.sequence for one in store.quarantined()] == [4, 3]


def test_one_commit_of_more_than_the_limit_keeps_the_last(tmp_path):
    with opened(tmp_path, limits=LIMITS) as store:
        done = store.commit([delivery(1, [bad(n) for n in range(1, 101)])], NOON)
        assert mark(done) == 100
        assert sorted(one.sequence for one in store.quarantined()) == [96, 97, 98, 99, 100]
        assert refused(store)["demo", "door"][2] == 95


def test_the_quarantine_of_all_is_bounded_and_the_oldest_given_up(tmp_path):
    with opened(tmp_path, limits=LIMITS) as store:
        for n, sensor in enumerate(("demo:a", "demo:b", "demo:c", "demo:d")):
            store.commit([delivery(1, [bad(one) for one in range(3)], sensor=sensor)], NOON + n)
        store.commit([receive("footfall/v1/d/Evil/up/report", bytes([n]), NOON) for n in range(3)], NOON + 9)
        assert len(store.quarantined()) == 8
        assert {one.sensor for one in store.quarantined()} == {"c", "d", None}
        found = refused(store)
        assert (found["demo", "a"], found["", ""][0]) == ((0, 0, 3), 3)
        assert sum(kept for kept, _, _ in found.values()) == 8


def test_what_was_given_up_beyond_a_gap_stops_nothing(tmp_path):
    with opened(tmp_path, limits=LIMITS) as store:
        for n in range(2, 30):
            store.commit([delivery(n, [bad(n)])], NOON + n)
        assert mark(sent(store, 1, 1)) == 29
        assert store.hello(hello(25, 29), NOON).sequence == 29
        assert store.sensors(*SHOP, NOON)[0].missing_reports == 0
