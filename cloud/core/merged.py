"""Merged: what anybody may hear of a shop's figures at the broker, if the operator wants it: topics and messages.

1. A figure here is the one the API gives, disclosed, with its interval, coverage and definition. Null is undefined.
2. What was told may come again, and a period is told anew whenever it is rolled up or corrected: of one shop, grain
   and start the message with the highest `rolled` holds.
3. `v` is 1. Within a version no type changes; fields may come to it, so whoever listens passes over what is unknown.
"""

import json
from typing import Any, Literal

from msgspec import Struct

from agent.contract import topics
from agent.contract.schema import document
from cloud.core.figures import Figure, Period

Grain = Literal["hour", "day"]
Leaf = Literal["live", "hour", "day", "alert"]


class MergedNow(Struct, frozen=True, kw_only=True):
    """Who is inside, by the newest window, which ended at `at` (UTC seconds; null: there was none yet).

    It is kept by the broker, so it may be old: where `at` is more than 15 minutes ago nobody knows who is inside.
    `resting`: the radios rest by plan, so `inside` is null and no gap.
    """

    v: Literal[1] = 1
    shop: str
    name: str
    time_zone: str
    at: int | None
    inside: Figure
    resting: bool


class MergedPeriod(Struct, frozen=True, kw_only=True):
    """An hour or a day of a shop as it is known now; one in progress comes again and again.

    `rolled` is when it was told, in milliseconds since 1970, and never the same twice.
    """

    v: Literal[1] = 1
    shop: str
    name: str
    time_zone: str
    grain: Grain
    rolled: int
    period: Period


class MergedAlert(Struct, frozen=True, kw_only=True):
    """An alert began ("firing") or has ended ("resolved") at `at` (UTC seconds), in words. `id` names that.

    One that many shops share comes on the topic of each, with the same id; `shop` is "" then.
    """

    v: Literal[1] = 1
    id: str
    shop: str
    shop_name: str
    kind: str
    state: str
    at: int
    title: str
    sentence: str


Message = MergedNow | MergedPeriod | MergedAlert
MESSAGES = (MergedNow, MergedPeriod, MergedAlert)


def topic(tenant: str, shop: str, leaf: Leaf) -> str:
    """Where it is told: `live` retained, all with QoS 1."""
    return f"{topics.ROOT}/t/{tenant}/{shop}/{leaf}"


def schema() -> dict[str, Any]:
    """The JSON Schema of the messages and of their parts (published as `docs/merged.schema.json`)."""
    return document("Footfall merged figures, version 1", MESSAGES)


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1))  # noqa: T201 - this is how the published file is made
