"""What is kept beside the periods, on a real store: it says what the reports do, and the desk reads it."""

import sqlite3

import pytest

from cloud.core import calendar, ledger
from cloud.core.coverage import Placement
from cloud.desk import Desk
from cloud.store import Store, migrate
from tests import fleet
from tests.fleet import delivery, heard, opens, placed, report

DEMO, SHOP = "demo", ("demo", "high-street")
DAY = 1_782_864_000  # 2026-07-01 00:00 UTC, a Wednesday
HOURS = [opens("mon tue wed thu fri sat sun", "09:00", "18:00")]
NOW = DAY + 86_400 + 14 * 3600 + 600
FOREVER = (0, 2**40)


def made(folder, *sensors, shops=("high-street",)):
    migrate(str(folder / "cloud.db"))
    store = Store(str(folder / "cloud.db"))
    there = [fleet.shop(zone="Etc/UTC", name=one, hours=HOURS) for one in shops]
    sensors = sensors or ("demo:door",)
    store.apply_shops([placed(*(sensors if n == 0 else [f"demo:s{n}"]), of=one) for n, one in enumerate(there)])
    return store


def windows(start, end, inside=13.0, closed=3.0):
    """Windows of five minutes: some of the neighbours for ever, more while the shop is open."""
    for at in range(start, end, 300):
        is_open = 9 <= at % 86_400 // 3600 < 18
        yield report(at, 300, heard(inside if is_open else closed, 2.0, 300.0, spread=0.0))


def send(store, reports, sensor="demo:door", first=1):
    reports = list(reports)
    for at in range(0, len(reports), 96):
        store.commit([delivery(first + at, reports[at : at + 96], sensor)], NOW)


def rolled(store):
    while store.recompute(7):
        pass
    return store


def rows(store):
    with sqlite3.connect(store.database) as db:
        return db.execute("SELECT * FROM period ORDER BY 1, 2, 3, 4").fetchall()


