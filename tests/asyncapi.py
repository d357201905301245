"""What crosses the broker, as AsyncAPI 3 describes it, docs/asyncapi.json: `python -m tests.asyncapi` writes it anew.

Types, topics and examples are those of the contract, of the merged figures, and of tests/vectors. It is told as the
cloud sees it: what it receives, and what it sends.
"""

import json
from typing import Any, Literal, NamedTuple

import msgspec

from agent.contract import (
    DeviceConfig,
    Health,
    Hello,
    KeyList,
    Renewal,
    Renewed,
    Report,
    ReportBatch,
    ReportedConfig,
    Signed,
    Status,
    TillHours,
    Watermark,
    topics,
)
from cloud.core import merged
from cloud.core.merged import MergedAlert, MergedNow, MergedPeriod
from tests.conftest import ROOT

PUBLISHED = ROOT / "docs/asyncapi.json"
VECTORS = sorted((ROOT / "tests/vectors").rglob("*.json"))
BINDING = "0.2.0"
Json = dict[str, Any]

PARAMETERS = {
    "sensor": "The sensor, `{tenant}:{name}`, which is the common name of its certificate.",
    "tenant": "The customer.",
    "shop": "The shop.",
}


class Topic(NamedTuple):
    """A topic, its message, and which way it goes."""

    address: str
    kind: type[msgspec.Struct]
    action: Literal["receive", "send"]
    summary: str
    qos: int = 1
    retain: bool = False


def _up(leaf: str) -> str:
    return topics.up("{sensor}", leaf)


def _merged(leaf: merged.Leaf) -> str:
    return merged.topic("{tenant}", "{shop}", leaf)


TOPICS = {
    "hello": Topic(_up("hello"), Hello, "receive", "What a sensor holds, as it connects."),
    "report": Topic(
        _up("report"), ReportBatch, "receive", "Consecutive reports of a sensor, byte for byte as it keeps them."
    ),
    "health": Topic(_up("health"), Health, "receive", "How a sensor is.", qos=0),
    "status": Topic(
        _up("status"),
        Status,
        "receive",
        "That a sensor came or went; the broker says it of one that vanished.",
        retain=True,
    ),
    "config": Topic(
        _up("config"), ReportedConfig, "receive", "Which signed settings a sensor has, or why it took none."
    ),
    "renew": Topic(_up("renew"), Renewal, "receive", "A request for a sensor's next certificate."),
    "till": Topic(topics.till("{tenant}", "{shop}"), TillHours, "receive", "What a till sold by the hour."),
    "watermark": Topic(
        topics.watermark("{sensor}"), Watermark, "send", "Up to here everything is committed, and may be deleted."
    ),
    "settings": Topic(topics.config("{sensor}"), Signed, "send", "A DeviceConfig and its signature.", retain=True),
    "keys": Topic(topics.keys("{sensor}"), Signed, "send", "A KeyList, signed by a root key.", retain=True),
    "certificate": Topic(
        topics.certificate("{sensor}"), Renewed, "send", "A sensor's next certificate, or why there is none."
    ),
    "live": Topic(_merged("live"), MergedNow, "send", "Who is inside a shop, once a window.", retain=True),
    "hour": Topic(_merged("hour"), MergedPeriod, "send", "An hour of a shop, whenever it is rolled up or corrected."),
    "day": Topic(_merged("day"), MergedPeriod, "send", "A day of a shop, whenever it is rolled up or corrected."),
    "alert": Topic(_merged("alert"), MergedAlert, "send", "An alert of a shop began, or has ended."),
}


def described() -> Json:
    """The document."""
    kinds = list(dict.fromkeys(one.kind for one in TOPICS.values()))
    within = (Report, DeviceConfig, KeyList)
    _, schemas = msgspec.json.schema_components([*kinds, *within], ref_template="#/components/schemas/{name}")
    schemas["ReportBatch"]["properties"]["reports"]["items"] = {"$ref": "#/components/schemas/Report"}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Footfall",
            "version": "1",
            "description": "What sensors, tills and the cloud tell each other over MQTT 3.1.1, and what the cloud "
            "tells whoever may listen. docs/contract.md says what it means.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "{host}:8883",
                "protocol": "mqtts",
                "protocolVersion": "3.1.1",
                "variables": {"host": {"description": "The operator's broker."}},
                "security": [{"type": "X509", "description": "The common name says who it is."}],
            }
        },
        "channels": {name: _channel(one) for name, one in TOPICS.items()},
        "operations": {f"{one.action}-{name}": _operation(name, one) for name, one in TOPICS.items()},
        "components": {"messages": {kind.__name__: _message(kind) for kind in kinds}, "schemas": schemas},
    }


def text(document: Json) -> str:
    """As it is published."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _channel(one: Topic) -> Json:
    named = [part for part in PARAMETERS if f"{{{part}}}" in one.address]
    return {
        "address": one.address,
        "summary": one.summary,
        "messages": {one.kind.__name__: {"$ref": f"#/components/messages/{one.kind.__name__}"}},
        "parameters": {part: {"description": PARAMETERS[part]} for part in named},
    }


def _operation(name: str, one: Topic) -> Json:
    return {
        "action": one.action,
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": one.summary,
        "messages": [{"$ref": f"#/channels/{name}/messages/{one.kind.__name__}"}],
        "bindings": {"mqtt": {"qos": one.qos, "retain": one.retain, "bindingVersion": BINDING}},
    }


def _message(kind: type[msgspec.Struct]) -> Json:
    name = kind.__name__
    own = [path for path in VECTORS if path.stem.split("-")[0] == name]
    examples = [{"name": path.stem, "payload": json.loads(path.read_bytes())} for path in own]
    return {
        "name": name,
        "title": name,
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "examples": examples,
    }


if __name__ == "__main__":
    PUBLISHED.write_text(text(described()))
    print(f"{PUBLISHED} is written.")
