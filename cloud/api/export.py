"""Export: the paths of the tables, for whoever analyses the figures with tools of their own."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from fastapi import FastAPI, Query
from starlette.responses import StreamingResponse

from cloud.api.bodies import Json, answers
from cloud.core.table import COLUMNS, Column
from cloud.desk import Desk, dates
from cloud.desk.export import Grain, Spreadsheet

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
Grained = Annotated[Grain, Query(description="A row for every local hour, or for every local day.")]
First = Annotated[str | None, Query(alias="from", description="First local date, YYYY-MM-DD; 28 days if left out.")]
Last = Annotated[str | None, Query(alias="to", description="Last local date, included; today if left out.")]
Shops = Annotated[list[str] | None, Query(alias="shop", description="Id of a shop, as often as you like; else all.")]
For = Annotated[
    Spreadsheet | None,
    Query(alias="spreadsheet", description="To be opened in one whose decimal sign is this. Left out: for programs."),
]


def add(api: FastAPI, desk: Desk) -> None:
    """The table as CSV and as Parquet, and what its columns mean."""
    exports = desk.exports

    def asked(shops: list[str] | None, first: str | None, last: str | None) -> tuple[list[str], date, date]:
        named = shops or []
        return named, *dates.span(first, last, exports.today(named), default=28, limit=dates.MAX_DAYS)

    @api.get("/export.csv", responses=_file(CSV), response_class=StreamingResponse, summary="All figures as CSV")
    def as_csv(
        grain: Grained = "day", first: First = None, last: Last = None, shop: Shops = None, spreadsheet: For = None
    ) -> StreamingResponse:
        """At most 400 days at a time. RFC 4180 in UTF-8; an empty cell is undefined, never 0. See `/export/columns`."""
        shops, begins, ends = asked(shop, first, last)
        return _sent(exports.csv(shops, grain, begins, ends, spreadsheet), f"{grain}s-{begins}-{ends}.csv", CSV)

    @api.get(
        "/export.parquet", responses=_file(PARQUET), response_class=StreamingResponse, summary="All figures as Parquet"
    )
    def as_parquet(
        grain: Grained = "day", first: First = None, last: Last = None, shop: Shops = None
    ) -> StreamingResponse:
        """The same table with types; the file's metadata say what its columns mean."""
        shops, begins, ends = asked(shop, first, last)
        return _sent(exports.parquet(shops, grain, begins, ends), f"{grain}s-{begins}-{ends}.parquet", PARQUET)

    @api.get("/export/columns", responses=answers(list[Column]), summary="What the columns of the exports mean")
    def columns() -> Json:
        """In their order. Columns are only ever added, at the end."""
        return Json(COLUMNS)


def _file(media_type: str) -> dict[int | str, dict[str, Any]]:
    told = answers(Column, 404, 422)
    schema = {"type": "string"} if media_type == CSV else {}  # OpenAPI 3.1: bytes have no schema
    told[200] = {"description": "The table.", "content": {media_type: {"schema": schema}}}
    return told


def _sent(pieces: Iterator[bytes], name: str, media_type: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="footfall-{name}"'}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)
