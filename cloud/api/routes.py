"""Routes: the paths of version 1 of the API. Each reads its parameters, asks the reader, and answers."""

import datetime
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException

from cloud.api import (
    alerts,
    annotations,
    bodies,
    calibration,
    campaigns,
    claim,
    comparisons,
    export,
    fleet,
    funnel,
    post,
    shares,
    till,
)
from cloud.api.bodies import Healthy, Json, News, Periods, Problem, answers
from cloud.api.live import Live, LiveFullError, Subscription
from cloud.core.figures import Period, Shop, Today
from cloud.core.glossary import DEFINITIONS, Definition
from cloud.core.refusal import Refusal
from cloud.desk import (
    Desk,
    Reader,
    ShopLine,
    UnknownCampaignError,
    UnknownClaimError,
    UnknownMemberError,
    UnknownRolloutError,
    UnknownShopError,
    Visits,
    dates,
)
from cloud.store import StoreError

Day = Annotated[str | None, Query(description="Local date, YYYY-MM-DD; today if left out.")]
First = Annotated[str | None, Query(alias="from", description="First local date, YYYY-MM-DD.")]
Last = Annotated[str | None, Query(alias="to", description="Last local date, included; today if left out.")]


def routes(desk: Desk, live: Live) -> FastAPI:
    """The API as an application to mount at `/api/v1`; `live` is announced to by whoever commits reports."""
    api = FastAPI(
        title="Footfall", version="1", docs_url=None, redoc_url=None, generate_unique_id_function=bodies.operation_id
    )
    reader = desk.reader
    api.openapi = lambda: bodies.describe(api)  # type: ignore[method-assign] # FastAPI's documented way
    _general(api, desk)
    _today(api, reader)
    _history(api, reader)
    _visits(api, reader)
    _stream(api, reader, live)
    export.add(api, desk)
    shares.add(api, desk)
    funnel.add(api, desk)
    comparisons.add(api, desk)
    till.add(api, desk)
    annotations.add(api, desk)
    alerts.add(api, desk)
    calibration.add(api, desk)
    campaigns.add(api, desk)
    post.add(api, desk)
    fleet.add(api, desk)
    claim.add(api, desk)
    _problems(api)
    return api


def _general(api: FastAPI, desk: Desk) -> None:
    reader = desk.reader

    @api.get("/shops", responses=answers(list[ShopLine]), summary="All shops, with today's visitors")
    def shops() -> Json:
        return Json(reader.lines())

    @api.get("/glossary", responses=answers(list[Definition]), summary="What every figure means")
    def glossary() -> Json:
        return Json(DEFINITIONS)

    @api.get("/healthz", responses=answers(Healthy), summary="Whether the service can read its store")
    def healthz() -> Json:
        return Json(Healthy(status="ok", shops=len(reader.names()), now=int(desk.clock())))


def _today(api: FastAPI, reader: Reader) -> None:
    @api.get("/shops/{shop}/today", responses=answers(Today, 404), summary="The numbers of the first page")
    def today(shop: str) -> Json:
        return Json(reader.today(shop))


def _history(api: FastAPI, reader: Reader) -> None:
    @api.get("/shops/{shop}/hours", responses=answers(Periods, 404, 422), summary="Hour by hour")
    def hours(shop: str, date: Day = None, first: First = None, last: Last = None) -> Json:
        """Hours of one `date`, or of `from` to `to`, at most 62 days at a time."""
        found = reader.shop(shop)
        span = dates.day_or_span(date, first, last, reader.local_date(found))
        return _periods(found, span, reader.hours(found, *span))

    @api.get("/shops/{shop}/days", responses=answers(Periods, 404, 422), summary="Day by day")
    def days(shop: str, first: First = None, last: Last = None) -> Json:
        """Days of `from` to `to`, at most 400 at a time; the last 28 days if both are left out."""
        found = reader.shop(shop)
        span = dates.span(first, last, reader.local_date(found), default=28, limit=dates.MAX_DAYS)
        return _periods(found, span, reader.days(found, *span))

    @api.get("/shops/{shop}/windows", responses=answers(Periods, 404, 422), summary="Five minutes by five minutes")
    def windows(shop: str, date: Day = None) -> Json:
        """Windows of one `date`. Report at 15 minutes or coarser: a single window says little."""
        found = reader.shop(shop)
        day = dates.one(date, reader.local_date(found))
        return _periods(found, (day, day), reader.windows(found, day))


