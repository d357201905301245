"""The funnel on a real store: every step with its range, what is left out said in words, nothing exact let out."""

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import Raw

from agent.contract import ReportBatch, encode, topics
from cloud.core.coverage import PlacedShop
from cloud.core.figures import StaffHours
from cloud.core.funnel import Funnel
from cloud.core.glossary import DEFINITIONS
from cloud.core.presets import PRESETS
from cloud.core.refusal import Refusal
from cloud.core.rollup import Reading
from cloud.core.saying import Saying
from cloud.core.till import Sale
from cloud.desk import Funnels, UnknownShopError
from cloud.store import Store, migrate, receive
from cloud.store.till import Till
from tests.shops import ALL_DAYS, PLACED, SENSOR, a_shop, at, busy, visited, without
from tests.web import a_web

NOW = at("2026-11-25 14:12")
MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)
START = at("2026-11-23 00:00")
NOON = (at("2026-11-24 12:00"), at("2026-11-24 13:00"))
STAYS = {at("2026-11-24 04:00"): [50, 30, 20, 10, 5, 1, 0], at("2026-11-25 04:00"): [60, 30, 20, 10, 5, -1, 2]}
SHOP = a_shop(
    currency="EUR",
    staff=[StaffHours(days=ALL_DAYS[:6], begins="09:00", ends="20:00", people=2.0)],
)


def told(store: Store, readings: list[Reading]) -> None:
    """The readings as the sensor sends them."""
    for n in range(0, len(readings), 50):
        raw = [Raw(encode(one.report)) for one in readings[n : n + 50]]
        batch = ReportBatch(sensor=SENSOR, epoch="00000000000000aa", first=n + 1, reports=raw)
        store.commit([receive(topics.up(SENSOR, "report"), encode(batch), NOW)], NOW)
    assert store.quarantined() == []
    while store.recompute():
        pass


