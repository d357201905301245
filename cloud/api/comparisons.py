"""Comparisons: the paths of weeks, trends, rankings and the flow between zones."""

from datetime import timedelta
from typing import Annotated

from fastapi import FastAPI, Query

from cloud.api.bodies import Json, answers
from cloud.core.flow import Flow
from cloud.core.ranking import By, Over, Ranking
from cloud.core.trends import Trends
from cloud.core.week import Week
from cloud.desk import Desk, dates
from cloud.desk.flow import DEFAULT_DAYS, MOST_DAYS

Day = Annotated[str | None, Query(description="A local date of the week, YYYY-MM-DD; today if left out.")]
First = Annotated[str | None, Query(alias="from", description="First local date, YYYY-MM-DD.")]
Last = Annotated[str | None, Query(alias="to", description="Last local date, included; yesterday if left out.")]
Weeks = Annotated[int, Query(description="How many weeks, 4 to 104, the present one included.")]
Span = Annotated[Over, Query(description="The last 7 or 28 days that have ended, or those of their month.")]


def add(api: FastAPI, desk: Desk) -> None:
    """Add the paths to `api`."""

    @api.get("/shops/{shop}/week", responses=answers(Week, 404, 422), summary="A week's hours beside the usual ones")
    def week(shop: str, date: Day = None) -> Json:
        """Hours on the wall by weekday, what is usual, and when most people come."""
        today = desk.reader.local_date(desk.reader.shop(shop))
        return Json(desk.weeks.week(shop, dates.one(date, today)))

    @api.get("/shops/{shop}/trends", responses=answers(Trends, 404, 422), summary="Weeks, the year before, and notes")
    def trends(shop: str, weeks: Weeks = 12) -> Json:
        """Week by week and day by day, and what was different after each note."""
        return Json(desk.trend.trends(shop, weeks))

    @api.get("/shops/{shop}/flow", responses=answers(Flow, 404, 422), summary="Which zone fills after which")
    def flow(shop: str, first: First = None, last: Last = None) -> Json:
        """Of `from` to `to`, at most 28 days; the last 14 that have ended if both are left out."""
        yesterday = desk.reader.local_date(desk.reader.shop(shop)) - timedelta(days=1)
        span = dates.span(first, last, yesterday, default=DEFAULT_DAYS, limit=MOST_DAYS)
        return Json(desk.flows.flow(shop, *span))

    @api.get("/ranking", responses=answers(Ranking, 422), summary="The shops beside each other")
    def ranking(span: Span = "month", by: By = "visitors") -> Json:
        """With the places each may have, the change against the same weekdays before, and regions."""
        return Json(desk.rankings.ranking(span, by))
