"""The API over HTTP: its bodies, its errors, its description of itself, and the stream that must end."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from msgspec.structs import replace

from agent.contract import ReportBatch, encode, topics
from cloud.api import Live
from cloud.api.live import Subscription
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import Period, Today
from cloud.store import Store, migrate, receive
from tests.shops import SENSOR, MemoryStore, a_sensor, a_shop, at, busy, keeping, visited, without
from tests.web import a_web, serving

NOW = at("2026-11-24 14:12")
TODAY, LAST_WEEK = at("2026-11-24 00:00"), at("2026-11-17 00:00")
NOON = (at("2026-11-24 12:00"), at("2026-11-24 13:00"))


def a_store() -> MemoryStore:
    store = MemoryStore(a_shop(), a_shop("other", name="Another", calibrated=True), a_shop("secret", tenant="rival"))
    readings = without(busy(TODAY, NOW // 300 * 300), *NOON) + busy(LAST_WEEK, LAST_WEEK + 86400)
    hours = {TODAY + 3600 * clock: (clock + 3, 2 * clock) for clock in range(14)}
    store.readings["corner"] = visited(readings, hours, {TODAY + 4 * 3600: [40, 30, 20, 8, 2, 0, -1]})
    store.states["corner"] = [replace(a_sensor(), privacy=keeping())]
    return store


def get(path: str, web: FastAPI | None = None, **options: Any) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(web or a_web(a_store(), NOW))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.get(path, **options)

    return asyncio.run(ask())


def api(path: str, status: int = 200) -> Any:
    answer = get(f"/api/v1{path}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_today_is_the_type_of_the_core() -> None:
    answer = get("/api/v1/shops/corner/today")
    today = msgspec.json.decode(answer.content, type=Today)
    assert (today.shop, today.date, today.now, today.open_now) == ("corner", "2026-11-24", NOW, True)
    assert today.inside_at == at("2026-11-24 14:10")
    assert today.hours[12].visitors.value is None
    assert today.hours[13].visitors.value == 78
    for figure in (today.day.visitors, today.day.passers_by, today.inside_now):
        assert {round(bound or 0.5) for bound in (figure.low, figure.value, figure.high)} == {
            figure.low,
            figure.value,
            figure.high,
        }
    assert today.day.capture_rate.value == 0.15


def test_the_list_of_shops_is_by_name_and_of_one_tenant() -> None:
    shops = api("/shops")
    assert [shop["name"] for shop in shops] == ["Another", "Corner Shop"]
    assert shops[0]["visitors"] == {
        "value": None,
        "low": None,
        "high": None,
        "coverage": 0.0,
        "definition": "visitors/2",
    }
    assert shops[1]["inside_now"]["value"] == 17
    assert shops[1]["sensors"] == "The sensor is counting."


def test_hours_have_gaps_as_items_and_stop_at_now() -> None:
    told = api("/shops/corner/hours?date=2026-11-24")
    assert (told["from"], told["to"], told["time_zone"]) == ("2026-11-24", "2026-11-24", "Europe/Berlin")
    assert len(told["periods"]) == 15
    gap = told["periods"][12]
    assert (gap["start"], gap["coverage"], gap["visitors"]["value"]) == (NOON[0], 0.0, None)
    assert api("/shops/corner/hours") == told
    assert len(api("/shops/corner/hours?from=2026-11-23&to=2026-11-24")["periods"]) == 24 + 15


def test_days_have_gaps_as_items_and_stop_at_now() -> None:
    told = api("/shops/corner/days?from=2026-11-16&to=2026-12-24")["periods"]
    assert len(told) == 9
    assert [day["visitors"]["value"] is None for day in told] == [True, False, *[True] * 6, False]
    assert len(api("/shops/corner/days")["periods"]) == 28
    assert api("/shops/corner/days?from=2027-01-01&to=2027-01-02")["periods"] == []


def test_windows_have_gaps_as_items_and_stop_at_now() -> None:
    told = api("/shops/corner/windows")["periods"]
    assert [one["start"] for one in told] == list(range(TODAY, at("2026-11-24 14:10"), 300))
    assert sum(one["occupancy"]["value"] is None for one in told) == 12
    assert len(api("/shops/corner/windows?date=2026-11-23")["periods"]) == 288


def test_visits_have_hours_that_have_ended_and_their_budget_beside_them() -> None:
    told = api("/shops/corner/visits?date=2026-11-24")
    assert (told["from"], told["to"], told["time_zone"]) == ("2026-11-24", "2026-11-24", "Europe/Berlin")
    (day,) = told["days"]
    assert (day["date"], day["start"], day["ble"]) == ("2026-11-24", TODAY, None)
    hours = day["wifi"]["hours"]
    assert [one["start"] for one in hours] == [TODAY + 3600 * clock for clock in range(14)]
    assert hours[13]["visits"] == {
        "value": 26.0,
        "low": 21.0,
        "high": 31.0,
        "coverage": 1.0,
        "definition": "panel-visits/1",
        "fewer_than": None,
    }
    assert (hours[3]["visits"]["value"], hours[3]["visits"]["fewer_than"]) == (None, 10)
    assert (hours[12]["visits"]["value"], hours[12]["visits"]["coverage"]) == (None, 0.0)
    # By hand: 0 to 13 without 12 are 79, so 79 + 13 * 3 first arrivals and 2 * 79 visits; 13 of 14 hours were told.
    assert [day["wifi"][name]["value"] for name in ("arrivals", "visits", "returns")] == [118.0, 158.0, 40.0]
    assert day["wifi"]["visits"]["coverage"] == 0.928
    assert day["wifi"]["stays"] is None  # the panel of today has not ended
    budget = told["budget"]
    assert (budget["epsilon"], budget["epsilon_shop"], budget["longest_key_s"]) == (2.5, 2.5, 86400.0)
    assert "both" in budget["note"]
    assert budget["sensors"] == [
        {
            "sensor": SENSOR,
            "zone": "door",
            "profile": "D24",
            "epsilon": 2.5,
            "longest_key_s": 86400.0,
            "key_reset": False,
        }
    ]
    assert api("/shops/corner/visits") == told


def test_visits_of_several_days_have_gaps_as_items_and_stop_at_now() -> None:
    days = api("/shops/corner/visits?from=2026-11-22&to=2026-12-02")["days"]
    assert [one["date"] for one in days] == ["2026-11-22", "2026-11-23", "2026-11-24"]
    assert (days[0]["wifi"]["visits"]["value"], days[0]["wifi"]["visits"]["coverage"]) == (None, 0.0)
    assert len(days[0]["wifi"]["hours"]) == 24
    stays = days[1]["wifi"]["stays"]
    assert (stays["start"], stays["end"]) == (at("2026-11-23 04:00"), at("2026-11-24 04:00"))
    assert [one["value"] for one in stays["devices"]] == [40.0, 30.0, 20.0, None, None, None, None]
    assert (stays["median"]["low"], stays["median"]["value"], stays["median"]["high"]) == (6.0, 8.0, 10.0)
    assert api("/shops/corner/visits?from=2026-12-01&to=2026-12-02")["days"] == []


def test_the_first_page_has_the_panel_so_far_and_what_the_sensor_keeps_to() -> None:
    told = api("/shops/corner/today")
    assert told["panel"]["until"] == at("2026-11-24 14:00")
    assert told["panel"]["returns"]["value"] == 40.0
    assert (told["panel"]["stays_date"], told["panel"]["stays"]["median"]["value"]) == ("2026-11-23", 8.0)
    assert told["panel"]["budget"]["epsilon"] == 2.5
    assert told["sensors"][0]["privacy"] == {
        "profile": "D24",
        "epsilon": 2.5,
        "longest_key_s": 86400.0,
        "panel": "open",
    }
    assert api("/shops/other/today")["panel"] is None
    at_midnight = get("/api/v1/shops/corner/today", a_web(a_store(), TODAY + 20)).json()
    assert (at_midnight["date"], at_midnight["panel"]["until"]) == ("2026-11-24", TODAY)
    assert at_midnight["panel"]["arrivals"]["value"] is None


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/shops/nowhere/today", 404, 'There is no shop "nowhere": see the list of shops.'),
        ("/shops/secret/today", 404, 'There is no shop "secret": see the list of shops.'),
        ("/shops/nowhere/live", 404, 'There is no shop "nowhere": see the list of shops.'),
        ("/shops/corner/hours?date=x", 422, 'Date is "x", which is no date: write it as 2026-11-24.'),
        ("/shops/corner/hours?date=20261124", 422, 'Date is "20261124", which is no date: write it as 2026-11-24.'),
        (
            "/shops/corner/windows?date=2026-02-30",
            422,
            'Date is "2026-02-30", which is no date: write it as 2026-11-24.',
        ),
        ("/shops/corner/days?to=9999-12-31", 422, "To is 9999-12-31: only dates from 1971 to 9998 can be asked for."),
        (
            "/shops/corner/days?from=2026-11-02&to=2026-11-01",
            422,
            "From (2026-11-02) is after to (2026-11-01): swap them.",
        ),
        (
            "/shops/corner/days?from=2025-10-20&to=2026-11-24",
            422,
            "2025-10-20 to 2026-11-24 is more than 400 days: ask for fewer at a time.",
        ),
        (
            "/shops/corner/hours?from=2026-01-01&to=2026-11-24",
            422,
            "2026-01-01 to 2026-11-24 is more than 62 days: ask for fewer at a time.",
        ),
        (
            "/shops/corner/hours?date=2026-11-24&from=2026-11-24",
            422,
            "Send either date, or from and to, not both.",
        ),
        ("/shops/corner/visits?date=x", 422, 'Date is "x", which is no date: write it as 2026-11-24.'),
        ("/shops/nowhere/visits", 404, 'There is no shop "nowhere": see the list of shops.'),
        (
            "/shops/corner/visits?date=2026-11-24&to=2026-11-24",
            422,
            "Send either date, or from and to, not both.",
        ),
        (
            "/shops/corner/visits?from=2026-01-01&to=2026-11-24",
            422,
            "2026-01-01 to 2026-11-24 is more than 62 days: ask for fewer at a time.",
        ),
        ("/nothing", 404, "There is nothing at /api/v1/nothing: see openapi.json."),
    ],
)
def test_an_error_is_one_sentence(path: str, status: int, sentence: str) -> None:
    assert api(path, status) == {"error": sentence}


def test_400_days_are_allowed() -> None:
    assert len(api("/shops/corner/days?from=2025-10-21&to=2026-11-24")["periods"]) == 400


def test_it_only_reads() -> None:
    async def post() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(a_web(a_store(), NOW))) as client:
            return await client.post("http://shop/api/v1/shops")

    answer = asyncio.run(post())
    assert (answer.status_code, answer.json()) == (405, {"error": "Method Not Allowed."})


def test_every_definition_of_a_figure_is_in_the_glossary() -> None:
    names = {entry["name"] for entry in api("/glossary")}
    told = [api(f"/shops/corner/{path}") for path in ("today", "visits?from=2026-11-23")]
    used = {figure["definition"] for figure in _figures(told)}
    assert used <= names
    assert {f"panel-{name}/1" for name in ("arrivals", "visits", "returns", "dwell", "dwell-median")} <= used
    assert {"coverage/1", "coverage/2", "interval/1", "noise/1"} <= names


def test_the_description_describes_the_bodies() -> None:
    document = api("/openapi.json")
    assert document["openapi"].startswith("3.1")
    paths = set(document["paths"])
    assert paths >= {
        "/shops",
        "/glossary",
        "/healthz",
        *(f"/shops/{{shop}}/{name}" for name in ("today", "hours", "days", "windows", "visits", "calibration", "live")),
    }
    schemas = document["components"]["schemas"]
    references = {node["$ref"] for node in _nodes(document) if "$ref" in node}
    assert references
    assert {reference.removeprefix("#/components/schemas/") for reference in references} <= set(schemas)
    told = document["paths"]["/shops/{shop}/today"]["get"]["responses"]
    assert told["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Today"}
    assert set(told) == {"200", "404"}
    assert set(schemas["Today"]["properties"]) == set(api("/shops/corner/today"))
    assert set(schemas["Periods"]["properties"]) == set(api("/shops/corner/hours"))
    assert set(schemas["ShopLine"]["properties"]) == set(api("/shops")[0])
    assert set(schemas["Visits"]["properties"]) == set(api("/shops/corner/visits"))
    for name in ("PanelDay", "Panel", "PanelHour", "PanelFigure", "Stays", "Budget", "SensorBudget", "SensorPrivacy"):
        assert name in schemas


def test_the_factors_are_told_with_their_errors() -> None:
    (factor,) = api("/shops/corner/calibration")
    assert factor["low"] < factor["value"] < factor["high"]
    assert {"error_before", "error_after", "valid_from", "people", "source"} <= set(factor)


@pytest.mark.parametrize(
    "path", ["/", "/shops/corner", "/shops/nowhere", "/static/chart.js", "/api/v1/shops", "/api/v1/x"]
)
def test_every_answer_carries_the_security_headers(path: str) -> None:
    headers = get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == ("public, max-age=3600" if "static" in path else "no-store")


def test_news_come_as_events_and_end_at_the_close() -> None:
    live = Live()

    async def listen() -> httpx.Response:
        transport = httpx.ASGITransport(a_web(a_store(), NOW, live))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            asking = asyncio.create_task(client.get("/api/v1/shops/corner/live"))
            await _until(lambda: live.watching() == 1)
            live.announce("acme", "other")
            threading.Thread(target=live.announce, args=("acme", "corner")).start()
            await asyncio.sleep(0.05)
            live.announce("acme", "corner")
            await asyncio.sleep(0.05)
            live.close()
            return await asyncio.wait_for(asking, 5)

    answer = asyncio.run(listen())
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text == "".join(f'event: figures\ndata: {{"shop":"corner"}}\nid: {n}\n\n' for n in (1, 2))
    assert live.watching() == 0


def test_who_comes_back_hears_at_once_that_something_may_have_been_missed() -> None:
    async def listen() -> list[int]:
        live = Live()
        live.announce("acme", "corner")
        async with Subscription(live, "acme", "corner", at_once=True) as back:
            async for number in back:
                return [number]
        return []

    assert asyncio.run(listen()) == [1]


def test_a_slow_reader_misses_numbers_but_never_the_last() -> None:
    async def listen() -> list[int]:
        live, heard = Live(), []
        async with Subscription(live, "acme", "corner") as slow:
            for _ in range(1000):
                live.announce("acme", "corner")
            async for number in slow:
                heard.append(number)
                live.close()
        return heard

    assert asyncio.run(listen()) == [1000]


def test_streams_are_bounded() -> None:
    web = a_web(a_store(), NOW, Live(limit=0))
    answer = get("/api/v1/shops/corner/live", web)
    assert (answer.status_code, answer.json()) == (
        503,
        {"error": "0 pages are watching already; try again later"},
    )


def test_announcing_to_a_loop_that_has_ended_is_nothing() -> None:
    live = Live()

    async def leave() -> None:
        live.add(Subscription(live, "acme", "corner"))

    asyncio.run(leave())
    live.announce("acme", "corner")
    live.close()


def test_a_real_server_streams_and_stops_while_a_page_is_watching() -> None:
    live = Live()
    with serving(a_web(a_store(), NOW, live), live) as (server, address), httpx.Client(timeout=10) as client:
        with client.stream("GET", f"{address}/api/v1/shops/corner/live") as stream:
            lines = stream.iter_lines()
            live.announce("acme", "corner")
            assert [next(lines) for _ in range(3)] == ["event: figures", 'data: {"shop":"corner"}', "id: 1"]
            begun = time.monotonic()
            server.should_exit = True
            assert [line for line in lines if line] == []
        assert time.monotonic() - begun < 5


def test_the_store_of_the_cloud_gives_the_same_numbers(tmp_path: Path) -> None:
    memory = a_store()
    database = str(tmp_path / "cloud.db")
    migrate(database)
    store = Store(database)
    placed = [Placement(sensor=SENSOR, zone="door")]
    store.apply_shops([PlacedShop(shop=memory.known[0], placements=placed)])
    rows = sorted(memory.readings["corner"], key=lambda one: one.report.window_start)
    for first in range(0, len(rows), 100):
        reports = [msgspec.Raw(encode(one.report)) for one in rows[first : first + 100]]
        batch = ReportBatch(sensor=SENSOR, epoch="0" * 16, first=first + 1, reports=reports)
        store.commit([receive(topics.up(SENSOR, "report"), encode(batch), NOW)], NOW)
    while store.recompute():
        pass
    memory.states["corner"] = [a_sensor()]  # no sensor has told this store what it keeps to
    for path in ("today", "hours", "days?from=2026-11-16", "windows", "visits?from=2026-11-16"):
        real = get(f"/api/v1/shops/corner/{path}", a_web(store, NOW)).json()
        fake = get(f"/api/v1/shops/corner/{path}", a_web(memory, NOW)).json()
        for told in (real, fake):
            told.pop("sensors", None)
        assert real == fake
    store.close()


def test_periods_decode_as_the_type_of_the_core() -> None:
    told = api("/shops/corner/windows")["periods"]
    assert len(msgspec.convert(told, list[Period])) == len(told)


async def _until(true: Any) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never became true")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for one in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(one)


def _figures(tree: Any) -> list[dict[str, Any]]:
    return [node for node in _nodes(json.loads(json.dumps(tree))) if "definition" in node]
