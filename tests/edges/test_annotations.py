"""Notes at a date: written once, moved, taken back, and of one shop."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.core.annotation import LONGEST_TEXT, Annotation
from cloud.core.coverage import PlacedShop
from cloud.core.refusal import Refusal
from cloud.desk import Annotations, UnknownShopError
from cloud.store import Store, migrate
from tests.shops import a_shop, at
from tests.web import a_web

NOW = at("2026-11-24 14:12")
YEAR = (date(2026, 1, 1), date(2026, 12, 31))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    migrate(str(tmp_path / "cloud.db"))
    one = Store(str(tmp_path / "cloud.db"))
    shops = [a_shop(), a_shop("other"), a_shop("theirs", tenant="rival")]
    one.apply_shops(PlacedShop(shop=shop, placements=[]) for shop in shops)
    yield one
    one.close()


@pytest.fixture
def notes(store: Store) -> Annotations:
    return Annotations(store, "acme", lambda: NOW)


def note(day: str = "2026-11-24", text: str = "Sale", name: str = "a") -> Annotation:
    return Annotation(id=name, date=day, text=text)


def test_notes_are_listed_by_date_and_only_of_the_span(notes: Annotations) -> None:
    late, early, same = note(), note("2026-11-20", "Window change", "b"), note(name="c")
    for one in (late, early, same):
        notes.put("corner", one)
    assert notes.between("corner", *YEAR) == [early, late, same]
    assert notes.between("corner", date(2026, 11, 21), date(2026, 11, 24)) == [late, same]
    assert notes.between("corner", date(2026, 11, 21), date(2026, 11, 23)) == []
    assert notes.between("other", *YEAR) == []


def test_a_note_told_twice_is_there_once_and_can_move(notes: Annotations) -> None:
    for day in ("2026-11-24", "2026-11-24", "2026-11-26"):
        notes.put("corner", note(day))
    assert notes.between("corner", *YEAR) == [note("2026-11-26")]


def test_a_note_taken_back_is_gone_and_twice_is_fine(notes: Annotations) -> None:
    notes.put("corner", note())
    notes.put("other", note())
    for _ in range(2):
        notes.delete("corner", "a")
    assert notes.between("corner", *YEAR) == []
    assert notes.between("other", *YEAR) == [note()]


def test_a_note_is_kept_on_one_line(notes: Annotations) -> None:
    assert notes.put("corner", note(text="  Summer\n sale ")) == note(text="Summer sale")
    assert notes.put("corner", note(text="x" * LONGEST_TEXT)).text == "x" * 120


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (note("1970-12-31"), "1971 to 9998"),
        (note("9999-01-01"), "1971 to 9998"),
        (note("24.11.2026"), "no date"),
        (note("2026-02-29"), "no date"),
        (note(text=" \n"), "text is empty"),
        (note(text="x" * 121), "text has 121 letters: say it in 120 at most"),
    ],
)
def test_what_cannot_stand_at_a_date_is_refused(notes: Annotations, wrong: Annotation, says: str) -> None:
    with pytest.raises(Refusal, match=says):
        notes.put("corner", wrong)
    assert notes.between("corner", date(1971, 1, 1), date(9998, 12, 31)) == []


def test_another_tenants_shop_is_an_unknown_one(notes: Annotations) -> None:
    for attempt in (
        lambda: notes.put("theirs", note()),
        lambda: notes.between("theirs", *YEAR),
        lambda: notes.delete("theirs", "a"),
    ):
        with pytest.raises(UnknownShopError):
            attempt()


def ask(store: Store, method: str, path: str, **options: Any) -> httpx.Response:
    async def asking() -> httpx.Response:
        transport = httpx.ASGITransport(app=a_web(store, NOW))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.request(method, f"/api/v1/shops/{path}", **options)

    return asyncio.run(asking())


def test_the_api_writes_lists_and_takes_back(store: Store) -> None:
    body = {"id": "sale-1", "date": "2026-11-24", "text": "Sale"}
    assert ask(store, "PUT", "corner/annotations/sale-1", json=body).json() == body
    assert ask(store, "GET", "corner/annotations").json() == [body]
    assert ask(store, "GET", "corner/annotations?from=2026-11-25&to=2026-12-31").json() == []
    gone = ask(store, "DELETE", "corner/annotations/sale-1")
    assert (gone.status_code, gone.json()) == (200, None)
    assert ask(store, "GET", "corner/annotations").json() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("PUT", "corner/annotations/b", {}, 422, "name it alike"),
        ("PUT", "corner/annotations/a", {"text": ""}, 422, "Text is empty"),
        ("PUT", "corner/annotations/a%20b", {"id": "a b"}, 422, "not as openapi.json describes it"),
        ("PUT", "corner/annotations/a", {"colour": "red"}, 422, "unknown field `colour`"),
        ("PUT", "nowhere/annotations/a", {}, 404, "no shop"),
        ("GET", "corner/annotations?from=soon", None, 422, "no date"),
        ("DELETE", "nowhere/annotations/a", None, 404, "no shop"),
    ],
)
def test_what_the_api_cannot_take_is_one_sentence(
    store: Store, method: str, path: str, body: dict[str, str] | None, status: int, says: str
) -> None:
    told = None if body is None else {"id": "a", "date": "2026-11-24", "text": "Sale"} | body
    answer = ask(store, method, path, json=told)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert says in answer.json()["error"]
