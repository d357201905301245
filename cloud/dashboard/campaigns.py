"""Campaigns: the list, a new one with what it could show, and what came of one."""

import secrets
from datetime import date, timedelta
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cloud.core.campaign import Campaign, Metric
from cloud.core.lift import Indexed
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.dashboard.forms import Filled, Form
from cloud.dashboard.lines import Series, lines_json
from cloud.dashboard.render import Render
from cloud.dashboard.words import Words
from cloud.desk import CampaignResult, Desk

METRICS: dict[Metric, Saying] = {
    "visitors": Saying("Visitors"),
    "passers_by": Saying("Passers-by"),
    "capture_rate": Saying("Capture rate"),
    "conversion": Saying("Conversion"),
    "sales": Saying("Net sales"),
}
STATES = {"planned": Saying("planned"), "running": Saying("running"), "ended": Saying("ended")}
BASELINES = (4, 6, 8, 12, 26)
EXPOSED, CONTROL = "exposed", "control"


def add(site: FastAPI, desk: Desk, render: Render) -> None:
    """All three pages."""

    @site.get("/campaigns")
    def campaigns(request: Request) -> HTMLResponse:
        return render(request, "campaigns.html", campaigns=desk.campaigns.lines(), states=STATES)

    def form_page(request: Request, form: Filled, status: int = 200, **told: Any) -> HTMLResponse:
        known: dict[str, Any] = {"refusal": None, "power": None, "form": form} | told
        known |= {"shops": desk.reader.shops(), "metrics": METRICS, "baselines": BASELINES}
        return render(request, "campaign_new.html", status=status, **known)

    @site.get("/campaigns/new")
    def new(request: Request) -> HTMLResponse:
        today = max((desk.reader.local_date(one) for one in desk.reader.shops()), default=date(2026, 1, 1))
        fields = {"first": str(today - timedelta(days=13)), "last": str(today), "metric": "visitors", "weeks": "8"}
        return form_page(request, Filled(fields | {"id": secrets.token_hex(8)}, {}, {}))

    @site.post("/campaigns/new")
    def put(request: Request, form: Form) -> Response:
        draft = _draft(form)
        try:
            if form["do"] == "check":
                return form_page(request, form, power=desk.campaigns.power(draft))
            return RedirectResponse(f"/campaigns/{desk.campaigns.put(draft).id}", status_code=303)
        except Refusal as error:
            return form_page(request, form, status=422, refusal=error.args[0])

    @site.get("/campaigns/{campaign}")
    def result(request: Request, campaign: str) -> HTMLResponse:
        found = desk.campaigns.result(campaign)
        told: dict[str, Any] = {"chart_json": _chart(found, render.words(request)), "metrics": METRICS}
        for role, shops in ((EXPOSED, found.campaign.exposed), (CONTROL, found.campaign.control)):
            told[role] = ", ".join(found.names.get(one, one) for one in shops)
        return render(request, "campaign.html", result=found, states=STATES, **told)

    @site.post("/campaigns/{campaign}")
    def delete(campaign: str) -> Response:
        desk.campaigns.delete(campaign)
        return RedirectResponse("/campaigns", status_code=303)


def _draft(form: Filled) -> Campaign:
    roles = {name.removeprefix("shop-"): role for name, role in form.fields.items() if name.startswith("shop-")}
    return Campaign(
        id=form["id"] if form["id"].isalnum() and len(form["id"]) <= 64 else secrets.token_hex(8),
        title=form["title"].strip(),
        first=form["first"],
        last=form["last"],
        exposed=[shop for shop, role in roles.items() if role == EXPOSED],
        control=[shop for shop, role in roles.items() if role == CONTROL],
        metric=next((one for one in METRICS if one == form["metric"]), "visitors"),
        baseline_weeks=form.whole("weeks") if form.whole("weeks") in BASELINES else 8,
        note=form["note"].strip(),
    )


def _chart(result: CampaignResult, w: Words) -> str:
    days = [date.fromisoformat(one.date) for one in result.chart]
    sentences = [_sentence(one, day, w) for one, day in zip(result.chart, days, strict=True)]
    ran = [number for number, one in enumerate(result.chart) if one.campaign]
    series = [_series([one.exposed for one in result.chart])]
    if any(one.control is not None for one in result.chart):
        series.append(_series([one.control for one in result.chart]))
    labels = [w.language.short_date(day) for day in days]
    return lines_json(labels, sentences, series, span=(ran[0], ran[-1]) if ran else None, percent=True, zero=False)


def _sentence(one: Indexed, day: date, w: Words) -> str:
    return w.t(
        "{day:date}: {exposed} in its shops, {control} in the others",
        day=day,
        exposed=w.rounded(one.exposed),
        control=w.rounded(one.control),
    )


def _series(values: list[float | None]) -> Series:
    return Series(values, values, values, [False] * len(values))
