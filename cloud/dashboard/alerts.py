"""Alerts: what fires in all shops; and of one shop what has been, what it is to be told of, and who gets its mails."""

from typing import Any

from fastapi import FastAPI, Request
from msgspec import Struct
from starlette.responses import HTMLResponse

from cloud.core.alerts import Kind
from cloud.core.recipient import Wishes
from cloud.core.refusal import Refusal
from cloud.core.rule import Rule, RuleWanted
from cloud.core.saying import Saying
from cloud.dashboard.forms import Filled, Form
from cloud.dashboard.render import Render
from cloud.dashboard.shown import own
from cloud.desk import Desk

NAMES: dict[Kind, Saying] = {
    "over-capacity": Saying("More people inside than allowed"),
    "quiet": Saying("Far fewer visitors than on the same weekday"),
    "busy": Saying("Far more visitors than on the same weekday"),
    "sensor-silent": Saying("A sensor is silent"),
    "sensor-deaf": Saying("A sensor hears nothing"),
    "sensor-clock": Saying("A sensor does not know the time"),
    "sensor-ble": Saying("A sensor hears no Bluetooth"),
    "sensor-copied": Saying("A sensor is there twice"),
    "sensor-settings": Saying("A sensor undid its new settings"),
    "sensor-certificate": Saying("A sensor's certificate ends soon"),
    "coverage-low": Saying("Too little was listened to"),
}
LIMITS: dict[Kind, Saying] = {
    "over-capacity": Saying("People"),
    "quiet": Saying("Fewer by, in per cent"),
    "busy": Saying("More by, in per cent"),
    "coverage-low": Saying("Less than, in per cent"),
}


class Line(Struct, frozen=True):
    """A rule as a form shows it: `limit` in people or per cent, "" where it has none."""

    kind: Kind
    name: Saying
    on: bool
    unit: Saying | None
    limit: str
    minutes: int


def add(site: FastAPI, desk: Desk, render: Render) -> None:
    """Both pages."""

    @site.get("/alerts")
    def firing(request: Request) -> HTMLResponse:
        waiting, given_up = desk.post.counts()
        told: dict[str, Any] = {"alerts": desk.alerts.firing(), "waiting": waiting, "given_up": given_up}
        return render(request, "firing.html", **told)

    def page(request: Request, shop: str, status: int = 200, **told: Any) -> HTMLResponse:
        found = desk.reader.shop(shop)
        known: dict[str, Any] = {"refusal": None, "told": None, "form": Filled({}, {}, {})} | told
        known |= {"rules": [_line(one) for one in desk.alerts.rules(shop)], "history": desk.alerts.history(shop)}
        known |= {"recipients": desk.post.recipients(shop), "mail": desk.post.ways.mail}
        known |= {"shop_name": found.name, "time_zone": found.time_zone}
        return render(request, "alerts.html", status=status, **known, **own(shop).values("/sensor"))

    @site.get("/shops/{shop}/alerts")
    def alerts(request: Request, shop: str) -> HTMLResponse:
        return page(request, shop)

    @site.post("/shops/{shop}/alerts")
    def change(request: Request, shop: str, form: Form) -> HTMLResponse:
        try:
            return page(request, shop, told=_change(desk, shop, form))
        except Refusal as error:
            return page(request, shop, status=422, refusal=error.args[0], form=form)


def _change(desk: Desk, shop: str, form: Filled) -> Saying:
    match form["do"]:
        case "drop":
            desk.post.delete(shop, form["address"])
            return Saying("No more mails go to {address}.", address=form["address"])
        case "put":
            wishes = Wishes(language=form["language"], daily="daily" in form.fields, alerts="alerts" in form.fields)
            kept = desk.post.put(shop, form["address"], wishes)
            if kept.confirmed_at is None:
                return Saying("A mail went to {address}: whoever reads it there must say yes.", address=kept.address)
            return Saying("Mails go to {address} from now on.", address=kept.address)
    for rule in desk.alerts.rules(shop):
        desk.alerts.put_rule(shop, rule.kind, _wanted(rule, form))
    return Saying("What you are told of is as you set it.")


def _wanted(rule: Rule, form: Filled) -> RuleWanted:
    text, limit = form[f"{rule.kind}-limit"].strip().replace(",", "."), rule.limit
    if text:
        try:
            limit = float(text) if rule.kind == "over-capacity" else float(text) / 100
        except ValueError:
            raise Refusal(Saying('"{text}" is no number: write digits, as 30.', text=text[:40])) from None
    minutes = form.whole(f"{rule.kind}-minutes") if f"{rule.kind}-minutes" in form.fields else rule.hold_s // 60
    return RuleWanted(on=rule.kind in form.all("on"), limit=limit, hold_s=60 * minutes)


def _line(rule: Rule) -> Line:
    limit = rule.limit if rule.kind == "over-capacity" or rule.limit is None else 100 * rule.limit
    return Line(
        rule.kind,
        NAMES[rule.kind],
        rule.on,
        LIMITS.get(rule.kind),
        "" if limit is None else f"{limit:g}",
        rule.hold_s // 60,
    )
