"""The store, on a real SQLite file: every report once, and rollups that follow from the reports alone."""

import os
import sqlite3
import threading
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import create_engine

from agent.contract import Health, Hello, Privacy, RadioHealth, Status, encode, topics
from agent.contract.handover import MAX_PAYLOAD_BYTES
from cloud.core import calendar, rollup
from cloud.core.calibration import Span, fit
from cloud.core.coverage import Placement
from cloud.core.figures import Holiday, StaffHours
from cloud.core.watermark import MOST_GAPS, Mark
from cloud.store import (
    Quarantined,
    Said,
    Store,
    StoreError,
    StoreTooNewError,
    StoreTooOldError,
    migrate,
    migration,
    receive,
    schema,
)
from tests import fleet
from tests.fleet import EPOCH, NOON, delivery, heard, placed, report

SHOP = ("demo", "high-street")
FOREVER = (0, 2**40)


@contextmanager
def opened(folder, *shops, **more):
    database = str(Path(folder) / "cloud.db")
    migrate(database)
    store = Store(database, **more)
    store.apply_shops(shops or [placed("demo:door")])
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def store(tmp_path):
    with opened(tmp_path) as store:
        yield store


def run(*sequences, start=NOON, step=60):
    """Reports by sequence, the n-th of the window n minutes after `start`."""
    return [report(start + step * one, wifi=heard(inside=float(one % 7))) for one in sequences]


def sent(store, first, last, **where):
    return store.commit([delivery(first, run(*range(first, last + 1)), **where)], NOON)


def hello(first, last, epoch=EPOCH):
    return Hello(sensor="demo:door", epoch=epoch, first=first, last=last, evicted=0, software="x")


def roll(store):
    while store.recompute(3):
        pass
    return [encode(one) for grain in ("hour", "day") for one in store.periods(*SHOP, grain, *FOREVER)]


def mark(committed):
    ((_, watermark),) = committed.watermarks
    return watermark.sequence


