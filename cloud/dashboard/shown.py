"""Shown: a shop's page, to its own people and, read-only, to whoever has a link to it.

Every such page has two paths: `/shops/SHOP...` and `/s/TOKEN...`. The second shows what its link names, and leads to
nothing else.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from msgspec import Struct
from starlette.responses import Response

from cloud.core.saying import Saying
from cloud.core.share import Page
from cloud.desk import Desk

Tab = tuple[str, Page, Saying]  # the end of its path, what a link must name to show it, its name
TABS: tuple[Tab, ...] = (
    ("", "today", Saying("Today")),
    ("/week", "history", Saying("Week")),
    ("/trends", "history", Saying("Trends")),
    ("/window", "report", Saying("Window")),
)
OWN_TABS = (*((path, name) for path, _, name in TABS), ("/sensor", Saying("Sensor")))


class Shown(Struct, frozen=True):
    """Whose page it is: the shop, where its pages begin, which there are, and whether its own people see it."""

    shop: str
    root: str
    tabs: tuple[tuple[str, Saying], ...]
    own: bool

    def values(self, tab: str) -> dict[str, Any]:
        """What a template that extends `shop.html` wants to know."""
        return {"root": self.root, "tabs": self.tabs, "tab": tab, "own": self.own, "shop_id": self.shop}


def own(shop: str) -> Shown:
    """A shop's page as its own people see it."""
    return Shown(shop, f"/shops/{shop}", OWN_TABS, own=True)


def shared(desk: Desk, token: str, page: Page) -> Shown:
    """The same for whoever has the link. Raises LookupError where it shows no such page."""
    share = desk.shares.open(token)
    if share is None or page not in share.pages:
        raise LookupError(Saying("this link has ended or shows something else: ask whoever gave it to you."))
    tabs = tuple((path, name) for path, needed, name in TABS if needed in share.pages)
    return Shown(share.shop, f"/s/{token}", tabs, own=False)


def both(site: FastAPI, desk: Desk, path: str, page: Page, handler: Callable[[Request, Shown], Response]) -> None:
    """Serve `handler` at the end `path` of both."""

    @site.get(f"/shops/{{shop}}{path}")
    def of_shop(request: Request, shop: str) -> Response:
        return handler(request, own(shop))

    @site.get(f"/s/{{token}}{path}")
    def of_link(request: Request, token: str) -> Response:
        return handler(request, shared(desk, token, page))
