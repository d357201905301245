"""Bodies: what the API answers with, as types; FastAPI's description of them; and how they become bytes."""

import re
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from msgspec import Struct
from starlette.responses import Response

from agent.contract import Claim, Claimed, TillHours
from cloud.core.annotation import Annotation
from cloud.core.calibration import Factor
from cloud.core.campaign import Campaign
from cloud.core.claim import ClaimView, MadeClaim, NewClaim
from cloud.core.doorcount import Calibrated, DoorSession
from cloud.core.figures import Period, Today
from cloud.core.fleet.course import RolloutLine, RolloutView, SensorLine
from cloud.core.fleet.deed import Deed
from cloud.core.fleet.drift import DriftGroup
from cloud.core.flow import Flow
from cloud.core.funnel import Funnel
from cloud.core.glossary import Definition
from cloud.core.lift import Power
from cloud.core.presets import Preset
from cloud.core.ranking import Ranking
from cloud.core.recipient import Recipient, Wishes
from cloud.core.rule import Rule, RuleWanted
from cloud.core.share import MadeShare, NewShare, Share
from cloud.core.table import Column
from cloud.core.trends import Trends
from cloud.core.week import Week
from cloud.desk import (
    AlertLine,
    CampaignLine,
    CampaignResult,
    DoorLine,
    ShopLine,
    TillForgotten,
    TillSold,
    TillSources,
    TillTold,
    Visits,
)

REF = "#/components/schemas/{name}"
INTRODUCTION = """
Figures of shops, and what people tell beside them. What is told is taken whole or refused in a sentence; where it has a
name of its own, sending it again changes nothing.

* Every time (`start`, `end`, `now`, `inside_at`, ...) is a whole number of UTC seconds since 1970-01-01.
  Every `date` is a date of the shop's own time zone.
* A figure is `value` with the 80 % interval `low` to `high`; all three are null where it is undefined, which
  is never zero. `coverage` is the share (0 to 1) of the time due that was listened to; below 0.9 a period is
  incomplete.
* `definition` names an entry of `/glossary`.
* Within `/api/v1` nothing is taken away or changes its type. Fields, parameters, paths and values of a choice may come:
  pass over what you do not know.
* What is sent is JSON of at most 6 MB (else 413), and taken whole or refused. Sending it twice is sending it once. A
  page of another site cannot send anything (403).
* Hours and days without data are there, with nulls and coverage 0. `rested` is the share of a period in which the
  radios rested by plan: that was not due, so it is no gap.
* Figures of the panel (`/visits`) are of devices whose address stays the same by itself. Noise was added to them on the
  sensor; their interval is that of the noise alone. `fewer_than` says why one is null: it was below that.
"""


class Periods(Struct, frozen=True, kw_only=True):
    """The periods of the local dates `from` to `to`, both included, in time order; none yet to come."""

    shop: str
    time_zone: str
    from_: str = msgspec.field(name="from")
    to: str
    periods: list[Period]


class Healthy(Struct, frozen=True, kw_only=True):
    """The service answers and can read its store, which knows so many shops. `now` is its time, in UTC seconds."""

    status: str
    shops: int
    now: int


class News(Struct, frozen=True, kw_only=True):
    """Data of the event `figures`: this shop has new figures; fetch what you show again."""

    shop: str


class Problem(Struct, frozen=True, kw_only=True):
    """What is wrong and what to do, in one sentence."""

    error: str


class Json(Response):
    """A response whose content is anything that msgspec encodes."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """JSON bytes of `content`."""
        return msgspec.json.encode(content, enc_hook=str)  # a Saying is a str


BODIES = (
    ShopLine,
    Periods,
    Visits,
    Healthy,
    News,
    Problem,
    Today,
    Definition,
    Funnel,
    Preset,
    Factor,
    Recipient,
    Wishes,
    Share,
    NewShare,
    MadeShare,
    Column,
    TillHours,
    TillTold,
    TillSold,
    TillSources,
    TillForgotten,
    Week,
    Trends,
    Ranking,
    Flow,
    Annotation,
    AlertLine,
    Rule,
    RuleWanted,
    DoorSession,
    DoorLine,
    Calibrated,
    Campaign,
    CampaignLine,
    CampaignResult,
    Power,
    SensorLine,
    DriftGroup,
    RolloutLine,
    RolloutView,
    Deed,
    Claim,
    Claimed,
    NewClaim,
    MadeClaim,
    ClaimView,
)


def answers(body: Any, *problems: int) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses`: 200 with `body`, one of `BODIES` or a list of it; `problems` with a sentence."""
    (schema,), _ = msgspec.json.schema_components([body], ref_template=REF)
    told: dict[int | str, dict[str, Any]] = {200: _described("The figures.", schema)}
    words = {404: "No such shop.", 422: "A parameter, or what was sent, is wrong.", 503: "Too many streams are open."}
    for status in problems:
        told[status] = _described(words[status], {"$ref": REF.format(name="Problem")})
    return told


def operation_id(route: APIRoute) -> str:
    """What programs made from the description call a route: its method and path, which stay as they are."""
    methods = sorted(route.methods or ())
    return "_".join([*map(str.lower, methods), *re.findall(r"\w+", route.path_format)])


def describe(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the routes of `api`, with the schemas of the bodies; made once, then kept."""
    if api.openapi_schema is None:
        document = get_openapi(title=api.title, version=api.version, description=INTRODUCTION, routes=api.routes)
        _, schemas = msgspec.json.schema_components(BODIES, ref_template=REF)
        document.setdefault("components", {})["schemas"] = schemas
        _without_framework_errors(document)
        document["servers"] = [{"url": "/api/v1"}]
        api.openapi_schema = document
    return api.openapi_schema


def _without_framework_errors(document: dict[str, Any]) -> None:
    """FastAPI adds its own 422 to every path with a parameter, also to those whose parameters cannot be wrong."""
    for path in document["paths"].values():
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]


def _described(words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": schema}}}
