"""Shops: all of them, today and beside each other; and Today of one."""

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse

from cloud.core.ranking import By, Over
from cloud.core.saying import Saying
from cloud.dashboard.render import Render
from cloud.dashboard.shown import Shown, both
from cloud.dashboard.spark import spark
from cloud.desk import Desk

MOST_CARDS = 24  # more shops than that are looked at in their ranking
OVER: dict[Over, Saying] = {
    "week": Saying("Last 7 days"),
    "28-days": Saying("Last 28 days"),
    "month": Saying("This month"),
}
BY: dict[By, Saying] = {
    "visitors": Saying("Visitors"),
    "capture-rate": Saying("Capture rate"),
    "conversion": Saying("Conversion"),
}


def add(site: FastAPI, desk: Desk, render: Render) -> None:
    """The list of shops, a shop's first page, and what that puts in place of its figures when there are new ones."""

    @site.get("/")
    def shops(request: Request, over: str = "28-days", by: str = "visitors") -> HTMLResponse:
        chosen_over: Over = next((one for one in OVER if one == over), "28-days")
        chosen_by: By = next((one for one in BY if one == by), "visitors")
        few = len(desk.reader.names()) <= MOST_CARDS
        return render(
            request,
            "shops.html",
            shops=desk.reader.lines() if few else [],
            ranking=desk.rankings.ranking(chosen_over, chosen_by),
            spark=spark,
            overs=OVER,
            bys=BY,
            over=chosen_over,
            by=chosen_by,
        )

    def today(request: Request, shown: Shown) -> HTMLResponse:
        return render(request, "today.html", today=desk.reader.today(shown.shop), again=False, **shown.values(""))

    def figures(request: Request, shown: Shown) -> HTMLResponse:
        return render(request, "figures.html", today=desk.reader.today(shown.shop), again=True)

    both(site, desk, "", "today", today)
    both(site, desk, "/figures", "today", figures)
