"""History: a shop's week by the hour, its zones, and its weeks."""

import secrets
from datetime import date, timedelta
from typing import Any

from fastapi import FastAPI, Request
from msgspec import Struct
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cloud.core.annotation import Annotation
from cloud.core.figures import Figure
from cloud.core.refusal import Refusal
from cloud.core.slots import NAMES, State
from cloud.core.trends import Trends
from cloud.core.week import Week
from cloud.dashboard.forms import Form
from cloud.dashboard.lines import Mark, Series, lines_json
from cloud.dashboard.render import Render
from cloud.dashboard.shown import Shown, both, own
from cloud.dashboard.words import Words
from cloud.desk import Desk, dates
from cloud.desk.flow import DEFAULT_DAYS

LEVELS = 8
WEEKS = (12, 26, 52, 104)


class Square(Struct, frozen=True):
    """A cell of the heat map: its figure, how dark it is (0 to `LEVELS`), and what there is to say of it."""

    figure: Figure
    level: int
    state: State
    open: bool


def add(site: FastAPI, desk: Desk, render: Render) -> None:
    """The pages, and the notes that somebody writes beside the weeks."""
    _week(site, desk, render)
    _zones(site, desk, render)
    _trends(site, desk, render)


def _week(site: FastAPI, desk: Desk, render: Render) -> None:
    def week(request: Request, shown: Shown) -> HTMLResponse:
        shop, asked = desk.reader.shop(shown.shop), request.query_params
        today, refusal, status = desk.reader.local_date(shop), None, 200
        try:
            day = dates.one(asked.get("date"), today)
        except Refusal as error:
            day, refusal, status = today, error.args[0], 422
        found, usual = desk.weeks.week(shop.shop, day), asked.get("view") == "usual"
        monday = date.fromisoformat(found.from_)
        told: dict[str, Any] = {
            "week": found,
            "usual": usual,
            "hours": range(found.first_hour, found.last_hour + 1),
            "squares": _usual_squares(found) if usual else _squares(found),
            "days": [monday + timedelta(days=one) for one in range(7)],
            "before": monday - timedelta(days=7),
            "after": monday + timedelta(days=7) if monday + timedelta(days=7) <= today else None,
            "notes_of_days": desk.annotations.between(shop.shop, monday, monday + timedelta(days=6)),
            "refusal": refusal,
            "names": NAMES,
        }
        return render(request, "week.html", status=status, shop_name=shop.name, **told, **shown.values("/week"))

    both(site, desk, "/week", "history", week)


def _squares(week: Week) -> dict[tuple[int, int], Square]:
    most = max((one.visitors.value or 0.0 for one in week.cells), default=0.0)
    return {
        (one.weekday, one.hour): Square(one.visitors, _level(one.visitors, most), one.state, one.open)
        for one in week.cells
    }


def _usual_squares(week: Week) -> dict[tuple[int, int], Square]:
    most = max((one.visitors.value or 0.0 for one in week.usual), default=0.0)
    return {
        (one.weekday, one.hour): Square(
            one.visitors,
            _level(one.visitors, most),
            "heard" if one.visitors.value is not None else "not enough was heard" if one.open else "closed",
            one.open,
        )
        for one in week.usual
    }


def _zones(site: FastAPI, desk: Desk, render: Render) -> None:
    def zones(request: Request, shown: Shown) -> HTMLResponse:
        shop = desk.reader.shop(shown.shop)
        last = desk.reader.local_date(shop) - timedelta(days=1)
        flow = desk.flows.flow(shop.shop, last - timedelta(days=DEFAULT_DAYS - 1), last)
        figures = [hour.occupancy for zone in flow.zones for hour in zone.hours]
        most = max((one.value or 0.0 for one in figures), default=0.0)
        told: dict[str, Any] = {"flow": flow, "level": lambda figure: _level(figure, most)}
        return render(request, "zones.html", **told, **shown.values("/week"))

    both(site, desk, "/zones", "history", zones)


def _level(figure: Figure, most: float) -> int:
    return round(LEVELS * (figure.value or 0.0) / most) if most else 0


def _trends(site: FastAPI, desk: Desk, render: Render) -> None:
    def page(request: Request, shown: Shown, **told: Any) -> HTMLResponse:
        shop, asked = desk.reader.shop(shown.shop), request.query_params.get("weeks", "")
        weeks = int(asked) if asked.isdecimal() and int(asked) in WEEKS else WEEKS[0]
        found = desk.trend.trends(shop.shop, weeks)
        known: dict[str, Any] = {"refusal": None, "form": {"date": "", "text": ""}} | told
        known |= {"trends": found, "weeks": weeks, "choices": WEEKS, "chart_json": _chart(found, render.words(request))}
        known |= {"names": NAMES, "shop_name": shop.name}
        return render(request, "trends.html", **known, **shown.values("/trends"))

    both(site, desk, "/trends", "history", page)

    @site.post("/shops/{shop}/trends")
    def note(request: Request, shop: str, form: Form) -> Response:
        if form["do"] == "drop":
            desk.annotations.delete(shop, form["id"])
            return RedirectResponse(request.url.path, status_code=303)
        try:
            desk.annotations.put(shop, Annotation(id=secrets.token_hex(8), date=form["date"], text=form["text"]))
        except Refusal as error:
            return page(request, own(shop), refusal=error.args[0], form=form.fields, status=422)
        return RedirectResponse(request.url.path, status_code=303)


def _chart(trends: Trends, w: Words) -> str:
    weeks = trends.by_week
    mondays = [date.fromisoformat(one.from_) for one in weeks]
    sentences = [
        w.t(
            "Week from {day:day}: {n} ({range})",
            day=day,
            n=w.number(one.visitors.value),
            range=w.interval(one.visitors),
        )
        for day, one in zip(mondays, weeks, strict=True)
    ]
    series = [Series.of([one.visitors for one in weeks], [one.state != "heard" for one in weeks])]
    if any(one.year_before is not None for one in weeks):
        series.append(Series.of([one.year_before for one in weeks], [False] * len(weeks)))
    marks = [
        Mark((date.fromisoformat(one.date) - mondays[0]).days // 7, one.text)
        for one in trends.annotations
        if mondays and date.fromisoformat(one.date) >= mondays[0]
    ]
    return lines_json([w.language.short_date(day) for day in mondays], sentences, series, marks=marks)
