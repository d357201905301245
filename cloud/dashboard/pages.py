"""Pages: the paths a browser asks for. Each group of them asks the desk and renders what it says."""

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from cloud.core.glossary import DEFINITIONS
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.dashboard import alerts, campaigns, claim, fleet, history, mails, sensor, shops, window
from cloud.dashboard import notice as printed
from cloud.dashboard.notice import Notices
from cloud.dashboard.render import COOKIE, HERE, Render
from cloud.desk import Desk
from cloud.language import LANGUAGES
from cloud.store import StoreError

STATIC_CACHE = "public, max-age=3600"
YEAR_S = 366 * 86_400


def pages(desk: Desk, api: str = "/api/v1", notices: Notices | None = None) -> FastAPI:
    """The pages of a desk, to be mounted at `/`; `api`: where the API is mounted, to whose stream they listen.

    `notices` makes the notice for a shop's door.
    """
    site = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    site.add_middleware(GZipMiddleware, minimum_size=1000)
    site.mount("/static", Static(directory=HERE / "static"))
    render = Render(api)
    for group in (shops, history, window, sensor, alerts, mails, campaigns, fleet, claim):
        group.add(site, desk, render)
    if notices is not None:
        printed.add(site, desk, render, notices)
    _general(site, render)
    _problems(site, render)
    return site


class Static(StaticFiles):
    """The vendored files and ours; a browser may keep them for an hour."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with how long it may be kept."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = STATIC_CACHE
        return response


def _general(site: FastAPI, render: Render) -> None:
    @site.get("/glossary")
    def glossary(request: Request) -> HTMLResponse:
        return render(request, "glossary.html", definitions=DEFINITIONS)

    @site.get("/language/{code}")
    def language(code: str, to: str = "/") -> Response:
        """Remember a language for the pages of this site, and go back."""
        inside = to.startswith("/") and not to.startswith(("//", "/\\"))
        answer = RedirectResponse(to if inside else "/", status_code=303)
        if code in LANGUAGES:
            answer.set_cookie(COOKIE, code, max_age=YEAR_S, samesite="lax", httponly=True)
        return answer

    @site.get("/worker.js")
    def worker() -> Response:
        """The service worker: at the root, because it may only keep pages below its own path."""
        return FileResponse(HERE / "static" / "worker.js", media_type="text/javascript")


def _problems(site: FastAPI, render: Render) -> None:
    def told(request: Request, status: int, sentence: str) -> HTMLResponse:
        w = render.words(request)
        title = w.t("Not found") if status == 404 else w.t("That did not work")
        said = w.t(sentence)
        return render(request, "missing.html", status, title=title, sentence=said[:1].upper() + said[1:])

    @site.exception_handler(LookupError)
    async def unknown(request: Request, error: LookupError) -> HTMLResponse:
        return told(request, 404, error.args[0] if error.args else "")

    @site.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> HTMLResponse:
        return told(request, 422, error.args[0])

    @site.exception_handler(StoreError)
    async def no_store(request: Request, error: StoreError) -> HTMLResponse:
        return told(request, 503, str(error))

    @site.exception_handler(HTTPException)
    async def missing(request: Request, error: HTTPException) -> HTMLResponse:
        return told(request, error.status_code, Saying("There is no such page."))
