"""JSON Schema of every message, generated from the types (published as `docs/contract.schema.json`)."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from agent.contract.desired import DeviceConfig, KeyList, ReportedConfig, Signed
from agent.contract.handover import Hello, ReportBatch, Status, Watermark
from agent.contract.health import Health
from agent.contract.identity import Claim, Claimed, Renewal, Renewed
from agent.contract.report import Report
from agent.contract.till import TillHours

MESSAGES = (
    Report, ReportBatch, Hello, Watermark, Status, Health, DeviceConfig, KeyList, Signed, ReportedConfig, Claim,
    Claimed, Renewal, Renewed, TillHours,
)  # fmt: skip


def schema() -> dict[str, Any]:
    """One JSON Schema document; `$defs` holds a definition per type. A batch's reports are `Report`s."""
    made = document("Footfall contract, version 1", MESSAGES)
    made["$defs"]["ReportBatch"]["properties"]["reports"]["items"] = {"$ref": "#/$defs/Report"}
    return made


def document(title: str, messages: Iterable[Any]) -> dict[str, Any]:
    """A JSON Schema document of types and of their parts."""
    _, definitions = msgspec.json.schema_components(messages, ref_template="#/$defs/{name}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, "$defs": definitions}


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1))  # noqa: T201 - this is how the published file is made
