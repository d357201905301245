"""Pages: the paths a browser asks for. Each fetches a `Today` and renders it."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from cloud.core.glossary import DEFINITIONS
from cloud.core.today import counting, sensor_line
from cloud.dashboard import chart, panel, words
from cloud.desk import Desk

HERE = Path(__file__).parent
STATIC_CACHE = "public, max-age=3600"
FILTERS: tuple[Callable[..., object], ...] = (
    words.number,
    words.interval,
    words.percent,
    words.people,
    words.why_none,
    words.none_yet,
    words.clock,
    words.hour_name,
    words.day_name,
    words.comparison,
    words.listened_today,
    chart.rows,
    chart.remark,
    chart.chart_json,
    panel.facts,
    panel.noise,
    sensor_line,
)


def pages(desk: Desk, api: str = "/api/v1") -> FastAPI:
    """The pages of a desk, to be mounted at `/`; `api`: where the API is mounted, to whose stream they listen."""
    reader = desk.reader
    site = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    site.add_middleware(GZipMiddleware, minimum_size=1000)
    site.mount("/static", Static(directory=HERE / "static"))
    render = _renderer()

    @site.get("/")
    def shops() -> HTMLResponse:
        return render("shops.html", shops=reader.todays())

    @site.get("/shops/{shop}")
    def shop_today(shop: str) -> HTMLResponse:
        return render("today.html", today=reader.today(shop), api=api, again=False)

    @site.get("/shops/{shop}/figures")
    def figures(shop: str) -> HTMLResponse:
        """What a page that is open already puts in place of its figures."""
        return render("figures.html", today=reader.today(shop), again=True)

    @site.get("/glossary")
    def glossary() -> HTMLResponse:
        return render("glossary.html", definitions=DEFINITIONS)

    @site.exception_handler(LookupError)
    async def unknown(_: Request, error: LookupError) -> HTMLResponse:
        sentence = str(error)
        return render("missing.html", status=404, sentence=sentence[:1].upper() + sentence[1:])

    @site.exception_handler(HTTPException)
    async def missing(_: Request, error: HTTPException) -> HTMLResponse:
        return render("missing.html", status=error.status_code, sentence="There is no such page.")

    return site


class Static(StaticFiles):
    """The vendored files and ours; a browser may keep them for an hour."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with how long it may be kept."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = STATIC_CACHE
        return response


def _renderer() -> Callable[..., HTMLResponse]:
    jinja = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for each in FILTERS:
        jinja.filters[each.__name__] = each
    jinja.tests["counting"] = counting
    jinja.tests["incomplete"] = words.incomplete

    def render(template: str, status: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(jinja.get_template(template).render(values), status_code=status)

    return render