def rows(store, table, columns="*"):
    return rows_of(store, f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3")


def rows_of(store, query):
    with sqlite3.connect(store.database) as db:
        return db.execute(query).fetchall()


# Exactly once


def test_a_report_is_stored_rolled_up_and_answered(store):
    done = sent(store, 1, 3)
    assert (mark(done), done.accepted, done.duplicates, done.shops) == (3, 3, 0, {SHOP})
    assert store.backlog() == 1
    hour, day = store.recompute()
    assert (hour.grain, hour.period.start, day.grain) == ("hour", NOON, "day")
    assert hour.period.occupancy.value == pytest.approx(2.0)
    assert store.recompute() == [] and store.backlog() == 0


def test_a_commit_whose_acknowledgement_was_lost_is_harmless(store):
    first = sent(store, 1, 50)
    before = (rows(store, "report"), rows(store, "watermark"), roll(store))
    again = sent(store, 1, 50)
    assert (again.watermarks, again.accepted, again.duplicates) == (first.watermarks, 0, 50)
    assert again.shops == set() and store.backlog() == 0
    assert (rows(store, "report"), rows(store, "watermark"), roll(store)) == before


def test_a_commit_that_fails_leaves_nothing(store):
    good = delivery(1, run(1))
    (row,) = good.rows
    unstorable = structs.replace(good, rows=[(*row[:3], 2**70, *row[4:])])
    with pytest.raises(OverflowError):
        store.commit([good, unstorable], NOON)
    assert rows(store, "report") == rows(store, "dirty") == rows(store, "watermark") == []


TALE = [(n, "door") for n in range(1, 9)] + [(n, "back") for n in range(1, 5)]


@st.composite
def arrivals(draw):
    """All reports of TALE, shuffled, some repeated, cut into messages and commits."""
    order = draw(st.permutations(TALE + draw(st.lists(st.sampled_from(TALE), max_size=6))))
    cuts = sorted(draw(st.sets(st.integers(1, len(order) - 1), max_size=5)))
    return [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]


@settings(max_examples=25, deadline=None)
@given(arrivals())
def test_order_repetition_and_batching_change_nothing(commits):
    assert _told(commits) == _told([TALE])


def _told(commits):
    with TemporaryDirectory() as folder, opened(folder, placed("demo:door", "demo:back")) as store:
        for some in commits:
            store.commit([delivery(n, run(n, start=NOON + 3400), sensor=f"demo:{sensor}") for n, sensor in some], NOON)
            store.recompute(1)
        return roll(store), rows(store, "watermark"), rows(store, "report")


# Watermarks


def test_the_watermark_waits_at_a_gap_and_then_catches_up(store):
    assert mark(sent(store, 3, 5)) == 0
    assert mark(sent(store, 8, 9)) == 0
    assert mark(sent(store, 1, 2)) == 5
    assert mark(sent(store, 6, 7)) == 9


def test_a_long_run_beyond_a_gap_is_followed_to_its_end(store):
    for first in range(101, 1500, 100):
        sent(store, first, first + 99)
    assert mark(sent(store, 1, 100)) == 1500


def test_an_epoch_has_a_watermark_of_its_own(store):
    sent(store, 1, 5)
    assert mark(sent(store, 1, 2, epoch="00000000000000bb")) == 2


def test_what_a_sensor_gave_up_is_counted_missing_and_still_welcome(store):
    sent(store, 1, 3)
    sent(store, 6, 6)
    assert store.hello(hello(1, 9), NOON).sequence == 3
    assert store.hello(hello(8, 9), NOON).sequence == 7
    assert store.hello(hello(8, 9), NOON).sequence == 7
    assert store.sensors(*SHOP, NOON)[0].missing_reports == 3  # 4, 5 and 7
    late = sent(store, 4, 5)
    assert (mark(late), late.accepted, late.shops) == (7, 2, {SHOP})
    assert store.sensors(*SHOP, NOON)[0].missing_reports == 1
    assert mark(sent(store, 8, 9)) == 9


def test_hello_with_its_reports_in_one_commit_misses_nothing(store):
    said = Said("demo", "door", hello(4, 9), encode(hello(4, 9)))
    done = store.commit([said, delivery(1, run(1, 2, 3))], NOON)
    assert mark(done) == 3
    assert store.sensors(*SHOP, NOON)[0].missing_reports == 0


def test_hello_of_an_empty_outbox(store):
    assert store.hello(hello(1, 0), NOON).sequence == 0
    sent(store, 1, 4)
    assert store.hello(hello(5, 4), NOON).sequence == 4


def test_what_has_come_is_a_set(store):
    sent(store, 1, 3)
    sent(store, 8, 9)
    store.hello(hello(6, 9), NOON)
    sent(store, 5, 6)
    assert rows(store, "watermark", "sequence, highest, missing, gaps") == [(6, 9, 1, b"[[4,4],[7,7]]")]
    sent(store, 4, 4)
    sent(store, 7, 7)
    assert rows(store, "watermark", "sequence, highest, missing, gaps") == [(9, 9, 0, None)]


EVENTS = st.lists(st.tuples(st.sampled_from(["come", "give up"]), st.integers(1, 30), st.integers(0, 5)), max_size=12)


@given(EVENTS, st.randoms())
def test_a_mark_is_what_the_set_of_all_that_came_says(events, dice):
    came = {n for what, first, more in events if what == "come" for n in range(first, first + more + 1)}
    given_up = max((first - 1 for what, first, _ in events if what == "give up"), default=0)
    sequence = given_up
    while sequence + 1 in came:
        sequence += 1
    orders = [events, dice.sample(events, len(events)) * 2]
    found = [_marked(some) for some in orders]
    assert found[0] == found[1]
    assert found[0].sequence == sequence
    assert found[0].highest == max(given_up, *came, 0)
    assert found[0].missing == len(set(range(1, sequence + 1)) - came)


def _marked(events):
    mark, came = Mark(), set()
    for what, first, more in events:
        if what == "give up":
            mark.give_up(first)
            continue
        batch = set(range(first, first + more + 1))
        new = {n for one, other in mark.new(first, first + more) for n in range(one, other + 1)}
        assert new == batch - came
        assert mark.arrive(first, first + more)
        came |= batch
    return mark


def test_a_sensor_that_tears_a_gap_with_every_report_is_stopped_and_its_watermark_still_moves(store):
    for first in range(2, 2 * MOST_GAPS + 8, 2):
        store.commit([delivery(first, run(first))], NOON + 10**6)
    ((_, highest, gaps),) = rows(store, "watermark", "sequence, highest, gaps")
    assert (highest, gaps.count(b"],[")) == (2 * MOST_GAPS, MOST_GAPS - 1)
    assert {one.reason for one in store.quarantined()} == {"more than 1000 gaps in what has come"}
    assert mark(sent(store, 1, 99)) == 100


def test_sequence_0_is_no_report(store):
    assert sent(store, 0, 3).watermarks == []
    assert "the first report of an epoch is 1" in store.quarantined()[0].reason


# Rollups


def test_a_late_report_recomputes_its_hour_and_its_day(store):
    sent(store, 1, 10)
    before = roll(store)
    store.commit([delivery(200, run(5, start=NOON - 7200))], NOON)
    after = roll(store)
    assert len(before) == 2 and len(after) == 3
    assert after[1] == before[0] and after[2] != before[1]


def test_a_day_with_25_hours(tmp_path):
    night = int(datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Berlin")).timestamp())
    with opened(tmp_path) as store:
        for n in range(25):
            store.commit([delivery(1 + 60 * n, run(*range(60), start=night + 3600 * n))], NOON)
        roll(store)
        hours, (day,) = store.periods(*SHOP, "hour", *FOREVER), store.periods(*SHOP, "day", *FOREVER)
    assert len(hours) == 25 and day.end - day.start == 25 * 3600
    assert day.coverage == 1.0
    assert [one.start for one in hours] == [night + 3600 * n for n in range(25)]


def test_a_shop_in_a_half_hour_zone(tmp_path):
    shop = fleet.shop(zone="Asia/Kolkata")
    with opened(tmp_path, placed("demo:door", of=shop)) as store:
        store.commit([delivery(1, run(*range(60)))], NOON)
        roll(store)
        hours = store.periods(*SHOP, "hour", *FOREVER)
    assert [one.start for one in hours] == [NOON - 1800, NOON + 1800]
    assert [one.coverage for one in hours] == [0.5, 0.5]


def test_the_stored_day_is_that_of_its_raw_windows(store):
    sent(store, 1, 100)
    roll(store)
    shop, span = store.shop(*SHOP), calendar.day_at("Europe/Berlin", NOON)
    hours: dict[int, list[rollup.Reading]] = {}
    for n, one in enumerate(run(*range(1, 101)), 1):
        hours.setdefault(calendar.hour_at("Europe/Berlin", one.window_start)[0], []).append(
            rollup.Reading("demo:door", EPOCH, n, one)
        )
    placements = [Placement(sensor="demo:door", zone="door")]
    from_raw = [rollup.period(shop, one, one + 3600, placements, some) for one, some in sorted(hours.items())]
    assert store.periods(*SHOP, "day", *FOREVER) == [rollup.total(shop, *span, from_raw)]
    assert store.day(*SHOP, *span) == rollup.total(shop, *span, from_raw)


def test_windows_come_from_the_raw_reports(store):
    sent(store, 1, 3)
    assert [(one.start, one.end, one.occupancy.value) for one in store.windows(*SHOP, NOON, NOON + 180)] == [
        (NOON + 60, NOON + 120, 1.0),
        (NOON + 120, NOON + 180, 2.0),
    ]
    assert store.windows("demo", "nowhere", *FOREVER) == []


def test_the_latest_window_is_one_that_all_sensors_have_reported(tmp_path):
    with opened(tmp_path, placed("demo:door", "demo:back")) as store:
        assert store.latest_window(*SHOP) is None
        sent(store, 1, 3)
        sent(store, 1, 2, sensor="demo:back")
        assert store.latest_window(*SHOP).start == NOON + 120
        sent(store, 3, 3, sensor="demo:back")
        assert store.latest_window(*SHOP).start == NOON + 180
        sent(store, 4, 6)
        assert store.latest_window(*SHOP).start == NOON + 360


def test_the_factor_cancels_in_the_capture_rate_of_a_day_as_in_that_of_an_hour(store):
    sent(store, 1, 100)
    roll(store)
    before = store.periods(*SHOP, "day", *FOREVER) + store.periods(*SHOP, "hour", *FOREVER)
    devices = structs.replace(before[0].visitors, coverage=1.0)
    counted = [Span(start=0, end=1, people=40, devices=devices)]
    store.calibrate(*SHOP, fit(counted, 1.0, NOON - 86_400, "taps"))
    roll(store)
    after = store.periods(*SHOP, "day", *FOREVER) + store.periods(*SHOP, "hour", *FOREVER)
    assert len(before) == len(after) == 3
    for one, other in zip(before, after, strict=True):
        assert other.visitors.high - other.visitors.low > one.visitors.high - one.visitors.low
        told = [(each.capture_rate.low, each.capture_rate.value, each.capture_rate.high) for each in (one, other)]
        assert told[1] == pytest.approx(told[0])
    assert store.day(*SHOP, after[0].start, after[0].end) == after[0]


def at_rest(start, end):
    """Windows of five minutes in which the radio rests by plan."""
    resting = structs.replace(heard(None, listened_s=0.0), rested_s=300.0)
    return [report(second, 300, resting) for second in range(start, end, 300)]


def test_a_sensor_that_rests_when_the_shop_is_closed_has_no_background_and_no_gap(tmp_path):
    hours = [fleet.opens("mon tue wed thu fri sat sun", "09:00", "18:00")]
    midnight = NOON - 12 * 3600
    with opened(tmp_path, placed("demo:door", of=fleet.shop(hours=hours))) as store:
        reports = []
        for day in (midnight, midnight + 86_400):
            opens, closes = day + 9 * 3600, day + 18 * 3600
            busy = [report(second, 300, heard(13.0, 8.0, 300.0)) for second in range(opens, closes, 300)]
            reports += at_rest(day, opens) + busy + at_rest(closes, day + 86_400)
        for first in range(0, len(reports), 96):
            store.commit([delivery(1 + first, reports[first : first + 96])], NOON)
        roll(store)
        periods = {one.start: one for one in store.periods(*SHOP, "hour", *FOREVER)}
        first, second = store.periods(*SHOP, "day", *FOREVER)
        night = store.windows(*SHOP, midnight, midnight + 300)
    assert periods[midnight + 86_400 + 12 * 3600].occupancy.value == 13.0  # no zero was learnt, and none taken off
    assert (first.coverage, second.coverage, first.rested) == (1.0, 1.0, pytest.approx(15 / 24))
    assert second.visitors.value == first.visitors.value
    assert (night[0].rested, night[0].coverage, night[0].occupancy.value) == (1.0, 0.0, None)


def test_a_resting_window_is_the_latest(tmp_path):
    with opened(tmp_path) as store:
        reports = [report(NOON + 300 * n, 300, heard(4.0, 8.0, 300.0)) for n in range(3)]
        store.commit([delivery(1, reports + at_rest(NOON + 900, NOON + 1800))], NOON)
        latest = store.latest_window(*SHOP)
    assert (latest.start, latest.rested) == (NOON + 1500, 1.0)


def test_reports_are_those_of_sensors_while_they_stood_there(tmp_path):
    until = Placement(sensor="demo:door", zone="door", valid_to=NOON + 600)
    with opened(tmp_path, placed(until)) as store:
        sent(store, 1, 20)
        assert store.placements(*SHOP) == [until]
        told = store.reports(*SHOP, NOON + 300, NOON + 3600)
        assert [(one.sensor, one.sequence) for one in told] == [("demo:door", n) for n in range(5, 10)]
        assert store.reports("demo", "nowhere", *FOREVER) == store.placements("demo", "nowhere") == []


# Shops and placements


def test_a_window_that_has_not_begun_is_quarantined_and_the_others_are_kept(store):
    early = delivery(1, run(1, 2, 3, start=NOON + 3700), now=NOON)
    done = store.commit([early, delivery(4, run(4, start=NOON))], NOON)
    assert (done.accepted, done.quarantined) == (1, 3)
    assert done.watermarks[0][1].sequence == 4


def test_what_a_sensor_counted_without_knowing_the_time_is_kept_and_in_no_figure(store):
    known, unknown = report(NOON), structs.replace(report(NOON + 60), clock="untrusted", boot_s=60.0)
    done = store.commit([delivery(1, [known, unknown])], NOON)
    assert done.accepted == 2
    (window,) = store.windows(*SHOP, NOON, NOON + 3600)
    assert window.start == NOON
    assert store.sensors(*SHOP, NOON)[0].untrusted_windows == 1


def test_a_clock_of_the_future_that_nobody_trusts_does_not_become_now(store):
    sent(store, 1, 3)
    lost = structs.replace(report(NOON + 86_400_000), clock="untrusted", boot_s=60.0)
    for _ in range(2):
        store.commit([delivery(4, [lost], now=NOON)], NOON)
    (sensor,) = store.sensors(*SHOP, NOON)
    assert (store.latest_window(*SHOP).start, sensor.last_window_start) == (NOON + 180, NOON + 180)
    assert (sensor.untrusted_windows, store.backlog()) == (1, 1)


def test_a_window_that_was_dated_later_counts_like_any_other(store):
    store.commit([delivery(1, [structs.replace(report(NOON), clock="redated", boot_s=60.0)])], NOON)
    assert roll(store) and store.windows(*SHOP, NOON, NOON + 60)[0].occupancy.value == 4.0
    assert store.sensors(*SHOP, NOON)[0].untrusted_windows == 0


def test_an_unplaced_sensor_is_kept_and_rolled_up_once_placed(store):
    done = sent(store, 1, 90, sensor="demo:new")
    assert (mark(done), done.accepted, done.shops) == (90, 90, set())
    assert roll(store) == []
    assert store.apply_shops([placed("demo:door", "demo:new")]) == {SHOP}
    roll(store)
    assert [one.coverage for one in store.periods(*SHOP, "hour", *FOREVER)] == pytest.approx([59 / 120, 31 / 120])


def test_applying_the_same_shops_again_changes_nothing(store):
    sent(store, 1, 10)
    before = roll(store)
    assert store.apply_shops([placed("demo:door")]) == set()
    assert store.backlog() == 0 and roll(store) == before


def test_a_sensor_that_moved_counts_for_each_shop_in_its_time(tmp_path):
    noon, other = NOON + 1800, fleet.shop(name="station")
    before = Placement(sensor="demo:door", zone="door", valid_to=noon)
    after = Placement(sensor="demo:door", zone="gate", valid_from=noon)
    with opened(tmp_path, placed(before), placed(after, of=other)) as store:
        store.commit([delivery(1, run(*range(60)))], NOON)
        store.recompute()
        assert [len(store.windows("demo", one, *FOREVER)) for one in ("high-street", "station")] == [30, 30]
        assert [store.periods("demo", one, "hour", *FOREVER)[0].coverage for one in ("high-street", "station")] == [
            1.0,
            1.0,
        ]
        assert [one.zone for one in store.sensors("demo", "station", NOON + 3000)] == ["gate"]


def test_a_changed_dwell_recomputes_what_is_known(store):
    sent(store, 1, 10)
    roll(store)
    (before,) = store.periods(*SHOP, "hour", *FOREVER)
    store.apply_shops([placed("demo:door", of=fleet.shop(dwell_s=60.0))])
    roll(store)
    (after,) = store.periods(*SHOP, "hour", *FOREVER)
    assert after.visitors.value == pytest.approx(before.visitors.value * 13 / 2)


@pytest.mark.parametrize(
    "shown",
    [
        {"name": "High Street 12"},
        {"region": "north"},
        {"currency": "EUR"},
        {"capacity": 80},
        {"engaged_min_s": 600.0},
        {"preset": "aruba"},
    ],
)
def test_what_no_figure_follows_from_changes_without_recomputing(store, shown):
    sent(store, 1, 10)
    before = roll(store)
    changed = structs.replace(fleet.shop(), **shown)
    assert store.apply_shops([placed("demo:door", of=changed)]) == {SHOP}
    assert store.shop(*SHOP) == changed
    assert store.backlog() == 0 and roll(store) == before
    assert len(store.sensors(*SHOP, NOON)) == 1


def test_staff_are_no_visitors_from_when_the_rota_is_told(store):
    sent(store, 1, 10)
    roll(store)
    (before,) = store.periods(*SHOP, "hour", *FOREVER)
    store.apply_shops([placed("demo:door", of=fleet.shop(staff=[all_day(people=1)]))])
    roll(store)
    (after,) = store.periods(*SHOP, "hour", *FOREVER)
    assert after.visitors.value == pytest.approx(before.visitors.value - 10 / 13)
    assert after.occupancy == before.occupancy


def all_day(people):
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return StaffHours(days=days, begins="00:00", ends="24:00", people=people)


def test_a_holiday_recomputes_what_is_known(store):
    sent(store, 1, 10)
    for holidays in ([], [Holiday(date="2026-06-30", name="Stocktaking")]):
        shop = fleet.shop(hours=[fleet.opens("tue", "09:00", "18:00")], holidays=holidays)
        store.apply_shops([placed("demo:door", of=shop)])
        roll(store)
        (hour,) = store.periods(*SHOP, "hour", *FOREVER)
        assert hour.open is not bool(holidays)


@pytest.mark.parametrize(
    ("placements", "problem"),
    [
        (["demo:door", "demo:door"], "two places at once"),
        (["other:door"], "is not of the tenant"),
        (
            [
                Placement(sensor="demo:door", zone="door"),
                Placement(sensor="demo:door", zone="back", valid_from=NOON),
            ],
            "two places at once",
        ),
    ],
)
def test_a_sensor_stands_in_one_place(store, placements, problem):
    with pytest.raises(StoreError, match=problem):
        store.apply_shops([placed(*placements)])
    assert len(store.sensors(*SHOP, NOON)) == 1


def test_another_process_sees_new_placements(store):
    other = Store(store.database)
    sent(other, 1, 1)
    store.apply_shops([placed(of=fleet.shop()), placed("demo:door", of=fleet.shop(name="station"))])
    assert sent(other, 2, 2).shops == {("demo", "station")}
    assert [one.shop for one in other.shops("demo")] == ["high-street", "station"]
    assert other.shops("nobody") == [] and other.shop("demo", "nowhere") is None
    other.close()


# What cannot be understood


def up(payload, sensor="demo:door", leaf="report"):
    return receive(topics.up(sensor, leaf), payload, NOON)


def test_a_bad_report_goes_to_the_quarantine_alone(store):
    wrong = encode(report()).replace(b'"trusted"', b'"maybe"')
    crooked = encode(report(NOON + 7))
    done = store.commit([delivery(1, [report(), wrong, crooked, report(NOON + 60)])], NOON)
    assert (mark(done), done.accepted, done.quarantined) == (4, 2, 2)
    kept = {one.sequence: one for one in store.quarantined()}
    assert kept.keys() == {2, 3} and kept[2].payload == wrong
    assert "clock" in kept[2].reason and "not aligned" in kept[3].reason
    again = store.commit([delivery(2, [wrong, crooked])], NOON + 9)
    assert (mark(again), again.quarantined, len(store.quarantined())) == (4, 0, 2)


def test_a_gap_is_closed_by_a_bad_report_too(store):
    sent(store, 3, 4)
    store.commit([delivery(2, [b'{"no":"report"}'])], NOON)
    assert mark(sent(store, 1, 1)) == 4


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\xff\xfe", "not a ReportBatch"),
        (b"[]", "Expected `object`"),
        (fleet.payload(1, [report()]).replace(b'"v":1', b'"v":2'), "$.v"),
        (fleet.payload(1, [report()], sensor="demo:back"), "speaks for demo:back"),
        (fleet.payload(1, [report()])[:-1], "truncated"),
        (b"[" * 100_000, "not a ReportBatch"),
        (b" " * (MAX_PAYLOAD_BYTES + 1), "at most 131072"),
    ],
)
def test_a_bad_batch_is_quarantined_whole_and_moves_nothing(store, payload, reason):
    done = store.commit([up(payload)], NOON)
    assert (done.watermarks, done.accepted, done.quarantined) == ([], 0, 1)
    (kept,) = store.quarantined()
    assert reason in kept.reason and kept.sequence is None
    assert len(kept.payload) <= MAX_PAYLOAD_BYTES
    assert (kept.tenant, kept.sensor) == ("demo", "door")


