"""Origin: a page of another site may not have a browser change anything here, and nobody may send without end.

1. Reading (GET, HEAD, OPTIONS) is never refused: browsers keep what is read from the site that asked for it.
2. `Sec-Fetch-Site` decides where a browser sends it (Fetch Metadata, W3C): no script can set it. `Origin` decides
   only where it is missing. Under our `Referrer-Policy: no-referrer` a form says `Origin: null` to its own site (Fetch,
   "append a request Origin header"), and a proxy may have changed `Host`.
3. A program sends neither and is let through: only this machine reaches the site.
4. A body of more than `MAX_BODY_BYTES` is refused before it is read, or while it is where its length was not said.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.api.bodies import Json, Problem
from cloud.core.saying import Saying

MAX_BODY_BYTES = 6_000_000
READS = frozenset(("GET", "HEAD", "OPTIONS"))
OURS = frozenset(("same-origin", "none"))  # none: somebody did it in the browser itself, and no site asked for it
FOREIGN = Saying("Nothing was changed: a page of another site asked for it. Do it from a page of this site.")
TOO_LARGE = Saying("This is too large: at most {n} MB can be sent at a time. Send it in parts.", n=6)


class OwnOrigin:
    """ASGI middleware around the whole site that answers 403 and 413 in a sentence, as JSON under `/api/`."""

    def __init__(self, app: ASGIApp, most_bytes: int = MAX_BODY_BYTES) -> None:
        self._app, self._most_bytes = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may be; refuse the rest."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] not in READS and foreign(headers):
            await _refusal(scope, 403, FOREIGN)(scope, receive, send)
        elif _said_bytes(headers) > self._most_bytes:
            await _refusal(scope, 413, TOO_LARGE)(scope, receive, send)
        else:
            await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._most_bytes:
                raise HTTPException(413, TOO_LARGE.removesuffix("."))
            return message

        return counted


def foreign(headers: Headers) -> bool:
    """Whether a browser says that another site asks for this."""
    if site := headers.get("sec-fetch-site"):
        return site not in OURS
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


def _said_bytes(headers: Headers) -> int:
    said = headers.get("content-length", "")
    return int(said) if said.isdecimal() else 0


def _refusal(scope: Scope, status: int, sentence: str) -> Response:
    if scope["path"].startswith("/api/"):
        return Json(Problem(error=sentence), status_code=status)
    return PlainTextResponse(sentence, status_code=status)
