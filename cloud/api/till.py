"""Till: the paths on which a shop's sales are told, by rows or as a file, and read."""

from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Query, Request

from agent.contract import TillHours
from cloud.api.bodies import Json, answers
from cloud.api.sent import sent, takes
from cloud.desk import Desk, dates
from cloud.desk.till import TillForgotten, TillSold, TillSources, TillTold

Day = Annotated[str | None, Query(description="Local date, YYYY-MM-DD; today if left out.")]
First = Annotated[str | None, Query(alias="from", description="First local date, YYYY-MM-DD.")]
Last = Annotated[str | None, Query(alias="to", description="Last local date, included; today if left out.")]
Grained = Annotated[Literal["hour", "day"], Query(description="An item for every local hour, or for every local day.")]
Named = Annotated[str, Query(description="Which till it is of: told again under this name, an hour is replaced.")]
FILE = {"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}}


def add(api: FastAPI, desk: Desk) -> None:
    """Tell sales, read them, and forget a source."""
    _tell(api, desk)
    _read(api, desk)


def _tell(api: FastAPI, desk: Desk) -> None:
    tills = desk.tills

    @api.put(
        "/shops/{shop}/till",
        responses=answers(TillTold, 404, 422),
        openapi_extra=takes(TillHours),
        summary="Tell what a till sold, by the hour",
    )
    def put(shop: str, hours: Annotated[TillHours, Depends(sent(TillHours))]) -> Json:
        """All of it is taken or none. Telling an hour again replaces it, so send it again whenever in doubt."""
        return Json(tills.put(shop, hours))

    @api.post(
        "/shops/{shop}/till.csv",
        responses=answers(TillTold, 404, 422),
        openapi_extra=FILE,
        summary="Tell what a till sold, as a file",
    )
    def add_csv(shop: str, payload: Annotated[bytes, Depends(_payload)], source: Named = "csv") -> Json:
        """CSV with a header: hour, transactions, and items and net_sales where they are known; at most 5 MB."""
        return Json(tills.add_csv(shop, payload, source))

    @api.delete(
        "/shops/{shop}/till/sources/{source}",
        responses=answers(TillForgotten, 404),
        summary="Forget what a source told",
    )
    def forget(shop: str, source: str) -> Json:
        """All of its hours are deleted. One that has told nothing is forgotten already."""
        return Json(tills.forget(shop, source))


def _read(api: FastAPI, desk: Desk) -> None:
    tills = desk.tills

    @api.get(
        "/shops/{shop}/till", responses=answers(TillSold, 404, 422), summary="What was sold, by the hour or the day"
    )
    def sold(shop: str, grain: Grained = "hour", date: Day = None, first: First = None, last: Last = None) -> Json:
        """Hours of one `date` or of `from` to `to`, at most 62 days; or days of `from` to `to`, at most 400."""
        today = desk.reader.local_date(desk.reader.shop(shop))
        if grain == "hour":
            return Json(tills.hours(shop, *dates.day_or_span(date, first, last, today)))
        return Json(tills.days(shop, *dates.span(first, last, today, default=28, limit=dates.MAX_DAYS)))

    @api.get("/shops/{shop}/till/sources", responses=answers(TillSources, 404), summary="Who has told what was sold")
    def sources(shop: str) -> Json:
        """The sums of each source. Sources add up: one till told under two names counts twice, and `notes` say so."""
        return Json(tills.sources(shop))


async def _payload(request: Request) -> bytes:
    return await request.body()