def test_other_bytes_under_a_known_key_are_ignored_and_quarantined(store):
    first = sent(store, 1, 3)
    before = (rows(store, "report"), rows(store, "watermark"), roll(store))
    other = report(NOON + 60, wifi=heard(inside=900.0))
    done = store.commit([delivery(1, [other, *run(2, 3)], now=NOON)], NOON)
    assert (done.watermarks, done.accepted, done.duplicates, done.quarantined) == (first.watermarks, 0, 3, 1)
    assert (rows(store, "report"), rows(store, "watermark"), roll(store)) == before
    (kept,) = store.quarantined()
    assert (kept.reason, kept.sequence, kept.payload) == ("differs from what was committed", 1, encode(other))
    assert store.sensors(*SHOP, NOON)[0].quarantined == 1


def test_of_two_reports_under_one_key_in_one_commit_the_first_is_kept(store):
    one, other = run(1), [report(NOON + 60, wifi=heard(inside=900.0))]
    done = store.commit([delivery(1, one), delivery(1, other), delivery(1, one)], NOON)
    assert (done.accepted, done.duplicates, done.quarantined) == (1, 2, 1)
    assert [body for (body,) in rows_of(store, "SELECT body FROM report")] == [encode(one[0])]


def test_a_good_report_under_the_key_of_a_bad_one_is_not_counted(store):
    store.commit([delivery(1, [b'{"no":"report"}'])], NOON)
    done = sent(store, 1, 1)
    assert (mark(done), done.accepted, done.quarantined) == (1, 0, 1)
    assert "differs from what was committed" in {one.reason for one in store.quarantined()}


