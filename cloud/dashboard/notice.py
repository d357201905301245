"""Notice: what a shop hangs at its door, to be printed; from what its sensors keep to, by whoever has the words."""

from collections.abc import Callable

from fastapi import FastAPI, Request
from starlette.responses import Response

from cloud.dashboard.render import Render
from cloud.desk import Desk

Notices = Callable[[str, str], bytes]  # of a shop, in a language: a PDF. Raises Refusal where something is missing.


def add(site: FastAPI, desk: Desk, render: Render, notices: Notices) -> None:
    """The file."""

    @site.get("/shops/{shop}/notice.pdf")
    def notice(request: Request, shop: str, language: str = "") -> Response:
        code = language or render.words(request).language.code
        made = notices(desk.reader.shop(shop).shop, code)
        name = f'inline; filename="notice-{shop}-{code}.pdf"'
        return Response(made, media_type="application/pdf", headers={"Content-Disposition": name})
