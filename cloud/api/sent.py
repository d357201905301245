"""Sent: a JSON body that somebody sent, as the type it is described by, or refused in one sentence."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import msgspec
from fastapi import Request

from cloud.api.bodies import REF
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying

T = TypeVar("T")


class Named(Protocol):
    """What has a name of its own, made by whoever sends it."""

    @property
    def id(self) -> str:
        """The name."""


N = TypeVar("N", bound=Named)


def takes(body: Any) -> dict[str, Any]:
    """FastAPI's `openapi_extra` for a route that takes a JSON body: one of `BODIES`, or a list of it."""
    (schema,), _ = msgspec.json.schema_components([body], ref_template=REF)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def sent(body: type[T]) -> Callable[[Request], Awaitable[T]]:
    """A dependency that gives the body. Raises Refusal where it is none."""

    async def taken(request: Request) -> T:
        try:
            return msgspec.json.decode(await request.body(), type=body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refusal(
                Saying("What you sent is not as openapi.json describes it: {problem}.", problem=str(error))
            ) from None

    return taken


def named(told: N, name: str) -> N:
    """What was sent to an address that ends in its name. Raises Refusal where the two differ."""
    if told.id != name:
        raise Refusal(
            Saying('id is "{id}", but it was sent to "{name}": name it alike.', id=told.id[:80], name=name[:80])
        )
    return told
