"""Weeks, trends, rankings and flows over HTTP, from a real store."""

import asyncio
from datetime import date

import httpx
import pytest

from cloud.api import Live, routes
from cloud.core.annotation import Annotation
from cloud.core.coverage import Placement
from cloud.core.till import Sale
from cloud.desk import Desk
from cloud.store import Store, Till, migrate
from tests import fleet
from tests.fleet import delivery, heard, opens, placed, report

DAY = 1_782_691_200  # 2026-06-29 00:00 UTC, a Monday
NOW = DAY + 3 * 86_400 + 14 * 3600
ALL_DAYS = "mon tue wed thu fri sat sun"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    database = str(tmp_path_factory.mktemp("store") / "cloud.db")
    migrate(database)
    store = Store(database)
    hours = [opens(ALL_DAYS, "09:00", "18:00")]
    two = [Placement(sensor="demo:a", zone="door"), Placement(sensor="demo:b", zone="back room")]
    store.apply_shops(
        [
            placed(*two, of=fleet.shop("Etc/UTC", "high-street", hours, region="north")),
            placed("demo:c", of=fleet.shop("Etc/UTC", "quay", hours, region="north")),
        ]
    )
    for sensor, inside in (("demo:a", 6.0), ("demo:b", 3.0), ("demo:c", 1.0)):
        reports = [
            report(at, 300, heard(inside if 9 <= at % 86_400 // 3600 < 18 else 0.0, 4.0, 300.0, spread=0.1))
            for at in range(DAY, NOW, 300)
            if sensor != "demo:c" or at >= DAY + 86_400
        ]
        for at in range(0, len(reports), 96):
            store.commit([delivery(1 + at, reports[at : at + 96], sensor)], NOW)
    while store.recompute():
        pass
    yield Desk(store, "demo", lambda: float(NOW))
    store.close()


def get(desk, path, status=200):
    async def asked():
        transport = httpx.ASGITransport(app=routes(desk, Live()))
        async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
            return await client.get(path)

    answer = asyncio.run(asked())
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_week_by_hours(desk):
    found = get(desk, "/shops/high-street/week?date=2026-07-02")
    noon = {one["weekday"]: one for one in found["cells"] if one["hour"] == 12}
    assert [noon[one]["state"] for one in range(7)] == ["heard"] * 3 + ["heard"] + ["to come"] * 3
    assert noon[0]["visitors"]["value"] == 32  # 9 inside in each of 12 windows, by Little's law 3.4 windows each
    assert (found["from"], found["to"], found["busiest"]) == ("2026-06-29", "2026-07-05", [])
    assert get(desk, "/shops/high-street/week")["from"] == "2026-06-29"


def test_trends_with_a_note(desk):
    note = Annotation(id="1", date="2026-07-01", text="new window")
    desk.annotations.put("high-street", note)
    found = get(desk, "/shops/high-street/trends?weeks=4")
    assert [one["state"] for one in found["by_week"]] == ["not listened"] * 3 + ["so far"]
    assert found["by_week"][-1]["days"] == 3
    assert found["by_week"][-1]["visitors"]["value"] == 858
    (noted,) = found["annotations"]
    assert (noted["text"], noted["effect"]) == ("new window", None)


def test_a_ranking(desk):
    found = get(desk, "/ranking?span=month")
    assert (found["from"], found["to"]) == ("2026-07-01", "2026-07-01")
    assert [(one["shop"], one["place"], one["place_to"]) for one in found["shops"]] == [
        ("high-street", 1, 1),
        ("quay", 2, 2),
    ]
    assert [one["change"] for one in found["shops"]] == [None, None]  # a week before, nobody counted
    assert [(one["region"], one["shops"]) for one in found["regions"]] == [("north", 2)]
    week = get(desk, "/ranking?span=week")
    assert [one["place"] for one in week["shops"]] == [None, None]
    assert week["shops"][0]["badges"][0].startswith("Not comparable: not listened to for ")


def test_a_ranking_by_conversion_reads_the_till(desk):
    hours = [DAY + 2 * 86_400 + hour * 3600 for hour in range(9, 18)]
    Till(desk.reader._store).put("demo", "quay", [Sale(hour=one, source="till", transactions=1) for one in hours])
    shops = {one["shop"]: one for one in get(desk, "/ranking?by=conversion")["shops"]}
    assert shops["quay"]["figure"]["value"] == pytest.approx(9 / (9 * 12 / 3.4), abs=1e-3)
    assert shops["high-street"]["badges"] == ["Not comparable: its till tells nothing."]


def test_a_flow(desk):
    found = get(desk, "/shops/high-street/flow")
    assert [one["zone"] for one in found["zones"]] == ["back room", "door"]
    assert (found["to"], found["days"], found["following"]) == ("2026-07-01", 3, [])
    by_hour = {one["hour"]: one["occupancy"]["value"] for one in found["zones"][1]["hours"]}
    assert by_hour == dict.fromkeys(range(9, 18), 6)
    assert "it takes 7" in found["notes"][0]
    future = get(desk, "/shops/high-street/flow?from=2026-07-10&to=2026-07-12")
    assert future["days"] == 0


@pytest.mark.parametrize("path", ["week", "trends", "flow"])
def test_a_shop_nobody_knows_is_said_to_be_none(desk, path):
    assert "nowhere" in get(desk, f"/shops/nowhere/{path}", 404)["error"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/shops/quay/week?date=2026-7-1", "date"),
        ("/shops/quay/trends?weeks=3", "Weeks is 3: ask for 4 to 104."),
        ("/shops/quay/trends?weeks=x", "Weeks is wrong"),
        ("/shops/quay/flow?from=2026-01-01&to=2026-03-01", "28 days"),
        ("/ranking?span=year", "Span is wrong"),
        ("/ranking?by=luck", "By is wrong"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(desk, path, said):
    assert said in get(desk, path, 422)["error"]


def test_pages_get_the_same_as_programs(desk):
    assert desk.weeks.week("quay", date(2026, 7, 1)).shop == "quay"
    assert desk.trend.trends("quay").by_week[-1].state == "incomplete"
    assert {"Week", "Trends", "Ranking", "Flow"} <= set(get(desk, "/openapi.json")["components"]["schemas"])
