"""The description for whoever subscribes: as AsyncAPI wants it, as the contract is, and whole."""

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from agent.contract import topics
from cloud.core import merged
from tests import asyncapi
from tests.conftest import ROOT

OFFICIAL = ROOT / "tests/contract/asyncapi-3.0.0.json"
DOCUMENT = json.loads(asyncapi.PUBLISHED.read_text())


def faults(document: Any) -> list[str]:
    validator = Draft7Validator(json.loads(OFFICIAL.read_text()))
    return [f"{list(one.path)}: {one.message:.300}" for one in validator.iter_errors(document)]


def test_the_published_document_is_that_of_the_types() -> None:
    published = asyncapi.PUBLISHED.read_text()
    assert published == asyncapi.text(asyncapi.described()), "run: python -m tests.asyncapi"


def test_it_is_what_the_schema_of_asyncapi_wants() -> None:
    assert faults(DOCUMENT) == []


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (("operations", "send-hour", "bindings", "mqtt", "qos"), 3),
        (("operations", "send-hour", "bindings", "mqtt", "bindingVersion"), "0.3.0"),
        (("operations", "send-hour", "action"), "publish"),
        (("channels", "hour", "parameters", "shop"), {"schema": {"type": "string"}}),
        (("components", "messages", "Hello", "examples"), [{"value": 1}]),
        (("components", "schemas", "Hello", "type"), "thing"),
    ],
)
def test_and_that_schema_would_see_a_mistake(place: tuple[str, ...], wrong: Any) -> None:
    spoilt = json.loads(json.dumps(DOCUMENT))
    inner = spoilt
    for one in place[:-1]:
        inner = inner[one]
    inner[place[-1]] = wrong
    assert faults(spoilt)


def test_every_reference_leads_somewhere() -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(where := node.get("$ref"), str):
                found = DOCUMENT
                for part in where.removeprefix("#/").split("/"):
                    found = found[part]
            for one in node.values():
                walk(one)
        elif isinstance(node, list):
            for one in node:
                walk(one)

    walk(DOCUMENT)


def test_every_topic_is_described() -> None:
    described = {one["address"] for one in DOCUMENT["channels"].values()}
    wanted = {topics.up("{sensor}", leaf) for leaf in (*topics.LEAVES_UP, topics.RENEW)}
    wanted |= {each("{sensor}") for each in (topics.watermark, topics.config, topics.keys, topics.certificate)}
    wanted |= {merged.topic("{tenant}", "{shop}", leaf) for leaf in ("live", "hour", "day", "alert")}
    assert described == wanted | {topics.till("{tenant}", "{shop}")}


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["messages"]))
def test_every_example_is_what_its_schema_says(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    validator = Draft202012Validator({"components": DOCUMENT["components"], **message["payload"]})
    assert message["examples"]
    for one in message["examples"]:
        validator.validate(one["payload"])
