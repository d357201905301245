"""Claim: the paths by which a board becomes a sensor. The sensor's own needs no sign-in: it has the code."""

from typing import Annotated

from fastapi import Depends, FastAPI

from agent.contract import Claim, Claimed
from cloud.api.bodies import Json, answers
from cloud.api.fleet import Who
from cloud.api.sent import sent, takes
from cloud.core.claim import ClaimView, MadeClaim, NewClaim
from cloud.core.fleet.deed import NOBODY_NAMED
from cloud.desk import Desk


def add(api: FastAPI, desk: Desk) -> None:
    """Make a code, see what becomes of it, and use it up."""
    claims = desk.claims

    @api.post(
        "/shops/{shop}/claims",
        responses=answers(MadeClaim, 404, 422),
        openapi_extra=takes(NewClaim),
        summary="Make a code by which a board becomes a sensor of this shop",
    )
    def open_claim(shop: str, new: Annotated[NewClaim, Depends(sent(NewClaim))], who: Who = None) -> Json:
        """It is good for 15 minutes, once, for this board. It is shown once, in this answer."""
        return Json(claims.open(shop, new.zone, new.serial, new.name, (who or "").strip() or NOBODY_NAMED))

    @api.get("/shops/{shop}/claims/{claim}", responses=answers(ClaimView, 404), summary="What became of a code")
    def state(shop: str, claim: str) -> Json:
        """By the id of the claim, or by the serial number of the board. Ask again every few seconds."""
        return Json(claims.state(shop, claim))

    @api.post(
        "/claim",
        responses=answers(Claimed, 422),
        openapi_extra=takes(Claim),
        summary="Become a sensor, with a code",
    )
    def take(claim: Annotated[Claim, Depends(sent(Claim))]) -> Json:
        """For the sensor itself. The same claim again, within the 15 minutes, has the same answer."""
        return Json(claims.take(claim))
