"""Fleet: all sensors and the settings they really have, what is on its way to them, and who changed what.

What the list shows is in its address, so that a view of it can be sent to somebody.
"""

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from msgspec import Struct
from starlette.responses import HTMLResponse

from cloud.core.fleet import query
from cloud.core.fleet.course import RolloutLine, SensorLine
from cloud.core.fleet.drift import DriftGroup
from cloud.core.fleet.rollout import Outcome, State
from cloud.core.fleet.standing import VersionState
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.dashboard.forms import Filled, Form
from cloud.dashboard.render import Render
from cloud.desk import Desk

MOST_SENSORS = 200  # a list that is longer is for a program: the API has all of it
DEEDS = 20
STATES: dict[State, Saying] = {
    "running": Saying("Running"),
    "done": Saying("Done"),
    "stopped": Saying("Stopped"),
    "aborted": Saying("Aborted"),
    "put-back": Saying("Put back"),
}
OUTCOMES: dict[Outcome, Saying] = {
    "failed": Saying("Failed"),
    "on trial": Saying("On trial"),
    "on its way": Saying("On its way"),
    "going back": Saying("Going back"),
    "back": Saying("Back"),
    "waiting": Saying("Waits"),
    "applied": Saying("Applied"),
}
VERSIONS: dict[VersionState, Saying] = {
    "none": Saying("its own settings"),
    "unsaid": Saying("has never said"),
    "applied": Saying("as wanted"),
    "pending": Saying("on trial"),
    "behind": Saying("behind"),
    "rejected": Saying("rejected"),
    "rolled_back": Saying("went back"),
    "foreign": Saying("not sent from here"),
}
CONDITIONS: dict[str, Saying] = {
    "counting": Saying("counting"),
    "new": Saying("new"),
    "silent": Saying("silent"),
    "deaf": Saying("deaf"),
    "clock": Saying("without the time"),
    "behind": Saying("catching up"),
    "copied": Saying("there twice"),
}
FIELDS: dict[str, Saying] = {
    "sensor": Saying("Sensor"),
    "shop": Saying("Shop"),
    "region": Saying("Region"),
    "model": Saying("Model"),
    "software": Saying("Software"),
    "kernel": Saying("Kernel"),
    "adapter": Saying("Adapter"),
    "state": Saying("State"),
}
_FAILED_FIRST = {one: place for place, one in enumerate(OUTCOMES)}


class Group(Struct, frozen=True):
    """A group of sensors that are alike, and the address of the list of them."""

    group: DriftGroup
    link: str


def add(site: FastAPI, desk: Desk, render: Render) -> None:
    """The list of sensors with what is on its way, and the page of one rollout."""

    @site.get("/fleet")
    def fleet(request: Request) -> HTMLResponse:
        filters = {name: value for name, value in request.query_params.multi_items() if value and name != "by"}
        refusal, wanted = None, query.Query()
        try:
            wanted = query.of_parameters({name: [value] for name, value in _patterns(filters).items()})
        except Refusal as error:
            refusal = error.args[0]
        found, groups, rollouts = desk.fleet.overview(wanted)
        return render(
            request,
            "fleet.html",
            status=200 if refusal is None else 422,
            refusal=refusal,
            filters=filters,
            fields=FIELDS,
            versions=VERSIONS,
            states=STATES,
            conditions=CONDITIONS,
            sensors=sorted(found, key=_worst_first)[:MOST_SENSORS],
            number=len(found),
            well=sum(one.well for one in found),
            by_state=Counter(one.state for one in found).most_common(),
            groups=[Group(one, _link(one)) for one in groups],
            rollouts=[_progress(one) for one in rollouts],
            deeds=desk.fleet.deeds(most=DEEDS),
        )

    def page(request: Request, rollout: str, status: int = 200, **told: Any) -> HTMLResponse:
        found = desk.fleet.rollout(rollout)
        parts = sorted(found.parts, key=lambda one: (_FAILED_FIRST[one.outcome], one.stage, one.sensor))
        known: dict[str, Any] = {"refusal": None, "told": None} | told
        known |= {"view": found, "parts": parts[:MOST_SENSORS], "states": STATES, "outcomes": OUTCOMES}
        return render(request, "rollout.html", status=status, **known)

    @site.get("/fleet/rollouts/{rollout}")
    def one(request: Request, rollout: str) -> HTMLResponse:
        return page(request, rollout)

    @site.post("/fleet/rollouts/{rollout}")
    def change(request: Request, rollout: str, form: Form) -> HTMLResponse:
        try:
            return page(request, rollout, told=_change(desk, rollout, form))
        except Refusal as error:
            return page(request, rollout, status=422, refusal=error.args[0])


def _change(desk: Desk, rollout: str, form: Filled) -> Saying:
    who = form["who"].strip()
    if not who:
        raise Refusal(Saying("Write who you are: it is kept in the list of what was done."))
    if form["do"] == "put-back":
        desk.fleet.put_back(rollout, who)
        return Saying("Every sensor that was reached is sent what it had before.")
    desk.fleet.stop(rollout, who)
    return Saying("Nothing more is released.")


def _patterns(filters: dict[str, str]) -> dict[str, str]:
    """What somebody types is a part of the text; a star says that they know what they do."""
    return {
        name: text if "*" in text or name in ("state", "version_state") else f"{text}*"
        for name, text in filters.items()
    }


def _link(one: DriftGroup) -> str:
    told = {"version_state": one.version_state, "software": one.software, "kernel": one.kernel, "adapter": one.adapter}
    return "/fleet?" + urlencode({name: value for name, value in told.items() if value})


def _progress(one: RolloutLine) -> tuple[RolloutLine, int]:
    """A rollout, and how many of its sensors have got through, there or back."""
    ended = one.state in ("aborted", "put-back")
    return one, one.tally.returned if ended else one.tally.applied


def _worst_first(one: SensorLine) -> tuple[bool, bool, str]:
    return one.well, one.version_state in ("none", "applied"), one.sensor