def test_a_topic_that_names_no_sensor(store):
    store.commit([receive("footfall/v1/d/Evil/up/report", b"{}", NOON)], NOON)
    assert [(one.tenant, one.reason) for one in store.quarantined()] == [
        (None, "the topic names no sensor and no till")
    ]


def test_hello_for_another_sensor_is_quarantined():
    found = receive(topics.up("demo:back", "hello"), encode(hello(1, 2)), NOON)
    assert isinstance(found, Quarantined) and found.reason == "the hello speaks for demo:door"


@given(st.binary(max_size=300), st.sampled_from(topics.LEAVES_UP))
def test_no_payload_raises(payload, leaf):
    receive(topics.up("demo:door", leaf), payload, NOON)


# Sensors


def health(state="listening", clock="trusted", detail=""):
    radio = RadioHealth(
        radio="wifi", state=state, source="mon0", frames=1, dropped=0, last_frame_age_s=1.0, detail=detail
    )
    return Health(sensor="demo:door", at=NOON, uptime_s=9.0, software="x", clock=clock, profile="F5", radios=[radio])


def said(store, message, now=NOON):
    store.commit([Said("demo", "door", message, encode(message))], now)


def test_a_sensor_from_its_first_day_to_its_last(store):
    def state(now=NOON):
        (one,) = store.sensors(*SHOP, now)
        return one.state, one.sentence

    assert state() == ("new", "Never heard from: check that the sensor has power, network and its key.")
    said(store, Status(state="online"))
    assert state()[1] == "Connected; its first counts come with the next window."
    sent(store, 1, 1)
    assert state() == ("counting", "Counting.")
    said(store, health())
    assert state() == ("counting", "Counting.")
    said(store, health(state="missing", detail="No adapter was found."))
    assert state() == ("deaf", "Its Wi-Fi radio is missing: No adapter was found.")
    said(store, health(clock="untrusted"))
    assert state()[0] == "clock"
    assert state(NOON + 720) == ("silent", "Silent for 12 minutes: check that the sensor has power and network.")
    assert state(NOON + 3 * 86400)[1].startswith("Silent for 3 days")
    said(store, Status(state="offline"))
    (one,) = store.sensors(*SHOP, NOON)
    assert (one.sensor, one.online, one.last_report_at, one.last_window_start) == ("demo:door", False, NOON, NOON + 60)