@pytest.fixture
def two_days(tmp_path):
    store = made(tmp_path)
    send(store, windows(DAY, NOW // 300 * 300))
    yield rolled(store)
    store.close()


def test_a_line_is_what_its_hours_make_it(two_days):
    found = two_days.lines(DEMO, ["high-street"], *FOREVER)["high-street"]
    shop, days = two_days.shop(*SHOP), two_days.periods(*SHOP, "day", *FOREVER)
    hours = [two_days.periods(*SHOP, "hour", day.start, day.end) for day in days]
    assert found == [ledger.line(shop, day, some) for day, some in zip(days, hours, strict=True)]
    assert [one.complete for one in found] == [True, False]
    assert two_days.lines(DEMO, ["high-street"], DAY + 1, 2**40)["high-street"] == found[1:]
    assert two_days.lines(DEMO, ["nowhere"], *FOREVER) == {"nowhere": []}


def test_whatever_the_order_the_rows_are_the_same(two_days, tmp_path):
    (tmp_path / "other").mkdir()
    other = made(tmp_path / "other")
    reports = list(windows(DAY, NOW // 300 * 300))
    for at in reversed(range(0, len(reports), 48)):
        send(other, reports[at : at + 48], first=at + 1)
        other.recompute(3)
    assert rows(rolled(other)) == rows(two_days)


def test_a_page_begins_with_the_days_there_are(two_days):
    """As after an upgrade: no page was begun yet, and one hour is marked."""
    before = rows(two_days)
    with sqlite3.connect(two_days.database) as db:
        db.execute("DELETE FROM period WHERE grain IN ('page', 'base', 'last')")
        db.execute("INSERT INTO dirty VALUES ('demo', 'high-street', ?)", (DAY + 86_400,))
    found = {row[2:4]: row[4] for row in rows(rolled(two_days))}
    assert {row[2:4]: row[4] for row in before if row[2] == "page"}.items() <= found.items()


def test_the_upgrade_marks_an_hour_of_every_fortnight(tmp_path):
    from alembic import command

    from cloud.store import engine, migration

    database = str(tmp_path / "old.db")
    opened = engine.open_engine(database)
    with engine.writing(opened) as db:
        config = migration._config()
        config.attributes["connection"] = db
        command.upgrade(config, "0005")
        for hour in range(0, 40 * 86_400, 3600):
            db.exec_driver_sql("INSERT INTO period VALUES ('demo', 'high-street', 'hour', ?, x'7b7d')", (hour,))
        db.exec_driver_sql("INSERT INTO dirty VALUES ('demo', 'high-street', 0)")
    opened.dispose()
    migrate(database)
    with sqlite3.connect(database) as db:
        assert [hour // 86_400 for (hour,) in db.execute("SELECT hour FROM dirty ORDER BY hour")] == [0, 14, 28]


def test_a_window_read_later_has_the_background_its_hour_had(two_days):
    noon = DAY + 86_400 + 12 * 3600
    (one,) = two_days.windows(*SHOP, noon, noon + 300)
    (hour,) = two_days.periods(*SHOP, "hour", noon, noon + 3600)
    assert one.occupancy.value == hour.occupancy.value == 10.0
    afresh = Store(two_days.database)
    assert afresh.windows(*SHOP, noon, noon + 300) == [one]
    afresh.close()


def test_a_night_that_comes_late_changes_the_background_of_the_windows_too(tmp_path):
    store = made(tmp_path)
    noon = DAY + 86_400 + 12 * 3600
    send(store, windows(DAY + 86_400, NOW // 300 * 300), first=1000)
    assert rolled(store).windows(*SHOP, noon, noon + 300)[0].occupancy.value == 13.0
    send(store, windows(DAY, DAY + 86_400))
    assert rolled(store).windows(*SHOP, noon, noon + 300)[0].occupancy.value == 10.0


def test_a_shop_that_changed_loses_what_is_beside_too(two_days):
    two_days.apply_shops([placed("demo:door", of=fleet.shop(zone="Etc/UTC", hours=HOURS, dwell_s=60.0))])
    assert rows(two_days) == []
    assert two_days.lines(DEMO, ["high-street"], *FOREVER) == {"high-street": []}
    rolled(two_days)
    (first, _), (day, _) = (
        two_days.lines(DEMO, ["high-street"], *FOREVER)["high-street"],
        two_days.periods(*SHOP, "day", *FOREVER),
    )
    assert first.visitors.value == day.visitors.value


def test_a_glance_is_what_a_closer_look_shows(tmp_path):
    store = made(tmp_path, shops=("high-street", "station", "quay"))
    send(store, windows(DAY, NOW // 300 * 300))
    send(store, windows(DAY + 86_400, NOW // 300 * 300), "demo:s1")
    rolled(store)
    found = {one.shop.shop: one for one in store.glances(DEMO, NOW)}
    assert list(found) == ["high-street", "quay", "station"]
    for name, one in found.items():
        assert one.shop == store.shop(DEMO, name)
        assert one.latest == store.latest_window(DEMO, name)
        assert one.sensors == store.sensors(DEMO, name, NOW)
        assert [one.day] == (store.periods(DEMO, name, "day", DAY + 86_400, NOW) or [None])
    assert store.glances("nobody", NOW) == []


def test_the_list_says_of_a_shop_what_its_own_page_says(tmp_path):
    store = made(tmp_path, shops=("high-street", "station", "quay"))
    lost = DAY + 86_400 + 11 * 3600
    send(store, windows(DAY, NOW // 300 * 300))
    heard_of = windows(DAY, NOW // 300 * 300)
    send(store, (one for one in heard_of if not lost <= one.window_start < lost + 3600), "demo:s1")
    rolled(store)
    reader = Desk(store, DEMO, lambda: NOW + 60.0).reader
    for line in reader.lines():
        one = reader.today(line.shop)
        assert (line.visitors, line.inside_now, line.inside_at) == (one.day.visitors, one.inside_now, one.inside_at)
        assert (line.date, line.open_now, line.resting_now) == (one.date, one.open_now, one.resting_now)
    by_shop = {one.shop: one.listened for one in reader.lines()}
    assert by_shop["high-street"] == 1.0 and by_shop["quay"] == 0.0
    assert by_shop["station"] == pytest.approx(1 - 60 / 310, abs=1e-3)  # of the opening hours, not of the day


def test_a_zone_is_its_sensors_together_less_their_backgrounds(tmp_path):
    two = [Placement(sensor=f"demo:{one}", zone=zone) for one, zone in (("a", "door"), ("b", "back"), ("c", "back"))]
    store = made(tmp_path, *two)
    for sensor, inside in (("demo:a", 9.0), ("demo:b", 5.0), ("demo:c", 8.0)):
        send(store, windows(DAY, NOW // 300 * 300, inside), sensor)
    noon = DAY + 86_400 + 12 * 3600
    found = rolled(store).zone_windows(*SHOP, noon, noon + 600)
    assert {zone: [one.occupancy.value for one in some] for zone, some in found.items()} == {
        "back": [7.0, 7.0],
        "door": [6.0, 6.0],
    }
    assert {one.coverage for some in found.values() for one in some} == {1.0}
    assert store.zone_windows(*SHOP, 0, 300) == {"back": [], "door": []}


def test_what_tells_of_the_panel_is_what_the_panel_is_made_of(two_days):
    told = fleet.heard(4.0, 8.0, 300.0)
    visits = {"start": DAY, "end": DAY + 3600, "listened_s": 3600.0, "arrivals": 3, "arrivals_scale": 1}
    from msgspec.structs import replace

    from agent.contract import VisitsHour

    with_visits = replace(told, visits=VisitsHour(**visits, visits=4, visits_scale=3))
    two_days.commit([delivery(5000, [report(NOW // 300 * 300, 300, with_visits)])], NOW)
    every, some = (read(*SHOP, *FOREVER) for read in (two_days.reports, two_days.panel_reports))
    assert len(every) > 400
    assert some == [one for one in every if one.report.wifi.visits]


def test_months_are_local(tmp_path):
    migrate(str(tmp_path / "cloud.db"))
    store = Store(str(tmp_path / "cloud.db"))
    store.apply_shops([placed("demo:door", of=fleet.shop(zone="Pacific/Auckland"))])
    end_of_june = calendar.day_of("Pacific/Auckland", calendar.date_at("Pacific/Auckland", DAY - 86_400))
    send(store, windows(end_of_june[0], end_of_june[1] + 86_400))
    rolled(store)
    pages = [row[3] for row in rows(store) if row[2] == "page"]
    assert [calendar.date_at("Pacific/Auckland", one).day for one in pages] == [1] * len(pages)
    assert [one.start for one in store.lines(DEMO, ["high-street"], *FOREVER)["high-street"]] == [
        end_of_june[0],
        end_of_june[1],
    ]
