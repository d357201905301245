"""Claim: a new sensor becomes one of a shop's: which it is, where it stands, its code, and how it comes alive.

1. The code is on the page that made it and nowhere else: neither in an address nor in what is fetched again.
2. What is shown while waiting is what the cloud knows, and not how much time has passed.
"""

from typing import Any

import segno
from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cloud.core import claim as claims
from cloud.core.claim import ClaimView
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.dashboard.forms import Form
from cloud.dashboard.render import Render
from cloud.desk import Desk

ZONES: dict[str, Saying] = {
    "door": Saying("At the door"),
    "till": Saying("At the till"),
    "back": Saying("In the back"),
    "other": Saying("Somewhere else"),
}
STEPS: tuple[Saying, ...] = (
    Saying("Code made"),
    Saying("Claimed"),
    Saying("Connected"),
    Saying("First report here"),
)


def add(site: FastAPI, desk: Desk, render: Render) -> None:
    """The page that asks, the one that shows the code, and the part of it that moves."""

    def asking(request: Request, serial: str, status: int = 200, **told: Any) -> HTMLResponse:
        known: dict[str, Any] = {"refusal": None, "shop": "", "zone": "door", "zones": ZONES} | told
        return render(request, "claim.html", status=status, serial=serial, shops=desk.reader.shops(), **known)

    @site.get("/claim")
    def ask(request: Request, serial: str = "") -> Response:
        return RedirectResponse(f"/claim/{_plain(serial)}", status_code=303) if _plain(serial) else asking(request, "")

    @site.get("/claim/{serial}")
    def of_serial(request: Request, serial: str) -> HTMLResponse:
        return asking(request, _plain(serial))

    @site.post("/claim")
    @site.post("/claim/{serial}")
    def make(request: Request, form: Form, serial: str = "") -> HTMLResponse:
        typed = form["serial"] or serial
        try:
            made = desk.claims.open(form["shop"], form["zone"], typed)
        except Refusal as error:
            told = {"refusal": error.args[0], "shop": form["shop"], "zone": form["zone"]}
            return asking(request, typed, status=422, **told)
        page = f"http://{host_of(made.claim.serial)}.local/claim#{made.code}"
        known = _moving(made.claim) | {"code": claims.shown(made.code), "page": page, "qr": _qr(page)}
        return render(request, "claim_code.html", **known)

    @site.get("/shops/{shop}/claims/{claim}")
    def moving(request: Request, shop: str, claim: str) -> HTMLResponse:
        part = "claim_state.html" if request.headers.get("hx-request") else "claim_code.html"
        return render(request, part, code="", **_moving(desk.claims.state(shop, claim)))

    def _moving(view: ClaimView) -> dict[str, Any]:
        live = view.live
        steps = (True, view.sensor is not None, live is not None and live.online, _reported(view))
        return {
            "claim": view,
            "steps": list(zip(STEPS, steps, strict=True)),
            "lamps": desk.lamps.of(view.sensor, live) if view.sensor else [],
            "today": desk.reader.today(view.shop) if view.sensor else None,
            "left_s": max(0, view.expires_at - int(desk.clock())),
            "host": host_of(view.serial),
        }


def host_of(serial: str) -> str:
    """What a sensor is called in its shop's network."""
    return f"footfall-{serial[-4:]}"


def _reported(view: ClaimView) -> bool:
    """Whether a report came since the code was made: the sensor may have been another's before."""
    return view.live is not None and (view.live.last_report_at or 0) >= view.opened_at


def _plain(serial: str) -> str:
    return "".join(one for one in serial.lower() if one.isalnum())[:32]


def _qr(text: str) -> str:
    """The text as a QR code, in SVG without a style of its own."""
    return segno.make(text, error="m", micro=False).svg_inline(border=4, omitsize=True, light="#fff", svgclass="qr")
