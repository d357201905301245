"""Alerts: the paths for what fires, what has been, and the rules of both."""

from typing import Annotated

from fastapi import Depends, FastAPI, Query

from cloud.api.bodies import Json, answers
from cloud.api.sent import sent, takes
from cloud.core.rule import Rule, RuleWanted
from cloud.desk import AlertLine, Desk
from cloud.desk.alerts import DAYS

Days = Annotated[int, Query(description="How many days back, 1 to 400.")]


def add(api: FastAPI, desk: Desk) -> None:
    """List alerts and rules, and change a rule."""

    @api.get("/alerts", responses=answers(list[AlertLine]), summary="What fires now, in all shops")
    def firing() -> Json:
        """Newest first. An alert of many shops at once has no `shop`, and names them in `shops`."""
        return Json(desk.alerts.firing())

    @api.get("/shops/{shop}/alerts", responses=answers(list[AlertLine], 404, 422), summary="What fired in this shop")
    def history(shop: str, days: Days = DAYS) -> Json:
        """What fires, or has ended in the last `days`, newest first; with what the shop was one of many in."""
        return Json(desk.alerts.history(shop, days))

    @api.get("/shops/{shop}/rules", responses=answers(list[Rule], 404), summary="What this shop is told of")
    def rules(shop: str) -> Json:
        """One rule of every kind, as it is in force: where nobody has said anything, the default."""
        return Json(desk.alerts.rules(shop))

    @api.put(
        "/shops/{shop}/rules/{kind}",
        responses=answers(Rule, 404, 422),
        openapi_extra=takes(RuleWanted),
        summary="Change what this shop is told of",
    )
    def put(shop: str, kind: str, wanted: Annotated[RuleWanted, Depends(sent(RuleWanted))]) -> Json:
        """Answers with the rule in force. Switching one off ends what it fired."""
        return Json(desk.alerts.put_rule(shop, kind, wanted))
