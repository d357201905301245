"""The API's description: published, sound, kept to by the answers, and never taking anything back."""

import asyncio
import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from cloud.core.coverage import PlacedShop, Placement
from cloud.core.till import Sale
from cloud.store import Store, migrate
from cloud.store.till import Till
from tests import openapi
from tests.openapi import Json, broken
from tests.shops import a_shop, at
from tests.web import a_web

NOW = at("2026-11-24 14:12")
STREAM = "/shops/{shop}/live"


@pytest.fixture(scope="module")
def document() -> Json:
    return openapi.described()


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_nothing_published_is_taken_back(document: Json) -> None:
    assert broken(openapi.published(), document) == []


def test_the_published_description_is_that_of_the_api(document: Json) -> None:
    assert openapi.published() == document, "run: python -m tests.openapi"


def test_it_is_sound(document: Json) -> None:
    assert document["openapi"].startswith("3.1.")
    schemas = document["components"]["schemas"]
    assert openapi.names(document["paths"]) | openapi.names(schemas) <= set(schemas), "a type is missing"
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations(document):
        named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), f"{method} {path}"
        assert operation["summary"], f"{method} {path}"
        assert all(answer["description"] for answer in operation["responses"].values()), f"{method} {path}"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[FastAPI]:
    migrate(str(tmp_path / "cloud.db"))
    store = Store(str(tmp_path / "cloud.db"))
    store.apply_shops([PlacedShop(shop=a_shop(), placements=[Placement(sensor="acme:door", zone="door")])])
    Till(store).put("acme", "corner", [Sale(hour=at("2026-11-24 11:00"), source="till-1", transactions=20)])
    yield a_web(store, NOW)
    store.close()


def test_what_it_answers_is_what_it_describes(document: Json, web: FastAPI) -> None:
    """Every path that needs nothing but a shop; the others' own tests ask them."""
    gets = [(path, operation) for path, method, operation in operations(document) if method == "get" and path != STREAM]
    asked = [(path, operation) for path, operation in gets if set(re.findall(r"{(\w+)}", path)) <= {"shop"}]

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://127.0.0.1/api/v1") as client:
            for path, operation in asked:
                for shop in ("corner", "nowhere"):
                    answer = await client.get(path.replace("{shop}", shop))
                    assert problems(document, operation, answer) == [], f"{path} of {shop}: {answer.status_code}"

    asyncio.run(ask())
    assert len(asked) > 10


def problems(document: Json, operation: Json, answer: httpx.Response) -> list[str]:
    """What of an answer is not as its operation describes it."""
    described = operation["responses"].get(str(answer.status_code))
    if described is None:
        return ["the status is not described"]
    kind = answer.headers["content-type"].partition(";")[0]
    if kind not in described["content"]:
        return [f"{kind} is not described"]
    if kind != "application/json":
        return []
    schema = described["content"][kind]["schema"] | {"components": document["components"]}
    return [error.message for error in Draft202012Validator(schema).iter_errors(answer.json())]


def change(at: str, to: Any) -> Callable[[Json], None]:
    """Puts `to` in place of what lies at a path such as "components schemas Figure"; None takes it away."""
    *way, last = at.split(" ")

    def changed(document: Json) -> None:
        for step in way:
            document = document[step]
        if to is None:
            del document[last]
        else:
            document[last] = to

    return changed


FIGURE = "components schemas Figure"
NEW_SHARE = "components schemas NewShare"
HOURS = "paths /shops/{shop}/hours get"
SHARES = "paths /shops/{shop}/shares"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (change("paths /glossary", None), "GET /glossary is gone"),
        (change(f"{SHARES} post", None), "POST /shops/{shop}/shares is gone"),
        (change(f"{HOURS} operationId", "hours"), "GET /shops/{shop}/hours has another name"),
        (change(f"{HOURS} parameters", []), "GET /shops/{shop}/hours: the query parameter from is gone"),
        (change(f"{HOURS} responses 404", None), "GET /shops/{shop}/hours: 404 is gone"),
        (
            change(f"{HOURS} responses 200 content application/json schema", {"type": "array"}),
            "GET /shops/{shop}/hours: 200: application/json has another type",
        ),
        (
            change("paths /export.csv get responses 200 content text/csv", None),
            "GET /export.csv: 200: text/csv is gone",
        ),
        (
            change(f"{SHARES} post requestBody content application/json schema", {"type": "array"}),
            "POST /shops/{shop}/shares: what is sent: application/json has another type",
        ),
        (change("components schemas Column", None), "the type Column is gone"),
        (change(f"{FIGURE} type", "array"), "the type Figure is another"),
        (change(f"{FIGURE} properties low", None), "the field Figure.low is gone"),
        (change(f"{FIGURE} properties low", {"type": "number"}), "the field Figure.low has another type"),
        (change(f"{FIGURE} required", []), "the field Figure.value may be missing now"),
        (change(f"{NEW_SHARE} required", ["label", "days"]), "the field NewShare.days must be sent now"),
        (
            change("components schemas Share properties pages items enum", ["today"]),
            "the field Share.pages has another type",
        ),
    ],
)
def test_what_would_break_a_program_is_seen(document: Json, changed: Callable[[Json], None], says: str) -> None:
    new = copy.deepcopy(document)
    changed(new)
    assert says in broken(document, new)


@pytest.mark.parametrize(
    "changed",
    [
        change("paths /new", {"get": {"operationId": "get_new", "responses": {}}}),
        change(f"{SHARES} patch", {"operationId": "patch", "responses": {}}),
        change(f"{HOURS} summary", "Other words"),
        change(f"{HOURS} responses 503", {"description": "Later."}),
        change("components schemas New", {"type": "object"}),
        change(f"{FIGURE} properties median", {"type": "number"}),
        change(f"{NEW_SHARE} properties colour", {"type": "string"}),
        change("components schemas Share properties pages items enum", ["history", "report", "today", "till"]),
        change(f"{FIGURE} description", "Other words."),
    ],
)
def test_what_only_comes_to_it_is_let_through(document: Json, changed: Callable[[Json], None]) -> None:
    new = copy.deepcopy(document)
    changed(new)
    assert broken(document, new) == []


def test_a_parameter_that_must_be_sent_is_no_addition(document: Json) -> None:
    new = copy.deepcopy(document)
    new["paths"]["/glossary"]["get"]["parameters"] = [
        {"in": "query", "name": "language", "required": True, "schema": {"type": "string"}}
    ]
    assert broken(document, new) == ["GET /glossary: the query parameter language must be sent now"]
