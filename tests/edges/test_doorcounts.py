"""Counts at the door on a real store: they wait for the sensors, are fitted once, and hold from then on."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from cloud.app import App
from cloud.config import Config, Http, Mqtt
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.doorcount import DoorCountError, DoorSession
from cloud.desk import Calibration, UnknownShopError
from cloud.store import Store, migrate
from tests.brokers import free_port
from tests.fleet import delivery, heard, report
from tests.shops import PLACED, SENSOR, Clock, a_shop, at
from tests.web import a_web

NOON = at("2026-11-24 12:00")
DAY_S = 86_400
SHOP = PlacedShop(shop=a_shop(hours=[]), placements=PLACED)
BEGUN = 3.4  # visits that one device in a window stands for: 720 s / 300 s + 1


def a_store(folder: Path, *more: Placement) -> Store:
    migrate(str(folder / "cloud.db"))
    store = Store(str(folder / "cloud.db"))
    store.apply_shops([replace(SHOP, placements=[*PLACED, *more])])
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = a_store(tmp_path)
    yield one
    one.close()


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON + 3600.0)


@pytest.fixture
def door(store: Store, clock: Clock) -> Calibration:
    return Calibration(store, "acme", clock)


def hear(store: Store, start: int, end: int, devices: float = 17.0, listened_s: float = 300.0) -> None:
    """Reports on the windows from `start` to before `end`: that many devices inside."""
    inside = devices if listened_s else None
    reports = [report(one, 300, heard(inside, 2.0, listened_s, spread=0.1)) for one in range(start, end, 300)]
    store.commit([delivery(start // 300, reports, SENSOR)], end)


def session(start: int = NOON, people: int = 60, name: str = "phone-0001") -> DoorSession:
    """An hour in which people come in evenly: of 17 devices per window 5 begin a visit, so 60 in all."""
    taps = [start + 3600 * one // people for one in range(people)]
    return DoorSession(id=name, begun=start, ended=start + 3600, taps=taps)


def test_a_count_waits_for_the_last_report_and_is_fitted_once(store: Store, door: Calibration, clock: Clock) -> None:
    hear(store, NOON, NOON + 3300)
    waiting = door.add("corner", session(people=120))
    assert (waiting.state, waiting.factor) == ("waiting", None)
    assert "has not arrived yet" in waiting.sentence
    assert door.history("corner") == []
    hear(store, NOON + 3300, NOON + 3600)
    clock.now += 60
    fitted = door.add("corner", session(people=120))
    assert fitted.state == "fitted"
    assert fitted.factor is not None
    assert fitted.factor.value == pytest.approx(2.0)
    assert (fitted.factor.valid_from, fitted.factor.spans, fitted.factor.people) == (clock.now, 4, 120)
    assert (fitted.factor.error_before, fitted.factor.error_after) == pytest.approx((0.5, 0.0))
    assert "100 devices stand for 200 people" in fitted.sentence
    clock.now += 600
    assert door.add("corner", session(people=120)) == fitted
    assert door.add("corner", session(people=7)) == fitted  # the same name: what was told first stands
    assert door.history("corner") == [fitted.factor]
    shop = store.shop("acme", "corner")
    assert shop is not None
    assert shop.people_per_device == fitted.factor.value


def test_what_waits_is_fitted_without_the_phone(store: Store, door: Calibration) -> None:
    door.add("corner", session())
    assert door.refit("corner") == []
    assert [one.state for one in door.sessions("corner")] == ["waiting"]
    hear(store, NOON, NOON + 3600)
    (line,) = door.refit("corner")
    assert (line.id, line.state, line.people, line.begun, line.ended) == (
        "phone-0001",
        "fitted",
        60,
        NOON,
        NOON + 3600,
    )
    assert door.refit("corner") == []
    assert door.sessions("corner") == [line]
    assert door.history("corner") == [line.factor]


def test_later_counts_are_fitted_together_with_those_of_the_last_28_days(
    store: Store, door: Calibration, clock: Clock
) -> None:
    people = {0: 60, 1: 120, 27: 90, 28: 30}  # the day, and how many were counted
    spans = {}
    for day, many in people.items():
        start = NOON + day * DAY_S
        clock.now = start + 3600.0
        hear(store, start, start + 3600)
        factor = door.add("corner", session(start, many, f"phone-{day:04}")).factor
        assert factor is not None
        spans[day] = (factor.spans, factor.people)
    assert spans == {0: (4, 60), 1: (8, 180), 27: (12, 270), 28: (12, 240)}  # the first is too long ago by then
    assert len(door.history("corner")) == 4
    assert [one.people for one in door.sessions("corner")] == [30, 90, 120, 60]


def test_a_count_of_which_nothing_was_heard_is_refused_and_kept(store: Store, door: Calibration) -> None:
    hear(store, NOON, NOON + 3600, listened_s=0.0)
    answer = door.add("corner", session())
    assert (answer.state, answer.factor) == ("refused", None)
    assert "did not listen" in answer.sentence
    assert door.add("corner", session()) == answer
    assert door.history("corner") == []


def test_what_nothing_was_heard_of_is_not_made_up_for_by_older_counts(
    store: Store, door: Calibration, clock: Clock
) -> None:
    hear(store, NOON, NOON + 3600)
    assert door.add("corner", session()).state == "fitted"
    clock.now += 7200
    hear(store, NOON + 7200, NOON + 10_800, listened_s=0.0)
    assert door.add("corner", session(NOON + 7200, name="phone-0002")).state == "refused"
    assert len(door.history("corner")) == 1


def test_an_hour_in_which_nobody_came_is_refused_and_has_a_part_in_later_fits(
    store: Store, door: Calibration, clock: Clock
) -> None:
    hear(store, NOON, NOON + 3600)
    empty = DoorSession(id="phone-0000", begun=NOON, ended=NOON + 3600, taps=[])
    assert "Nobody came in" in door.add("corner", empty).sentence
    clock.now += 3600
    hear(store, NOON + 3600, NOON + 7200)
    factor = door.add("corner", session(NOON + 3600, 120)).factor
    assert factor is not None
    assert (factor.spans, factor.people, factor.value) == (8, 120, pytest.approx(1.0))


def test_while_one_of_two_sensors_is_silent_a_count_waits_and_in_the_end_is_refused(
    tmp_path: Path, clock: Clock
) -> None:
    before = Placement(sensor="acme:old", zone="gate", valid_to=NOON)
    store = a_store(tmp_path, Placement(sensor="acme:back", zone="back"), before)
    door = Calibration(store, "acme", clock)
    hear(store, NOON, NOON + 3600)
    assert door.add("corner", session()).state == "waiting"
    clock.now += 28 * DAY_S
    assert [one.state for one in door.refit("corner")] == ["refused"]
    store.close()


def test_a_count_sent_twice_at_once_gives_one_factor(store: Store, door: Calibration) -> None:
    hear(store, NOON, NOON + 3600)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(door.add("corner", session()))) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert answers == [answers[0]] * 6
    assert door.history("corner") == [answers[0].factor]


def test_the_second_at_which_somebody_came_in_is_not_kept(tmp_path: Path, store: Store, door: Calibration) -> None:
    door.add("corner", session(people=59))
    kept = sqlite3.connect(tmp_path / "cloud.db").execute("SELECT body FROM doorcount").fetchone()[0].decode()
    assert not [one for one in session(people=59).taps if str(one) in kept and one % 900]


def test_what_cannot_be_taken_leaves_nothing(door: Calibration) -> None:
    with pytest.raises(DoorCountError, match="ends in the future"):
        door.add("corner", session(NOON + 7200))
    with pytest.raises(UnknownShopError):
        door.add("nowhere", session())
    assert door.sessions("corner") == []


def test_the_cloud_fits_what_waited_by_itself(tmp_path: Path) -> None:
    database = str(tmp_path / "cloud.db")
    migrate(database)
    app = App(Config(database=database, http=Http(), mqtt=Mqtt(port=free_port()), shops=[SHOP]), lambda: NOON + 3700.0)
    assert app.desk.calibration.add("corner", session()).state == "waiting"
    hear(app.store, NOON, NOON + 3600)
    with app.ingesting():
        until = time.monotonic() + 10
        while not app.desk.calibration.history("corner"):
            assert time.monotonic() < until
            time.sleep(0.02)
        assert [one.state for one in app.desk.calibration.sessions("corner")] == ["fitted"]


def ask(store: Store, method: str, path: str, **options: Any) -> httpx.Response:
    async def asking() -> httpx.Response:
        transport = httpx.ASGITransport(app=a_web(store, NOON + 3600))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.request(method, f"/api/v1/shops/{path}", **options)

    return asyncio.run(asking())


def test_a_phone_tells_a_count_over_the_api(store: Store) -> None:
    one = session()
    body = {"id": one.id, "begun": one.begun, "ended": one.ended, "taps": one.taps}
    first = ask(store, "PUT", "corner/doorcounts/phone-0001", json=body)
    assert (first.status_code, first.json()["state"], first.json()["factor"]) == (201, "waiting", None)
    hear(store, NOON, NOON + 3600)
    second = ask(store, "PUT", "corner/doorcounts/phone-0001", json=body)
    assert (second.status_code, second.json()["state"]) == (200, "fitted")
    assert ask(store, "GET", "corner/calibration").json() == [second.json()["factor"]]
    (line,) = ask(store, "GET", "corner/doorcounts").json()
    assert (line["people"], line["sentence"]) == (60, second.json()["sentence"])


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("nowhere/doorcounts/phone-0001", {}, 404, "no shop"),
        ("corner/doorcounts/phone-0002", {}, 422, "name it alike"),
        ("corner/doorcounts/phone-0001", {"ended": NOON}, 422, "ends before it begins"),
        ("corner/doorcounts/phone-0001", {"taps": "many"}, 422, "not as openapi.json describes it"),
    ],
)
def test_what_the_api_cannot_take_is_one_sentence(
    store: Store, path: str, body: dict[str, Any], status: int, says: str
) -> None:
    told = {"id": "phone-0001", "begun": NOON, "ended": NOON + 3600, "taps": []} | body
    answer = ask(store, "PUT", path, json=told)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert says in answer.json()["error"]