def sales() -> list[Sale]:
    """Ten sales an hour from 10:00 to 20:00 on Monday and Tuesday, two items and 30 euros each."""
    hours = [at(f"{day} {clock}:00") for day in (MONDAY, TUESDAY) for clock in range(10, 20)]
    return [Sale(hour=hour, source="till", transactions=10, items=20, net_sales=300.0) for hour in hours]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    database = str(tmp_path_factory.mktemp("store") / "cloud.db")
    migrate(database)
    one = Store(database)
    silent = a_shop("silent", preset="purple")
    one.apply_shops([PlacedShop(shop=SHOP, placements=PLACED), PlacedShop(shop=silent, placements=[])])
    hours = dict.fromkeys(range(START, at("2026-11-25 14:00"), 3600), (8, 12))
    told(one, visited(without(busy(START, NOW // 300 * 300), *NOON), hours, STAYS))
    Till(one).put("acme", "corner", sales())
    yield one
    one.close()


def funnel(
    store: Store, first: date = MONDAY, last: date = TUESDAY, preset: str | None = None, shop: str = "corner"
) -> Funnel:
    return Funnels(store, "acme", lambda: NOW).funnel(shop, first, last, preset)


def figures(body: Any) -> Iterator[dict[str, Any]]:
    """Every figure in a JSON body."""
    if isinstance(body, dict):
        if "definition" in body:
            yield body
        for part in body.values():
            yield from figures(part)
    elif isinstance(body, list):
        for part in body:
            yield from figures(part)


def test_the_funnel_narrows_and_its_days_add_up(store: Store) -> None:
    found = funnel(store)
    steps = (found.passers_by.value, found.visitors.value, found.engaged.value)
    assert all(step is not None for step in steps)
    assert steps[0] > steps[1] > steps[2]
    assert sum(day.visitors.value for day in found.days) == pytest.approx(found.visitors.value, abs=len(found.days))
    assert [day.date for day in found.days] == ["2026-11-23", "2026-11-24"]
    assert found.engaged.value == pytest.approx(found.visitors.value * (1 - 110 / 242), rel=0.02)


def test_the_till_is_divided_by_the_visitors_of_the_hours_listened_to(store: Store) -> None:
    found = funnel(store)
    assert found.till.transactions == 200
    assert found.till.conversion.coverage == pytest.approx(190 / 200)
    hours = store.periods("acme", "corner", "hour", START, at("2026-11-25 00:00"))
    sold_in = {one.hour for one in sales()}
    visitors = sum(one.visitors.value for one in hours if one.start in sold_in and one.start != NOON[0])
    assert found.till.conversion.value == pytest.approx(190 / visitors, abs=0.0005)
    assert found.till.sales_per_visitor.value == pytest.approx(5700 / visitors, abs=0.005)
    assert (found.till.atv.value, found.till.upt.value, found.till.currency) == (30.0, 2.0, "EUR")
    assert found.till.atv.coverage == 1.0


def test_what_is_left_out_is_said(store: Store) -> None:
    said = funnel(store).notes
    assert any("one hour" in note and "10 of 200" in note for note in said)
    assert any("one device counts as one person" in note for note in said)
    assert all(isinstance(note, Saying) for note in said)
    whole_week = funnel(store, MONDAY - timedelta(days=5), TUESDAY).notes
    assert any(note.startswith("Only ") for note in whole_week)
    assert any(note.startswith("The till told of") for note in whole_week)


def test_star_needs_the_rota(store: Store) -> None:
    found = funnel(store, TUESDAY, TUESDAY).star
    assert found.value is not None
    assert found.coverage == pytest.approx(10 / 11, abs=0.001)
    assert funnel(store, shop="silent").star.value is None


def test_the_panel_is_of_the_newest_days_only(store: Store) -> None:
    found = funnel(store, MONDAY - timedelta(days=60), WEDNESDAY)
    assert (found.panel.from_, found.panel.to) == ("2026-10-26", "2026-11-25")
    assert any("26 October 2026 to 25 November 2026" in note for note in found.notes)
    assert [one.value for one in found.panel.stays.devices] == [110, 60, 40, 20, 10, None, None]
    assert found.panel.visits.value == 12 * 61  # the silent hour told nothing
    assert found.panel.return_rate.value == pytest.approx(1 / 3, abs=0.01)


def test_a_preset_changes_its_formula_and_its_limit_and_says_what_not(store: Store) -> None:
    own, purple, per = (funnel(store, preset=name) for name in (None, "purple", "per-passer-by"))
    assert (own.preset, own.engaged_s, purple.engaged_s) == ("default", 300.0, 180.0)
    assert purple.panel.bounce.value < own.panel.bounce.value
    assert purple.capture_rate == own.capture_rate
    assert (own.capture_rate.definition, per.capture_rate.definition) == ("capture-rate/1", "draw-rate/1")
    assert per.capture_rate.value > own.capture_rate.value
    assert per.days[0].capture_rate.definition == "draw-rate/1"
    assert any("Purple" in note for note in purple.notes)
    assert not any("definitions of" in note for note in own.notes)
    with pytest.raises(Refusal, match="take one of default"):
        funnel(store, preset="nobody")


def test_a_shop_without_a_sensor_is_all_nulls_and_goes_by_its_own_preset(store: Store) -> None:
    found = funnel(store, shop="silent")
    assert found.preset == "purple"
    assert (found.visitors.value, found.capture_rate.value) == (None, None)
    assert (found.engaged, found.panel, found.till) == (None, None, None)
    assert all(day.visitors.value is None for day in found.days)


def test_days_to_come_are_not_there(store: Store) -> None:
    found = funnel(store, WEDNESDAY, WEDNESDAY + timedelta(days=3))
    assert (found.until, [day.date for day in found.days]) == (at("2026-11-25 14:00"), ["2026-11-25"])
    later = funnel(store, WEDNESDAY + timedelta(days=1), WEDNESDAY + timedelta(days=3))
    assert (later.days, later.visitors.value, later.coverage) == ([], None, 0.0)


def test_another_tenants_shop_is_an_unknown_one(store: Store) -> None:
    with pytest.raises(UnknownShopError):
        Funnels(store, "rival", lambda: NOW).funnel("corner", MONDAY, TUESDAY)


def api(store: Store, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(a_web(store, NOW))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.get(f"/api/v1{path}")

    return asyncio.run(ask())


def test_the_api_gives_the_same_and_every_definition_is_in_the_glossary(store: Store) -> None:
    answer = api(store, "/shops/corner/funnel?from=2026-11-23&to=2026-11-24")
    assert answer.status_code == 200, answer.text
    assert msgspec.json.decode(answer.content, type=Funnel) == msgspec.convert(
        msgspec.to_builtins(funnel(store), enc_hook=str), Funnel
    )
    found = list(figures(answer.json()))
    names = {one.name for one in DEFINITIONS}
    assert len(found) > 20
    assert {one["definition"] for one in found} <= names
    for one in found:
        assert (one["value"] is None) == (one["low"] is None) == (one["high"] is None)
        if one["value"] is not None:
            assert one["low"] <= one["value"] <= one["high"]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/shops/nowhere/funnel", 404, "There is no shop"),
        ("/shops/corner/funnel?preset=nobody", 422, 'There is no preset "nobody"'),
        ("/shops/corner/funnel?from=2026-11-25&to=2026-11-24", 422, "swap them"),
        ("/shops/corner/funnel?from=2025-01-01&to=2026-11-24", 422, "more than 400 days"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(store: Store, path: str, status: int, says: str) -> None:
    answer = api(store, path)
    assert answer.status_code == status
    assert says in answer.json()["error"]


def test_presets_can_be_read(store: Store) -> None:
    told_ = api(store, "/presets").json()
    assert [one["name"] for one in told_] == list(PRESETS)
    assert told_[2]["inside"] == {"value": 20.0, "unit": "dB above noise", "exceeds": False}


def test_the_description_has_them(store: Store) -> None:
    document = api(store, "/openapi.json").json()
    assert "/shops/{shop}/funnel" in document["paths"]
    assert {"Funnel", "Preset"} <= set(document["components"]["schemas"])
