"""Annotations: the paths of what people note at a date."""

from typing import Annotated

from fastapi import Depends, FastAPI, Query

from cloud.api.bodies import Json, answers
from cloud.api.sent import named, sent, takes
from cloud.core.annotation import Annotation
from cloud.desk import Desk, dates

First = Annotated[str | None, Query(alias="from", description="First local date, YYYY-MM-DD.")]
Last = Annotated[str | None, Query(alias="to", description="Last local date, included; today if left out.")]


def add(api: FastAPI, desk: Desk) -> None:
    """List notes, write them and take them back."""
    notes = desk.annotations

    @api.get(
        "/shops/{shop}/annotations", responses=answers(list[Annotation], 404, 422), summary="What was noted, by date"
    )
    def between(shop: str, first: First = None, last: Last = None) -> Json:
        """Notes at `from` to `to`, at most 400 days at a time; the last 28 days if both are left out."""
        today = desk.reader.local_date(desk.reader.shop(shop))
        return Json(notes.between(shop, *dates.span(first, last, today, default=28, limit=dates.MAX_DAYS)))

    @api.put(
        "/shops/{shop}/annotations/{note}",
        responses=answers(Annotation, 404, 422),
        openapi_extra=takes(Annotation),
        summary="Note something at a date",
    )
    def put(shop: str, note: str, told: Annotated[Annotation, Depends(sent(Annotation))]) -> Json:
        """A note of that id is replaced, also where it stood at another date. Answers with what is kept."""
        return Json(notes.put(shop, named(told, note)))

    @api.delete("/shops/{shop}/annotations/{note}", responses=answers(None, 404), summary="Take a note back")
    def delete(shop: str, note: str) -> Json:
        """One that is not there is taken back already."""
        notes.delete(shop, note)
        return Json(None)
