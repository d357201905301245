"""Alerts in a real store: a look from reports to news, restarts in between, and what the API says of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import delete, update

from cloud.core.alerts import Alert, News
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.refusal import Refusal
from cloud.core.rule import RuleWanted
from cloud.desk import Alerts, UnknownShopError
from cloud.store import Store, StoreError, migrate, schema
from cloud.store.alerts import Alerts as Kept
from cloud.watch import Watch
from tests import fleet
from tests.brokers import until
from tests.shops import a_shop, at, reading
from tests.web import a_web

NOON = at("2026-11-24 12:00")


def place(shop: str, **more: object) -> PlacedShop:
    return PlacedShop(
        shop=a_shop(shop, name=f"Shop {shop}", **more), placements=[Placement(sensor=f"acme:{shop}", zone="door")]
    )


@pytest.fixture
def database(tmp_path: Path) -> str:
    name = str(tmp_path / "cloud.db")
    migrate(name)
    return name


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    store = Store(database)
    yield store
    store.close()


def report(store: Store, shops: list[str], start: int, devices: float = 9.0) -> None:
    """One window of each shop's sensor, come in as it ended."""
    one = reading(start, devices).report
    first = (start - NOON) // 300 + 100
    store.commit([fleet.delivery(first, [one], sensor=f"acme:{shop}", now=start + 330) for shop in shops], start + 330)


def desk(store: Store, now: int = 0) -> Alerts:
    return Alerts(store, "acme", lambda: now)


def heard(alerts: Alerts, now: int) -> list[News]:
    """The news of a look, handed on."""
    news = alerts.look(now)
    alerts.told(news)
    return news


def whom(news: list[News]) -> list[tuple[str, str, str]]:
    return [(one.shop, one.kind, one.state) for one in news]


def test_a_sensor_that_falls_silent_is_told_of_once_and_once_when_it_is_back(store: Store) -> None:
    store.apply_shops([place("a"), place("b")])
    report(store, ["a", "b"], NOON)
    found = []
    for minute in range(6, 40):
        now = NOON + 60 * minute
        if minute % 5 == 1:
            report(store, ["b"] + ["a"] * (minute > 30), now - 360)
        found += [(minute, *one) for one in whom(heard(desk(store), now))]  # a new process every time
    assert found == [(21, "a", "sensor-silent", "firing"), (31, "a", "sensor-silent", "resolved")]


def test_two_hundred_shops_that_fall_silent_are_one_alert(store: Store) -> None:
    shops = [f"s{number:03}" for number in range(200)]
    store.apply_shops([place(one) for one in shops])
    report(store, shops, NOON)
    news = [one for minute in range(6, 30) for one in heard(desk(store), NOON + 60 * minute)]
    assert whom(news) == [("", "sensor-silent", "firing")]
    assert news[0].alert.shops == shops
    report(store, shops, NOON + 1500)
    (back,) = heard(desk(store), NOON + 1860)
    assert (back.state, back.sentence) == ("resolved", "All 200 shops are back, after 25 minutes.")
    assert [one.kind for one in desk(store, NOON + 1900).history("s007")] == ["sensor-silent"]


def test_too_many_inside_are_told_of_with_their_range(store: Store) -> None:
    store.apply_shops([place("a", capacity=40, calibrated=True), place("b", capacity=90)])
    found = []
    for number, devices in enumerate([30, 50, 30, 60, 60, 60, 20, 20, 20]):
        report(store, ["a", "b"], NOON + 300 * number, devices)
        found += [(number, one) for one in heard(desk(store), NOON + 300 * number + 360)]
    assert [(number, one.shop, one.state) for number, one in found] == [(4, "a", "firing"), (7, "a", "resolved")]
    figure = found[0][1].alert.facts.figure
    assert figure is not None and (figure.low, figure.value, figure.high) == (55.0, 60.0, 65.0)
    assert found[1][1].sentence.endswith("at 12:40 on Tuesday 24 November. It lasted 26 minutes.")


def test_a_look_whose_news_were_not_handed_on_gives_them_again(store: Store) -> None:
    store.apply_shops([place("a")])
    report(store, ["a"], NOON)
    desk(store).look(NOON + 900)
    first = desk(store).look(NOON + 1300)
    again = desk(store).look(NOON + 1360)
    assert [one.id for one in first] == [one.id for one in again] and len(first) == 1
    desk(store).told(again)
    assert desk(store).look(NOON + 1420) == []


def test_news_handed_on_late_do_not_undo_what_was_seen_since(store: Store) -> None:
    store.apply_shops([place("a")])
    report(store, ["a"], NOON)
    fired = desk(store).look(NOON + 1300)
    report(store, ["a"], NOON + 1200)
    desk(store).look(NOON + 1560)
    desk(store).told(fired)
    assert whom(desk(store).look(NOON + 1600)) == [("a", "sensor-silent", "resolved")]


def test_a_rule_switched_off_ends_what_it_fired(store: Store) -> None:
    store.apply_shops([place("a")])
    report(store, ["a"], NOON)
    assert whom(heard(desk(store), NOON + 1300)) == [("a", "sensor-silent", "firing")]
    desk(store).put_rule("a", "sensor-silent", RuleWanted(on=False))
    (ended,) = heard(desk(store), NOON + 1360)
    assert (ended.state, ended.alert.end) == ("resolved", "off")
    desk(store).put_rule("a", "sensor-silent", RuleWanted(on=True))
    assert whom(heard(desk(store), NOON + 1420)) == [("a", "sensor-silent", "firing")]
    assert [one.state for one in desk(store, NOON + 1500).history("a")] == ["firing", "resolved"]


