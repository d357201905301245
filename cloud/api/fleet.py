"""Fleet: the paths of a tenant's sensors and their settings, of what is on its way to them, and of who did what."""

from typing import Annotated

from fastapi import FastAPI, Header, Query, Request

from cloud.api.bodies import Json, answers
from cloud.core.fleet import query
from cloud.core.fleet.course import RolloutLine, RolloutView, SensorLine
from cloud.core.fleet.deed import NOBODY_NAMED, Deed
from cloud.core.fleet.drift import DriftGroup
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.desk import Desk

Who = Annotated[
    str | None,
    Header(alias="Footfall-Who", max_length=120, description="Who does it, for the list of deeds."),
]
FILTERS = {
    "parameters": [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": {"type": "array", "items": {"type": "string"}},
            "description": "Any of these, with `*` for any letters.",
        }
        for name in (*query.OF_VALUES, "label.NAME")
    ]
}


def add(api: FastAPI, desk: Desk) -> None:
    """See sensors and their settings, rollouts, and deeds; stop a rollout, or have it put back."""
    fleet = desk.fleet

    @api.get(
        "/fleet/sensors",
        responses=answers(list[SensorLine], 422),
        openapi_extra=FILTERS,
        summary="All sensors and their settings",
    )
    def sensors(request: Request) -> Json:
        """Filtered by what is known of them: `?region=south&label.model=pi4`."""
        return Json(fleet.sensors(_query(request)))

    @api.get(
        "/fleet/drift",
        responses=answers(list[DriftGroup], 422),
        openapi_extra=FILTERS,
        summary="Sensors grouped by the settings they really have",
    )
    def drift(request: Request) -> Json:
        """By hash in force, state of the version, software, kernel and adapter; the largest group first."""
        return Json(fleet.drift(_query(request)))

    @api.get("/fleet/rollouts", responses=answers(list[RolloutLine]), summary="All rollouts, the newest first")
    def rollouts() -> Json:
        return Json(fleet.rollouts())

    @api.get("/fleet/rollouts/{rollout}", responses=answers(RolloutView, 404), summary="A rollout, sensor by sensor")
    def rollout(rollout: str) -> Json:
        return Json(fleet.rollout(rollout))

    @api.post("/fleet/rollouts/{rollout}/stop", responses=answers(RolloutLine, 404), summary="Release nothing more")
    def stop(rollout: str, who: Who = None) -> Json:
        """What was released stays. Again changes nothing."""
        return Json(fleet.stop(rollout, _name(who)))

    @api.post(
        "/fleet/rollouts/{rollout}/put-back",
        responses=answers(RolloutLine, 404, 422),
        summary="Put back what was before",
    )
    def put_back(rollout: str, who: Who = None) -> Json:
        """Every sensor that was reached, at once. Again changes nothing."""
        return Json(fleet.put_back(rollout, _name(who)))

    @api.get("/fleet/deeds", responses=answers(list[Deed], 422), summary="Who changed what, the newest first")
    def deeds(
        about: Annotated[str | None, Query(description="Id of a sensor, rollout or key list.")] = None,
        most: Annotated[int, Query(ge=1, le=500)] = 100,
        before: Annotated[str | None, Query(description="`at` and `id` of the last one seen, as AT,ID.")] = None,
    ) -> Json:
        return Json(fleet.deeds(about, most, None if before is None else _place(before)))


def _query(request: Request) -> query.Query:
    given = request.query_params
    return query.of_parameters({name: given.getlist(name) for name in given})


def _name(who: str | None) -> str:
    return (who or "").strip() or NOBODY_NAMED


def _place(text: str) -> tuple[int, str]:
    at, _, one = text.partition(",")
    if not at.isdecimal() or len(at) > 12 or not one:
        raise Refusal(Saying('before is "{text}": write it as AT,ID of the last deed you have.', text=text[:60]))
    return int(at), one
