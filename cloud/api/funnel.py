"""Funnel: the paths of what became of those who passed by."""

from typing import Annotated

from fastapi import FastAPI, Query

from cloud.api.bodies import Json, answers
from cloud.core.funnel import Funnel
from cloud.core.presets import Preset
from cloud.desk import Desk, dates

First = Annotated[str | None, Query(alias="from", description="First local date, YYYY-MM-DD.")]
Last = Annotated[str | None, Query(alias="to", description="Last local date, included; today if left out.")]
Named = Annotated[str | None, Query(description="A name of `/presets`; the shop's own if left out.")]


def add(api: FastAPI, desk: Desk) -> None:
    """Add the paths to `api`."""

    @api.get("/shops/{shop}/funnel", responses=answers(Funnel, 404, 422), summary="From passers-by to buyers")
    def funnel(shop: str, first: First = None, last: Last = None, preset: Named = None) -> Json:
        """Of `from` to `to`, at most 400 days; the last 28 if both are left out. The panel's part is of 31 at most."""
        today = desk.reader.local_date(desk.reader.shop(shop))
        span = dates.span(first, last, today, default=28, limit=dates.MAX_DAYS)
        return Json(desk.funnels.funnel(shop, *span, preset))

    @api.get("/presets", responses=answers(list[Preset]), summary="Definitions of vendors to compare by")
    def presets() -> Json:
        """What each calls a passer-by, a visitor and engaged, and how near the figures here can come to it."""
        return Json(desk.funnels.presets())
