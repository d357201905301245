"""What Home Assistant makes of the documents and the messages: its templates are Jinja's, and run here as there."""

import datetime
import json
from typing import Any

import jinja2
import pytest

from cloud.core import home, merged
from tests.conftest import ROOT
from tests.shops import a_shop

SHOP = a_shop("high-street", name="High Street")
DOCUMENT = json.loads(home.document(SHOP))
PARTS = DOCUMENT["components"]
VECTORS = ROOT / "tests/vectors/merged"
# What the device discovery of Home Assistant 2024.12 and newer knows of a sensor, as far as it is used here.
KNOWN = {
    "platform", "unique_id", "state_topic", "expire_after", "state_class", "name", "unit_of_measurement", "icon",
    "value_template", "suggested_display_precision", "json_attributes_topic", "json_attributes_template",
    "entity_category",
}  # fmt: skip


def vector(name: str) -> dict[str, Any]:
    return json.loads((VECTORS / f"{name}.json").read_bytes())


def rendered(template: str, message: dict[str, Any], now: int) -> str:
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    made = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(template)
    return made.render(value_json=message, now=lambda: moment)


def seen(message: dict[str, Any], leaf: str, now: int) -> dict[str, str]:
    """What each entity of that topic shows once it has come; "" leaves it as it was, "None" is unknown."""
    topic = merged.topic(SHOP.tenant, SHOP.shop, leaf)  # type: ignore[arg-type]
    of = {name: one for name, one in PARTS.items() if one["state_topic"] == topic}
    return {name: rendered(one["value_template"], message, now) for name, one in of.items()}


def test_who_is_inside_comes_with_its_interval_and_coverage() -> None:
    message = vector("MergedNow-somebody")
    assert seen(message, "live", message["at"]) == {
        "inside": "4.0",
        "inside_low": "3.0",
        "inside_high": "5.0",
        "inside_coverage": "100.0",
    }


def test_an_hour_is_shown_while_it_lasts_and_its_corrections_later_change_nothing() -> None:
    message = vector("MergedPeriod-an-hour-in-progress")
    start = message["period"]["start"]
    shown = {"hour": "6.0", "hour_low": "5.0", "hour_high": "8.0", "hour_coverage": "33.3"}
    assert seen(message, "hour", start) == seen(message, "hour", start + 3599) == shown
    assert set(seen(message, "hour", start + 3600).values()) == {""}


def test_what_is_unknown_is_none_and_not_zero() -> None:
    message = vector("MergedNow-nothing-yet")
    assert seen(message, "live", 0)["inside"] == "None"
    available = DOCUMENT["availability"][0]
    assert available["topic"] == merged.topic(SHOP.tenant, SHOP.shop, "live")
    assert rendered(available["value_template"], message, 0) == "offline"
    assert rendered(available["value_template"], vector("MergedNow-somebody"), 0) == "online"
    day = vector("MergedPeriod-a-day-not-listened-to")
    assert seen(day, "day", day["period"]["start"])["day"] == "None"


@pytest.mark.parametrize("name", [name for name in PARTS if "json_attributes_template" in PARTS[name]])
def test_every_number_names_its_definition(name: str) -> None:
    message = vector("MergedNow-somebody" if name.startswith("inside") else "MergedPeriod-an-hour-in-progress")
    told = json.loads(rendered(PARTS[name]["json_attributes_template"], message, 0))
    assert told == {"definition": "occupancy/1" if name.startswith("inside") else "visitors/1"}


def test_it_says_what_the_device_discovery_wants() -> None:
    assert home.topic("demo", "high-street") == "homeassistant/device/footfall_demo_high-street/config"
    assert DOCUMENT["device"]["identifiers"] and DOCUMENT["origin"]["name"]
    assert len({one["unique_id"] for one in PARTS.values()}) == len(PARTS) == 12
    for one in PARTS.values():
        assert one.keys() <= KNOWN and one["platform"] == "sensor"
    assert b"/d/" not in home.document(SHOP)  # nothing of a sensor


def test_the_shops_of_another_tenant_are_not_ours() -> None:
    assert home.is_ours(home.topic("demo", "a"), "demo")
    for other in (home.topic("demo-b", "a"), home.topic("dem", "o"), "homeassistant/device/else/config"):
        assert not home.is_ours(other, "demo")
