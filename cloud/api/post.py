"""Post: the paths for who gets a shop's mails."""

from typing import Annotated

from fastapi import Depends, FastAPI

from cloud.api.bodies import Json, answers
from cloud.api.sent import sent, takes
from cloud.core.recipient import Recipient, Wishes
from cloud.desk import Desk


def add(api: FastAPI, desk: Desk) -> None:
    """List, add and take out recipients."""
    recipients = "/shops/{shop}/recipients"
    one = recipients + "/{address}"

    @api.get(recipients, responses=answers(list[Recipient], 404), summary="Who gets this shop's mails")
    def known(shop: str) -> Json:
        """By address. One whose `confirmed_at` is null has not said yes yet, and is sent no figures."""
        return Json(desk.post.recipients(shop))

    @api.put(
        one,
        responses=answers(Recipient, 404, 422),
        openapi_extra=takes(Wishes),
        summary="Send mails to an address, or change which",
    )
    def put(shop: str, address: str, wishes: Annotated[Wishes, Depends(sent(Wishes))]) -> Json:
        """A new address is first sent a link to say yes by, where the pages have a public address."""
        return Json(desk.post.put(shop, address, wishes))

    @api.delete(one, responses=answers(list[Recipient], 404, 422), summary="Send no more mails to an address")
    def delete(shop: str, address: str) -> Json:
        """Forgets it, and answers with those that are left. One that is not there is forgotten already."""
        desk.post.delete(shop, address)
        return Json(desk.post.recipients(shop))
