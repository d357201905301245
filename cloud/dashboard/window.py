"""Window: the page on how many of those who passed came in, stayed and bought; and the one that takes till data."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from fastapi import FastAPI, Request
from msgspec import Struct
from starlette.responses import HTMLResponse

from cloud.core.figures import COMPLETE, Figure
from cloud.core.funnel import Funnel
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.core.visits import PanelFigure, Stays
from cloud.dashboard.forms import Form
from cloud.dashboard.lines import Series, lines_json
from cloud.dashboard.render import Render
from cloud.dashboard.shown import Shown, both, own
from cloud.dashboard.words import NOTHING, Words
from cloud.desk import Desk, dates

DAYS = 28


class Step(Struct, frozen=True):
    """One step of the funnel: its name, its figure, and its bar's width in per cent of the widest."""

    name: Saying
    figure: Figure
    width: float


class Band(Struct, frozen=True):
    """One length of stay: minutes as words, and the devices."""

    name: str
    figure: PanelFigure


def add(site: FastAPI, desk: Desk, render: Render) -> None:
    """Both pages."""

    def window(request: Request, shown: Shown) -> HTMLResponse:
        shop, asked = desk.reader.shop(shown.shop), request.query_params
        today = desk.reader.local_date(shop)
        told: dict[str, Any] = {"refusal": None, "funnel": None, "presets": desk.funnels.presets()}
        told |= {"preset": asked.get("preset") or shop.preset, "shop_name": shop.name}
        first, last = str(today - timedelta(days=DAYS - 1)), str(today)
        told |= {"first": asked.get("from") or first, "last": asked.get("to") or last}
        status = 200
        try:
            span = dates.span(told["first"], told["last"], today, default=DAYS, limit=dates.MAX_DAYS_OF_HOURS)
            told |= _shown(desk.funnels.funnel(shop.shop, *span, told["preset"]), render.words(request))
        except Refusal as error:
            told["refusal"], status = error.args[0], 422
        return render(request, "window.html", status=status, **told, **shown.values("/window"))

    both(site, desk, "/window", "report", window)
    _till(site, desk, render)


def _shown(funnel: Funnel, w: Words) -> dict[str, Any]:
    bands = _bands(funnel.panel.stays) if funnel.panel and funnel.panel.stays else []
    return {"funnel": funnel, "steps": _steps(funnel), "bands": bands, "chart_json": _chart(funnel, w)}


def _steps(funnel: Funnel) -> list[Step]:
    named = [(Saying("Passed by"), funnel.passers_by), (Saying("Came in"), funnel.visitors)]
    if funnel.engaged is not None:
        named.append((Saying("Stayed"), funnel.engaged))
    most = max((figure.value or 0.0 for _, figure in named), default=0.0)
    return [Step(name, figure, 100 * (figure.value or 0.0) / most if most else 0.0) for name, figure in named]


def _bands(stays: Stays) -> list[Band]:
    edges = [edge // 60 for edge in stays.edges_s]
    names = [f"< {edges[0]}", *(f"{low}{NOTHING}{high}" for low, high in pairwise(edges))]
    return [Band(name, figure) for name, figure in zip([*names, f"≥ {edges[-1]}"], stays.devices, strict=True)]


def _chart(funnel: Funnel, w: Words) -> str:
    days = [date.fromisoformat(one.date) for one in funnel.days]
    figures = [one.capture_rate for one in funnel.days]
    sentences = [
        f"{w.language.date(day)}: {w.share(figure)} ({w.share_interval(figure)})"
        for day, figure in zip(days, figures, strict=True)
    ]
    incomplete = [one.coverage < COMPLETE for one in funnel.days]
    series = Series.of(figures, incomplete)
    return lines_json([w.language.short_date(day) for day in days], sentences, [series], percent=True)


def _till(site: FastAPI, desk: Desk, render: Render) -> None:
    def page(request: Request, shop: str, status: int = 200, **told: Any) -> HTMLResponse:
        found = desk.reader.shop(shop)
        known: dict[str, Any] = {"refusal": None, "told": None, "forgotten": None, "source": "till"} | told
        known |= {"sources": desk.tills.sources(shop), "time_zone": found.time_zone, "shop_name": found.name}
        return render(request, "till.html", status=status, **known, **own(shop).values("/sensor"))

    @site.get("/shops/{shop}/till")
    def till(request: Request, shop: str) -> HTMLResponse:
        return page(request, shop)

    @site.post("/shops/{shop}/till")
    def change(request: Request, shop: str, form: Form) -> HTMLResponse:
        if form["do"] == "forget":
            return page(request, shop, forgotten=desk.tills.forget(shop, form["source"]).sentence)
        try:
            told = desk.tills.add_csv(shop, form.files.get("file", b""), form["source"])
        except Refusal as error:
            return page(request, shop, status=422, refusal=error.args[0], source=form["source"])
        return page(request, shop, told=told, source=told.source)
