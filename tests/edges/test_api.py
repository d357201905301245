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

from agent.contract import ReportBatch, encode, topics
from cloud.api import Live
from cloud.api.live import Subscription
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import Period, Today
from cloud.store import Store, migrate, receive
from tests.shops import SENSOR, MemoryStore, a_shop, at, busy, without
from tests.web import a_web, serving

NOW = at("2026-11-24 14:12")
TODAY, LAST_WEEK = at("2026-11-24 00:00"), at("2026-11-17 00:00")
NOON = (at("2026-11-24 12:00"), at("2026-11-24 13:00"))


def a_store() -> MemoryStore:
    store = MemoryStore(a_shop(), a_shop("other", name="Another", calibrated=True), a_shop("secret", tenant="rival"))
    store.readings["corner"] = without(busy(TODAY, NOW // 300 * 300), *NOON) + busy(LAST_WEEK, LAST_WEEK + 86400)
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
        "definition": "visitors/1",
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
    used = {figure["definition"] for figure in _figures(api("/shops/corner/today"))}
    assert used <= names
    assert {"coverage/1", "interval/1"} <= names


def test_the_description_describes_the_bodies() -> None:
    document = api("/openapi.json")
    assert document["openapi"].startswith("3.1")
    paths = set(document["paths"])
    assert paths == {
        "/shops",
        "/glossary",
        "/healthz",
        *(f"/shops/{{shop}}/{name}" for name in ("today", "hours", "days", "windows", "calibration", "live")),
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
    for path in ("today", "hours", "days?from=2026-11-16", "windows"):
        real = get(f"/api/v1/shops/corner/{path}", a_web(store, NOW)).json()
        fake = api(f"/shops/corner/{path}")
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
