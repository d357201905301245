"""Shops: the list of all, and Today of one."""

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse

from cloud.dashboard.render import Render
from cloud.dashboard.shown import Shown, both
from cloud.desk import Desk


def add(site: FastAPI, desk: Desk, render: Render) -> None:
    """The list of shops, a shop's first page, and what that puts in place of its figures when there are new ones."""

    @site.get("/")
    def shops(request: Request) -> HTMLResponse:
        return render(request, "shops.html", shops=desk.reader.lines())

    def today(request: Request, shown: Shown) -> HTMLResponse:
        return render(request, "today.html", today=desk.reader.today(shown.shop), again=False, **shown.values(""))

    def figures(request: Request, shown: Shown) -> HTMLResponse:
        return render(request, "figures.html", today=desk.reader.today(shown.shop), again=True)

    both(site, desk, "", "today", today)
    both(site, desk, "/figures", "today", figures)
