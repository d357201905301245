"""Mails: the pages that links in mails open, to say yes to them and to end them. They need no sign-in but the link."""

from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse

from cloud.dashboard.render import Render
from cloud.desk import Desk


def add(site: FastAPI, desk: Desk, render: Render) -> None:
    """A page that asks at GET, and does at POST: mail programs follow links by themselves."""

    @site.get("/confirm/{word}")
    def confirm(request: Request, word: str) -> HTMLResponse:
        w, (shop, to) = render.words(request), desk.post.asked(word)
        told: dict[str, Any] = {
            "title": w.t("Mails of {shop}", shop=shop.name),
            "question": w.t("Send the mails of this shop to {address}?", address=to.address),
            "answer": w.t("Yes, send them"),
        }
        return render(request, "mail.html", done=None, **told)

    @site.post("/confirm/{word}")
    def confirmed(request: Request, word: str) -> HTMLResponse:
        w, (shop, _) = render.words(request), desk.post.asked(word)
        to = desk.post.confirm(word)
        done = w.t("Mails go to {address} from now on. Every one has a link that ends them.", address=to.address)
        return render(request, "mail.html", title=w.t("Mails of {shop}", shop=shop.name), done=done)

    @site.get("/unsubscribe/{word}")
    def unsubscribe(request: Request, word: str) -> HTMLResponse:
        w, (shop, to) = render.words(request), desk.post.asked(word)
        told: dict[str, Any] = {
            "title": w.t("Mails of {shop}", shop=shop.name),
            "question": w.t("Send no more mails of this shop to {address}?", address=to.address),
            "answer": w.t("No more mails"),
        }
        return render(request, "mail.html", done=None, **told)

    @site.post("/unsubscribe/{word}")
    def unsubscribed(request: Request, word: str) -> HTMLResponse:
        w, (shop, to) = render.words(request), desk.post.asked(word)
        desk.post.stop(word)
        done = w.t("No more mails go to {address}; it is forgotten here.", address=to.address)
        return render(request, "mail.html", title=w.t("Mails of {shop}", shop=shop.name), done=done)