def _visits(api: FastAPI, reader: Reader) -> None:
    @api.get("/shops/{shop}/visits", responses=answers(Visits, 404, 422), summary="The panel: visits, returns, stays")
    def visits(shop: str, date: Day = None, first: First = None, last: Last = None) -> Json:
        """The panel of one `date`, or of `from` to `to`, at most 62 days at a time, with its budget of privacy."""
        found = reader.shop(shop)
        return Json(reader.visits(found, *dates.day_or_span(date, first, last, reader.local_date(found))))


def _stream(api: FastAPI, reader: Reader, live: Live) -> None:
    async def subscribed(
        shop: str, last_event_id: Annotated[str | None, Header()] = None
    ) -> AsyncIterator[Subscription]:
        found = reader.shop(shop)  # a look-up of one row: not worth a thread
        async with Subscription(live, reader.tenant, found.shop, at_once=last_event_id is not None) as one:
            yield one

    told = answers(News, 404, 503)
    told[200] = {"description": "Events, as long as you listen.", "content": {"text/event-stream": {}}}

    @api.get("/shops/{shop}/live", responses=told, response_class=EventSourceResponse, summary="News, as events")
    async def news(
        shop: str, subscription: Annotated[Subscription, Depends(subscribed)]
    ) -> AsyncIterator[ServerSentEvent]:
        """An event `figures` whenever the shop has new ones, with an id; its data is `{"shop": ...}`.

        Who reconnects with `Last-Event-ID` gets one at once. Comments keep the connection open.
        """
        data = msgspec.json.encode(News(shop=shop)).decode()
        async for number in subscription:
            yield ServerSentEvent(event="figures", id=str(number), raw_data=data)


def _problems(api: FastAPI) -> None:
    """Every error a sentence: ours as they are, the framework's put into one."""

    def problem(status: int, sentence: str) -> Json:
        return Json(Problem(error=sentence[:1].upper() + sentence[1:]), status_code=status)

    @api.exception_handler(UnknownCampaignError)
    @api.exception_handler(UnknownClaimError)
    @api.exception_handler(UnknownMemberError)
    @api.exception_handler(UnknownRolloutError)
    @api.exception_handler(UnknownShopError)
    async def unknown(_: Request, error: UnknownShopError) -> Json:
        return problem(404, str(error))

    @api.exception_handler(Refusal)
    async def refused(_: Request, error: Refusal) -> Json:
        return problem(422, str(error))

    @api.exception_handler(LiveFullError)
    async def full(_: Request, error: LiveFullError) -> Json:
        return problem(503, str(error))

    @api.exception_handler(StoreError)
    async def no_store(_: Request, error: StoreError) -> Json:
        return problem(503, str(error))

    @api.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Json:
        first = error.errors()[0]
        return problem(422, f"{first['loc'][-1]} is wrong: {first['msg']}.")

    @api.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Json:
        if error.status_code == 404:
            return problem(404, f"there is nothing at {request.url.path[:80]}: see openapi.json.")
        return problem(error.status_code, f"{error.detail}.")


def _periods(shop: Shop, dates: tuple[datetime.date, datetime.date], periods: list[Period]) -> Json:
    first, last = map(str, dates)
    return Json(Periods(shop=shop.shop, time_zone=shop.time_zone, from_=first, to=last, periods=periods))