def test_a_sensor_says_what_it_keeps_to(store):
    assert store.sensors(*SHOP, NOON)[0].privacy is None
    said(store, health())
    assert store.sensors(*SHOP, NOON)[0].privacy is None
    promise = Privacy(
        site="ordinary",
        inside_dbm=-70,
        outside_dbm=-90,
        longest_key_s=86_400.0,
        epsilon=2.5,
        panel="sealed",
        epoch_age_s=None,
        opt_outs=0,
        opt_outs_age_s=None,
    )
    said(store, structs.replace(health(), profile="D24", privacy=promise))
    told = store.sensors(*SHOP, NOON)[0].privacy
    assert (told.profile, told.epsilon, told.longest_key_s, told.panel) == ("D24", 2.5, 86_400.0, "sealed")


# The file


def test_a_database_of_a_newer_version_is_refused(tmp_path):
    database = tmp_path / "cloud.db"
    migrate(str(database))
    with sqlite3.connect(database) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    for use in (Store, migrate):
        with pytest.raises(StoreTooNewError, match=r"newer version of Footfall .*9999.* install the newer version"):
            use(str(database))


def test_a_database_that_was_not_migrated_is_refused(tmp_path):
    with pytest.raises(StoreTooOldError, match="run `footfall-cloud migrate` first"):
        Store(str(tmp_path / "cloud.db"))


