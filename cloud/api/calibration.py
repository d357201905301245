"""Calibration: the paths of people counted at the door, and of the factors that come of it."""

from typing import Annotated

from fastapi import Depends, FastAPI

from cloud.api.bodies import Json, answers
from cloud.api.sent import named, sent, takes
from cloud.core.calibration import Factor
from cloud.core.doorcount import Calibrated, DoorSession
from cloud.desk import Desk, DoorLine


def add(api: FastAPI, desk: Desk) -> None:
    """Tell counts, and read what came of them."""
    door = desk.calibration

    @api.get(
        "/shops/{shop}/calibration", responses=answers(list[Factor], 404), summary="The factors from phones to people"
    )
    def history(shop: str) -> Json:
        """Each with its interval, how many people were counted for it, and the error before and after. Oldest first."""
        return Json(door.history(shop))

    @api.get("/shops/{shop}/doorcounts", responses=answers(list[DoorLine], 404), summary="What was counted at the door")
    def sessions(shop: str) -> Json:
        """Each count with what came of it, the newest first."""
        return Json(door.sessions(shop))

    told = answers(Calibrated, 404, 422)

    @api.put(
        "/shops/{shop}/doorcounts/{count}",
        responses=told | {201: told[200]},
        openapi_extra=takes(DoorSession),
        summary="Tell who came in while somebody counted",
    )
    def put(shop: str, count: str, session: Annotated[DoorSession, Depends(sent(DoorSession))]) -> Json:
        """A count of that id is taken once (201), and answered the same whenever it is sent again (200).

        One whose time the sensors have not all reported on waits, and is fitted as soon as they have.
        """
        known = door.known(shop, count)
        return Json(door.add(shop, named(session, count)), status_code=200 if known else 201)
