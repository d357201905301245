"""Sensor: how a shop's sensors are, the count at its door, what is kept; links and files for others."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from cloud.core.calibration import sentence
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.core.share import MadeShare
from cloud.dashboard.forms import Form
from cloud.dashboard.render import Render
from cloud.dashboard.shown import own
from cloud.desk import Desk, dates
from cloud.desk.export import Grain, Spreadsheet

EXPORTED_DAYS = 28


def add(site: FastAPI, desk: Desk, render: Render) -> None:
    """The page, and those it leads to."""

    def page(request: Request, shop: str, status: int = 200, **told: Any) -> HTMLResponse:
        found = desk.reader.shop(shop)
        known: dict[str, Any] = {"refusal": None, "erased": None} | told
        known |= {"factors": desk.reader.factors(found), "factor_sentence": sentence}
        known |= {"months": _months(desk.reader.local_date(found)), "today": desk.reader.today(shop)}
        return render(request, "sensor.html", status=status, **known, **own(shop).values("/sensor"))

    @site.get("/shops/{shop}/sensor")
    def sensor(request: Request, shop: str) -> HTMLResponse:
        return page(request, shop)

    @site.post("/shops/{shop}/sensor")
    def erase(request: Request, shop: str, form: Form) -> HTMLResponse:
        try:
            return page(request, shop, erased=desk.erasure.erase(shop, form["before"], form["name"]))
        except Refusal as error:
            return page(request, shop, status=422, refusal=error.args[0])

    _count(site, desk, render)
    _share(site, desk, render)
    _export(site, desk, render)


def _count(site: FastAPI, desk: Desk, render: Render) -> None:
    @site.get("/shops/{shop}/count")
    def count(request: Request, shop: str, told: str = "") -> HTMLResponse:
        found = desk.reader.shop(shop)
        counts = desk.calibration.sessions(shop)
        known: dict[str, Any] = {"counts": counts, "told": next((one for one in counts if one.id == told), None)}
        known |= {"shop_name": found.name, "time_zone": found.time_zone}
        return render(request, "count.html", **known, **own(shop).values("/sensor"))


def _share(site: FastAPI, desk: Desk, render: Render) -> None:
    def page(request: Request, shop: str, **told: Any) -> HTMLResponse:
        found = desk.reader.shop(shop)
        known = {"refusal": None, "link": None, "form": {"label": "", "days": "30"}} | told
        known |= {
            "shares": desk.shares.of(shop),
            "time_zone": found.time_zone,
            "base": desk.post.ways.public_url or str(request.base_url).rstrip("/"),
        }
        return render(request, "share.html", shop_name=found.name, **known, **own(shop).values("/sensor"))

    @site.get("/shops/{shop}/share")
    def shares(request: Request, shop: str) -> HTMLResponse:
        return page(request, shop)

    @site.post("/shops/{shop}/share")
    def change(request: Request, shop: str, form: Form) -> HTMLResponse:
        if form["do"] == "revoke":
            desk.shares.revoke(shop, form["id"])
            return page(request, shop)
        try:
            share, token = desk.shares.create(shop, form["label"], form.whole("days"))
        except Refusal as error:
            return page(request, shop, refusal=error.args[0], form=form.fields, status=422)
        return page(request, shop, link=MadeShare(share=share, path=f"/s/{token}"))


def _export(site: FastAPI, desk: Desk, render: Render) -> None:
    @site.get("/shops/{shop}/export")
    def export(request: Request, shop: str) -> HTMLResponse:
        found = desk.reader.shop(shop)
        last = desk.reader.local_date(found)
        span: dict[str, Any] = {"first": str(last - timedelta(days=EXPORTED_DAYS - 1)), "last": str(last)}
        return render(request, "export.html", shop_name=found.name, refusal=None, **span, **own(shop).values("/sensor"))

    @site.get("/shops/{shop}/export/file")
    def file(request: Request, shop: str, grain: str = "day", form: str = "csv") -> Response:
        found = desk.reader.shop(shop)
        wanted = (request.query_params.get("from", ""), request.query_params.get("to", ""))
        try:
            first, last = dates.span(
                *wanted, desk.reader.local_date(found), default=EXPORTED_DAYS, limit=dates.MAX_DAYS
            )
            if grain not in ("hour", "day"):
                raise Refusal(Saying("by is wrong: choose hour or day."))
            pieces = _pieces(desk, shop, "hour" if grain == "hour" else "day", (first, last), form)
        except Refusal as error:
            told = {"refusal": error.args[0], "first": wanted[0], "last": wanted[1]}
            values = told | own(shop).values("/sensor")
            return render(request, "export.html", status=422, shop_name=found.name, **values)
        end = "parquet" if form == "parquet" else "csv"
        name = f'attachment; filename="{shop}-{grain}-{first}-{last}.{end}"'
        kind = "application/vnd.apache.parquet" if end == "parquet" else "text/csv; charset=utf-8"
        return StreamingResponse(pieces, media_type=kind, headers={"Content-Disposition": name})


def _months(today: date) -> list[date]:
    """The firsts of this month and of the ones before, of three years."""
    months = [today.year * 12 + today.month - 1 - back for back in range(36)]
    return [date(one // 12, one % 12 + 1, 1) for one in months]


def _pieces(desk: Desk, shop: str, grain: Grain, span: tuple[date, date], form: str) -> Iterator[bytes]:
    if form == "parquet":
        return desk.exports.parquet([shop], grain, *span)
    spreadsheet: Spreadsheet | None = "comma" if form == "comma" else "point" if form == "point" else None
    return desk.exports.csv([shop], grain, *span, spreadsheet)