def test_migrating_again_changes_nothing_and_gives_the_tables_of_the_schema(tmp_path):
    database = f"sqlite:///{tmp_path / 'cloud.db'}"
    migrate(database)
    migrate(database)
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = create_engine(database)
    with engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), schema.metadata) == []
    engine.dispose()


def test_a_database_of_the_version_before_learns_what_never_came(tmp_path):
    database = str(tmp_path / "cloud.db")
    with opened(tmp_path) as store:
        sent(store, 1, 3)
        sent(store, 6, 6)
        store.commit([delivery(7, [b'{"no":"report"}'])], NOON)
        sent(store, 11, 12)
        store.hello(hello(9, 12), NOON)
        sent(store, 1, 9, sensor="demo:back")
        now = (rows(store, "watermark"), rows(store, "refused"))
    told = ("sale", "doorcount", "annotation", "campaign", "rule", "alert", "recipient", "outgoing", "share")
    fleet = ("sensor", "claim", "certificate", "rollout", "part", "wanted", "keylist", "deed")
    with sqlite3.connect(database) as db:  # as version 0003 had it
        db.executescript("".join(f"DROP TABLE {one};" for one in told + fleet))
        db.executescript(
            "ALTER TABLE sensor_state DROP COLUMN boots; DROP INDEX quarantine_by_age; DROP TABLE refused; "
            "ALTER TABLE watermark DROP COLUMN gaps; "
            "ALTER TABLE watermark DROP COLUMN untrusted; UPDATE alembic_version SET version_num = '0003'"
        )
    with opened(tmp_path) as store:
        assert (rows(store, "watermark"), [row for row in rows(store, "refused") if row[0]]) == (
            now[0],
            [row for row in now[1] if row[0]],
        )
        assert mark(sent(store, 9, 10)) == 12