def test_a_shop_that_is_taken_away_ends_what_fires_in_it(store: Store) -> None:
    store.apply_shops([place("a"), place("b")])
    report(store, ["a", "b"], NOON)
    heard(desk(store), NOON + 1300)
    with store.writing() as db:
        db.execute(delete(schema.placement).where(schema.placement.c.shop == "a"))
        db.execute(delete(schema.shop).where(schema.shop.c.shop == "a"))
        db.execute(update(schema.revision).values(number=schema.revision.c.number + 1))
    assert whom(heard(desk(store), NOON + 1360)) == [("a", "sensor-silent", "resolved")]
    with pytest.raises(UnknownShopError):
        desk(store).history("a")


def test_the_cloud_gives_sensors_time_to_come_back_to_it(store: Store) -> None:
    store.apply_shops([place("a")])
    report(store, ["a"], NOON)
    started = desk(store, NOON + 9000)
    assert started.look(NOON + 9060) == []
    assert whom(started.look(NOON + 9420)) == [("a", "sensor-silent", "firing")]


def test_what_was_pending_and_ended_leaves_no_row(store: Store) -> None:
    store.apply_shops([place("a")])
    report(store, ["a"], NOON)
    desk(store).look(NOON + 900)
    assert [one.state for one in Kept(store).open("acme")] == ["pending"]
    report(store, ["a"], NOON + 600)
    desk(store).look(NOON + 960)
    assert Kept(store).open("acme") == [] and desk(store, NOON + 999).history("a") == []


def test_another_tenant_sees_nothing(store: Store) -> None:
    store.apply_shops([place("a")])
    report(store, ["a"], NOON)
    heard(desk(store), NOON + 1300)
    rival = Alerts(store, "rival", lambda: NOON + 1400)
    assert (rival.look(), rival.firing()) == ([], [])


# The watch


def test_the_watch_hands_on_until_somebody_takes_it(store: Store) -> None:
    store.apply_shops([place("a")])
    report(store, ["a"], NOON)
    taken: list[str] = []
    tries: list[int] = []

    def take(news: list[News]) -> None:
        tries.append(len(news))
        if len(tries) == 1:
            raise StoreError("The database is locked.")
        if len(tries) == 2:
            raise ValueError("nobody expected this")
        taken.extend(one.id for one in news)

    class Later(Alerts):
        def look(self, now: int | None = None) -> list[News]:
            return super().look(NOON + 1300)

    watch = Watch(Later(store, "acme", lambda: 0), take, pause_s=0.01)
    watch.start()
    until(lambda: bool(taken), "news")
    watch.stop()
    assert len(taken) == 1 and tries[:3] == [1, 1, 1]


# The API


def ask(store: Store, method: str, path: str, body: object = None, status: int = 200) -> Any:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(a_web(store, NOON + 1400))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.request(method, f"/api/v1{path}", json=body)

    answer = asyncio.run(asked())
    assert answer.status_code == status, answer.text
    return answer.json()


def test_the_api_tells_what_fires_and_what_has(store: Store) -> None:
    store.apply_shops([place("a"), place("b")])
    report(store, ["a", "b"], NOON)
    report(store, ["b"], NOON + 900)
    heard(desk(store), NOON + 1300)
    (one,) = ask(store, "GET", "/alerts")
    assert (one["shop"], one["kind"], one["state"], one["title"]) == (
        "a",
        "sensor-silent",
        "firing",
        "A sensor is silent",
    )
    assert one["sentence"].startswith("Nothing has come from the sensor (door) since 12:05 on Tuesday 24 November.")
    assert ask(store, "GET", "/shops/a/alerts") == [one] and ask(store, "GET", "/shops/b/alerts?days=3") == []
    assert "error" in ask(store, "GET", "/shops/a/alerts?days=0", status=422)
    assert "error" in ask(store, "GET", "/shops/zz/alerts", status=404)


def test_a_rule_is_put_and_told_back(store: Store) -> None:
    store.apply_shops([place("a")])
    wanted = {"on": True, "limit": 0.5}
    rule = {"kind": "quiet", "on": True, "limit": 0.5, "hold_s": 3600}
    assert (
        ask(store, "PUT", "/shops/a/rules/quiet", wanted) == rule == ask(store, "PUT", "/shops/a/rules/quiet", wanted)
    )
    assert rule in ask(store, "GET", "/shops/a/rules")
    assert "error" in ask(store, "PUT", "/shops/a/rules/loud", wanted, status=422)
    assert "error" in ask(store, "PUT", "/shops/a/rules/over-capacity", {"on": True}, status=422)
    assert "error" in ask(store, "PUT", "/shops/a/rules/quiet", {"on": "yes"}, status=422)
    with pytest.raises(Refusal):
        desk(store).put_rule("a", "quiet", RuleWanted(on=True, limit=30.0))


def test_a_row_is_the_type_of_the_core(store: Store) -> None:
    alert = Alert(kind="quiet", shop="a", state="firing", began_at=NOON, since=NOON, fired_at=NOON)
    Kept(store).keep("acme", [], [alert])
    assert Kept(store).open("acme") == [alert] == [msgspec.json.decode(msgspec.json.encode(alert), type=Alert)]
