"""Home: how Home Assistant comes to know a shop: one document a shop, which points at the merged figures' topics.

1. It says nothing of a shop but its name and where its figures are told. Each is there with its interval, coverage and
   definition, disclosed, as on the page. What is null is "unknown", and what nobody has told for a while "unavailable".
2. An hour or a day that is over is corrected on the same topic. A template makes nothing of such a message, and Home
   Assistant leaves a number as it is where a template makes nothing.
3. The document is kept by the broker; one that is empty takes the shop away.

Source: Home Assistant, MQTT integration, device discovery (2024.12 or newer); `homeassistant` is its prefix unless
somebody changed that.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from cloud.core import merged
from cloud.core.figures import Shop
from cloud.core.merged import Leaf

EVERY_TOPIC = "homeassistant/device/+/config"
STALE_S = 900  # as of `MergedNow`
DAY_STALE_S = 4 * 3600  # of a shop whose radios rest at night, until after it has closed


class Told(NamedTuple):
    """A figure that is told: what it is called, on which leaf, where in the message, and for how long it holds."""

    key: str
    name: str
    leaf: Leaf
    path: str
    stale_s: int


TOLD = (
    Told("inside", "People inside", "live", "value_json.inside", STALE_S),
    Told("hour", "Visitors this hour", "hour", "value_json.period.visitors", STALE_S),
    Told("day", "Visitors today", "day", "value_json.period.visitors", DAY_STALE_S),
)
ENDS = (("", "", "value"), ("_low", ", at least", "low"), ("_high", ", at most", "high"))
_NOW_WITHIN = "value_json.period.start <= now().timestamp() < value_json.period.end"


def topic(tenant: str, shop: str) -> str:
    """Where the document of a shop is: retained, QoS 1."""
    return f"homeassistant/device/{_identifier(tenant, shop)}/config"


def is_ours(found: str, tenant: str) -> bool:
    """Whether that topic is of a shop of the tenant, known or not. Ids have no "_"."""
    return found.startswith(f"homeassistant/device/{_identifier(tenant, '')}")


def document(shop: Shop) -> bytes:
    """The document of a shop, JSON; the same shop always gives the same bytes."""
    identifier = _identifier(shop.tenant, shop.shop)
    live = merged.topic(shop.tenant, shop.shop, "live")
    return msgspec.json.encode(
        {
            "device": {"identifiers": [identifier], "name": shop.name, "manufacturer": "Footfall", "model": "Shop"},
            "origin": {"name": "Footfall"},
            "qos": 1,
            "availability": [{"topic": live, "value_template": "{{ 'online' if value_json.at else 'offline' }}"}],
            "components": {
                key: {"platform": "sensor", "unique_id": f"{identifier}_{key}", **rest}
                for told in TOLD
                for key, rest in _components(told, merged.topic(shop.tenant, shop.shop, told.leaf))
            },
        }
    )


def _components(told: Told, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    common = {"state_topic": where, "expire_after": told.stale_s, "state_class": "measurement"}
    definition = f"{{{{ {{'definition': {told.path}.definition}} | tojson }}}}"
    for suffix, words, end in ENDS:
        yield (
            told.key + suffix,
            common
            | {"name": told.name + words, "unit_of_measurement": "people", "icon": "mdi:account-multiple"}
            | {"value_template": _template(told, f"{told.path}.{end}"), "suggested_display_precision": 0}
            | {"json_attributes_topic": where, "json_attributes_template": definition}
            | ({"entity_category": "diagnostic"} if suffix else {}),
        )
    yield (
        f"{told.key}_coverage",
        common
        | {"name": f"{told.name}, listened to", "unit_of_measurement": "%", "entity_category": "diagnostic"}
        | {"value_template": _template(told, f"(100 * {told.path}.coverage) | round(1)")},
    )


def _template(told: Told, value: str) -> str:
    """Jinja: the value; of a period only while it lasts."""
    shown = f"{{{{ {value} }}}}"
    return shown if told.leaf == "live" else f"{{% if {_NOW_WITHIN} %}}{shown}{{% endif %}}"


def _identifier(tenant: str, shop: str) -> str:
    return f"footfall_{tenant}_{shop}"