def test_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(StoreError, match=r"The folder of the database .* does not exist: create it"):
        migrate(str(tmp_path / "none" / "cloud.db"))


def test_a_file_that_is_no_database_is_one_sentence(tmp_path):
    (tmp_path / "cloud.db").write_text("a letter to the editor, " * 100)
    with pytest.raises(StoreError, match=r"file is not a database. The file is something else"):
        migrate(str(tmp_path / "cloud.db"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path):
    migrate(str(tmp_path / "cloud.db"))
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Make the file and its folder"):
        Store(str(tmp_path / "cloud.db")).apply_shops([placed()])


def test_a_url_nobody_knows_is_one_sentence():
    with pytest.raises(StoreError, match="cannot be opened"):
        migrate("oracle9://nowhere")


def test_sqlite_keeps_what_was_committed_through_a_power_cut(store):
    with store._engine.connect() as db:
        pragmas = [db.exec_driver_sql(f"PRAGMA {one}").scalar() for one in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 2]


def test_writers_in_several_threads_take_turns(store):
    def write(sensor):
        for n in range(1, 20):
            sent(store, n, n, sensor=f"demo:{sensor}")
            store.recompute()

    threads = [threading.Thread(target=write, args=(one,)) for one in ("door", "back", "side")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(rows(store, "report")) == 57 and store.backlog() == 0


def test_primary_keys_start_with_the_tenant():
    for table in schema.metadata.sorted_tables:
        if table.name not in {"quarantine", "claim", "revision"}:
            assert next(iter(table.primary_key.columns)).name == "tenant", table.name


def test_the_migrations_are_found_wherever_the_package_is():
    assert migration._config().get_main_option("script_location").endswith("migrations")
