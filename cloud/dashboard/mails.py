"""Mails: the pages that links in mails open, to say yes to them and to end them. They need no sign-in but the link.

A page asks at GET and does at POST: mail programs follow links by themselves.
"""

from collections.abc import Callable

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse

from cloud.core.saying import Saying
from cloud.dashboard.render import Render
from cloud.desk import Desk


def add(site: FastAPI, desk: Desk, render: Render) -> None:
    """Both pages."""
    _page(
        (site, desk, render),
        "/confirm/{word}",
        lambda to: Saying("Send the mails of this shop to {address}?", address=to),
        Saying("Yes, send them"),
        desk.post.confirm,
        lambda to: Saying("Mails go to {address} from now on. Every one has a link that ends them.", address=to),
    )
    _page(
        (site, desk, render),
        "/unsubscribe/{word}",
        lambda to: Saying("Send no more mails of this shop to {address}?", address=to),
        Saying("No more mails"),
        desk.post.stop,
        lambda to: Saying("No more mails go to {address}; it is forgotten here.", address=to),
    )


def _page(
    around: tuple[FastAPI, Desk, Render],
    path: str,
    question: Callable[[str], Saying],
    answer: Saying,
    act: Callable[[str], object],
    done: Callable[[str], Saying],
) -> None:
    site, desk, render = around

    @site.get(path)
    def ask(request: Request, word: str) -> HTMLResponse:
        shop, to = desk.post.asked(word)
        asked = question(to.address)
        return render(request, "mail.html", shop_name=shop.name, done=None, question=asked, answer=answer)

    @site.post(path)
    def do(request: Request, word: str) -> HTMLResponse:
        shop, to = desk.post.asked(word)
        act(word)
        return render(request, "mail.html", shop_name=shop.name, done=done(to.address))
