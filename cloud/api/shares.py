"""Shares: the paths for links that show a shop, read-only, to whoever has them."""

from typing import Annotated

from fastapi import Depends, FastAPI

from cloud.api.bodies import Json, answers
from cloud.api.sent import sent, takes
from cloud.core.share import MadeShare, NewShare, Share
from cloud.desk import Desk


def add(api: FastAPI, desk: Desk) -> None:
    """Make, list and end links."""

    @api.get("/shops/{shop}/shares", responses=answers(list[Share], 404), summary="The links that show this shop")
    def shares(shop: str) -> Json:
        """Those that still open, oldest first. The links themselves are not kept and cannot be shown."""
        return Json(desk.shares.of(shop))

    @api.post(
        "/shops/{shop}/shares",
        responses=answers(MadeShare, 404, 422),
        openapi_extra=takes(NewShare),
        summary="Make a link that shows this shop",
    )
    def create(shop: str, new: Annotated[NewShare, Depends(sent(NewShare))]) -> Json:
        """Whoever has the link sees the pages named, until it ends. It is shown once, in this answer."""
        share, token = desk.shares.create(shop, new.label, new.days, new.pages)
        return Json(MadeShare(share=share, path=f"/s/{token}"))

    @api.delete("/shops/{shop}/shares/{share}", responses=answers(list[Share], 404), summary="End a link at once")
    def revoke(shop: str, share: str) -> Json:
        """Answers with the links that are left. A link that has ended already is ended."""
        desk.shares.revoke(shop, share)
        return Json(desk.shares.of(shop))
