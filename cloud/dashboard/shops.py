"""Shops: the list of all, and Today of one."""

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse

from cloud.dashboard.render import Render, of_shop
from cloud.desk import Desk


def add(site: FastAPI, desk: Desk, render: Render) -> None:
    """The list of shops, a shop's first page, and what that puts in place of its figures when there are new ones."""

    @site.get("/")
    def shops(request: Request) -> HTMLResponse:
        return render(request, "shops.html", shops=desk.reader.todays())

    @site.get("/shops/{shop}")
    def today(request: Request, shop: str) -> HTMLResponse:
        found = desk.reader.today(shop)
        return render(request, "today.html", today=found, again=False, **of_shop(found.shop, found.name, ""))

    @site.get("/shops/{shop}/figures")
    def figures(request: Request, shop: str) -> HTMLResponse:
        """What a page that is open already puts in place of its figures."""
        return render(request, "figures.html", today=desk.reader.today(shop), again=True)
